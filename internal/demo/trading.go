package demo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/postgres"
)

const (
	// SymbolsMax is the greatest number of symbols that the strategy trades.
	SymbolsMax = 20
	// BarsMin is the number of bars that a symbol needs.
	BarsMin = slowBars + 2

	barsMax     = 20_000 // of a symbol
	ordersBatch = 1000   // that are created in one transaction
	fillsBatch  = 500    // that are booked in one transaction
)

var capital = blotter.MustDecimal("100000")

// keptNote explains trades of an earlier run that differ from those of this run.
const keptNote = "the bars have changed since the demo traded on them first; its trades stay as they were"

// Trading reports the orders and fills of the strategy, and their result.
type Trading struct {
	Account      string                `json:"account_id"`
	Symbols      []string              `json:"symbols"`
	Orders       int                   `json:"orders"`
	Fills        int                   `json:"fills"`
	New          int                   `json:"new"` // fills that this run booked
	Kept         string                `json:"kept,omitempty"`
	Portfolio    blotter.Portfolio     `json:"portfolio"`
	Verification postgres.Verification `json:"verification"`
	Curve        []chart.Point         `json:"-"` // the value of the account
	Picture      string                `json:"picture,omitempty"`
	Elapsed      time.Duration         `json:"-"` // of booking
}

// Trade runs the strategy on the bars of the series and books its orders and fills. A second run on the same bars books
// nothing new.
func Trade(ctx context.Context, db *postgres.DB, account string, series []postgres.SymbolSummary) (*Trading, error) {
	t := &Trading{Account: account}
	var all plan
	bars := map[string][]blotter.Bar{}
	for _, s := range series {
		list, err := db.Bars(ctx, postgres.BarFilter{Symbol: s.Symbol, Timeframe: s.Timeframe, Limit: barsMax})
		if err != nil {
			return nil, err
		}
		p := planTrades(account, list)
		if len(p.orders) == 0 {
			continue
		}
		all.orders = append(all.orders, p.orders...)
		all.fills = append(all.fills, p.fills...)
		t.Symbols = append(t.Symbols, s.Symbol)
		bars[s.Symbol] = list
	}
	slices.SortStableFunc(all.fills, func(a, b blotter.Trade) int { return a.ExecutedAt.Compare(b.ExecutedAt) })
	t.Orders = len(all.orders)
	t.Fills = len(all.fills)

	ctx = blotter.WithAccount(ctx, account)
	begin := time.Now()
	if err := t.book(ctx, db, all); err != nil {
		return nil, err
	}
	t.Elapsed = time.Since(begin)
	return t, t.readResult(ctx, db, bars)
}

// book creates the orders and books the fills. If an earlier run traded on other bars, its trades stay.
func (t *Trading) book(ctx context.Context, db *postgres.DB, all plan) error {
	for batch := range slices.Chunk(all.orders, ordersBatch) {
		_, err := db.CreateOrders(ctx, batch)
		if errors.Is(err, blotter.ErrConflict) {
			t.Kept = keptNote
			return nil
		}
		if err != nil {
			return err
		}
	}

	for batch := range slices.Chunk(all.fills, fillsBatch) {
		receipts, err := db.ExecuteTrades(ctx, batch)
		if err != nil {
			return err
		}
		for _, r := range receipts {
			switch {
			case errors.Is(r.Err, blotter.ErrConflict):
				t.Kept = keptNote
			case r.Err != nil:
				return r.Err
			case r.Outcome == postgres.Applied:
				t.New++
			}
		}
	}
	return nil
}

// readResult reads the positions, verifies them, and computes the equity curve.
func (t *Trading) readResult(ctx context.Context, db *postgres.DB, bars map[string][]blotter.Bar) (err error) {
	if t.Portfolio, err = db.Portfolio(ctx, ""); err != nil {
		return err
	}
	if t.Verification, err = db.Verify(ctx); err != nil {
		return err
	}
	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		t.Curve, err = equityCurve(capital, bars, s.StreamTrades(ctx, postgres.TradeFilter{}))
		return err
	})
}
