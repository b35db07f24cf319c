package postgres_test

import (
	"context"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// cutClients is how many clients book through the proxy at once.
const cutClients = 4

// The link is cut at COMMIT, and before and after each message of a booking that is one round trip: callers send again,
// and every fill is booked once, whichever way it goes.
func TestCutCommits(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	d := pgtest.OpenConfig(t, fewConns)
	cutter, through := pgtest.NewCutter(t, d.Config.URL)
	cfg := d.Config
	cfg.URL, cfg.ServiceURL = through, withLogin(t, through, cfg.ServiceURL)
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)

	x := &torture{t: t, d: &pgtest.Database{DB: db, Config: cfg}, ledger: newLedger(t)}
	ways := map[string]func(*client, blotter.Trade) sendFill{
		"DB.ExecuteTrade":  func(*client, blotter.Trade) sendFill { return db.ExecuteTrade },
		"DB.ExecuteTrades": func(c *client, _ blotter.Trade) sendFill { return c.pair },
		"Tx.ExecuteTrade":  func(*client, blotter.Trade) sendFill { return x.inTransaction },
	}
	for way, send := range ways {
		x.cut(cutter, seed, way, *cutsFlag/4, send)
	}

	if x.book, err = db.NewBook(postgres.BookConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := x.book.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	x.cut(cutter, seed, "Book.ExecuteTrade", *cutsFlag-3*(*cutsFlag/4),
		func(*client, blotter.Trade) sendFill { return x.book.ExecuteTrade })
	if err := x.book.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	x.d = d
	x.ledger.check(d)
	t.Logf("%d cuts, %d fills, %d answers unknown", cutter.Cuts(), len(x.ledger.answers), x.counts[countUnknown].Load())
}

// withLogin returns a URL with the login of another.
func withLogin(t *testing.T, to, of string) string {
	t.Helper()
	login, err := pgx.ParseConfig(of)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(login.User, login.Password)
	return u.String()
}

// cut books in one way until so many links were cut, and until the answer to a COMMIT was lost in one of them: many are
// cut while a new connection prepares its statements, where nothing is open.
func (x *torture) cut(cutter *pgtest.Cutter, seed uint64, way string, cuts int,
	send func(*client, blotter.Trade) sendFill,
) {
	first, unknown := cutter.Cuts(), x.counts[countUnknown].Load()
	goesOn := func() bool {
		done := cutter.Cuts() - first
		return done < cuts || done < 20*cuts && x.counts[countUnknown].Load() == unknown
	}
	var clients sync.WaitGroup
	for i := range cutClients {
		c := x.client(seed, i)
		c.name += way
		clients.Go(func() {
			for goesOn() && x.t.Context().Err() == nil {
				f := c.fill()
				f.AccountID = accountName(0)
				f.OrderID = ""
				f.Symbol = symbolName(10 + c.rng.IntN(4))
				if c.chance(30) {
					cutter.AtCommit(c.when(50))
				} else if c.chance(50) {
					cutter.AtMessage(1+c.rng.IntN(8), c.when(70)) // a new connection prepares its statements first
				}
				c.send(f, send(c, f))
			}
		})
	}

	clients.Wait()
	if x.counts[countUnknown].Load() == unknown {
		x.t.Errorf("%s: no COMMIT was unknown; the test shows too little", way)
	}
}

// when returns when the link is cut: with that chance after the server has received the message.
func (c *client) when(percent float64) pgtest.Cut {
	if c.chance(percent) {
		return pgtest.Heard
	}
	return pgtest.Unheard
}

// pair sends a fill and a copy of it in one call.
func (c *client) pair(ctx context.Context, f blotter.Trade, opts ...postgres.ExecuteOption) (postgres.Receipt, error) {
	receipts, err := c.d.ExecuteTrades(ctx, []blotter.Trade{f, f}, opts...)
	if err != nil {
		return postgres.Receipt{}, err
	}
	if receipts[1].Outcome != postgres.Duplicate || receipts[1].Trade.ID != receipts[0].Trade.ID {
		c.t.Errorf("a fill and its copy: %+v", receipts)
	}
	return receipts[0], receipts[0].Err
}

// inTransaction books a fill in a transaction of the caller's.
func (x *torture) inTransaction(ctx context.Context, f blotter.Trade,
	opts ...postgres.ExecuteOption,
) (r postgres.Receipt, err error) {
	var serializable []postgres.TxOption
	if rand.N(2) == 0 {
		serializable = append(serializable, postgres.RepeatableRead, postgres.MaxRetries(100))
	}
	err = x.d.Transaction(ctx, func(tx *postgres.Tx) error {
		r, err = tx.ExecuteTrade(ctx, f, opts...)
		return err
	}, serializable...)
	return r, err
}
