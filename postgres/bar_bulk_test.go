package postgres_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// daily yields n daily bars of a symbol from first on, with prices computed from symbol and day; step -1 goes back in
// time.
func daily(symbol, source string, first time.Time, n, step int) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for i := range n {
			at := first.AddDate(0, 0, i*step)
			p := dec(fmt.Sprintf("%d.%02d", 1+at.YearDay(), len(symbol)))
			bar := blotter.Bar{
				Symbol: symbol, Timeframe: "1d", Timestamp: at, Open: p, High: p, Low: p, Close: p, Volume: dec("10"),
				Source: source,
			}
			if !yield(blotter.BarRow{Bar: bar, Line: int64(i + 2)}, nil) {
				return
			}
		}
	}
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// rows returns how many bars a database has, and how many different keys.
func rows(t *testing.T, db *pgtest.Database) string {
	t.Helper()
	return pgtest.Value[string](t, db,
		`select count(*) || ' of ' || count(distinct (symbol, timeframe, timestamp)) from data_ingestion.market_data`)
}

// The import of a century makes partitions as it proceeds, even with a single connection.
func TestImportAcrossYears(t *testing.T) {
	t.Parallel()
	for _, conns := range []int{1, 4} {
		db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = conns })
		for _, step := range []struct {
			what string
			in   postgres.BarImport
			want string
		}{
			{
				"straight",
				postgres.BarImport{Bars: daily("A", "csv", date(1905, 1, 1), 40_000, 1)},
				"40000 = 40000 + 0 + 0 + 0 + 0",
			},
			{
				"backwards",
				postgres.BarImport{Bars: daily("B", "csv", date(2014, 7, 7), 40_000, -1)},
				"40000 = 40000 + 0 + 0 + 0 + 0",
			},
			{
				"again",
				postgres.BarImport{Bars: daily("A", "csv", date(1905, 1, 1), 40_000, 1)},
				"40000 = 0 + 0 + 40000 + 0 + 0",
			},
			{
				"longer at its end",
				postgres.BarImport{Bars: daily("A", "csv", date(1905, 1, 1), 40_010, 1)},
				"40010 = 10 + 0 + 40000 + 0 + 0",
			},
			{
				"longer at its beginning",
				postgres.BarImport{Bars: daily("B", "csv", date(2014, 7, 17), 40_010, -1)},
				"40010 = 10 + 0 + 40000 + 0 + 0",
			},
			{"two halves that met nothing at first", postgres.BarImport{Bars: chain(daily("C", "csv", date(1950, 1, 1), 20_000, 1), daily("A", "csv", date(1905, 1, 1), 50, 1))}, "20050 = 20000 + 0 + 50 + 0 + 0"},
		} {
			result, err := db.ImportBars(t.Context(), step.in)
			if err != nil || counts(result) != step.want {
				t.Errorf("%d connections, %s: %s, %v; want %s", conns, step.what, counts(result), err, step.want)
			}
		}

		if got := rows(t, db); got != "100020 of 100020" {
			t.Errorf("%s bars", got)
		}
	}
}

// More rejected rows than fit in memory are quarantined, in one transaction with the bars between them.
func TestImportOfManyRejectedRows(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	bars := func(yield func(blotter.BarRow, error) bool) {
		line := int64(1)
		for bar := range daily("A", "csv", date(1990, 1, 1), 9000, 1) {
			line += 2
			bar.Line = line
			if !yield(bar, nil) || !yield(blotter.BarRow{}, &blotter.RejectedRow{Line: line + 1, Check: "parse", Reason: "open is missing", Raw: fmt.Sprint(line), Member: "m.csv"}) {
				return
			}
		}
	}

	for range 2 {
		result, err := db.ImportBars(t.Context(), postgres.BarImport{File: "f.zip", Bars: bars})
		if err != nil || result.Quarantined != 9000 || result.Read != 18_000 {
			t.Fatalf("%s, %v", counts(result), err)
		}
		if got := pgtest.Value[string](t, db,
			`select count(*) || ' ' || min(file) from data_ingestion.data_quality_logs`); got != "9000 f.zip/m.csv" {
			t.Errorf("the quarantine holds %s", got)
		}
	}

	if got := rows(t, db); got != "9000 of 9000" {
		t.Errorf("%s bars", got)
	}
}

