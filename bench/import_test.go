package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// yearOfMinutes is the number of minute bars of one symbol in a year: 252 days of 390 minutes.
const yearOfMinutes = 98_000

// minuteBar returns the bar at a place of a symbol's year, a walk that is the same each time.
func minuteBar(symbol string, place int) blotter.Bar {
	at := time.Date(time.Now().UTC().Year()-1, 1, 1, 0, 0, 0, 0, time.UTC).
		Add(time.Duration(place/390)*24*time.Hour*13/9 + 14*time.Hour + time.Duration(place%390)*time.Minute).
		Truncate(time.Minute)

	cents := func(n int) blotter.Decimal {
		d, err := blotter.ParseDecimal(fmt.Sprintf("%d.%02d", 100+n/100, n%100))
		if err != nil {
			panic(err)
		}
		return d
	}

	p := place*7919%9000 + len(symbol)
	return blotter.Bar{
		Symbol: symbol, Timeframe: "1m", Timestamp: at,
		Open: cents(p), High: cents(p + 40), Low: cents(p - p%30), Close: cents(p + 11),
		Volume: cents(place % 5000), Source: "bench",
	}
}

// writeMinutes writes rows of minute bars, a year of one symbol after the other, as most programs export them.
func writeMinutes(b *testing.B, path string, enough func(rows int, bytes int64) bool) (rows int) {
	b.Helper()
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}

	w := bufio.NewWriterSize(file, 1<<20)
	n, _ := fmt.Fprintln(w, "symbol,timestamp,open,high,low,close,volume")
	size := int64(n)

	for ; !enough(rows, size); rows++ {
		r := minuteBar(fmt.Sprintf("SYM%d", rows/yearOfMinutes), rows%yearOfMinutes)
		n, _ := fmt.Fprintf(w, "%s,%s,%s,%s,%s,%s,%s\n", r.Symbol, r.Timestamp.Format("2006-01-02T15:04:05Z"), r.Open,
			r.High, r.Low, r.Close, r.Volume)
		size += int64(n)
	}

	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}

	return rows
}

// psql returns the path of the program: in the path, or where Debian puts it.
func psql(b *testing.B) string {
	b.Helper()
	if path, err := exec.LookPath("psql"); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if len(found) == 0 {
		b.Fatal("psql is not installed; it comes with PostgreSQL's client package")
	}
	return slices.Max(found)
}

const copyColumns = "symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source"

