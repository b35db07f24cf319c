package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

var opening = time.Date(2026, 5, 4, 14, 30, 0, 0, time.UTC)

// book books fills of AAPL, a minute apart, that must all be applied.
func book(t *testing.T, db *postgres.DB, account string, trades ...blotter.Trade) {
	t.Helper()
	for i := range trades {
		trades[i].ExecutedAt = opening.Add(time.Duration(i) * time.Minute)
	}
	receipts, err := db.ExecuteTrades(as(t, account), trades)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receipts {
		if r.Outcome != postgres.Applied {
			t.Fatalf("%s: %s, %v", r.Trade.TradeID, r.Outcome, r.Err)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var trades []blotter.Trade
	for i := range 25 {
		side := blotter.Buy
		if i%5 == 4 {
			side = blotter.Sell
		}
		f := fill(fmt.Sprintf("T%02d", i), side, "1", "10")
		f.Strategy = []string{"slow", "fast"}[i%2]
		trades = append(trades, f)
	}

	book(t, db.DB, "A1", trades...)
	book(t, db.DB, "A2", fill("T00", blotter.Buy, "7", "10"))
	ctx := as(t, "A1")
	count := func(what string, want int, f postgres.TradeFilter) []blotter.Trade {
		t.Helper()
		list, err := db.Trades(ctx, f)
		if err != nil || len(list) != want {
			t.Errorf("%s: %d trades, want %d, %v", what, len(list), want, err)
		}
		return list
	}

	count("all", 25, postgres.TradeFilter{})
	count("a strategy", 12, postgres.TradeFilter{Strategy: "fast"})
	count("sells", 5, postgres.TradeFilter{Side: blotter.Sell})
	count("another symbol", 0, postgres.TradeFilter{Symbol: "MSFT"})
	count("a range", 10, postgres.TradeFilter{From: opening.Add(5 * time.Minute), To: opening.Add(15 * time.Minute)})
	_, err := db.Trades(ctx, postgres.TradeFilter{Account: "A2"})
	wantKind(t, "another account's trades", err, blotter.ErrInvalid)
	if all, err := db.Trades(blotter.WithAllAccounts(ctx), postgres.TradeFilter{}); err != nil || len(all) != 26 {
		t.Errorf("all accounts: %d, %v", len(all), err)
	}

	if two, err := db.Trades(blotter.WithAllAccounts(ctx), postgres.TradeFilter{Account: "A2"}); err != nil ||
		len(two) != 1 || two[0].AccountID != "A2" {
		t.Errorf("one of all accounts: %+v, %v", two, err)
	}
	for _, f := range []postgres.TradeFilter{
		{},
		{NewestFirst: true},
		{Symbol: "AAPL"},
	} {
		whole := count("unpaged", 25, f)
		var paged []blotter.Trade
		for page := f; ; {
			page.Limit = 4
			list, err := db.Trades(ctx, page)
			if err != nil {
				t.Fatal(err)
			}
			if paged = append(paged, list...); len(list) < 4 {
				break
			}
			page.After = &list[3]
		}

		for i := range whole {
			if i >= len(paged) || paged[i].ID != whole[i].ID {
				t.Fatalf("%+v: page by page, trade %d of %d differs", f, i, len(paged))
			}
		}
	}

	var streamed int
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		for _, err := range s.StreamTrades(ctx, postgres.TradeFilter{}) {
			if err != nil {
				return err
			}
			streamed++
		}
		return nil
	})
	if err != nil || streamed != 25 {
		t.Errorf("streamed %d, %v", streamed, err)
	}
}

