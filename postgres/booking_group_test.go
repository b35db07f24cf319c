package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// groupCall is a trade of a group, and its expected outcome.
type groupCall struct {
	account, id, order string
	change             func(*blotter.Trade)
	opts               []postgres.ExecuteOption
	outcome            postgres.Outcome
}

// sendGroup has the calls wait while the book's only worker is held up, so that they form one transaction.
func sendGroup(t *testing.T, d *pgtest.Database, calls []groupCall) {
	t.Helper()
	service := blotter.WithAllAccounts(t.Context())
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1})
	release := hold(t, d)
	occupying := buy("occupying")
	occupying.AccountID = "A1"
	first := sendTo(service, book, occupying)
	until(t, "the worker waits for the lock", waiting(t, d))
	var fills []*sent
	for _, c := range calls {
		f := buy(c.id)
		f.AccountID, f.OrderID = c.account, c.order
		if c.change != nil {
			c.change(&f)
		}
		s := &sent{done: make(chan struct{})}
		go func() {
			defer close(s.done)
			s.receipt, s.err = book.ExecuteTrade(blotter.WithCorrelation(service, "of "+c.id), f, c.opts...)
		}()
		s.open(t, c.id)
		fills = append(fills, s)
	}

	release()
	first.want(t, "the first", postgres.Applied)
	for i, c := range calls {
		fills[i].want(t, c.id, c.outcome)
		if fills[i].receipt.Trade.TradeID != c.id {
			t.Errorf("the caller of %s got the receipt of %s", c.id, fills[i].receipt.Trade.TradeID)
		}
	}
}

const groupEvents = `
select string_agg((data->>'trade_id') || ' ' || correlation_id, ', ' order by pos)
  from events.outbox where correlation_id <> ''`

// A group that the server refuses is divided, and each caller's fill keeps its options and its correlation.
func TestDividedGroup(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	adopt := []postgres.ExecuteOption{postgres.AdoptOrder}
	allowZero := []postgres.ExecuteOption{postgres.AllowZeroPrice}
	hugeCommission := func(trade *blotter.Trade) { trade.Commission = dec("1" + strings.Repeat("0", 155)) }
	zeroPrice := func(trade *blotter.Trade) { trade.Price = blotter.Decimal{} }

	sendGroup(t, d, []groupCall{
		{account: "B", id: "adopts", order: "O1", opts: adopt, outcome: postgres.Applied},
		{account: "B", id: "unknown", order: "O2", outcome: postgres.UnknownOrder},
		{account: "C", id: "refused", change: hugeCommission, outcome: postgres.Refused},
		{account: "C", id: "free", change: zeroPrice, opts: allowZero, outcome: postgres.Applied},
		{account: "C", id: "forgotten", change: zeroPrice, outcome: postgres.Refused},
	})
	if got := pgtest.Value[string](t, d, groupEvents); got != "adopts of adopts, free of free" {
		t.Errorf("the events are %s", got)
	}
	verified(t, d)
}

// A group in which one account's rows are locked for too long is divided by accounts, in the order of the calls.
func TestGroupOfALockedAccount(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, func(c *postgres.Config) { fewConns(c); c.LockTimeout = 2 * time.Second })
	if _, err := d.ExecuteTrade(as(t, "LOCKED"), buy("0")); err != nil {
		t.Fatal(err)
	}

	holder := d.Connect(t, d.AdminURL)
	if _, err := holder.Exec(t.Context(),
		`begin; select from execution.positions where account_id = 'LOCKED' for update`); err != nil {
		t.Fatal(err)
	}
	adopt := []postgres.ExecuteOption{postgres.AdoptOrder}
	sendGroup(t, d, []groupCall{
		{account: "B", id: "b1", order: "O1", opts: adopt, outcome: postgres.Applied},
		{account: "LOCKED", id: "late", outcome: postgres.Failed},
		{account: "B", id: "b2", order: "O2", outcome: postgres.UnknownOrder},
		{account: "C", id: "c1", order: "O1", opts: adopt, outcome: postgres.Applied},
		{account: "B", id: "b3", outcome: postgres.Applied},
	})

	if got := pgtest.Value[string](t, d, groupEvents); got != "b1 of b1, b3 of b3, c1 of c1" {
		t.Errorf("the events are %s", got)
	}
	if _, err := holder.Exec(t.Context(), `rollback`); err != nil {
		t.Fatal(err)
	}
	verified(t, d)
}

