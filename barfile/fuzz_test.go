package barfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// The fuzz tests pass any text to Read, beginning with the examples of one format. They check that there is no panic,
// that every accepted bar satisfies the rules of the table, and that every other row is rejected with its line and a
// reason.

func FuzzYahoo(f *testing.F) {
	f.Add("AAPL.csv", "Date,Open,High,Low,Close,Adj Close,Volume\n"+
		"2019-01-02,1,2,1,2,2,3\n"+
		"2019-01-03,null,null,null,null,null,null\n")
	f.Add("AAPL.csv", "Date,Open,High,Low,Close,Volume,Adj Close\n"+
		"2007-12-31,147.10,147.61,146.06,146.21,108126800,127.37\n")
	fuzz(f, "Yahoo CSV")
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"date,open,high,low,close,volume,Name\n" +
			"2013-02-08,15.07,15.12,14.63,14.75,8407500,AAL\n" +
			"2013-02-11,1,1,2,1,1,AAL\n",
		"Datetime,Open,High,Low,Close,Volume\n2022-01-03 00:00:00+08:00,1,2,1,2,3\n",
		"", "\n", "date,open", "a;b\n\x00",
		"date,open,high,low,close,volume,name\n" +
			"2013-02-08,1,2,1,2,3,\x00\n" +
			"2013-02-08,1,2,1,2,3,A\n" +
			"2013-02-08,\xe9,2,1,2,3,B\n",
	} {
		f.Add("AAPL.csv", text)
	}

	fuzz(f, "CSV")
}

func FuzzYfinance(f *testing.F)     { fuzz(f, "yfinance") }
func FuzzStooq(f *testing.F)        { fuzz(f, "Stooq") }
func FuzzAlphaVantage(f *testing.F) { fuzz(f, "Alpha Vantage") }
func FuzzBinance(f *testing.F)      { fuzz(f, "Binance klines") }
func FuzzKraken(f *testing.F)       { fuzz(f, "Kraken OHLCVT") }
func FuzzPolygonFlat(f *testing.F)  { fuzz(f, "Polygon flat file") }
func FuzzPolygonJSON(f *testing.F)  { fuzz(f, "Polygon aggregates JSON") }
func FuzzAlpaca(f *testing.F)       { fuzz(f, "Alpaca JSON") }
func FuzzCoinbase(f *testing.F)     { fuzz(f, "Coinbase candles JSON") }
func FuzzLean(f *testing.F)         { fuzz(f, "Lean zip") }
func FuzzJSON(f *testing.F)         { fuzz(f, "JSON") }

// fuzz starts from the examples of a format.
func fuzz(f *testing.F, format string) {
	for _, e := range examples(f) {
		if e.format == format {
			f.Add(e.path, e.text)
		}
	}

	f.Fuzz(func(t *testing.T, name, text string) {
		file, err := barfile.Read(strings.NewReader(text), name, barfile.Options{
			Zone:  "America/New_York",
			Dates: "mdy",
		})
		if err != nil {
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Fatalf("Read: %v is not ErrInvalid", err)
			}
			return
		}

		if rules(t, file) == 0 {
			t.Fatal("a file without bars was taken for a bar file")
		}
	})
}

// FuzzArchives reads any bytes as a file, beginning with packed examples.
func FuzzArchives(f *testing.F) {
	for _, e := range examples(f)[:12] {
		name := filepath.Base(e.path)
		f.Add(zipped(f, "readme.txt", "hello", name, e.text))
		f.Add(tarred(f, "readme.txt", "hello", name, e.text))
		f.Add(gzipped(f, []byte(e.text)))
	}

	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "AAPL.csv")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}

		file, err := barfile.Open(path, barfile.Options{Zone: "America/New_York", Dates: "mdy", Timeframe: "1d"})
		if err != nil {
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Fatalf("Open: %v is not ErrInvalid", err)
			}
			return
		}
		defer file.Close()
		rules(t, file)
	})
}

// heapMax limits the memory for reading any file. The Go runtime keeps twice what is live.
const heapMax = 128 << 20

// bounded checks the live heap. It leaves out the fuzzer's own memory and garbage.
func bounded(t *testing.T) {
	t.Helper()
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapAlloc <= heapMax {
		return
	}
	runtime.GC()
	if runtime.ReadMemStats(&m); m.HeapAlloc > heapMax {
		t.Fatalf("%d MB of the heap are in use", m.HeapAlloc>>20)
	}
}

// neverGrew checks that the heap has never been larger. The runtime keeps what it took from the system.
func neverGrew(t *testing.T) {
	t.Helper()
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapSys-m.HeapReleased > heapMax {
		t.Fatalf("the heap has grown to %d MB", (m.HeapSys-m.HeapReleased)>>20)
	}
}

