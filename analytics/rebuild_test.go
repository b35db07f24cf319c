package analytics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/pgtest"
)

// A rebuild reads trades in the book's order, dates them in the zones of their accounts, values them at the latest
// prices in the currencies of their instruments, leaves nothing of what was there before, and says what it did.
func TestRebuildOfKnownTrades(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	db.Exec(t, `insert into execution.accounts (account_id, zone) values ('A', 'Asia/Tokyo'), ('B', 'UTC')`)
	db.Exec(t, `insert into data_ingestion.instruments (symbol, currency) values ('EURO', 'EUR')`)
	db.Exec(t, `insert into data_ingestion.latest_prices (symbol, price, at, source) values
		('EURO', 6, '2026-05-04 12:00Z', 'alpha'), ('PLAIN', 7.5, '2026-05-04 13:00Z', 'beta')`)
	db.Exec(t, `insert into analytics.portfolio_summary (account_id, symbol) values ('A', 'GONE')`)
	db.Exec(t,
		`insert into analytics.performance_metrics (account_id, strategy, date, currency)
			values ('A', 'gone', '2026-01-01', 'USD')`)

	at := time.Date(2026, 5, 4, 23, 30, 0, 0, time.UTC)
	fill := func(account, id, symbol, currency string, side blotter.Side, quantity, price string) blotter.Trade {
		return blotter.Trade{
			AccountID: account, TradeID: id, Symbol: symbol, Currency: currency, Side: side, Strategy: "trend",
			ExecutedAt: at,
			Quantity: blotter.MustDecimal(
				quantity,
			), Price: blotter.MustDecimal(price), Commission: blotter.MustDecimal("0.5"),
		}
	}
	elsewhere := fill("B", "4", "PLAIN", "USD", blotter.Buy, "1", "5")
	elsewhere.CommissionCurrency = "BNB"
	_, err := db.ExecuteTrades(ctx, []blotter.Trade{
		fill("A", "1", "EURO", "EUR", blotter.Buy, "3", "5"), fill("A", "2", "EURO", "EUR", blotter.Sell, "1", "8"),
		fill("B", "3", "EURO", "USD", blotter.Sell, "2", "4"), elsewhere,
	})
	if err != nil {
		t.Fatal(err)
	}

	s, err := analytics.New(analytics.Config{Source: db.DB})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // rebuilt again, the figures are the same
		did, err := s.Rebuild(t.Context())
		if err != nil || did.Trades != 4 || did.Summaries != 3 || did.Metrics != 2 || did.Elapsed <= 0 {
			t.Errorf("rebuilt %+v, %v; want 4 trades, 3 summaries, 2 metrics and how long it took", did, err)
		}
		for what, want := range map[string][2]string{
			"positions": {
				`select string_agg(concat_ws(' ', account_id, symbol, trim_scale(quantity),
					trim_scale(cost_basis), trim_scale(realized_pnl), trim_scale(fees), currency,
					trim_scale(traded_value), event_count,
					coalesce(trim_scale(total_value)::text, '-'), coalesce(trim_scale(unrealized_pnl)::text, '-')),
					', ' order by account_id, symbol)
					from analytics.portfolio_summary`,
				"A EURO 2 10 3 1 EUR 23 2 12 2, B EURO -2 8 0 0.5 USD 8 1 - -, B PLAIN 1 5 0 0 USD 5 1 7.5 2.5",
			},
			"figures": {
				`select string_agg(concat_ws(' ', account_id, strategy, date, currency,
					total_trades, closing_trades, wins, losses, trim_scale(gross_profit), trim_scale(realized_pnl), trim_scale(fees)),
					', ' order by account_id) from analytics.performance_metrics`,
				"A trend 2026-05-05 EUR 2 1 1 0 3 3 1, B trend 2026-05-04 USD 2 0 0 0 0 0 0.5",
			},
			"prices": {
				`select string_agg(concat_ws(' ', symbol, trim_scale(price), to_char(at at time zone 'UTC', 'HH24'),
					source, currency), ', ' order by symbol) from analytics.market_prices`,
				"EURO 6 12 alpha EUR, PLAIN 7.5 13 beta USD",
			},
		} {
			if got := pgtest.Value[string](t, db, want[0]); got != want[1] {
				t.Errorf("the %s are\n%s\nwant\n%s", what, got, want[1])
			}
		}
	}
}

// A rebuild that fails is an error, and leaves the figures as they were.
func TestFailedRebuild(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	_, err := db.ExecuteTrade(ctx, blotter.Trade{
		AccountID: "A", TradeID: "1", Symbol: "KO", Side: blotter.Buy, Quantity: blotter.MustDecimal("3"),
		Price: blotter.MustDecimal("60"), ExecutedAt: time.Date(2026, 5, 4, 14, 30, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := analytics.New(analytics.Config{Source: db.DB})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}

	// A zone of an older server, which this program does not know.
	db.Exec(t, `alter table execution.accounts disable trigger known_zone`)
	db.Exec(t, `update execution.accounts set zone = 'Nowhere/Land'`)
	db.Exec(t, `delete from execution.trades`)
	if did, err := s.Rebuild(t.Context()); err == nil || !strings.Contains(err.Error(), "Nowhere/Land") {
		t.Errorf("rebuilt %+v, %v; want an error that names the zone", did, err)
	}
	summary := pgtest.Value[string](t, db,
		`select concat_ws(' ', account_id, symbol, quantity) from analytics.portfolio_summary`)
	if summary != "A KO 3" {
		t.Errorf("the analytics have %q, want what they had before", summary)
	}
}
