//go:build data

package barfile_test

import (
	"cmp"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

var (
	dataFolder = flag.String("data", "", "folder of real files with a manifest.csv")
	update     = flag.Bool("update", false, "write the table of docs/real-files.md")
)

// notBars are the layouts of the manifest that do not hold bars.
var notBars = []string{"trades", "lean-tick", "lean-factor-map", "broker-fills", "exchange-json"}

// asked lists the options that files require.
var asked = map[string]barfile.Options{
	"alpaca-json/v2-bar.json":                                 {Symbol: "AAPL", Timeframe: "1m"},
	"alpaca-json/market-data_v2_stocks_bars_bars.json":        {Timeframe: "1m"},
	"alpaca-json/market-data_v2_stocks_symbol_bars_bars.json": {Timeframe: "1m"},
	"polygon-json/v2_aggs_ticker_AAPL_prev.json":              {Timeframe: "1d"},

	// Their names have a word, or a vendor, instead of a symbol.
	"binance-klines/http_spot_market_klines.json": {Symbol: "BTCUSDT"},
	"candles-json/ib-bars.json.gz":                {Symbol: "AAPL"},

	// Half of its rows are invalid.
	"daily-csv/btcusdt-1d-gct.csv": {Columns: "date,volume,open,high,low,close"},

	"intraday-csv/2006-01-02-volume-min-001.txt":                                         {Symbol: "FESX"},
	"polygon-json/v2_aggs_grouped_locale_us_market_stocks_2005-04-04_adjusted-true.json": {Timeframe: "1d"},
}

// reasons are the files whose counts differ from the manifest's, and why.
var reasons = map[string]string{
	"yahoo-history-tz/ALPHA-PA-1d-bad-stock-split.csv": "a price has 20 digits after the point; " +
		"at most 19 can be stored without rounding",
	"lean/equity/usa/minute/twx/20140609_quote.zip": "5 rows have one side only, which is taken",
}

// symbols lists the files whose symbol is not the one of the manifest.
var symbols = map[string]string{
	"alpaca-json/market-data_v2_stocks_bars_bars.json":        "AAPL", // see file
	"alpaca-json/market-data_v2_stocks_symbol_bars_bars.json": "AAPL",
	"alpaca-json/v2-bar.json":                                 "AAPL", // as asked
	"binance-klines/UNITTEST_BTC-1m.json":                     "BTC",
	"binance-klines/http_spot_market_klines.json":             "BTCUSDT", // as asked
	// in the file's name
	"candles-json/Binance-ETH-USD-PT5M-20230313_20230315.json":                           "ETH-USD",
	"candles-json/ib-bars.json.gz":                                                       "AAPL", // as asked
	"daily-csv/hello-world-stock.csv":                                                    "several",
	"daily-csv/tesla-stock-price.csv":                                                    "TESLA", // the company's name
	"intraday-csv/2006-01-02-volume-min-001.txt":                                         "FESX",  // as asked
	"intraday-csv/gbpusd-m1-ask-2012.csv":                                                "GBPUSD",
	"intraday-csv/ninjabot-btc-1h.csv":                                                   "BTC",
	"investing-csv/bitcoin-investing.csv":                                                "BITCOIN",
	"polygon-json/v1_open-close_AAPL_2005-04-01_adjusted-true.json":                      "AAPL",
	"polygon-json/v2_aggs_grouped_locale_us_market_stocks_2005-04-04_adjusted-true.json": "GIK",
	"polygon-json/v2_aggs_ticker_AAPL_prev.json":                                         "AAPL",
	"polygon-json/v2_aggs_ticker_AAPL_range_1_day_2005-04-01_2005-04-04.json":            "AAPL",
	"yahoo-daily/jkseweekly.csv":                                                         "JKSEWEEKLY",
	"yahoo-daily-legacy/nikkei-2010-yahoofinance.csv":                                    "NIKKEI",
	"yahoo-daily-legacy/nikkei-2011-yahoofinance.csv":                                    "NIKKEI",
}

// manifestFile is one line of the manifest.
type manifestFile struct {
	path, layout, zone, unit, dirt, symbol string
	rows                                   int64
}

func readManifest(t *testing.T) []manifestFile {
	t.Helper()
	f, err := os.Open(filepath.Join(*dataFolder, "manifest.csv"))
	if err != nil {
		t.Fatalf("%v; say -data FOLDER", err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}

	column := func(line []string, name string) string { return line[slices.Index(lines[0], name)] }
	var files []manifestFile

	for _, line := range lines[1:] {
		rows, _ := strconv.ParseInt(column(line, "rows"), 10, 64)
		files = append(files, manifestFile{
			column(line, "file"),
			column(line, "layout"),
			column(line, "timezone"),
			column(line, "unit"),
			column(line, "dirt"),
			column(line, "symbol"),
			rows,
		})
	}

	return files
}

var (
	zoneName = regexp.MustCompile(`(America|Europe|Asia|Australia)/[A-Za-z_]+`)
	badRows  = regexp.MustCompile(`(?:^|; )` +
		`(null price|blank price field|OHLC violation|zero price|unparsed timestamp) ([\d,]+)`)
)

// bad returns the number of rows that are not valid bars, by the manifest.
func (m *manifestFile) bad() (n int64) {
	for _, found := range badRows.FindAllStringSubmatch(m.dirt, -1) {
		rows, _ := strconv.ParseInt(strings.ReplaceAll(found[2], ",", ""), 10, 64)
		n += rows
	}
	return n
}

// open opens a file as a user would: first without options, then with the option that the error asks for.
func (m *manifestFile) open() (*barfile.File, error) {
	path := filepath.Join(*dataFolder, m.path)
	opts := asked[m.path]
	f, err := barfile.Open(path, opts)
	if err != nil && strings.Contains(err.Error(), "set --tz") {
		opts.Zone = cmp.Or(zoneName.FindString(m.zone), "UTC")
		f, err = barfile.Open(path, opts)
	}
	return f, err
}

// TestManifest imports every bar file of the manifest and compares the counts. Other files are refused by their kind.
func TestManifest(t *testing.T) {
	db := pgtest.Open(t)
	conn := db.Connect(t, db.AdminURL)
	table := []string{
		"| file | format | read | inserted | unchanged | quarantined | remark |",
		"| --- | --- | ---: | ---: | ---: | ---: | --- |",
	}

	var total postgres.ImportResult
	for _, m := range readManifest(t) {
		file, err := m.open()
		if slices.Contains(notBars, m.layout) || errors.As(err, new(*barfile.NotBarsError)) {
			var other *barfile.NotBarsError
			if !errors.As(err, &other) {
				t.Errorf("%s (%s): taken for bars, %v", m.path, m.layout, err)
				continue
			}
			if m.rows > 0 && other.Kind == "" {
				t.Errorf("%s: not named: %v", m.path, err)
			}

			table = append(table, fmt.Sprintf("| %s | | | | | | no bars: %s |", m.path, cmp.Or(other.Kind, "empty")))
			continue
		}

		if err != nil {
			t.Errorf("%s: %v", m.path, err)
			continue
		}

		_, err = conn.Exec(t.Context(),
			"delete from data_ingestion.market_data; delete from data_ingestion.data_quality_logs")
		if err != nil {
			t.Fatal(err)
		}

		got, err := db.ImportBars(t.Context(), postgres.BarImport{File: filepath.Base(m.path), Bars: file.Bars()})
		_ = file.Close()
		if err != nil {
			t.Errorf("%s: %v", m.path, err)
			continue
		}

		remark := reasons[m.path]
		if agrees := got.Read == m.rows && got.Quarantined == m.bad(); agrees == (remark != "") {
			t.Errorf("%s: read %d, quarantined %d, the manifest says %d and %d (%s); remark %q", m.path, got.Read,
				got.Quarantined, m.rows, m.bad(), m.dirt, remark)
		}

		var stored int64

		err = conn.QueryRow(t.Context(), "select count(*) from data_ingestion.market_data").Scan(&stored)
		if err != nil || stored != got.Inserted {
			t.Errorf("%s: %d bars are stored, %d were inserted", m.path, stored, got.Inserted)
		}

		var symbol string // without what keeps it apart from prices as traded

		err = conn.QueryRow(t.Context(),
			`select case count(distinct symbol)
				when 1 then regexp_replace(min(symbol), ':(ADJ|MID)$', '')
				else 'several'
			end
			from data_ingestion.market_data`).Scan(&symbol)
		want, differs := symbols[m.path]

		switch {
		case differs:
		case m.symbol == "all US listings":
			want = "several"
		default:
			want = m.symbol
		}

		if err != nil || symbol != want || differs && symbol == m.symbol {
			t.Errorf("%s: symbol %q, want %q; the manifest says %q", m.path, symbol, want, m.symbol)
		}

		total.Read += got.Read
		total.Inserted += got.Inserted
		total.Quarantined += got.Quarantined
		table = append(table,
			fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %s |", m.path, file.Format, got.Read, got.Inserted,
				got.Unchanged, got.Quarantined, remark))
	}

	table = append(table, fmt.Sprintf("| all | | %d | %d | | %d | |", total.Read, total.Inserted, total.Quarantined))
	compareTable(t, strings.Join(table, "\n")+"\n")
}

const (
	document  = "../docs/real-files.md"
	tableHead = "| file | format |"
)

// compareTable compares a table with the one in the document, or writes it there.
func compareTable(t *testing.T, table string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}

	before, documented, _ := strings.Cut(string(text), tableHead)

	if *update {
		if err := os.WriteFile(document, []byte(before+table), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	if tableHead+documented != table {
		t.Errorf("%s is out of date; run this test with -update", document)
	}
}

// TestVendorPairs imports the symbols that two vendors have with different prices, in both orders. The bars that were
// imported first stay, and the others are counted.
func TestVendorPairs(t *testing.T) {
	const symbols, differing = 13, 13_236 // symbols, and closes that differ (README of the files)
	closes := func(path string) map[string]string {
		file, err := barfile.Open(path, barfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		found := map[string]string{}
		for row, err := range file.Bars() {
			if err == nil {
				found[row.Timestamp.Format(time.DateOnly)] = row.Close.String()
			}
		}

		return found
	}

	pairs, differ := 0, 0
	for _, order := range []bool{true, false} {
		db := pgtest.Open(t)
		conn := db.Connect(t, db.AdminURL)
		yahoos, err := filepath.Glob(filepath.Join(*dataFolder, "yahoo-daily", "*.csv"))
		if err != nil {
			t.Fatal(err)
		}

		for _, yahoo := range yahoos {
			symbol := strings.TrimSuffix(filepath.Base(yahoo), ".csv")
			other := filepath.Join(*dataFolder, "sp500-5yr", symbol+"_data.csv")
			if _, err := os.Stat(other); err != nil {
				continue
			}

			a, b := closes(yahoo), closes(other)

			if order {
				pairs++
				for day, c := range a {
					if d, both := b[day]; both && d != c {
						differ++
					}
				}
			}

			paths := []string{yahoo, other}
			if !order {
				slices.Reverse(paths)
			}

			var results []postgres.ImportResult
			var sources []string

			for _, path := range paths {
				file, err := barfile.Open(path, barfile.Options{})
				if err != nil {
					t.Fatal(err)
				}

				result, err := db.ImportBars(t.Context(), postgres.BarImport{File: path, Bars: file.Bars()})
				if err != nil {
					t.Fatal(err)
				}

				results, sources = append(results, result), append(sources, file.Source)
				_ = file.Close()
			}

			common := int64(0)
			for day := range a {
				if _, both := b[day]; both {
					common++
				}
			}

			second := results[1]
			if second.OtherSource+second.Unchanged != common || second.OtherSource == 0 || second.Updated != 0 {
				t.Errorf("%s after %s: %+v, want %d bars that both have, as other or unchanged", sources[1],
					sources[0], second, common)
			}

			var stored int64

			err := conn.QueryRow(t.Context(),
				"select count(*) from data_ingestion.market_data where symbol = $1 and source = $2",
				symbol, sources[0]).Scan(&stored)
			if err != nil || stored != results[0].Inserted {
				t.Errorf("%s: %d bars of %s are stored, want the %d that came first, %v", symbol, stored, sources[0],
					results[0].Inserted, err)
			}
		}
	}

	if pairs != symbols || differ != differing {
		t.Errorf("%d symbols with %d differing closes, want %d and %d", pairs, differ, symbols, differing)
	}
}
