package analytics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// figuresData returns a trade as its event carries it, in which no two figures are alike.
func figuresData(effect blotter.PositionEffect, realized, commission string) blotter.TradeData {
	d := blotter.MustDecimal
	return blotter.TradeData{
		TradeID: "T", AccountID: "A", Symbol: "S", Side: blotter.Sell, Quantity: d("3"), Price: d("5"),
		Multiplier: d("2"), Currency: "USD",
		Commission: d(
			commission,
		), CommissionCurrency: "USD", RealizedPnL: d(realized), PositionEffect: effect, Strategy: "trend",
		ExecutedAt: blotter.EventTime(time.Date(2026, 5, 4, 23, 30, 0, 0, time.UTC)),
		Position:   blotter.PositionData{Quantity: d("7"), CostBasis: d("11"), RealizedPnL: d("13"), Fees: d("17")},
	}
}

// bookEvent returns an event of the book.
func bookEvent(t *testing.T, kind string, data any) *blotter.Event {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}

	var of struct {
		AccountID string `json:"account_id"`
	}
	if err := json.Unmarshal(text, &of); err != nil {
		t.Fatal(err)
	}

	return &blotter.Event{
		AccountID: of.AccountID, Channel: blotter.ChannelTrades, Key: of.AccountID, Type: kind, V: 1,
		Service: blotter.ServiceExecution, Data: text,
	}
}

// undoing returns the event that takes a trade out, with another position before it than after it.
func undoing(t *testing.T, data blotter.TradeData) *blotter.Event {
	t.Helper()
	d := blotter.MustDecimal
	before := blotter.PositionData{Quantity: d("10"), CostBasis: d("12"), RealizedPnL: d("9"), Fees: d("16")}
	return bookEvent(t, blotter.TradeUndone, blotter.UndoneTradeData{TradeData: data, PositionBefore: before})
}

