package barfile_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// The fuzz tests feed any text to Read, each beginning with the files of one format: there is no panic, every accepted
// bar satisfies the rules of the table, and every row is either a bar or rejected with its line and a reason.

func FuzzYahoo(f *testing.F) {
	f.Add("AAPL.csv", "Date,Open,High,Low,Close,Adj Close,Volume\n2019-01-02,1,2,1,2,2,3\n2019-01-03,null,null,null,null,null,null\n")
	f.Add("AAPL.csv", "Date,Open,High,Low,Close,Volume,Adj Close\n2007-12-31,147.10,147.61,146.06,146.21,108126800,127.37\n")
	fuzz(f, "Yahoo CSV")
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"date,open,high,low,close,volume,Name\n2013-02-08,15.07,15.12,14.63,14.75,8407500,AAL\n2013-02-11,1,1,2,1,1,AAL\n",
		"Datetime,Open,High,Low,Close,Volume\n2022-01-03 00:00:00+08:00,1,2,1,2,3\n",
		"", "\n", "date,open", "a;b\n\x00",
		"date,open,high,low,close,volume,name\n2013-02-08,1,2,1,2,3,\x00\n2013-02-08,1,2,1,2,3,A\n2013-02-08,\xe9,2,1,2,3,B\n",
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
	for _, e := range examples {
		if e.format == format {
			f.Add(e.file, e.text)
		}
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		file, err := barfile.Read(strings.NewReader(text), name, barfile.Options{Zone: "America/New_York"})
		if err != nil {
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Fatalf("Read: %v is not ErrInvalid", err)
			}
			return
		}
		accepted := 0
		for row, err := range file.Bars() {
			var rejected *blotter.RejectedRow
			switch {
			case err == nil:
				accepted++
				if err := row.Check(false); err != nil {
					t.Fatalf("line %d was accepted: %v", row.Line, err)
				}
				if row.Timeframe == "" || len(row.Timeframe) > 10 || row.Source == "" || row.Symbol != strings.ToUpper(row.Symbol) ||
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
		if accepted == 0 {
			t.Fatal("a file without bars was taken for a bar file")
		}
	})
}
