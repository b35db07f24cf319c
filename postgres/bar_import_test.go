package postgres_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// barsOf yields n daily bars of a symbol from 2013 on, with the price as close.
func barsOf(symbol, source, price string, n int) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for i := range n {
			p := dec(price)
			bar := blotter.Bar{
				Symbol: symbol, Timeframe: "1d", Timestamp: time.Date(2013, 1, 1+i, 0, 0, 0, 0, time.UTC),
				Open: p, High: p, Low: p, Close: p, Volume: dec("10"), Source: source,
			}
			if !yield(blotter.BarRow{Bar: bar, Line: int64(i + 2)}, nil) {
				return
			}
		}
	}
}

func chain(all ...iter.Seq2[blotter.BarRow, error]) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for _, one := range all {
			for row, err := range one {
				if !yield(row, err) {
					return
				}
			}
		}
	}
}

func failing(err error) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) { yield(blotter.BarRow{}, err) }
}

// counts returns a result as text: read = inserted + updated + unchanged + other source + quarantined.
func counts(r postgres.ImportResult) string {
	return fmt.Sprintf("%d = %d + %d + %d + %d + %d", r.Read, r.Inserted, r.Updated, r.Unchanged, r.OtherSource,
		r.Quarantined)
}

// The importer and the server agree on the last instant that may have a partition, even on 29 February, when calendars
// differ on whether two years from then is 28 February or 1 March. Later bars are quarantined, and the rest is stored.
func TestImportUntilTheLastPartition(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	early := calendar.AddYears(time.Now(), 2)
	until := pgtest.Value[time.Time](t, db, "select shared.partitions_until()")
	if until.Before(early) {
		t.Errorf("partitions are made until %s, want two years, until %s", until, early)
	}

	row := func(at time.Time, line int64) iter.Seq2[blotter.BarRow, error] {
		return func(yield func(blotter.BarRow, error) bool) {
			for bar := range barsOf("A", "csv", "1", 1) {
				bar.Timestamp, bar.Line = at, line
				yield(bar, nil)
			}
		}
	}
	result, err := db.ImportBars(t.Context(), postgres.BarImport{
		File: "f.csv", Bars: chain(row(until.Add(-time.Second), 2), row(until, 3), row(until.AddDate(0, 0, 1), 4)),
	})
	if want := "3 = 1 + 0 + 0 + 0 + 2"; err != nil || counts(result) != want {
		t.Errorf("%s, %v; want %s", counts(result), err, want)
	}
}

func TestImportCountsRows(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	rejected := failing(&blotter.RejectedRow{
		Line: 99, Symbol: "A", Check: "parse", Reason: "open is missing",
		Raw: "2013-07-01,,,",
	})
	for _, step := range []struct {
		what, prefer, want string
		bars               iter.Seq2[blotter.BarRow, error]
	}{
		{"first", "", "900 = 900 + 0 + 0 + 0 + 0", barsOf("A", "yahoo", "1.50", 900)},
		{"the same again", "", "900 = 0 + 0 + 900 + 0 + 0", barsOf("A", "yahoo", "1.5", 900)},
		{"longer", "", "901 = 1 + 0 + 900 + 0 + 0", barsOf("A", "yahoo", "1.5", 901)},
		{"corrected", "", "10 = 0 + 10 + 0 + 0 + 0", barsOf("A", "yahoo", "1.6", 10)},
		{"another source, other values", "", "20 = 0 + 0 + 10 + 10 + 0", barsOf("A", "csv", "1.5", 20)},
		{"another source, preferred", "csv", "10 = 0 + 10 + 0 + 0 + 0", barsOf("A", "csv", "1.5", 10)},
		{"a bad row", "", "11 = 0 + 0 + 10 + 0 + 1", chain(barsOf("A", "csv", "1.5", 10), rejected)},
		{"the bad row again", "", "11 = 0 + 0 + 10 + 0 + 1", chain(barsOf("A", "csv", "1.5", 10), rejected)},
		{
			"repeated in the file", "", "6 = 3 + 0 + 3 + 0 + 0",
			chain(barsOf("B", "csv", "2", 3), barsOf("B", "csv", "2", 3)),
		},
		{
			"contradicted in the file", "", "5 = 3 + 0 + 0 + 0 + 2",
			chain(barsOf("C", "csv", "2", 3), barsOf("C", "csv", "3", 2)),
		},
		{"nothing but a bad row", "", "1 = 0 + 0 + 0 + 0 + 1", rejected},
		{"nothing", "", "0 = 0 + 0 + 0 + 0 + 0", chain()},
	} {
		result, err := db.ImportBars(t.Context(),
			postgres.BarImport{File: "f.csv", Bars: step.bars, Prefer: step.prefer})
		if err != nil || counts(result) != step.want {
			t.Errorf("%s: %s, %v; want %s", step.what, counts(result), err, step.want)
		}
	}

	quarantine := pgtest.Value[string](t, db, `select string_agg(line || ' ' || check_type || ' ' || message, E'\n' order by line) from data_ingestion.data_quality_logs`)
	for _, want := range []string{"99 parse open is missing", "2 contradiction contradicts line 2"} {
		if !strings.Contains(quarantine, want) || strings.Count(quarantine, "\n") != 2 {
			t.Errorf("the quarantine lacks %q, or has other than 3 rows:\n%s", want, quarantine)
		}
	}
	if got := pgtest.Value[string](t, db, `select string_agg(symbol || ' ' || price || ' ' || at::date, ', ' order by symbol) from data_ingestion.latest_prices`); got != "A 1.5 2015-06-20, B 2 2013-01-03, C 2 2013-01-03" {
		t.Errorf("latest_prices holds %s", got)
	}
}