// foldedFigures writes what was folded, a line for a row, sorted.
func foldedFigures(f *fold) string {
	var lines []string
	for _, m := range f.metrics {
		lines = append(
			lines,
			fmt.Sprintf("%s %s %s %s: %d trades, %d closing, %d won, %d lost, profit %s, loss %s, realized %s, fees %s",
				m.AccountID, m.Strategy, m.Date.Format(time.DateOnly), m.Currency, m.TotalTrades, m.ClosingTrades,
				m.Wins, m.Losses, m.GrossProfit, m.GrossLoss, m.RealizedPnL, m.Fees),
		)
	}
	for _, s := range f.summaries {
		lines = append(
			lines,
			fmt.Sprintf("%s %s: %s at %s, realized %s, fees %s, times %s %s, traded %s in %d", s.AccountID, s.Symbol,
				s.Quantity, s.CostBasis, s.RealizedPnL, s.Fees, s.Multiplier, s.Currency, s.TradedValue, s.EventCount),
		)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Each kind of trade counts in its figures and in no other, and is taken out of the same ones.
func TestFoldFigures(t *testing.T) {
	t.Parallel()
	otherCurrency := figuresData(blotter.Opened, "0", "0.5")
	otherCurrency.CommissionCurrency = "BNB"
	inEuro := figuresData(blotter.Closed, "4", "0.5")
	inEuro.Currency, inEuro.CommissionCurrency = "EUR", "EUR"
	const summary = "A S: 7 at 11, realized 13, fees 17, times 2 USD, traded 30 in 1"
	for name, test := range map[string]struct {
		trade         blotter.TradeData
		metrics, want string
	}{
		"open":          {figuresData(blotter.Opened, "0", "0.5"), "1 trades, 0 closing, 0 won, 0 lost, profit 0, loss 0, realized 0, fees 0.5", summary},
		"increase":      {figuresData(blotter.Increased, "0", "-0.5"), "1 trades, 0 closing, 0 won, 0 lost, profit 0, loss 0, realized 0, fees -0.5", summary},
		"reduce, win":   {figuresData(blotter.Reduced, "4", "0.5"), "1 trades, 1 closing, 1 won, 0 lost, profit 4, loss 0, realized 4, fees 0.5", summary},
		"close, loss":   {figuresData(blotter.Closed, "-4", "0.5"), "1 trades, 1 closing, 0 won, 1 lost, profit 0, loss 4, realized -4, fees 0.5", summary},
		"flip, even":    {figuresData(blotter.Flipped, "0", "0.5"), "1 trades, 1 closing, 0 won, 0 lost, profit 0, loss 0, realized 0, fees 0.5", summary},
		"fee elsewhere": {otherCurrency, "1 trades, 0 closing, 0 won, 0 lost, profit 0, loss 0, realized 0, fees 0", summary},
		"other currency": {
			inEuro, "1 trades, 1 closing, 1 won, 0 lost, profit 4, loss 0, realized 4, fees 0.5",
			strings.Replace(summary, "USD", "EUR", 1),
		},
	} {
		f := newFold(nil)
		if err := f.event(bookEvent(t, blotter.TradeExecuted, test.trade)); err != nil {
			t.Fatal(err)
		}
		want := test.want + "\nA trend 2026-05-04 " + test.trade.Currency + ": " + test.metrics
		if got := foldedFigures(f); got != want {
			t.Errorf("%s: folded are\n%s\nwant\n%s", name, got, want)
		}
		if f.undone {
			t.Errorf("%s: counts as undone", name)
		}

		if err := f.event(undoing(t, test.trade)); err != nil {
			t.Fatal(err)
		}
		gone := fmt.Sprintf("A S: 10 at 12, realized 9, fees 16, times 2 %s, traded 0 in 0\nA trend 2026-05-04 %[1]s: "+
			"0 trades, 0 closing, 0 won, 0 lost, profit 0, loss 0, realized 0, fees 0", test.trade.Currency)
		if got := foldedFigures(f); got != gone || !f.undone {
			t.Errorf("%s, undone (%v): folded are\n%s\nwant\n%s", name, f.undone, got, gone)
		}
	}
}

// Figures add up by account, strategy, currency and the account's own date; of positions the last one counts.
func TestFoldAddsUp(t *testing.T) {
	t.Parallel()

	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}

	f := newFold(map[string]*time.Location{"B": tokyo})
	add := func(change func(*blotter.TradeData)) {
		trade := figuresData(blotter.Closed, "4", "0.5")
		change(&trade)
		if err := f.event(bookEvent(t, blotter.TradeExecuted, trade)); err != nil {
			t.Fatal(err)
		}
	}

	add(func(*blotter.TradeData) {})
	add(func(d *blotter.TradeData) {
		d.RealizedPnL, d.Position.Quantity = blotter.MustDecimal("-1"), blotter.MustDecimal("6")
	})

	add(func(d *blotter.TradeData) {
		d.RealizedPnL, d.Position.CostBasis = blotter.MustDecimal("-2"), blotter.MustDecimal("5")
	})

	add(func(d *blotter.TradeData) { d.Strategy = "value" })
	add(func(d *blotter.TradeData) { d.Symbol = "R" })
	add(func(d *blotter.TradeData) { d.AccountID = "B" })
	add(func(d *blotter.TradeData) { d.ExecutedAt = blotter.EventTime(d.ExecutedAt.Time().Add(time.Hour)) })
	want := `A R: 7 at 11, realized 13, fees 17, times 2 USD, traded 30 in 1
A S: 7 at 11, realized 13, fees 17, times 2 USD, traded 150 in 5
A trend 2026-05-04 USD: 4 trades, 4 closing, 2 won, 2 lost, profit 8, loss 3, realized 5, fees 2
A trend 2026-05-05 USD: 1 trades, 1 closing, 1 won, 0 lost, profit 4, loss 0, realized 4, fees 0.5
A value 2026-05-04 USD: 1 trades, 1 closing, 1 won, 0 lost, profit 4, loss 0, realized 4, fees 0.5
B S: 7 at 11, realized 13, fees 17, times 2 USD, traded 30 in 1
B trend 2026-05-05 USD: 1 trades, 1 closing, 1 won, 0 lost, profit 4, loss 0, realized 4, fees 0.5`

	if got := foldedFigures(f); got != want {
		t.Errorf("folded are\n%s\nwant\n%s", got, want)
	}
}

// What others write adds nothing, and what this program cannot read is an error, never left out.
func TestFoldOfForeignEvents(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*blotter.Event)
		fails  bool
	}{
		"another channel": {func(e *blotter.Event) { e.Channel = blotter.ChannelPositions }, false},
		"another service": {func(e *blotter.Event) { e.Service = "desk" }, false},
		"another type":    {func(e *blotter.Event) { e.Type = blotter.PositionUpdated }, false},
		"a later version": {func(e *blotter.Event) { e.V = 2 }, true},
		"not a trade": {func(e *blotter.Event) {
			e.Data = []byte(`{"account_id": "A", ` +
				`"quantity": "many"}`)
		}, true},
	} {
		for _, kind := range []string{blotter.TradeExecuted, blotter.TradeUndone} {
			f, e := newFold(nil), bookEvent(t, kind, figuresData(blotter.Opened, "0", "0"))
			test.change(e)
			if err := f.event(e); (err != nil) != test.fails || foldedFigures(f) != "" || f.undone {
				t.Errorf("%s, %s: %v, folded are %q", name, kind, err, foldedFigures(f))
			}
		}
	}
}