// A dry run counts what the import would do, and changes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if _, err := db.ImportBars(t.Context(),
		postgres.BarImport{Bars: daily("A", "csv", date(2019, 1, 1), 100, 1)}); err != nil {
		t.Fatal(err)
	}

	everything := `select (select count(*) from data_ingestion.market_data) || ' ' || (select count(*) from data_ingestion.data_quality_logs)
		|| ' ' || (select count(*) from events.outbox) || ' ' || (select count(*) from shared.partitions)`

	before := pgtest.Value[string](t, db, everything)
	in := postgres.BarImport{DryRun: true, Bars: chain(
		daily("A", "csv", date(1980, 1, 1), 50, 1), daily("A", "other", date(2019, 1, 1), 50, 1),
		daily("A", "csv", date(2019, 4, 1), 20, 1),
		barsOf("A", "csv", "3.5", 1), failing(&blotter.RejectedRow{Line: 7, Check: "parse", Reason: "x", Raw: "y"}))}

	planned, err := db.ImportBars(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if after := pgtest.Value[string](t, db, everything); after != before {
		t.Errorf("a dry run left %s, before there was %s", after, before)
	}

	in.DryRun = false
	done, err := db.ImportBars(t.Context(), in)
	if err != nil || counts(planned) != counts(done) || counts(done) != "122 = 61 + 0 + 60 + 0 + 1" {
		t.Errorf("planned %s, done %s, %v", counts(planned), counts(done), err)
	}
}

// A stream that can be read only once goes through the stage.
func TestImportOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	reads := 0
	bars := func(yield func(blotter.BarRow, error) bool) {
		if reads++; reads > 1 {
			t.Error("the stream was read twice")
		}
		chain(daily("A", "csv", date(1990, 1, 1), 100, 1), daily("A", "csv", date(1990, 1, 1), 10, 1))(yield)
	}
	result, err := db.ImportBars(t.Context(), postgres.BarImport{Bars: bars, Once: true})
	if err != nil || counts(result) != "110 = 100 + 0 + 10 + 0 + 0" {
		t.Errorf("%s, %v", counts(result), err)
	}
}

// Each import writes one event for each symbol that it changes.
func TestImportEvents(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	events := func() string {
		return pgtest.Value[string](t, db, `select coalesce(string_agg(concat_ws(' ', channel, key, type, correlation_id, data->>'inserted', data->>'updated',
			data->>'from', data->>'to', data->>'price', data->>'price_at', data->>'source'), E'\n' order by pos), '') from events.outbox`)
	}

	ctx := blotter.WithCorrelation(t.Context(), "c1")
	both := chain(daily("A", "csv", date(2019, 1, 1), 300, 1), daily("BB", "csv", date(2019, 6, 1), 10, 1))
	const stamp = "T00:00:00.000000Z"
	first := strings.ReplaceAll(`market_data A market_data_updated c1 300 0 2019-01-01@ 2019-10-27@ 301.01 2019-10-27@ csv
market_data BB market_data_updated c1 10 0 2019-06-01@ 2019-06-10@ 162.02 2019-06-10@ csv`, "@", stamp)

	for _, step := range []struct {
		what string
		bars iter.Seq2[blotter.BarRow, error]
		more string
	}{
		{"two new symbols", both, first},
		{"the same again", both, ""},
		{"one changed", chain(both, barsOf("A", "csv", "1", 5)), strings.ReplaceAll("\nmarket_data A market_data_updated c1 5 0 2013-01-01@ 2013-01-05@ 301.01 2019-10-27@ csv", "@", stamp)},
		{"corrected", barsOf("A", "csv", "2", 2), strings.ReplaceAll("\nmarket_data A market_data_updated c1 0 2 2013-01-01@ 2013-01-02@ 2 2013-01-02@ csv", "@", stamp)},
	} {
		before := events()
		if _, err := db.ImportBars(ctx, postgres.BarImport{Bars: step.bars}); err != nil {
			t.Fatal(err)
		}
		if got := events(); got != before+step.more {
			t.Errorf("%s: the outbox holds\n%s\nwant\n%s", step.what, got, before+step.more)
		}
	}
	if n := pgtest.Value[int](t, db, `select count(distinct event_id) from events.outbox`); n != 4 {
		t.Errorf("%d event ids, want 4", n)
	}
}