// If two files of one source contradict each other, importing the first again changes nothing.
func TestImportAgainUpdatesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	first, second := barsOf("A", "yahoo", "1.5", 20), barsOf("A", "yahoo", "1.6", 10)
	for _, step := range []struct {
		what, prefer, want string
		dryRun             bool
		bars               iter.Seq2[blotter.BarRow, error]
	}{
		{"the first file", "", "20 = 20 + 0 + 0 + 0 + 0", false, first},
		{"the second corrects it", "", "10 = 0 + 10 + 0 + 0 + 0", true, second},
		{"the second corrects it", "", "10 = 0 + 10 + 0 + 0 + 0", false, second},
		{"the first again", "", "20 = 0 + 0 + 10 + 10 + 0", true, first},
		{"the first again", "", "20 = 0 + 0 + 10 + 10 + 0", false, first},
		{"the second again", "", "10 = 0 + 0 + 10 + 0 + 0", false, second},
		{"the first, preferred", "yahoo", "20 = 0 + 10 + 10 + 0 + 0", false, first},
	} {
		result, err := db.ImportBars(t.Context(),
			postgres.BarImport{File: "f.csv", Bars: step.bars, Prefer: step.prefer, DryRun: step.dryRun})
		if err != nil || counts(result) != step.want {
			t.Errorf("%s: %s, %v; want %s", step.what, counts(result), err, step.want)
		}
	}

	db.Exec(t, "delete from data_ingestion.market_data where timestamp < '2013-01-06'")
	result, err := db.ImportBars(t.Context(), postgres.BarImport{File: "f.csv", Bars: first})
	if want := "20 = 5 + 0 + 15 + 0 + 0"; err != nil || counts(result) != want {
		t.Errorf("the first after a deletion: %s, %v; want %s", counts(result), err, want)
	}
}

// A file is stored completely or not at all.
func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	broken := errors.New("the disk broke")
	rejected := &blotter.RejectedRow{Line: 11, Check: "parse", Reason: "open is missing"}
	tooHigh := barsOf("B", "yahoo", strings.Repeat("9", 151), 1)
	for name, in := range map[string]postgres.BarImport{
		"reading fails":          {Bars: chain(barsOf("A", "yahoo", "1", 10), failing(broken))},
		"a bad row under strict": {Bars: chain(barsOf("A", "yahoo", "1", 10), failing(rejected)), Strict: true},
		"contradicted, strict": {
			Bars:   chain(barsOf("A", "yahoo", "1", 10), barsOf("A", "yahoo", "2", 1)),
			Strict: true,
		},
		"refused by the table": {Bars: chain(barsOf("A", "yahoo", "1", 10), tooHigh)},
	} {
		if _, err := db.ImportBars(t.Context(), in); err == nil {
			t.Errorf("%s: no error", name)
		}

		for _, table := range []string{"market_data", "latest_prices", "instruments", "data_quality_logs"} {
			if n := pgtest.Value[int](t, db, `select count(*) from data_ingestion.`+table); n != 0 {
				t.Errorf("%s: %d rows of %s are stored", name, n, table)
			}
		}
	}
}