// Two transactions' figures are added up in the tables, a position is as the last one says, and valued at the price in
// its currency; a row of which every trade was taken out is gone, and no other.
func TestFoldIsStored(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	db.Exec(t, `insert into execution.accounts (account_id) values ('A'), ('B')`)
	write := func(events ...*blotter.Event) {
		t.Helper()
		f := newFold(nil)
		for _, e := range events {
			if err := f.event(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Transaction(ctx, func(tx *postgres.Tx) error { return f.write(ctx, tx) }); err != nil {
			t.Fatal(err)
		}
	}
	priced := func(price, currency string, minute int) *blotter.Event {
		e := stepEvent(t, 0)
		data := blotter.PriceData{
			Symbol:   "S",
			Source:   "test",
			Currency: currency,
			Price:    new(blotter.MustDecimal(price)),
		}
		data.PriceAt = new(blotter.EventTime(time.Date(2026, 5, 4, 10, minute, 0, 0, time.UTC)))
		var err error
		if e.Data, err = json.Marshal(data); err != nil {
			t.Fatal(err)
		}
		return e
	}
	stored := func(what, want string) {
		t.Helper()
		got := pgtest.Value[string](
			t,
			db,
			`select coalesce((select string_agg(concat_ws(' ', account_id, symbol, trim_scale(quantity), trim_scale(cost_basis),
			trim_scale(realized_pnl), trim_scale(fees),
			trim_scale(multiplier), currency, trim_scale(traded_value), event_count,
			coalesce(trim_scale(market_price)::text, '-'), coalesce(trim_scale(total_value)::text, '-'),
			coalesce(trim_scale(unrealized_pnl)::text, '-')), E'\n' order by account_id, symbol)
			from analytics.portfolio_summary), '') || E'\n' ||
			coalesce((select string_agg(concat_ws(' ', account_id, strategy, date, currency, total_trades,
			closing_trades, wins, losses, trim_scale(gross_profit), trim_scale(gross_loss),
			trim_scale(realized_pnl), trim_scale(fees)), E'\n' order by account_id, strategy, date)
			from analytics.performance_metrics), '')`,
		)
		if got != want {
			t.Errorf("%s: stored are\n%s\nwant\n%s", what, got, want)
		}
	}

	win, loss := figuresData(blotter.Closed, "4", "0.5"), figuresData(blotter.Reduced, "-3", "0.25")
	loss.Position = blotter.PositionData{
		Quantity:    blotter.MustDecimal("-6"),
		CostBasis:   blotter.MustDecimal("12"),
		RealizedPnL: blotter.MustDecimal("10"),
		Fees:        blotter.MustDecimal("18"),
	}
	other := figuresData(blotter.Opened, "0", "1")
	other.AccountID = "B"
	other.Symbol = "R"
	other.Strategy = "value"
	const ofB = "B R 7 11 13 17 2 USD 30 1 - - -"
	const countsOfB = "B value 2026-05-04 USD 1 0 0 0 0 0 0 1"

	write(bookEvent(t, blotter.TradeExecuted, win), bookEvent(t, blotter.TradeExecuted, other))
	stored("a first time",
		"A S 7 11 13 17 2 USD 30 1 - - -\n"+ofB+"\nA trend 2026-05-04 USD 1 1 1 0 4 0 4 0.5\n"+countsOfB)
	write(priced("1.5", "USD", 1))
	stored("priced",
		"A S 7 11 13 17 2 USD 30 1 1.5 21 10\n"+ofB+"\nA trend 2026-05-04 USD 1 1 1 0 4 0 4 0.5\n"+countsOfB)
	write(bookEvent(t, blotter.TradeExecuted, loss))
	stored("a second time",
		"A S -6 12 10 18 2 USD 60 2 1.5 -18 -6\n"+ofB+"\nA trend 2026-05-04 USD 2 2 1 1 4 3 1 0.75\n"+countsOfB)
	write(priced("2", "EUR", 2))
	stored("priced in another currency",
		"A S -6 12 10 18 2 USD 60 2 - - -\n"+ofB+"\nA trend 2026-05-04 USD 2 2 1 1 4 3 1 0.75\n"+countsOfB)
	write(undoing(t, loss))
	stored("one of two undone",
		"A S 10 12 9 16 2 USD 30 1 - - -\n"+ofB+"\nA trend 2026-05-04 USD 1 1 1 0 4 0 4 0.5\n"+countsOfB)
	// Before the trade win there was nothing.
	write(bookEvent(t, blotter.TradeUndone, blotter.UndoneTradeData{TradeData: win}))
	stored("all undone", ofB+"\n"+countsOfB)
}