// Texts that are far larger unpacked, and have no lines, ends or bars, take little memory.
func TestMemoryBounded(t *testing.T) {
	const size = 256 << 20
	for name, test := range map[string]struct{ begin, again string }{
		"no line ends": {
			begin: header,
			again: "x",
		}, "JSON without end": {`{"a":"`, "x"}, "deep JSON": {"", "["}, "many names": {"{", `"a":1,`},
		"blank lines": {
			begin: header,
			again: "\n",
		}, "rows": {header, "2019-01-02,1,2,1,2,3\n"}, "bad rows": {header + "2019-01-02,1,2,1,2,3\n", "x,1\n"},
		"symbols": {"symbol,date,open,high,low,close\n", "A,2019-01-02,1,2,1,2\n"},
	} {
		unpacked := io.MultiReader(strings.NewReader(test.begin), io.LimitReader(&repeating{text: test.again}, size))
		file, err := barfile.Read(unpacked, "AAPL.csv", barfile.Options{Timeframe: "1d"})
		if err == nil {
			n := 0
			for range file.Bars() {
				if n++; n%100_000 == 0 {
					neverGrew(t)
				}
				if n > 2_000_000 {
					break
				}
			}
		}

		neverGrew(t)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// repeating yields a text endlessly.
type repeating struct {
	text string
	at   int
}

func (r *repeating) Read(p []byte) (n int, err error) {
	for n < len(p) {
		copied := copy(p[n:], r.text[r.at:])
		n, r.at = n+copied, (r.at+copied)%len(r.text)
	}
	return n, nil
}

// Every bar that the readers accept satisfies the CHECKs of the table.
func TestTableTakesAcceptedBars(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	texts := [][2]string{}
	for _, e := range examples(t) {
		texts = append(texts, [2]string{e.path, e.text})
	}

	corpus, err := filepath.Glob("testdata/fuzz/Fuzz*/*")
	if err != nil {
		t.Fatal(err)
	}

	for _, path := range corpus {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}

		var values []string
		for line := range strings.Lines(string(text)) {
			quoted := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "string("), ")")
			if value, err := strconv.Unquote(quoted); err == nil {
				values = append(values, value)
			}
		}

		if len(values) == 2 {
			texts = append(texts, [2]string(values))
		}
	}

	for _, extreme := range []string{
		"2019-01-02," + strings.Repeat("9", 150) + "," + strings.Repeat("9", 150) + ",1,1,0",
		"2019-01-02,0.0000000000000000001,1,0.0000000000000000001,1,0",
		"2019-01-02,1e149,1e149,1,1,1e149",
		"2019-01-02,1e150,1e150,1,1,1e150",
		"1600-01-02,1,1,1,1,1",
		"2199-12-31,1,1,1,1,1",
	} {
		texts = append(texts, [2]string{"X.csv", header + "2019-01-03,1,2,1,2,3\n" + extreme + "\n"})
	}

	stored := int64(0)
	for _, text := range texts {
		file, err := barfile.Read(strings.NewReader(text[1]), text[0], barfile.Options{
			Zone:      "America/New_York",
			Dates:     "mdy",
			Timeframe: "1d",
		})
		if err != nil {
			continue
		}

		result, err := db.ImportBars(t.Context(), postgres.BarImport{File: "corpus", Bars: file.Bars(), Once: true})
		if err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v\n%.300s", text[0], err, text[1])
		}

		stored += result.Inserted
	}

	if stored < 50 {
		t.Errorf("%d bars were stored, want those of the examples", stored)
	}
}

// rules reads all rows and checks that each is a bar that satisfies the rules of the table, or rejected with its line
// and a reason, in bounded memory.
func rules(t *testing.T, file *barfile.File) (accepted int) {
	t.Helper()
	defer bounded(t)
	for row, err := range file.Bars() {
		var rejected *blotter.RejectedRow
		switch {
		case err == nil:
			accepted++
			if err := row.Check(false); err != nil {
				t.Fatalf("line %d was accepted: %v", row.Line, err)
			}
			if row.Timeframe == "" || len(row.Timeframe) > 10 || row.Source == "" ||
				row.Symbol != strings.ToUpper(row.Symbol) ||
				!utf8.ValidString(row.Symbol) || strings.Contains(row.Symbol, "\x00") {
				t.Fatalf("line %d: %+v", row.Line, row.Bar)
			}
		case errors.As(err, &rejected):
			for _, text := range []string{rejected.Symbol, rejected.Reason, rejected.Raw} {
				if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
					t.Fatalf("%q cannot be stored", text)
				}
			}
			if rejected.Line < 1 || rejected.Reason == "" || rejected.Check == "" {
				t.Fatalf("rejected: %+v", rejected)
			}
		case !errors.Is(err, blotter.ErrInvalid):
			t.Fatalf("%v is not ErrInvalid", err)
		}
	}

	return accepted
}