// Whichever way trades are committed, the doorbell rings for consumers in this process; it does not ring for trades
// that are rolled back or were booked before.
func TestDoorbellOfBookings(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	rung, stop := d.Doorbell()
	defer stop()
	heard := func() bool {
		select {
		case <-rung:
			return true
		default:
			return false
		}
	}

	contended := func(id string) error {
		other := second(t, d)
		if _, err := other.ExecuteTrade(ctx, buy(id+" elsewhere")); err != nil {
			return err
		}
		_, err := d.ExecuteTrade(ctx, buy(id)) // on what is remembered, which is old: again, with locks
		return err
	}

	inTransaction := func(id string, result error) error {
		return d.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.ExecuteTrade(ctx, buy(id))
			return errors.Join(err, result)
		})
	}
	for _, step := range []struct {
		what  string
		act   func() error
		rings bool
	}{
		{"one fill", func() error { _, err := d.ExecuteTrade(ctx, buy("T1")); return err }, true},
		{"several", func() error {
			_, err := d.ExecuteTrades(ctx, []blotter.Trade{buy("T2"), buy("T3")})
			return err
		}, true},
		{"one on old knowledge", func() error { return contended("T4") }, true},
		{"in a transaction", func() error { return inTransaction("T5", nil) }, true},
		{"rolled back", func() error {
			if err := inTransaction("T6", errOwn); !errors.Is(err, errOwn) {
				return err
			}
			return nil
		}, false},
		{"a reading transaction", func() error {
			return d.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, `select 1`); return err })
		}, false},
	} {
		if err := step.act(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if got := heard(); got != step.rings {
			t.Errorf("%s: the doorbell rang: %v, want %v", step.what, got, step.rings)
		}
	}
}

// A call has at most 10,000 trades. With a context without an account, the error shows which check came first.
func TestTradesOfACallAreBounded(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	for n, want := range map[int]string{10_000: "context has no account", 10_001: "invalid trades 10001: "} {
		trades := slices.Repeat([]blotter.Trade{buy("T")}, n)
		_, err := d.ExecuteTrades(t.Context(), trades)
		if !errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d trades: %v, want one about %q", n, err, want)
		}
	}
	if receipts, err := d.ExecuteTrades(as(t, "A1"), nil); err != nil || len(receipts) != 0 {
		t.Errorf("no trades: %v, %v", receipts, err)
	}
}

func TestBookConfigIsChecked(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 6 })
	for cfg, field := range map[postgres.BookConfig]string{
		{}:                     "",
		{Workers: 3}:           "",
		{Workers: 4}:           "Workers",
		{Workers: -1}:          "Workers",
		{GroupMax: 10_000}:     "",
		{GroupMax: 10_001}:     "GroupMax",
		{GroupMax: -1}:         "GroupMax",
		{QueueMax: 1}:          "",
		{QueueMax: 1 << 20}:    "",
		{QueueMax: 1<<20 + 1}:  "QueueMax",
		{QueueMax: -(1 << 20)}: "QueueMax",
	} {
		_, err := d.NewBook(cfg)

		if field == "" {
			if err != nil {
				t.Errorf("%+v: %v", cfg, err)
			}
			continue
		}
		if !errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), "invalid BookConfig."+field+" ") {
			t.Errorf("%+v: %v, want an error about %q", cfg, err, field)
		}
	}
}

// A group has at most GroupMax fills, which keep the order of their calls.
func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1, GroupMax: 3})
	release := hold(t, d)
	fills := []*sent{sendTo(as(t, "A1"), book, buy("0"))}
	until(t, "the worker waits for the lock", waiting(t, d))
	for n := range 7 {
		s := sendTo(as(t, "A1"), book, buy(fmt.Sprint(n+1)))
		s.open(t, "what waits")
		fills = append(fills, s)
	}

	release()
	for n, s := range fills {
		s.want(t, fmt.Sprint("fill ", n), postgres.Applied)
	}
	groups := pgtest.Value[string](t, d, `select string_agg(ids, ' ') from (
		select string_agg(trade_id, '' order by id) as ids from execution.trades group by xid order by min(id)) g`)
	if groups != "first 0 123 456 7" {
		t.Errorf("the transactions hold %q, want at most 3 each in the order of the calls", groups)
	}
}

// Accounts of a service are divided over the workers' queues, the next account to the queue with the fewest calls: a
// blocked queue does not block accounts that can go to another one.
func TestAccountsAreDividedOverQueues(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	service := blotter.WithAllAccounts(t.Context())
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 2})
	release := hold(t, d)
	send := func(account, id string) *sent {
		f := buy(id)
		f.AccountID = account
		return sendTo(service, book, f)
	}

	held := send("A1", "held")
	until(t, "the worker waits for the lock", waiting(t, d))
	behind := send("A1", "behind")
	behind.open(t, "behind it, in the same queue")
	for n := range 4 {
		account := fmt.Sprint("B", n)
		send(account, "1").want(t, account+", which another queue serves", postgres.Applied)
		send(account, "2").want(t, account+", once more", postgres.Applied)
	}

	release()
	held.want(t, "what was held up", postgres.Applied)
	behind.want(t, "what was behind", postgres.Applied)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := book.Stop(ctx); err != nil {
		t.Error(err)
	}
}
