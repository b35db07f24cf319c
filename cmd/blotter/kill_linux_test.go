package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
)

var importKills = flag.Int("import-kills", 8, "how often TestKilledImport kills the importer")

// minutes returns a file of minute bars from a day on, whose prices follow from the time.
func minutes(from time.Time, n int) string {
	var text strings.Builder
	text.WriteString("timestamp,open,high,low,close,volume\n")
	for i := range n {
		at := from.Add(time.Duration(i) * 97 * time.Minute)
		p := fmt.Sprintf("%d.%02d", 50+at.Unix()/60%900, at.Unix()/60%100)
		fmt.Fprintf(&text, "%s,%s,%s,%s,%s,%d\n", at.Format("2006-01-02T15:04:05Z"), p, p, p, p, i%1000)
	}
	return text.String()
}

// everything selects what imports write, without what differs from run to run, as the partitions that are due.
const everything = `
select md5(coalesce((select string_agg(concat_ws('|', symbol, timeframe, timestamp, open, high, low, close, volume,
    adj_close, source), ',' order by symbol, timeframe, timestamp)
                       from data_ingestion.market_data), ''))
    || coalesce((select string_agg(concat_ws('|', symbol, price, at, source), ',' order by symbol)
        from data_ingestion.latest_prices), '')
    || coalesce((select string_agg(concat_ws('|', key, data), ',' order by pos) from events.outbox), '')
    || (select string_agg(symbol || calendar, ',' order by symbol) from data_ingestion.instruments)
    || (select string_agg(concat_ws('|', leaf, lower, upper), ',' order by leaf::text) from shared.partitions
         where table_name = 'data_ingestion.market_data'::regclass and lower::timestamptz < '2025-01-01Z')`

// clearImports removes what imports wrote, and the partitions that they made.
const clearImports = `
do $$ declare old regclass; begin
    truncate data_ingestion.market_data, data_ingestion.latest_prices, data_ingestion.instruments, events.outbox;
    for old in select leaf from shared.partitions where table_name = 'data_ingestion.market_data'::regclass
        and lower::timestamptz < '2025-01-01Z' loop
        execute 'drop table ' || old;
    end loop;
end $$`

// leftovers counts what a killed import may leave behind and must not.
const leftovers = `
select (select count(*) from pg_class where relname = 'blotter_bar_stage')
     + (select count(*) from shared.partitions where detach_pending)
     + (select count(*) from pg_class where relkind = 'r' and relname like 'market_data_%' and not relispartition)`

// An importer that is killed leaves each file stored as a whole or not at all, and nothing else; repeated, it ends in
// what one import without a kill gives.
func TestKilledImport(t *testing.T) {
	t.Parallel()

	const rows = 12_000
	d := newDesk(t)
	clean := pgtest.Open(t)
	db := pgtest.Open(t)
	first := time.Date(2019, 3, 1, 0, 0, 0, 0, time.UTC)
	d.write(t, "in/1/AAPL.csv", minutes(first, rows))
	d.write(t, "in/2/AAPL.csv", minutes(first.Add(rows/2*97*time.Minute), rows)) // half of it is in the first
	d.write(t, "in/3/KO.csv", minutes(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), rows))
	stored := map[int]bool{0: true, rows: true, rows * 3 / 2: true, rows * 5 / 2: true} // after so many files
	args := func(db *pgtest.Database) []string {
		return append(urls(db), "import", "in", "--jobs", "1", "--timeframe", "1m")
	}
	begin := time.Now()
	d.ok(t, args(clean)...)
	whole := time.Since(begin)
	want := pgtest.Value[string](t, clean, everything)
	conn := db.Connect(t, db.AdminURL)
	value := func(sql string, args ...any) (n int) {
		if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	seen := map[int]int{}
	for killed := 1; killed <= *importKills; killed++ {
		cmd, started := d.command(args(db)...), time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(whole))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		until(t, "the server has noticed", func() bool {
			return value("select count(*) from pg_stat_activity where datname = current_database() and backend_type "+
				"= 'client backend' and backend_start > $1", started) == 0
		})
		n := value("select count(*) from data_ingestion.market_data")
		if seen[n]++; !stored[n] {
			t.Fatalf("kill %d: %d bars are stored, which is no whole number of files", killed, n)
		}
		if n := value(leftovers); n > 0 {
			t.Fatalf("kill %d: %d tables are left over", killed, n)
		}
		if n == rows*5/2 || killed%5 == 0 { // complete: compare, and start again
			d.ok(t, args(db)...)
			if got := pgtest.Value[string](t, db, everything); got != want {
				t.Fatalf("kill %d: repeated, the import gives\n%s\nwant\n%s", killed, got, want)
			}
			db.Exec(t, clearImports)
		}
	}

	t.Logf("stored bars after a kill, and how often: %v", seen)
}

// Several files at once: whichever were done are whole, and repeated, all are there.
func TestKilledImportOfSeveralAtOnce(t *testing.T) {
	t.Parallel()

	const (
		rows  = 4_000
		files = 6
		kills = 8
	)
	d := newDesk(t)
	clean := pgtest.Open(t)
	db := pgtest.Open(t)
	for i := range files { // each overlaps the next one of its symbol
		from := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i/2) * rows / 2 * 97 * time.Minute)
		d.write(t, fmt.Sprintf("in/%d/%s.csv", i, []string{"AAPL", "KO"}[i%2]), minutes(from, rows))
	}

	args := func(db *pgtest.Database) []string {
		return append(urls(db), "import", "in", "--jobs", "4", "--timeframe", "1m", "--source", "csv")
	}
	const bars = `select count(*) || ' ' || md5(string_agg(concat_ws('|', symbol, timestamp, open, volume, source),
		',' order by symbol, timestamp)) from data_ingestion.market_data`
	begin := time.Now()
	d.ok(t, args(clean)...)
	whole := time.Since(begin)
	want := pgtest.Value[string](t, clean, bars)
	for killed := range kills {
		cmd, started := d.command(args(db)...), time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(whole))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		until(t, "the server has noticed", func() bool {
			return pgtest.Value[int](t, db, "select count(*) from pg_stat_activity where datname = "+
				"current_database() and backend_type = 'client backend' and backend_start > $1 and application_name "+
				"<> '' and pid <> pg_backend_pid()", started) == 0
		})
		if n := pgtest.Value[int](t, db, leftovers); n > 0 {
			t.Fatalf("kill %d: %d tables are left over", killed, n)
		}
		if n := pgtest.Value[int](t, db, "select count(*) from data_ingestion.market_data"); n%(rows/2) != 0 {
			t.Fatalf("kill %d: %d bars are stored, which is no whole number of files", killed, n)
		}
		if killed%4 == 3 {
			d.ok(t, args(db)...)
			if got := pgtest.Value[string](t, db, bars); got != want {
				t.Fatalf("kill %d: repeated, the import gives %s, want %s", killed, got, want)
			}
			db.Exec(t, clearImports)
		}
	}
}
