package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// The demo's strategy: above its slow moving average a symbol is held long, below it short. The order goes out after the
// close that crosses, and fills in parts in the next bar.
const (
	demoAccount    = "DEMO"
	demoStrategy   = "moving-average"
	demoSymbolsMax = 20
	demoBarsMax    = 20_000 // of a symbol
	fastBars       = 10
	slowBars       = 40
)

var (
	demoCapital = blotter.MustDecimal("100000")
	demoStake   = blotter.MustDecimal("10000") // of each position
	demoFee     = blotter.MustDecimal("0.35")  // of each fill
	half        = blotter.MustDecimal("0.5")
)

// demoTrading is what the strategy did.
type demoTrading struct {
	Account      string                `json:"account_id"`
	Symbols      []string              `json:"symbols"`
	Orders       int                   `json:"orders"`
	Fills        int                   `json:"fills"`
	New          int                   `json:"new"` // fills that this run booked
	Kept         string                `json:"kept,omitempty"`
	Portfolio    blotter.Portfolio     `json:"portfolio"`
	Verification postgres.Verification `json:"verification"`
	Curve        []equity              `json:"-"`
	Picture      string                `json:"picture,omitempty"`
	elapsed      time.Duration
}

// plan is what the strategy does with a symbol.
type plan struct {
	orders []blotter.Order
	fills  []blotter.Trade
}

// trade runs the strategy over the imported bars. A second run on the same bars finds all of it booked.
func trade(ctx context.Context, db *postgres.DB, account string, series []postgres.SymbolSummary) (*demoTrading, error) {
	d := &demoTrading{Account: account}
	var all plan
	bars := map[string][]blotter.Bar{}
	for _, s := range series {
		list, err := db.Bars(ctx, postgres.BarFilter{Symbol: s.Symbol, Timeframe: s.Timeframe, Limit: demoBarsMax})
		if err != nil {
			return nil, err
		}
		if p := follow(account, list); len(p.orders) > 0 {
			all.orders, all.fills = append(all.orders, p.orders...), append(all.fills, p.fills...)
			d.Symbols, bars[s.Symbol] = append(d.Symbols, s.Symbol), list
		}
	}
	slices.SortStableFunc(all.fills, func(a, b blotter.Trade) int { return a.ExecutedAt.Compare(b.ExecutedAt) })
	d.Orders, d.Fills = len(all.orders), len(all.fills)
	ctx = blotter.WithAccount(ctx, account)
	begin := time.Now()
	if err := d.book(ctx, db, all); err != nil {
		return nil, err
	}
	d.elapsed = time.Since(begin)
	return d, d.look(ctx, db, bars)
}

// follow is the strategy on the bars of a symbol.
func follow(account string, bars []blotter.Bar) (p plan) {
	held := blotter.Decimal{}
	var fast, slow blotter.Decimal
	for i := range bars {
		slow, fast = slow.Add(bars[i].Close), fast.Add(bars[i].Close)
		if i >= slowBars {
			slow = slow.Sub(bars[i-slowBars].Close)
		}
		if i >= fastBars {
			fast = fast.Sub(bars[i-fastBars].Close)
		}
		if i < slowBars || i+1 == len(bars) || bars[i+1].Open.Sign() <= 0 {
			continue
		}
		above := fast.Mul(blotter.MustDecimal("4")).GreaterThan(slow) // sums of 10 and 40
		if above && held.Sign() > 0 || !above && held.Sign() < 0 {
			continue
		}
		target := stake(bars[i+1].Open)
		if !above {
			target = target.Neg()
		}
		p.trade(account, &bars[i+1], target.Sub(held))
		held = target
	}
	return p
}

// stake is how much of a symbol the strategy holds: whole units where the price allows.
func stake(price blotter.Decimal) blotter.Decimal {
	units, err := demoStake.Div(price)
	if err != nil || units.LessThan(blotter.MustDecimal("1")) {
		return units.RoundHAZ(4)
	}
	return units.Trunc(0)
}

// trade orders a quantity, and fills it in three parts between the bar's open and its close.
func (p *plan) trade(account string, bar *blotter.Bar, quantity blotter.Decimal) {
	side := blotter.Buy
	if quantity.IsNeg() {
		side, quantity = blotter.Sell, quantity.Neg()
	}
	if quantity.IsZero() {
		return
	}
	id := fmt.Sprintf("MA-%s-%s", bar.Symbol, bar.Timestamp.UTC().Format("20060102T1504"))
	p.orders = append(p.orders, blotter.Order{
		AccountID: account, OrderID: id, Symbol: bar.Symbol, Side: side, Quantity: quantity, Status: blotter.Submitted, Strategy: demoStrategy,
	})
	first := quantity.Mul(half).Trunc(4)
	if quantity.Equal(quantity.Trunc(0)) {
		first = first.Trunc(0)
	}
	parts := []blotter.Decimal{first, quantity.Sub(first).Sub(first.Mul(half).Trunc(4)), first.Mul(half).Trunc(4)}
	if quantity.Equal(quantity.Trunc(0)) {
		last := first.Mul(half).Trunc(0)
		parts = []blotter.Decimal{first, quantity.Sub(first).Sub(last), last}
	}
	prices := []blotter.Decimal{bar.Open, bar.Open.Add(bar.Close).Mul(half), bar.Close}
	for i, part := range parts {
		if part.Sign() > 0 {
			p.fills = append(p.fills, blotter.Trade{
				AccountID: account, TradeID: fmt.Sprintf("%s-%d", id, i+1), OrderID: id, Symbol: bar.Symbol, Side: side, Quantity: part, Price: prices[i],
				Commission: demoFee, ExecutedAt: bar.Timestamp.Add(time.Duration(i+1) * time.Second),
			})
		}
	}
}

