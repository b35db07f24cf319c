package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// client is one of those who send fills.
type client struct {
	*torture
	rng  *rand.Rand
	name string
	n    int
	sent []blotter.Trade // that are booked
}

func (x *torture) client(seed uint64, i int) *client {
	return &client{torture: x, rng: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprintf("c%d", i)}
}

func (c *client) count(which int) { c.counts[which].Add(1) }

func (c *client) chance(percent float64) bool { return c.rng.Float64()*100 < percent }

// fill returns a new trade. Quantities are such that positions often close and flip.
func (c *client) fill() blotter.Trade {
	c.n++
	f := blotter.Trade{
		AccountID:  accountName(c.rng.IntN(tortureAccounts)),
		TradeID:    fmt.Sprintf("%s-%d", c.name, c.n),
		Symbol:     symbolName(c.rng.IntN(tortureSymbols)),
		Side:       []blotter.Side{blotter.Buy, blotter.Sell}[c.rng.IntN(2)],
		Quantity:   dec(fmt.Sprintf("%d", 1+c.rng.IntN(9))),
		Price:      dec(fmt.Sprintf("%d.%04d", 90+c.rng.IntN(20), c.rng.IntN(10_000))),
		Commission: dec(fmt.Sprintf("%d.%02d", c.rng.IntN(3)-1, c.rng.IntN(100))),
		ExecutedAt: time.Date(2026, 5, 4, 14, 30, 0, 0, time.UTC), // one time for all: the order is that of arrival
	}
	if c.chance(30) {
		f.Quantity = dec(fmt.Sprintf("%d.%03d", c.rng.IntN(20), 1+c.rng.IntN(999)))
	}

	switch {
	case c.chance(40):
		f.OrderID = orderName(f.Symbol, f.Side)
	case c.chance(5):
		f.OrderID = "adopted-" + f.TradeID
	}
	return f
}

// scope returns the context of the account, or of the service.
func (c *client) scope(account string) context.Context {
	if c.chance(50) {
		return blotter.WithAccount(c.t.Context(), account)
	}
	return blotter.WithAllAccounts(c.t.Context())
}

type sendFill func(context.Context, blotter.Trade, ...postgres.ExecuteOption) (postgres.Receipt, error)

// way returns a way to book a trade: the database or the book.
func (c *client) way() sendFill {
	if c.chance(50) {
		return c.book.ExecuteTrade
	}
	return c.d.ExecuteTrade
}

// send sends a fill until it is booked or, a caller who had enough of waiting, gives it up.
func (c *client) send(f blotter.Trade, way sendFill) {
	unsure := false
	for patient := !c.chance(4); ; patient = true {
		ctx, cancel := c.scope(f.AccountID), context.CancelFunc(func() {})
		if !patient {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(c.rng.IntN(4000))*time.Microsecond)
		}
		r, err := way(ctx, f, options(f)...)
		ended := ctx.Err() != nil
		if cancel(); ended && errors.Is(err, blotter.ErrSerialization) {
			err = context.Canceled // there was no time to try again
		}

		unsure = unsure || errors.Is(err, blotter.ErrCommitUnknown)
		switch {
		case c.ledger.hear(f, r, err):
			c.count(countBooked)
			c.sent = append(c.sent, f)
			return
		case ended && !unsure && c.chance(50): // "not booked"
			c.count(countGivenUp)
			return
		case ended && !patient:
		case !c.again(f, err):
			return
		}
	}
}

// refusal sends what must be refused until it is.
func (c *client) refusal(f blotter.Trade, outcome postgres.Outcome, kind blotter.Kind, count int) {
	for {
		r, err := c.way()(c.scope(f.AccountID), f)
		if r.Outcome == outcome && errors.Is(err, kind) {
			c.count(count)
			return
		}

		if err == nil {
			c.t.Errorf("trade %+v: the outcome is %s, want %s", f, r.Outcome, outcome)
			return
		}
		if !c.again(f, err) {
			return
		}
	}
}

// overfill returns a trade for more than its order has open.
func (c *client) overfill() blotter.Trade {
	f := c.fill()
	f.Symbol = symbolName(0)
	f.Side = blotter.Buy
	f.OrderID = "small"
	f.Quantity = dec("2")
	return f
}

// other returns a booked trade with another price.
func (c *client) other() blotter.Trade {
	f := c.sent[c.rng.IntN(len(c.sent))]
	f.Price = f.Price.Add(dec("1"))
	return f
}

