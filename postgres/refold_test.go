package postgres_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// derivedRows reads everything of a book that follows from its facts, as text: not the numbers and times of arrival,
// nor versions, which count the writes.
var derivedRows = map[string]string{
	"trades": `select to_jsonb(t) - '{id,created_at,xid}'::text[] from execution.trades t
 order by account_id, symbol, executed_at, sequence, trade_id, side`,
	"positions": `select to_jsonb(p) - '{created_at,last_updated,version}'::text[] from execution.positions p
 order by account_id, symbol`,
	"round_trips": `select to_jsonb(r) - '{id,created_at}'::text[] from execution.round_trips r
 order by account_id, symbol, closed_at, opened_at, trades, gross, fees, max_quantity`,
	"orders": `select to_jsonb(o) - '{id,created_at,updated_at,version}'::text[] from execution.orders o
 order by account_id, order_id`,
	"position_adjustments": `select to_jsonb(a) - '{id,created_at,xid}'::text[] from execution.position_adjustments a
 order by account_id, symbol, adjustment_id`,
	"trade_corrections": `select to_jsonb(c) - '{created_at}'::text[] from execution.trade_corrections c
 order by account_id, correction_id`,
}

// derivedOf returns the rows of each table, one a line.
func derivedOf(t *testing.T, d *pgtest.Database) map[string]string {
	t.Helper()
	return rowsOf(t, d, derivedRows)
}

// rowsOf returns the rows of each query, one a line.
func rowsOf(t *testing.T, d *pgtest.Database, queries map[string]string) map[string]string {
	t.Helper()
	conn := d.Connect(t, d.AdminURL)
	tables := map[string]string{}
	for table, sql := range queries {
		var lines []string
		rows, err := conn.Query(t.Context(), "select x::text from ("+sql+") q(x)")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, withoutZeros(line))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		tables[table] = strings.Join(lines, "\n")
	}
	return tables
}

var zerosAtTheEnd = regexp.MustCompile(`(\.\d*[1-9])0+\b|\.0+\b`)

// withoutZeros returns a row without the zeros at the end of its numbers.
func withoutZeros(row string) string { return zerosAtTheEnd.ReplaceAllString(row, "$1") }

// sameRows fails the test for each table whose rows differ, and shows the first row that does.
func sameRows(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, table := range slices.Sorted(maps.Keys(want)) {
		gotLines := strings.Split(got[table], "\n")
		wantLines := strings.Split(want[table], "\n")
		for i := range min(len(gotLines), len(wantLines)) {
			if gotLines[i] != wantLines[i] {
				t.Errorf("%s, row %d:\n%s\nwant:\n%s", table, i, gotLines[i], wantLines[i])
				break
			}
		}
		if len(gotLines) != len(wantLines) {
			t.Errorf("%s has %d rows, want %d", table, len(gotLines), len(wantLines))
		}
	}
}

// sameBooks fails the test if the two books differ.
func sameBooks(t *testing.T, got, want *pgtest.Database) {
	t.Helper()
	sameRows(t, derivedOf(t, got), derivedOf(t, want))
}

// day returns noon of a day.
func day(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 12, 0, 0, 0, time.UTC)
}