// Importing a file of 490,000 minute bars, against loading the same rows, parsed, with psql's \copy: the first time at
// least 0.8 x the rows/s (at most 1.25 x the time), again at most the time of the first. Peers do not parse either, and
// know neither what is stored already nor newest prices nor events.
func BenchmarkImport(b *testing.B) {
	const repetitions = 3
	db := pgtest.Open(b)
	dir := b.TempDir()
	ctx := b.Context()
	path := filepath.Join(dir, "minutes.csv")
	total := writeMinutes(b, path, func(rows int, _ int64) bool { return rows == 5*yearOfMinutes })
	with := barfile.Options{Timeframe: "1m", Source: "bench"}

	var parsed [][]any
	var gorms []shopspringBar
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	file, err := barfile.Open(path, with)
	if err != nil {
		b.Fatal(err)
	}
	for r, err := range file.Bars() {
		if err != nil {
			b.Fatal(err)
		}
		parsed = append(parsed, []any{
			r.Symbol, r.Timeframe, r.Timestamp, r.Open, r.High, r.Low, r.Close, r.Volume, nil, r.Source,
		})
		number := func(d blotter.Decimal) decimal.Decimal { return decimal.RequireFromString(d.String()) }
		gorms = append(gorms, shopspringBar{
			Symbol: r.Symbol, Timeframe: string(r.Timeframe), Timestamp: r.Timestamp,
			Open: number(r.Open), High: number(r.High), Low: number(r.Low), Close: number(r.Close),
			Volume: number(r.Volume), Source: r.Source,
		})
		_ = out.Write([]string{
			r.Symbol, string(r.Timeframe), r.Timestamp.Format(time.RFC3339), r.Open.String(), r.High.String(),
			r.Low.String(), r.Close.String(), r.Volume.String(), "", r.Source,
		})
	}
	_ = file.Close()
	out.Flush()
	plain := filepath.Join(dir, "parsed.csv")
	if err := os.WriteFile(plain, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}

	ours := func(want func(postgres.ImportResult) int64) func() error {
		return func() error {
			file, err := barfile.Open(path, with)
			if err != nil {
				return err
			}
			defer file.Close()
			r, err := db.ImportBars(ctx, postgres.BarImport{File: "minutes.csv", Bars: file.Bars()})
			if err == nil && want(r) != int64(total) {
				err = fmt.Errorf("%+v", r)
			}
			return err
		}
	}
	pool := bare(b, db.Config.ServiceURL)
	orm, err := gorm.Open(gormpostgres.Open(db.Config.ServiceURL), &gorm.Config{
		Logger: logger.Discard, SkipDefaultTransaction: false,
	})
	if err != nil {
		b.Fatal(err)
	}
	client := psql(b)
	empty := func() {
		db.Exec(b, `truncate data_ingestion.market_data, data_ingestion.latest_prices, data_ingestion.instruments,
			events.outbox`)
		db.Exec(b, "checkpoint")
	}
	variants := []struct {
		name string
		run  func() error
	}{
		{"psql_copy", func() error {
			meta := fmt.Sprintf(`\copy data_ingestion.market_data (%s) from '%s' with (format csv)`, copyColumns, plain)
			cmd := exec.CommandContext(ctx, client, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", db.Config.ServiceURL,
				"-c", meta)
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}},
		{"ImportBars_first", ours(func(r postgres.ImportResult) int64 { return r.Inserted })},
		{"ImportBars_again", ours(func(r postgres.ImportResult) int64 { return r.Unchanged })},
		{"pgx_CopyFrom", func() error {
			_, err := pool.CopyFrom(ctx, pgx.Identifier{"data_ingestion", "market_data"},
				strings.Split(copyColumns, ", "), pgx.CopyFromRows(parsed))
			return err
		}},
		{"GORM_CreateInBatches", func() error {
			return orm.Table("data_ingestion.market_data").Omit("id", "created_at").CreateInBatches(gorms, 1000).Error
		}},
	}
	db.Exec(b, "select shared.ensure_partitions('market_data', $1, $2)", parsed[0][2], parsed[len(parsed)-1][2])
	times := make([][]time.Duration, len(variants))
	for b.Loop() {
		for range repetitions {
			for i, v := range variants {
				if v.name != "ImportBars_again" {
					empty()
				}
				runtime.GC()
				start := time.Now()
				if err := v.run(); err != nil {
					b.Fatalf("%s: %v", v.name, err)
				}
				times[i] = append(times[i], time.Since(start))
			}
		}
	}
	base := median(times[0])
	for i, v := range variants {
		m := median(times[i])
		rate, ratio := float64(total)/m.Seconds(), float64(base)/float64(m)
		b.ReportMetric(rate, v.name+"_rows/s")
		fmt.Printf("  %-24s %10s  %9.0f rows/s  %.2f x\n", v.name, m.Round(time.Millisecond), rate, ratio)
	}
	fmt.Printf("  %-24s %.2f x of the first\n", "again", float64(median(times[1]))/float64(median(times[2])))
}

// Importing a file of 1 GB takes at most 100 MB of memory.
func BenchmarkImportMemory(b *testing.B) {
	db, dir := pgtest.Open(b), b.TempDir()
	program, path := filepath.Join(dir, "blotter"), filepath.Join(dir, "minutes.csv")

	build := exec.Command("go", "build", "-o", program, "./cmd/blotter")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}

	rows := writeMinutes(b, path, func(_ int, bytes int64) bool { return bytes >= 1<<30 })
	for b.Loop() {
		cmd := exec.CommandContext(context.WithoutCancel(b.Context()), program, "import", path, "--timeframe=1m",
			"--url="+db.Config.URL, "--readonly-url="+db.Config.ReadOnlyURL, "--service-url="+db.Config.ServiceURL,
			"--reporter-url="+db.Config.ReporterURL)

		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}

		took := time.Since(start)
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			b.Fatal("this system does not tell the memory of a process")
		}

		b.ReportMetric(float64(usage.Maxrss)/1024, "MB")
		fmt.Printf("  %d rows of a 1 GB file in %s, %.0f rows/s, peak memory %d MB\n", rows, took.Round(time.Second),
			float64(rows)/took.Seconds(), usage.Maxrss/1024)
	}
}