// Pages of trades that were executed at one instant lose none and show none twice.
func TestPagesOfOneInstant(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var trades []blotter.Trade
	for i := range 10 {
		f := fill(fmt.Sprint(i), blotter.Buy, "1", "10")
		f.ExecutedAt = opening
		trades = append(trades, f)
	}

	if _, err := db.ExecuteTrades(as(t, "A1"), trades); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	f := postgres.TradeFilter{Limit: 3, NewestFirst: true}
	for {
		list, err := db.Trades(as(t, "A1"), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, trade := range list {
			if seen[trade.TradeID] {
				t.Errorf("%s is on two pages", trade.TradeID)
			}
			seen[trade.TradeID] = true
		}
		if len(list) < 3 {
			break
		}
		f.After = &list[2]
	}
	if len(seen) != 10 {
		t.Errorf("%d of 10 trades are on the pages", len(seen))
	}
}

func TestPositionAsOfAndRoundTrips(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	book(t, db.DB, "A1", fill("1", blotter.Buy, "10", "5"), fill("2", blotter.Sell, "4", "6"),
		fill("3", blotter.Sell, "16", "7"), fill("4", blotter.Buy, "10", "6"))
	ctx := as(t, "A1")
	for minute, want := range []string{"10", "6", "-10", "0"} {
		p, err := db.PositionAsOf(ctx, "", "AAPL", opening.Add(time.Duration(minute)*time.Minute))
		if err != nil || p.Quantity.String() != want || p.AccountID != "A1" {
			t.Errorf("after minute %d: %+v, %v, want %s", minute, p, err, want)
		}
	}

	if p, err := db.PositionAsOf(ctx, "", "AAPL", opening.Add(-time.Second)); err != nil || !p.Quantity.IsZero() {
		t.Errorf("before: %+v, %v", p, err)
	}
	trips, err := db.RoundTrips(ctx, postgres.RoundTripFilter{})
	if err != nil || len(trips) != 2 || trips[0].Gross.String() != "16" || trips[1].Gross.String() != "10" ||
		trips[0].Trades != 3 || trips[1].Trades != 2 || trips[1].MaxQuantity.String() != "10" {
		t.Errorf("%+v, %v", trips, err)
	}

	if some, err := db.RoundTrips(ctx, postgres.RoundTripFilter{After: &trips[0], Limit: 5}); err != nil ||
		len(some) != 1 || some[0].ID != trips[1].ID {
		t.Errorf("%+v, %v", some, err)
	}
	if held, err := db.Positions(ctx, postgres.PositionFilter{OpenOnly: true}); err != nil || len(held) != 0 {
		t.Errorf("%+v, %v", held, err)
	}

	if held, err := db.Positions(ctx, postgres.PositionFilter{}); err != nil || len(held) != 1 ||
		held[0].RealizedPnL.String() != "26" {
		t.Errorf("%+v, %v", held, err)
	}
}

func TestPortfolioAndPnL(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `insert into data_ingestion.latest_prices (symbol, price, at, source)
		values ('AAPL', 12, now(), 'test'), ('ES', 5010, now(), 'test')`)
	db.Exec(t, `insert into data_ingestion.instruments (symbol, multiplier, currency)
		values ('ES', 50, 'USD'), ('SAP', 1, 'EUR')`)
	es, sap := fill("2", blotter.Sell, "1", "5000"), fill("3", blotter.Buy, "3", "100")
	es.Symbol, es.Commission = "ES", dec("2.1")
	sap.Symbol = "SAP"
	book(t, db.DB, "A1", fill("1", blotter.Buy, "10", "5"), es, sap, fill("4", blotter.Sell, "5", "7"))
	p, err := db.Portfolio(as(t, "A1"), "")
	if err != nil || len(p.Positions) != 3 || len(p.Totals) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}

	eur, usd := p.Totals[0], p.Totals[1]
	if eur.Currency != "EUR" || eur.Unpriced != 1 || eur.CostBasis.String() != "300" || !eur.MarketValue.IsZero() {
		t.Errorf("%+v", eur)
	}
	// 5 AAPL at 12 that cost 25; a future sold at 5000 that is at 5010, 50 a point.
	for what, pair := range map[string][2]string{
		"realized": {usd.RealizedPnL.String(), "10"}, "unrealized": {usd.UnrealizedPnL.String(), "-465"},
		"market value": {usd.MarketValue.String(), "-250440"},
		"fees":         {usd.Fees.String(), "2.1"},
		"net":          {usd.NetPnL().String(), "-457.1"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", what, pair[0], pair[1])
		}
	}

	db.Exec(t, `update execution.accounts set zone = 'Asia/Tokyo'`) // 14:30 UTC is 23:30 there, and 15:00 the next day
	book(t, db.DB, "A2", fill("1", blotter.Buy, "1", "1"))
	late := fill("5", blotter.Sell, "5", "6")
	late.ExecutedAt = opening.Add(31 * time.Minute)
	if _, err := db.ExecuteTrade(as(t, "A1"), late); err != nil {
		t.Fatal(err)
	}

	days, err := db.PnL(as(t, "A1"), postgres.PnLFilter{By: "day", Symbol: "AAPL"})
	if err != nil || len(days) != 2 || days[0].Group != "2026-05-04" || days[1].Group != "2026-05-05" ||
		days[0].RealizedPnL.String() != "10" || days[1].RealizedPnL.String() != "5" {
		t.Errorf("%+v, %v", days, err)
	}
	if some, err := db.PnL(as(t, "A1"),
		postgres.PnLFilter{From: opening.Add(time.Minute), To: opening.Add(3 * time.Minute)}); err != nil ||
		len(some) != 2 {
		t.Errorf("%+v, %v", some, err)
	}
	_, err = db.PnL(as(t, "A1"), postgres.PnLFilter{By: "moon"})
	wantKind(t, "an unknown grouping", err, blotter.ErrInvalid)
}