func TestRefoldLateFills(t *testing.T) {
	t.Parallel()
	buys := []blotter.Trade{
		{
			TradeID: "B1", Symbol: "ACME", Side: blotter.Buy, Quantity: dec("10"), Price: dec("100"),
			Commission: dec("1"), Strategy: "s", ExecutedAt: day(2023, 2, 1),
		},
		{
			TradeID: "B2", Symbol: "ACME", Side: blotter.Buy, Quantity: dec("10"), Price: dec("150"),
			Commission: dec("1"), ExecutedAt: day(2023, 3, 1),
		},
	}
	sell := blotter.Trade{
		TradeID: "S1", Symbol: "ACME", Side: blotter.Sell, Quantity: dec("20"), Price: dec("162.5"),
		Commission: dec("2"), ExecutedAt: day(2024, 3, 1),
	}

	inOrder, late := pgtest.Open(t), pgtest.Open(t)
	ctx := blotter.WithAccount(t.Context(), "A1")
	for _, trade := range append(buys, sell) {
		if _, err := inOrder.ExecuteTrade(ctx, trade); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := late.ExecuteTrade(ctx, sell); err != nil {
		t.Fatal(err)
	}
	for _, trade := range []blotter.Trade{buys[1], buys[0]} {
		if _, err := late.ExecuteTrade(ctx, trade); err != nil {
			t.Fatal(err)
		}
	}
	sameBooks(t, late, inOrder)

	p, err := late.PositionAsOf(ctx, "", "ACME", day(2024, 12, 31))
	if err != nil || !p.RealizedPnL.Equal(dec("750")) || !p.Quantity.IsZero() {
		t.Errorf("the position is %+v, %v, want flat with 750 realized", p, err)
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	buy := blotter.Trade{
		TradeID: "B1", Symbol: "AVGO", Side: blotter.Buy, Quantity: dec("1"), Price: dec("1700"), Strategy: "s",
		ExecutedAt: day(2024, 6, 1),
	}
	sell := blotter.Trade{
		TradeID: "S1", Symbol: "AVGO", Side: blotter.Sell, Quantity: dec("4"), Price: dec("180"),
		ExecutedAt: day(2024, 8, 1),
	}
	split := blotter.Adjustment{
		AdjustmentID: "avgo-2024", Symbol: "AVGO", Kind: blotter.Split, EffectiveAt: day(2024, 7, 15), New: 10, Old: 1,
	}

	inTime, late := pgtest.Open(t), pgtest.Open(t)
	ctx := blotter.WithAccount(t.Context(), "A1")
	trade := func(d *pgtest.Database, trade blotter.Trade) {
		t.Helper()
		if _, err := d.ExecuteTrade(ctx, trade); err != nil {
			t.Fatal(err)
		}
	}
	adjust := func(d *pgtest.Database, want postgres.Outcome) {
		t.Helper()
		receipt, err := d.AdjustPosition(ctx, split)
		if err != nil || receipt.Outcome != want || !receipt.Adjustment.QuantityAfter.Equal(dec("10")) {
			t.Errorf("%+v, %v, want %s with 10 after it", receipt, err, want)
		}
	}
	_, err := inTime.AdjustPosition(ctx, split)
	wantKind(t, "a split without a position", err, blotter.ErrNotFound)

	trade(inTime, buy)
	adjust(inTime, postgres.Applied)
	adjust(inTime, postgres.Duplicate)
	trade(inTime, sell)

	trade(late, sell)
	trade(late, buy)
	adjust(late, postgres.Applied)
	sameBooks(t, late, inTime)
	verified(t, inTime)
	verified(t, late)

	p, err := late.PositionAsOf(ctx, "", "AVGO", day(2024, 12, 31))
	if err != nil || !p.Quantity.Equal(dec("6")) || !p.CostBasis.Equal(dec("1020")) || !p.RealizedPnL.Equal(dec("40")) {
		t.Errorf("the position is %+v, %v, want 6 for 1020 with 40 realized", p, err)
	}
}

// A trade that the broker cancelled counts no more, and one that it restated counts as restated. The book is as if the
// broker had been right at first.
func TestBustAndCorrect(t *testing.T) {
	t.Parallel()
	fill := func(id string, side blotter.Side, quantity, price string, at time.Time) blotter.Trade {
		return blotter.Trade{
			TradeID: id, Symbol: "ACME", Side: side, Quantity: dec(quantity), Price: dec(price), Commission: dec("1"),
			ExecutedAt: at,
		}
	}
	wrong := fill("T1", blotter.Buy, "10", "100", day(2024, 1, 1))
	busted := fill("T2", blotter.Buy, "5", "90", day(2024, 1, 2))
	sell := fill("T3", blotter.Sell, "12", "120", day(2024, 1, 3))
	right := fill("T1b", blotter.Buy, "12", "101", day(2024, 1, 1))
	right.Commission = dec("0")

	d, want := pgtest.Open(t), pgtest.Open(t)
	ctx := blotter.WithAccount(t.Context(), "A1")
	for _, trade := range []blotter.Trade{wrong, busted, sell} {
		if _, err := d.ExecuteTrade(ctx, trade); err != nil {
			t.Fatal(err)
		}
	}
	for _, trade := range []blotter.Trade{right, sell} {
		if _, err := want.ExecuteTrade(ctx, trade); err != nil {
			t.Fatal(err)
		}
	}

	bust := blotter.Correction{CorrectionID: "C1", TradeID: "T2"}
	restate := blotter.Correction{CorrectionID: "C2", TradeID: "T1"}
	restated := func(t *blotter.Trade) {
		t.TradeID = "T1b"
		t.Quantity = dec("12")
		t.Price = dec("101")
		t.Commission = dec("0") // as the broker restated it: none
	}
	for _, outcome := range []postgres.Outcome{postgres.Applied, postgres.Duplicate} {
		receipt, err := d.BustTrade(ctx, bust)
		if err != nil || receipt.Outcome != outcome || receipt.Trade.PositionEffect != blotter.Voided {
			t.Errorf("bust: %+v, %v, want %s", receipt, err, outcome)
		}
		receipt, err = d.CorrectTrade(ctx, restate, restated)
		if err != nil || receipt.Outcome != outcome || receipt.Replaced == nil {
			t.Errorf("correct: %+v, %v, want %s", receipt, err, outcome)
		}
	}

	_, err := d.BustTrade(ctx, blotter.Correction{CorrectionID: "C3", TradeID: "T1"})
	wantKind(t, "a trade that was corrected", err, blotter.ErrConflict)
	_, err = d.BustTrade(ctx, blotter.Correction{CorrectionID: "C1", TradeID: "T3"})
	wantKind(t, "another bust of the same id", err, blotter.ErrConflict)
	_, err = d.CorrectTrade(ctx, blotter.Correction{CorrectionID: "C5", TradeID: "T3"}, func(t *blotter.Trade) {
		t.Symbol = "OTHER"
	})
	wantKind(t, "a correction of the symbol", err, blotter.ErrInvalid)
	_, err = d.BustTrade(ctx, blotter.Correction{CorrectionID: "C4", TradeID: "T9"})
	wantKind(t, "an unknown trade", err, blotter.ErrNotFound)

	verified(t, d)
	got, wanted := derivedOf(t, d), derivedOf(t, want)
	for _, table := range []string{"positions", "round_trips"} {
		if got[table] != wanted[table] {
			t.Errorf("%s:\n%s\nwant\n%s", table, got[table], wanted[table])
		}
	}
}

// Neither an account's login nor the service changes a fact of a trade, nor derived columns but by the database's
// function.
func TestFactsAreNeverUpdated(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := blotter.WithAccount(t.Context(), "A1")
	if _, err := d.ExecuteTrade(ctx, blotter.Trade{
		TradeID: "T1", Symbol: "ACME", Side: blotter.Buy, Quantity: dec("1"), Price: dec("1"),
	}); err != nil {
		t.Fatal(err)
	}

	for _, url := range []string{d.Config.URL, d.Config.ServiceURL} {
		conn := login(t, d, url, "A1")
		for _, set := range []string{"price = 2", "quantity = 2", "executed_at = now()", "realized_pnl = 5"} {
			wantState(t, conn, "42501", "update execution.trades set "+set)
		}
		for _, sql := range []string{
			"update execution.position_adjustments set quantity = 1", "delete from execution.position_adjustments",
			"update execution.trade_corrections set kind = 'bust'", "delete from execution.trade_corrections",
			"insert into execution.position_adjustments (account_id, adjustment_id, symbol, kind, effective_at, quantity_change) " +
				"values ('A1', 'X', 'ACME', 'opening', now(), 5)",
		} {
			wantState(t, conn, "42501", sql)
		}
	}
}