// book creates the orders and books the fills. Where an earlier run traded on other bars, its trades stay as they are.
func (d *demoTrading) book(ctx context.Context, db *postgres.DB, all plan) error {
	for chunk := range slices.Chunk(all.orders, 1000) {
		if _, err := db.CreateOrders(ctx, chunk); errors.Is(err, blotter.ErrConflict) {
			d.Kept = "the bars have changed since the demo traded on them first; its trades stay as they were"
			return nil
		} else if err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(all.fills, 500) {
		receipts, err := db.ExecuteTrades(ctx, chunk)
		if err != nil {
			return err
		}
		for _, r := range receipts {
			switch {
			case errors.Is(r.Err, blotter.ErrConflict):
				d.Kept = "the bars have changed since the demo traded on them first; its trades stay as they were"
			case r.Err != nil:
				return r.Err
			case r.Outcome == postgres.Applied:
				d.New++
			}
		}
	}
	return nil
}

// look reads back what came of it.
func (d *demoTrading) look(ctx context.Context, db *postgres.DB, bars map[string][]blotter.Bar) (err error) {
	if d.Portfolio, err = db.Portfolio(ctx, ""); err != nil {
		return err
	}
	if d.Verification, err = db.Verify(ctx); err != nil {
		return err
	}
	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		d.Curve, err = equityCurve(demoCapital, bars, s.StreamTrades(ctx, postgres.TradeFilter{}))
		return err
	})
}

func (d *demoTrading) print(w io.Writer) error {
	if len(d.Symbols) == 0 {
		return nil
	}
	printWrapped(w, fmt.Sprintf("A moving-average strategy traded %d symbols in account %s: %s orders, %s fills, %s of them booked now (%s fills/s).",
		len(d.Symbols), d.Account, thousands(int64(d.Orders)), thousands(int64(d.Fills)), thousands(int64(d.New)), thousands(rate(int64(d.Fills), d.elapsed))))
	if d.Kept != "" {
		printWrapped(w, "Note: "+d.Kept+".")
	}
	fmt.Fprintln(w)
	const shown = 10
	open := slices.DeleteFunc(slices.Clone(d.Portfolio.Positions), func(p blotter.PositionValue) bool { return p.Quantity.IsZero() })
	slices.SortStableFunc(open, func(a, b blotter.PositionValue) int { return cmp.Compare(a.Symbol, b.Symbol) })
	if err := printPositions(w, blotter.WithAccount(context.Background(), d.Account), open[:min(len(open), shown)]); err != nil {
		return err
	}
	if len(open) > shown {
		fmt.Fprintf(w, "... and %d more\n", len(open)-shown)
	}
	fmt.Fprintln(w)
	for _, t := range d.Portfolio.Totals {
		printWrapped(w, fmt.Sprintf("P&L in %s: %s realized + %s unrealized - %s fees = %s.", t.Currency, money(t.RealizedPnL, t.Currency), money(t.UnrealizedPnL, t.Currency), money(t.Fees, t.Currency), money(t.NetPnL(), t.Currency)))
	}
	if err := printVerification(w, d.Verification); err != nil {
		return err
	}
	if d.Picture != "" {
		fmt.Fprintf(w, "equity curve: %s\n", d.Picture)
	}
	return nil
}

// draw writes the equity curve to a picture: into the file, or beside the data.
func (d *demoTrading) draw(path, dataDir string) error {
	if len(d.Curve) < 2 {
		return nil
	}
	if path == "" {
		path = filepath.Join(cmp.Or(dataDir, "."), "demo-equity.png")
	}
	picture, err := drawEquity(fmt.Sprintf("%s, %s", d.Account, demoStrategy), d.Curve)
	if err != nil {
		return err
	}
	if err := writeWhole(path, func(w io.Writer) error { _, err := w.Write(picture); return err }); err != nil {
		return err
	}
	if rel, err := filepath.Rel(mustGetwd(), path); err == nil && len(rel) < len(path) {
		path = rel
	}
	d.Picture = path
	return nil
}

func mustGetwd() string {
	dir, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return dir
}
