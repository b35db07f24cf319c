package postgres_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// priced yields n daily bars from first on, near a price, with small moves from day to day.
func priced(symbol, source string, first time.Time, n int, price int64) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for i := range n {
			closed := dec(fmt.Sprintf("%d.%02d", price, i%7))
			bar := blotter.Bar{
				Symbol: symbol, Timeframe: "1d", Timestamp: first.AddDate(0, 0, i), Open: closed,
				High: closed.Add(dec("0.5")), Low: closed.Sub(dec("0.5")),
				Close: closed, Volume: dec("1"), Source: source,
			}
			if !yield(blotter.BarRow{Bar: bar, Line: int64(i + 2)}, nil) {
				return
			}
		}
	}
}

// Bars of two scales are not stored in one series, except with Splice.
func TestSeams(t *testing.T) {
	t.Parallel()
	const (
		neighbours = "its prices do not continue those that are stored"
		factor     = "so the series would have two scales"
		guess      = "is a guess from its name"
	)
	first := date(2019, 3, 4)
	for _, test := range []struct {
		name   string
		stored iter.Seq2[blotter.BarRow, error]
		in     postgres.BarImport
		want   string // part of the error, "" if the bars are stored
	}{
		{
			"another source goes on at a quarter", priced("A", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 4, 3), 30, 100)},
			neighbours,
		},
		{
			"another source ends at four times", priced("A", "x", first, 30, 100),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 2, 2), 30, 400)},
			neighbours,
		},
		{
			"another file of a folder", priced("A", "csv:f", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "csv:f", date(2019, 4, 3), 30, 100)},
			neighbours,
		},
		{
			"the same vendor goes on at a quarter", priced("A", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "x", date(2019, 4, 3), 30, 100)},
			"",
		},
		{
			"another source goes on alike", priced("A", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 4, 3), 30, 410)},
			"",
		},
		{
			"another source, years later", priced("A", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "y", date(2021, 4, 3), 30, 100)},
			"",
		},
		{
			"another source overlaps at half", priced("A", "x", first, 30, 200),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 3, 20), 30, 100)},
			factor,
		},
		{
			"another source overlaps and has no more", priced("A", "x", first, 30, 200),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 3, 10), 10, 100)},
			"",
		},
		{
			"the same vendor replaces a part", priced("A", "x", first, 30, 200),
			postgres.BarImport{Bars: priced("A", "x", date(2019, 3, 20), 30, 100)},
			factor,
		},
		{
			"the same vendor replaces all", priced("A", "x", first, 30, 200),
			postgres.BarImport{Bars: priced("A", "x", date(2019, 3, 1), 60, 100)},
			"",
		},
		{
			"a preferred source replaces a part", priced("A", "x", first, 30, 200),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 3, 20), 30, 100), Prefer: "y"},
			factor,
		},
		{
			"spliced", priced("A", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 4, 3), 30, 100), Splice: true},
			"",
		},
		{
			"dry run", priced("A", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 4, 3), 30, 100), DryRun: true},
			neighbours,
		},
		{
			"another symbol", priced("B", "x", first, 30, 400),
			postgres.BarImport{Bars: priced("A", "y", date(2019, 4, 3), 30, 100)},
			"",
		},
		{
			"guessed, other prices", daily("A", "x", first, 30, 1),
			postgres.BarImport{Bars: priced("A", "x", first, 30, 100), Guessed: true},
			guess,
		},
		{
			"guessed, one bar that is elsewhere", priced("A", "x", first, 1, 100),
			postgres.BarImport{Bars: priced("A", "x", first, 1, 70), Guessed: true},
			guess,
		},
		{
			"guessed, the same prices", priced("A", "x", first, 30, 100),
			postgres.BarImport{Bars: priced("A", "x", first, 40, 100), Guessed: true},
			"",
		},
		{
			"given, other prices", daily("A", "x", first, 30, 1),
			postgres.BarImport{Bars: priced("A", "x", first, 30, 100)},
			"",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Open(t)
			if _, err := db.ImportBars(t.Context(), postgres.BarImport{File: "a.csv", Bars: test.stored}); err != nil {
				t.Fatal(err)
			}

			before := rows(t, db)
			test.in.File = "b.csv"
			_, err := db.ImportBars(t.Context(), test.in)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%v, want that it is stored", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want %q", err, test.want)
			case test.want != "":
				wantKind(t, test.name, err, blotter.ErrInvalid)
				if after := rows(t, db); after != before {
					t.Errorf("%s bars, before there were %s", after, before)
				}
			}
		})
	}
}