// Each of these breaks the book in one place, and Verify names the figure.
func TestVerifyNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := db.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	part := fill("1", blotter.Buy, "40", "5")
	part.OrderID, part.Commission = "O1", dec("1")
	book(t, db.DB, "A1", part, fill("2", blotter.Sell, "50", "6"), fill("3", blotter.Sell, "1", "7"))
	if v, err := db.Verify(ctx); err != nil || len(v.Mismatches) > 0 || v.Positions != 1 || v.Orders != 1 ||
		v.Trades != 3 {
		t.Fatalf("a sound book: %+v, %v", v, err)
	}

	for sql, want := range map[string]string{
		`update execution.positions set quantity = quantity + 1`:                           "quantity",
		`update execution.positions set cost_basis = cost_basis + 0.000000000001`:          "realized_pnl",
		`update execution.positions set realized_pnl = realized_pnl + 1`:                   "realized_pnl",
		`update execution.positions set fees = 0`:                                          "fees",
		`update execution.positions set life_pnl = 5`:                                      "realized_pnl of its lives",
		`delete from execution.round_trips`:                                                "realized_pnl of its lives",
		`delete from execution.trades where trade_id = '2'`:                                "quantity",
		`update execution.trades set realized_pnl = realized_pnl + 1 where trade_id = '2'`: "realized_pnl of its fills",
		`update execution.trades set price = price + 1 where trade_id = '3'`:               "realized_pnl",

		`update execution.trades set quantity_after = 0 where trade_id = '3'`: "quantity after the last trade",

		`update execution.positions set multiplier = 100`:                         "multiplier",
		`update execution.positions set currency = 'EUR'`:                         "trades in its currency",
		`update execution.trades set quantity_after = 99 where trade_id = '1'`:    "quantity after it",
		`update execution.trades set cost_basis_after = 1 where trade_id = '2'`:   "cost_basis after it",
		`update execution.trades set realized_pnl_after = 1 where trade_id = '1'`: "realized_pnl after it",
		`update execution.trades set fees_after = 7 where trade_id = '1'`:         "fees after it",
		`insert into execution.round_trips (account_id, symbol, opened_at, closed_at, max_quantity, gross, fees, trades)
			values ('A1', 'NONE', now(), now(), 1, 500, 0, 2)`: "realized_pnl of its lives",
		`delete from execution.positions`:                  "quantity",
		`delete from execution.trades`:                     "quantity",
		`update execution.orders set filled_quantity = 39`: "filled_quantity",
		`update execution.orders set filled_notional = 1`:  "filled_notional",
		`update execution.orders set status = 'filled'`:    "status",
		`update execution.orders set status = 'submitted'`: "status",
		`insert into execution.orders (account_id, order_id, symbol, side, quantity, status)
			values ('A1', 'O2', 'X', 'buy', 1, 'filled')`: "status",
	} {
		conn := db.Connect(t, db.AdminURL)
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		v, err := db.Verify(ctx)
		found := false
		for _, m := range v.Mismatches {
			found = found || m.What == want && m.Stored != m.Trades && m.Account == "A1"
		}
		if err != nil || !found {
			t.Errorf("%s: %v, %v; want a mismatch of %s", sql, v.Mismatches, err, want)
		}
		restore(t, db)
	}
}

// restore restores the rows of TestVerifyNamesWhatIsBroken by booking all of them again.
func restore(t *testing.T, db *pgtest.Database) {
	t.Helper()
	db.Exec(t, `truncate execution.trades, execution.trade_fees, execution.import_trades, execution.trade_corrections,
		execution.position_adjustments, execution.round_trips,
		execution.positions, execution.orders`)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := db.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	part := fill("1", blotter.Buy, "40", "5")
	part.OrderID, part.Commission = "O1", dec("1")
	book(t, db.DB, "A1", part, fill("2", blotter.Sell, "50", "6"), fill("3", blotter.Sell, "1", "7"))
	if v, err := db.Verify(ctx); err != nil || len(v.Mismatches) > 0 {
		t.Fatalf("restored: %+v, %v", v, err)
	}
}