// Concurrent imports of overlapping files, some of them in descending order, lose nothing.
func TestTwentyImportersAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 40 }) // half of them may import at once
	var ready sync.WaitGroup                                                 // all begin before the first continues
	ready.Add(20)
	const symbols, days = 6, 2500
	first := date(1995, 1, 1)
	var wait sync.WaitGroup
	var mu sync.Mutex
	inserted := int64(0)
	for i := range 20 {
		wait.Go(func() {
			var all []iter.Seq2[blotter.BarRow, error]
			for s := range symbols {
				name := fmt.Sprint("S", (s*(1+2*(i%2))+i)%symbols) // each in its own order
				from, step := first.AddDate(0, 0, 100*(i%5)), 1
				if i%3 == 0 {
					from, step = from.AddDate(0, 0, days-1), -1
				}
				all = append(all, daily(name, "csv", from, days, step))
			}
			rand.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
			var begin sync.Once
			together := func(yield func(blotter.BarRow, error) bool) {
				begin.Do(func() { ready.Done(); ready.Wait() })
				chain(all...)(yield)
			}
			result, err := db.ImportBars(t.Context(), postgres.BarImport{File: fmt.Sprint(i), Bars: together})
			if err != nil || result.Inserted+result.Unchanged != result.Read || result.Read != int64(len(all))*days {
				t.Errorf("importer %d: %s, %v", i, counts(result), err)
			}
			mu.Lock()
			inserted += result.Inserted
			mu.Unlock()
		})
	}

	wait.Wait()
	want := symbols * (days + 400)
	if got := rows(t, db); got != fmt.Sprintf("%d of %d", want, want) || inserted != int64(want) {
		t.Errorf("%s bars, %d counted as inserted; want %d", got, inserted, want)
	}
	if n := pgtest.Value[int](t, db, `select count(*) from data_ingestion.market_data
		where close <> (1 + extract(doy from timestamp at time zone 'UTC')) + 0.02`); n != 0 {
		t.Errorf("%d bars have another close than they were given", n)
	}
	if got := pgtest.Value[int](t, db, `select sum((data->>'inserted')::int) from events.outbox`); got != want {
		t.Errorf("the events tell of %d bars, want %d", got, want)
	}
}

// Of two vendors that import at once, the bars of the first stay, and those of the other are counted.
func TestTwoSourcesAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for round := range 5 {
		symbol := fmt.Sprint("S", round)
		var results [2]postgres.ImportResult
		var wait sync.WaitGroup
		for i := range results {
			wait.Go(func() {
				var err error
				bars := barsOf(symbol, []string{"yahoo", "csv"}[i], []string{"1", "2"}[i], 1200)
				if results[i], err = db.ImportBars(t.Context(), postgres.BarImport{Bars: bars}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()

		won, lost := results[0], results[1]
		if lost.Inserted > 0 {
			won, lost = lost, won
		}
		if counts(won) != "1200 = 1200 + 0 + 0 + 0 + 0" || counts(lost) != "1200 = 0 + 0 + 0 + 1200 + 0" {
			t.Errorf("round %d: %s and %s", round, counts(won), counts(lost))
		}
		if n := pgtest.Value[int](t, db,
			`select count(distinct source) from data_ingestion.market_data where symbol = '`+symbol+`'`); n != 1 {
			t.Errorf("round %d: bars of %d sources are stored", round, n)
		}
	}
}

// AnalyzeBars gathers statistics of the partitioned table after a load, and again only after many changes.
func TestAnalyzeBars(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	imported, err := db.ImportBars(t.Context(),
		postgres.BarImport{File: "a", Bars: daily("AAPL", "a", date(2020, 1, 1), 2000, 1)})
	if err != nil {
		t.Fatal(err)
	}

	analyzed := func() (n int) {
		return pgtest.Value[int](t, db,
			`select count(*) from pg_stats where tablename = 'market_data' and attname = 'symbol'`)
	}
	if err := db.AnalyzeBars(t.Context(), 0); err != nil || analyzed() != 0 {
		t.Fatalf("nothing changed: %d, %v", analyzed(), err)
	}
	if err := db.AnalyzeBars(t.Context(), imported.Inserted); err != nil || analyzed() != 1 {
		t.Fatalf("after a load: %d, %v", analyzed(), err)
	}
	if pgtest.Value[bool](t, db, "select shared.analyze_bars($1)", imported.Inserted/100) {
		t.Fatal("statistics are gathered after a trickle")
	}
}