// Seams finds seams that were stored with Splice.
func TestStoredSeams(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, in := range []postgres.BarImport{
		{Bars: priced("A", "x", date(2019, 3, 4), 30, 400)},
		{Bars: priced("A", "y", date(2019, 4, 3), 30, 100), Splice: true},
		{Bars: priced("A", "z", date(2019, 5, 3), 30, 101)},
	} {
		if _, err := db.ImportBars(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}

	seams, err := db.Seams(t.Context(), postgres.BarFilter{Symbol: "A"})
	if err != nil || len(seams) != 1 {
		t.Fatalf("%v, %v; want one seam", seams, err)
	}

	const want = "A 1d: close 400.01 on 2019-04-02 (source x), then open 100 on 2019-04-03 (source y), a factor of 0.25"
	if got := seams[0].String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A stray bar on a Saturday, or one that is on Saturday only in UTC, does not make a symbol trade on all days. Regular
// bars on Saturdays do.
func TestCalendarOfBars(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}

	weekdays := func(symbol string) iter.Seq2[blotter.BarRow, error] {
		return func(yield func(blotter.BarRow, error) bool) {
			for bar := range priced(symbol, "x", date(2019, 3, 4), 40, 100) {
				if weekday := bar.Timestamp.Weekday(); weekday != time.Saturday && weekday != time.Sunday &&
					!yield(bar, nil) {
					return
				}
			}
		}
	}

	at := func(symbol, timeframe string, times ...time.Time) iter.Seq2[blotter.BarRow, error] {
		return func(yield func(blotter.BarRow, error) bool) {
			for bar := range priced(symbol, "x", date(2019, 3, 4), len(times), 100) {
				bar.Timeframe = timeframe
				bar.Timestamp = times[0]
				times = times[1:]
				if !yield(bar, nil) {
					return
				}
			}
		}
	}

	friday := time.Date(2019, 3, 8, 19, 59, 0, 0, newYork)
	saturday := time.Date(2019, 3, 9, 10, 0, 0, 0, time.UTC)
	for _, in := range []postgres.BarImport{
		{Bars: weekdays("STRAY")},
		{Bars: at("STRAY", "1m", friday, friday.Add(time.Minute)), Zone: newYork},
		{Bars: at("STRAY", "1m", friday.Add(2*time.Minute), friday.Add(3*time.Minute))}, // its zone is not known
		{Bars: at("STRAY", "1h", saturday)},
		{Bars: at("STRAY", "1d", date(2019, 3, 9))},
		{Bars: priced("COIN", "x", date(2019, 3, 4), 40, 100)},
		{Bars: at("MINUTE", "1m", saturday, saturday.Add(time.Minute))},
		{Bars: at("BACK", "1d", date(2019, 3, 9))},
		{Bars: weekdays("BACK")},
		{Bars: weekdays("7203.T")},
	} {
		if _, err := db.ImportBars(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}

	got := pgtest.Value[string](t, db, `select string_agg(symbol || ' ' || calendar, ', ' order by symbol collate "C") from data_ingestion.instruments`)
	if want := "7203.T XTKS, BACK weekdays, COIN all_days, MINUTE all_days, STRAY weekdays"; got != want {
		t.Errorf("calendars %s, want %s", got, want)
	}

	gaps, err := db.Gaps(t.Context(), postgres.BarFilter{Symbol: "STRAY"})
	if err != nil || len(gaps) != 0 {
		t.Errorf("gaps %v, %v; want none", gaps, err)
	}
}

// Holidays of a symbol's own market are not gaps, even if others trade. Days on which its market is open are.
func TestGapsOnHolidays(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	without := func(symbol string, missing ...string) iter.Seq2[blotter.BarRow, error] {
		return func(yield func(blotter.BarRow, error) bool) {
			for bar := range priced(symbol, "x", date(2022, 10, 31), 40, 100) {
				weekday := bar.Timestamp.Weekday()
				if weekday == time.Saturday || weekday == time.Sunday ||
					strings.Contains(strings.Join(missing, " "), bar.Timestamp.Format(time.DateOnly)) {
					continue
				}
				if !yield(bar, nil) {
					return
				}
			}
		}
	}

	for _, bars := range []iter.Seq2[blotter.BarRow, error]{
		without("YANK", "2022-11-24", "2022-11-15"), without("NIPPON", "2022-11-03", "2022-11-23"),
		without("9999.T", "2022-11-03", "2022-11-23", "2022-11-25"),
		without("SAID", "2022-11-24", "2022-11-03"), without("ALL", ""),
	} {
		if _, err := db.ImportBars(t.Context(), postgres.BarImport{Bars: bars}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.SetInstrument(t.Context(),
		blotter.InstrumentFacts{Symbol: "SAID", Calendar: new(blotter.Calendar("XTKS"))}); err != nil {
		t.Fatal(err)
	}

	for symbol, want := range map[string]string{
		"YANK": "2022-11-15", "NIPPON": "", "9999.T": "2022-11-25", "SAID": "2022-11-24", "ALL": "",
	} {
		gaps, err := db.Gaps(t.Context(), postgres.BarFilter{Symbol: symbol})
		var got []string
		for _, g := range gaps {
			got = append(got, g.From.Format(time.DateOnly))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: gaps %v, %v; want %s", symbol, got, err, want)
		}
	}
}

// A position is valued only at prices in its own currency, not at those of another listing.
func TestValuationInOwnCurrency(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAccount(t.Context(), "A1")
	for _, trade := range []blotter.Trade{
		{TradeID: "1", Symbol: "EURO", Currency: "EUR"}, {TradeID: "2", Symbol: "DOLLAR", Currency: "USD"},
	} {
		trade.AccountID = "A1"
		trade.Side = blotter.Buy
		trade.Quantity = dec("10")
		trade.Price = dec("90")
		trade.ExecutedAt = date(2019, 3, 1)
		if _, err := db.ExecuteTrade(ctx, trade); err != nil {
			t.Fatal(err)
		}
	}

	for _, symbol := range []string{"EURO", "DOLLAR"} {
		if _, err := db.ImportBars(t.Context(),
			postgres.BarImport{Bars: priced(symbol, "x", date(2019, 3, 4), 1, 100)}); err != nil {
			t.Fatal(err)
		}
	}

	values := func() string {
		return pgtest.Value[string](t, db, `select string_agg(symbol || ' ' || coalesce(market_value::text, 'none'), ', ' order by symbol) from execution.position_values`)
	}
	if got, want := values(), "DOLLAR 1000, EURO none"; got != want {
		t.Errorf("values %s, want %s", got, want)
	}
	if _, err := db.SetInstrument(t.Context(),
		blotter.InstrumentFacts{Symbol: "EURO", Currency: new("EUR")}); err != nil {
		t.Fatal(err)
	}
	if got, want := values(), "DOLLAR 1000, EURO 1000"; got != want {
		t.Errorf("values %s after the currency was stated, want %s", got, want)
	}
}