// batch sends fills together: copies, conflicts and overfills among them.
func (c *client) batch() {
	var fills []blotter.Trade
	var all postgres.ExecuteOption
	account := accountName(c.rng.IntN(tortureAccounts))
	one := c.chance(50)
	ctx := blotter.WithAllAccounts(c.t.Context())
	if one {
		ctx = blotter.WithAccount(c.t.Context(), account)
	}

	for range 2 + c.rng.IntN(20) {
		f := c.fill()
		if one {
			f.AccountID = account
		}
		fills = append(fills, f)
		if c.chance(5) {
			fills = append(fills, f)
		}
		if strings.HasPrefix(f.OrderID, "adopted-") {
			all = postgres.AdoptOrder
		}
	}

	bad := c.overfill()
	if bad.AccountID = account; c.chance(10) {
		fills = slices.Insert(fills, c.rng.IntN(len(fills)), bad)
	} else {
		bad.TradeID = ""
	}
	if c.chance(20) {
		all |= postgres.AllOrNothing
	}

	for {
		receipts, err := c.d.ExecuteTrades(ctx, fills, all)
		if err == nil {
			c.hearBatch(fills, receipts, bad.TradeID)
			return
		}

		for _, f := range fills {
			c.ledger.hear(f, postgres.Receipt{}, err)
		}
		if bad.TradeID != "" && all&postgres.AllOrNothing != 0 && errors.Is(err, blotter.ErrOverfill) {
			all &^= postgres.AllOrNothing
			c.count(countRolledBack)
		} else if !c.again(fills[0], err) {
			return
		}
	}
}

func (c *client) hearBatch(fills []blotter.Trade, receipts []postgres.Receipt, bad string) {
	for i, r := range receipts {
		if fills[i].TradeID == bad {
			if c.count(countOverfills); r.Outcome != postgres.Overfill {
				c.t.Errorf("trade %+v: the outcome is %s, want an overfill", fills[i], r.Outcome)
			}
			continue
		}

		if !c.ledger.hear(fills[i], r, r.Err) {
			c.t.Errorf("fill %+v of a batch: %v", fills[i], r.Err)
			continue
		}
		c.count(countBooked)
		c.sent = append(c.sent, fills[i])
	}
}

var errOnPurpose = errors.New("rolled back on purpose")

// transaction books fills in a transaction of the caller's, of which a part or the whole may be rolled back; what is
// not booked then is sent alone.
func (c *client) transaction() {
	var fills []blotter.Trade
	account := accountName(c.rng.IntN(tortureAccounts))
	for range 1 + c.rng.IntN(3) {
		f := c.fill()
		f.AccountID = account
		if len(fills) > 0 { // orders are locked before positions
			f.OrderID = ""
		}
		fills = append(fills, f)
	}

	slices.SortFunc(fills, func(a, b blotter.Trade) int { return strings.Compare(a.Symbol, b.Symbol) })
	for i := range fills[1:] {
		fills[1+i].OrderID = ""
	}
	undone := -1
	if c.chance(30) {
		undone = c.rng.IntN(len(fills))
	}

	abandoned, ctx := c.chance(20), c.scope(account)
	receipts := make([]postgres.Receipt, len(fills))
	err := c.d.Transaction(ctx, func(tx *postgres.Tx) error {
		clear(receipts)
		for i, f := range fills {
			var err error
			if i == undone {
				err = tx.Savepoint(ctx, func(tx *postgres.Tx) error {
					if _, err := tx.ExecuteTrade(ctx, f, options(f)...); err != nil {
						return err
					}
					return errOnPurpose
				})
				if err == errOnPurpose {
					continue
				}
			} else {
				receipts[i], err = tx.ExecuteTrade(ctx, f, options(f)...)
			}
			if err != nil {
				return err
			}
		}
		if abandoned {
			return errOnPurpose
		}
		return nil
	})
	if err == errOnPurpose {
		c.count(countRolledBack)
	} else if err != nil && !c.again(fills[0], err) {
		return
	}

	for i, f := range fills {
		if i == undone && err == nil {
			c.ledger.hear(f, postgres.Receipt{}, errOnPurpose)
		} else if c.ledger.hear(f, receipts[i], err) {
			c.count(countBooked)
			c.sent = append(c.sent, f)
			continue
		}
		if errors.Is(err, blotter.ErrCommitUnknown) || c.chance(70) {
			c.send(f, c.way())
		}
	}
}

// twins sends one fill twice at once.
func (c *client) twins() {
	f, second := c.fill(), c.torture.client(c.rng.Uint64(), 0)
	var other sync.WaitGroup
	other.Go(func() { second.send(f, c.d.ExecuteTrade) })
	c.send(f, c.book.ExecuteTrade)
	other.Wait()
}

// run sends fills until all are sent.
func (c *client) run() {
	for c.left.Add(-1) >= 0 && c.t.Context().Err() == nil {
		switch known := len(c.sent) > 0; {
		case known && c.chance(5):
			c.count(countDuplicates)
			c.send(c.sent[c.rng.IntN(len(c.sent))], c.way())
		case known && c.chance(1):
			c.refusal(c.other(), postgres.Conflict, blotter.ErrConflict, countConflicts)
		case c.chance(1):
			c.refusal(c.overfill(), postgres.Overfill, blotter.ErrInvalid, countOverfills)
		case c.chance(2):
			c.twins()
		case c.chance(2):
			n := len(c.sent)
			c.batch()
			c.left.Add(int64(n - len(c.sent)))
		case c.chance(10):
			c.transaction()
		default:
			c.send(c.fill(), c.way())
		}
	}
}