// Concurrent imports of the same new years make each partition once and store each row once.
func TestImportAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var wait sync.WaitGroup
	results := make([]postgres.ImportResult, 8)
	for i := range results {
		wait.Go(func() {
			var err error
			bars := chain(barsOf("A", "yahoo", "1", 1500), barsOf(fmt.Sprint("S", i), "yahoo", "2", 10))
			if results[i], err = db.ImportBars(t.Context(), postgres.BarImport{File: "f.csv", Bars: bars}); err != nil {
				t.Error(err)
			}
		})
	}

	wait.Wait()
	if n := pgtest.Value[int](t, db, `select count(*) from data_ingestion.market_data`); n != 1500+8*10 {
		t.Errorf("%d bars are stored, want %d", n, 1500+8*10)
	}
	if left := pgtest.Value[int](t, db,
		`select count(*) from pg_class where relname like 'blotter_bar_stage%'`); left != 0 {
		t.Errorf("%d stages are left", left)
	}
}

func TestBarsAndHistory(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if _, err := db.ImportBars(t.Context(), postgres.BarImport{Bars: barsOf("A", "yahoo", "1.25", 400)}); err != nil {
		t.Fatal(err)
	}

	day := func(n int) time.Time { return time.Date(2013, 1, n, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		filter      postgres.BarFilter
		n           int
		first, last time.Time
	}{
		"all":    {postgres.BarFilter{Symbol: "A"}, 400, day(1), day(400)},
		"range":  {postgres.BarFilter{Symbol: "A", From: day(5), To: day(8)}, 3, day(5), day(7)},
		"limit":  {postgres.BarFilter{Symbol: "A", Limit: 2}, 2, day(1), day(2)},
		"newest": {postgres.BarFilter{Symbol: "A", Limit: 2, NewestFirst: true}, 2, day(400), day(399)},
	} {
		bars, err := db.Bars(t.Context(), c.filter)
		if err != nil || len(bars) != c.n || !bars[0].Timestamp.Equal(c.first) ||
			!bars[len(bars)-1].Timestamp.Equal(c.last) {
			t.Errorf("%s: %d bars, %v; want %d from %s to %s", name, len(bars), err, c.n, c.first, c.last)
		}
	}
	if none, err := db.Bars(t.Context(), postgres.BarFilter{Symbol: "A", Timeframe: "1m"}); err != nil ||
		len(none) != 0 {
		t.Errorf("bars of another timeframe: %d, %v", len(none), err)
	}

	_, err := db.Bars(t.Context(), postgres.BarFilter{})
	wantKind(t, "no symbol", err, blotter.ErrInvalid)
	if _, err := db.BarHistory(t.Context(), "A", 30); err != nil {
		t.Error(err)
	}

	streamed := 0
	err = db.ReadOnly(t.Context(), func(s *postgres.Session) error {
		for bar, err := range s.StreamBars(t.Context(), postgres.BarFilter{Symbol: "A"}) {
			if err != nil || bar.Close.String() != "1.25" {
				return fmt.Errorf("bar %+v: %w", bar, err)
			}
			streamed++
		}
		return nil
	})
	if err != nil || streamed != 400 {
		t.Errorf("streamed %d bars, %v", streamed, err)
	}
}

func TestImportSurvivesItsIterator(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 1 })
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("the iterator's panic came through as %v", p)
			}
		}()
		_, _ = db.ImportBars(t.Context(),
			postgres.BarImport{Bars: func(func(blotter.BarRow, error) bool) { panic("boom") }})
	}()

	raw := failing(&blotter.RejectedRow{Line: 2, Check: "parse", Reason: "x", Raw: "a\x00b\xff"})
	if result, err := db.ImportBars(t.Context(), postgres.BarImport{Bars: raw}); err != nil || result.Quarantined != 1 {
		t.Errorf("a row that is no text: %+v, %v", result, err)
	}

	db.Close()
	_, err := db.ImportBars(t.Context(), postgres.BarImport{Bars: raw})
	wantKind(t, "after Close", err, blotter.ErrProgramming)
}
