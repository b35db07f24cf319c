package barfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/barfile"
)

// rows writes n lines. Their dates are the given number of days apart.
func rows(first string, n, step int, line func(i int, date time.Time) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i, day(first).AddDate(0, 0, i*step)) + "\n")
	}
	return b.String()
}

// Columns are recognized by their names, by all of their values, and by the objects around the rows.
func TestReadByMeaning(t *testing.T) {
	t.Parallel()
	dated := func(format string) string {
		return rows("2019-05-06", 12, 1, func(_ int, at time.Time) string {
			return fmt.Sprintf(format, at.Format(time.DateOnly))
		})
	}

	for _, test := range []struct {
		name, file, text string
		opts             barfile.Options
		bars, rejected   int
		first            string // the first bar
		remark           string
	}{
		{
			name: "header: close before high, unknown date", file: "QQA.csv", bars: 12,
			text:  "quoteday,close,high,low,open,volume\n" + dated("%s,32,33.25,30.75,31.5,77"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "header: low before high is no Coinbase", file: "QQA.csv", bars: 12,
			text:  "on,low,high,close,open,vol\n" + dated("%s,30.75,33.25,32,31.5,77"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "header: trades before volume", file: "QQA.csv", bars: 12,
			text:  "sitting,open,high,low,close,trades,volume\n" + dated("%s,31.5,33.25,30.75,32,5,77"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "header: previous close before open", file: "QQA.csv", bars: 12,
			text:  "sitting,prev_close,open,high,low,close,volume\n" + dated("%s,31.4,31.5,33.25,30.75,32,77"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "header: turnover is no volume and no date", file: "QQA.csv", bars: 12,
			text:  "sitting,open,high,low,close,turnover\n" + dated("%s,31.5,33.25,30.75,32,201872000"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 0 none csv",
		},
		{
			name: "header: volume of the quoted currency first", file: "QQA.csv", bars: 12,
			text:  "date,quote_volume,open,high,low,close,volume\n" + dated("%s,999,31.5,33.25,30.75,32,77"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "header: date last, and another date that does not change", file: "QQA.csv", bars: 12,
			text:  "open,high,low,close,listed,sitting\n" + dated("31.5,33.25,30.75,32,2001-01-02,%s"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 0 none csv",
		},
		{
			name: "header: date and time under unknown names",
			file: "QQA.csv",
			bars: 12,
			opts: barfile.Options{Zone: "UTC"},
			text: "sitting,clock,open,high,low,close\n" + rows("2019-05-06", 12, 0, func(i int, at time.Time) string {
				return fmt.Sprintf("%s,09:%02d,31.5,33.25,30.75,32", at.Format(time.DateOnly), 30+i)
			}),
			first: "QQA 1m 2019-05-06T09:30:00Z 31.5 33.25 30.75 32 0 none csv",
		},
		{
			name: "header: unknown date in Unix milliseconds", file: "QQA.csv", bars: 12,
			text: "moment,open,high,low,close,volume\n" + rows("1969-03-03", 12, 7, func(_ int, at time.Time) string {
				return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMilli())
			}),
			first: "QQA 1w 1969-03-03T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "header: names in two languages", file: "QQA.csv", bars: 12,
			text: "date/\xc8\xd5,open/\xbf\xaa,high/\xb8\xdf,low/\xb5\xcd,close/\xca\xd5,vol/\xc1\xbf\n" +
				dated("%s,31.5,33.25,30.75,32,77"),
			first: "QQA 1d 2019-05-06T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "epoch: milliseconds across 1970", file: "QQA.csv", bars: 700,
			text: "timestamp,open,high,low,close,volume\n" +
				rows("1966-01-03", 700, 7, func(_ int, at time.Time) string {
					return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMilli())
				}),
			first: "QQA 1w 1966-01-03T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "epoch: milliseconds without a header", file: "QQA.csv", bars: 700,
			text: rows("1971-01-04", 700, 1, func(_ int, at time.Time) string {
				return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMilli())
			}),
			first: "QQA 1d 1971-01-04T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name:   "epoch: microseconds from one line on",
			file:   "QQA.csv",
			bars:   900,
			remark: "times are in milliseconds up to line 701, and in microseconds from there on",
			text: "timestamp,open,high,low,close,volume\n" +
				rows("2023-01-02", 900, 1, func(i int, at time.Time) string {
					if i >= 700 {
						return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMicro())
					}
					return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMilli())
				}),
			first: "QQA 1d 2023-01-02T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "epoch: one row in another unit", file: "QQA.csv", bars: 899, rejected: 1,
			text: "timestamp,open,high,low,close,volume\n" +
				rows("2023-01-02", 900, 1, func(i int, at time.Time) string {
					if i == 700 {
						return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.Unix())
					}
					return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMilli())
				}),
			first: "QQA 1d 2023-01-02T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "epoch: a unit that changes twice", file: "QQA.csv", bars: 800, rejected: 100,
			remark: "times are in seconds up to line 701, and in milliseconds from there on",
			text: "timestamp,open,high,low,close,volume\n" +
				rows("2023-01-02", 900, 1, func(i int, at time.Time) string {
					if i >= 700 && i < 800 {
						return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.UnixMilli())
					}
					return fmt.Sprintf("%d,31.5,33.25,30.75,32,77", at.Unix())
				}),
			first: "QQA 1d 2023-01-02T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "quarantine: adjusted closes that are not numbers", file: "QQA.csv", bars: 900,
			remark: `620 adjusted closes that are not numbers were left empty, the first is "-inf" in line 2`,
			text: "Date,Open,High,Low,Close,Adj Close,Volume\n" +
				rows("2015-01-05", 900, 1, func(i int, at time.Time) string {
					adjusted := "-inf"
					if i >= 620 {
						adjusted = "31.25"
					}
					return fmt.Sprintf("%s,31.5,33.25,30.75,32,%s,77", at.Format(time.DateOnly), adjusted)
				}),
			first: "QQA 1d 2015-01-05T00:00:00Z 31.5 33.25 30.75 32 77 none yahoo",
		},
		{
			name: "quarantine: more bad rows first than are read ahead", file: "QQA.csv", bars: 100, rejected: 9000,
			text: "Date,Open,High,Low,Close,Volume\n" + rows("1980-01-01", 9100, 1, func(i int, at time.Time) string {
				if i < 9000 {
					return at.Format(time.DateOnly) + ",0,0,0,0,5"
				}
				return at.Format(time.DateOnly) + ",31.5,33.25,30.75,32,77"
			}),
			first: "QQA 1d 2004-08-22T00:00:00Z 31.5 33.25 30.75 32 77 none csv",
		},
		{
			name: "JSON: bars keyed by symbol", file: "latest.json", bars: 2, opts: barfile.Options{Timeframe: "1m"},
			text: `{"bars":{"QQA":{"c":32,"h":33.25,"l":30.75,"o":31.5,"t":"2021-02-03T15:04:00Z","v":77},` +
				`"qqb":{"c":2,"h":3,"l":1,"o":2,"t":"2021-02-03T15:03:00Z","v":7}}}`,
			first: "QQA 1m 2021-02-03T15:04:00Z 31.5 33.25 30.75 32 77 none alpaca",
		},
		{
			name: "JSON: arrays keyed by symbols in small letters", file: "page.json", bars: 2,
			text: `{"qqa":[{"date":"2021-02-03","open":31.5,"high":33.25,"low":30.75,"close":32,"volume":77}],` +
				`"qqb":[{"date":"2021-02-03","open":2,"high":3,"low":1,"close":2,"volume":7}]}`,
			first: "QQA 1d 2021-02-03T00:00:00Z 31.5 33.25 30.75 32 77 none json",
		},
		{
			name: "JSON: a symbol of its own in each object", file: "page.json", bars: 2,
			text: `{"first":{"symbol":"QQA","rows":[{"date":"2021-02-03","open":31.5,"high":33.25,"low":30.75,` +
				`"close":32}]},` +
				`"second":{"symbol":"QQB","rows":[{"date":"2021-02-03","open":2,"high":3,"low":1,"close":2}]}}`,
			first: "QQA 1d 2021-02-03T00:00:00Z 31.5 33.25 30.75 32 0 none json",
		},
		{
			name: "JSON: the name inside", file: "epoch-weeks.json", bars: 2, opts: barfile.Options{Timeframe: "1d"},
			text: `{"name":"^QQX","ohlc":[` +
				`{"date":"2021-02-03","open":31.5,"high":33.25,"low":30.75,"close":32},` +
				`{"date":"2021-02-04","open":31.5,"high":33.25,"low":30.75,"close":32}]}`,
			first: "^QQX 1d 2021-02-03T00:00:00Z 31.5 33.25 30.75 32 0 none json",
		},
		{
			name: "JSON: bars keyed by date", file: "daily.json", bars: 2,
			text: `{"Meta Data":{"1. Information":"Daily","2. Symbol":"QQA","3. Last Refreshed":"2021-02-04"},` +
				`"Time Series (Daily)":{` +
				`"2021-02-04":{"1. open":"31.5","2. high":"33.25","3. low":"30.75","4. close":"32","5. volume":"77"},` +
				`"2021-02-03":{"1. open":"31.5","2. high":"33.25","3. low":"30.75","4. close":"32","5. volume":"77"}}}`,
			first: "QQA 1d 2021-02-04T00:00:00Z 31.5 33.25 30.75 32 77 none json",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}

			test.opts.Source = test.first[strings.LastIndexByte(test.first, ' ')+1:] // without its folder
			file, err := barfile.Open(path, test.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()

			for range 2 { // a file can be read again
				var bars, rejected int
				var first string

				symbols := map[string]bool{}
				for row, err := range file.Bars() {
					if err != nil {
						rejected++
						continue
					}
					if bars++; bars == 1 {
						first = describe(row)
					}
					symbols[row.Symbol] = true
				}

				if bars != test.bars || rejected != test.rejected || first != test.first {
					t.Errorf("%d bars, %d rejected, first %s\n"+
						"want %d, %d, %s", bars, rejected, first, test.bars, test.rejected, test.first)
				}
				if strings.HasPrefix(test.name, "JSON: ") && strings.Contains(strings.ToLower(test.text), "qqb") &&
					!symbols["QQB"] {
					t.Errorf("symbols %v, want QQB too", symbols)
				}
				if got := strings.Join(file.Remarks, "; "); got != test.remark {
					t.Errorf("remarks %q, want %q", got, test.remark)
				}
			}
		})
	}
}

// A file with two possible meanings is an error that says what to do.
func TestRefusedByMeaning(t *testing.T) {
	t.Parallel()
	line := "2019-05-06,31.5,33.25,30.75,32,77\n2019-05-07,31.5,33.25,30.75,32,77\n"

	for _, test := range []struct{ name, file, text, want string }{
		{
			name: "names of no known language",
			file: "QQA.csv",
			text: "ngay,mo,cao,thap,dong,luong\n" + line,
			want: "name its columns in their order, for example --cols date,open,high,low,close,volume",
		},
		{
			name: "close under an unknown name",
			file: "QQA.csv",
			text: "date,open,high,low,fixing,volume\n" + line,
			want: `no column for close in "date,open,high,low,fixing,volume"`,
		},
		{"open twice", "QQA.csv", "date,open,high,low,close,open\n" + line, "its header has two columns for open"},
		{
			name: "no dates",
			file: "QQA.csv",
			text: "place,open,high,low,close,volume\nrow,31.5,33.25,30.75,32,77\nrow,31.5,33.25,30.75,32,77\n",
			want: "no column holds dates",
		},
		{
			name: "two columns of dates",
			file: "QQA.csv",
			text: "a,b,open,high,low,close\n" +
				"2019-05-06,2019-05-08,31.5,33.25,30.75,32\n" +
				"2019-05-07,2019-05-09,31.5,33.25,30.75,32\n",
			want: `its columns "a" and "b" all hold dates; name the columns in their order`,
		},
		{
			name: "several symbols a row",
			file: "two.csv",
			text: ",QQA:open,QQA:high,QQA:low,QQA:close,QQB:open,QQB:high,QQB:low,QQB:close\n" +
				"2019-05-06,1,2,1,2,3,4,3,4\n",
			want: "each row holds the bars of 2 symbols side by side (QQA, QQB)",
		},
		{
			name: "several symbols a row, named behind",
			file: "two.csv",
			text: "date,open_QQA,high_QQA,low_QQA,close_QQA,open_QQB,high_QQB,low_QQB,close_QQB\n" +
				"2019-05-06,1,2,1,2,3,4,3,4\n",
			want: "each row holds the bars of 2 symbols side by side (QQA, QQB)",
		},
		{
			name: "bars of bid and ask",
			file: "QQA.csv",
			text: "date,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close\n" +
				"2019-05-06,1,2,1,2,1,2,1,2\n",
			want: "it holds quotes",
		},
		{
			name: "bid and ask without names",
			file: "QQA.csv",
			text: "20190506 093000123,1.34560,1.34575,0\n20190506 093000900,1.34561,1.34576,0\n",
			want: "it holds quotes, not bars",
		},
		{
			name: "order book messages",
			file: "QQA.csv",
			text: "35100.000012,1,777001,20,1234500,1\n35100.010012,3,777001,20,1234500,-1\n",
			want: "it holds order book messages, not bars",
		},
		{
			name: "trades in two languages",
			file: "QQA.csv",
			text: "trade_id/\xb3\xc9,side/\xb7\xbd,size/\xca\xfd,price/\xbc\xdb,created_time/\xca\xb1\n" +
				"1,buy,0.1,31.5,1600000000000\n",
			want: "it holds trades, not bars",
		},
		{
			name: "words of vendors are no symbol",
			file: "http_latest_market.csv",
			text: "date,open,high,low,close,volume\n" + line,
			want: "set --symbol",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			refused(t, test.file, test.text, barfile.Options{}, test.want)
		})
	}
}

// A symbol that stands only in the file's name is reported as a guess.
func TestGuessedSymbol(t *testing.T) {
	t.Parallel()
	const row = "2019-05-06,31.5,33.25,30.75,32,77"

	for _, test := range []struct {
		text    string
		opts    barfile.Options
		guessed bool
	}{
		{"date,open,high,low,close,volume\n" + row, barfile.Options{}, true},
		{"date,open,high,low,close,volume\n" + row, barfile.Options{Symbol: "QQB"}, false},
		{"date,open,high,low,close,volume,symbol\n" + row + ",QQB", barfile.Options{}, false},
		{"date,QQB.open,QQB.high,QQB.low,QQB.close,volume\n" + row, barfile.Options{}, false},
		{
			text:    `{"symbol":"QQB","rows":[{"date":"2019-05-06","open":1,"high":2,"low":1,"close":2}]}`,
			opts:    barfile.Options{},
			guessed: false,
		},
	} {
		if r := read(t, "QQA.csv", test.text, test.opts); r.file.Guessed != test.guessed || len(r.bars) != 1 {
			t.Errorf("%.60s: guessed %t, %d bars; want %t and one", test.text, r.file.Guessed, len(r.bars),
				test.guessed)
		}
	}
}

// The times of Lean's files are in the zone of the symbol, not always in the exchange's.
func TestLeanZones(t *testing.T) {
	t.Parallel()
	const half, open = "30600000,4000,4001,3999,4000,0\n" +
		"30660000,4000,4001,3999,4000,0\n", "34200000,4000,4001,3999,4000,0\n34260000,4000,4001,3999,4000,0\n"
	for _, test := range []struct{ path, text, want string }{
		{"index/usa/minute/spx/20240105_trade.zip", half, "2024-01-05T14:30:00Z"},
		{"index/usa/minute/vix/20240705_trade.zip", half, "2024-07-05T13:30:00Z"},
		{"index/usa/minute/rut/20240105_trade.zip", open, "2024-01-05T14:30:00Z"},
		{"index/usa/minute/rut/20240105_trade.zip", half, "2024-01-05T14:30:00Z"}, // told by its first bar
		{"index/eurex/minute/dax/20240105_trade.zip", open, "2024-01-05T08:30:00Z"},
		{"equity/usa/minute/spy/20240105_trade.zip", open, "2024-01-05T14:30:00Z"},
		{"equity/india/minute/idea/20240105_trade.zip", open, "2024-01-05T04:00:00Z"},
		{"crypto/coinbase/minute/btcusd/20240105_trade.zip", open, "2024-01-05T09:30:00Z"},
	} {
		symbol := strings.Split(test.path, "/")[3]
		path := filepath.Join(t.TempDir(), test.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}

		name := strings.Split(filepath.Base(path), "_")[0] + "_" + symbol + "_minute_trade.csv"
		if err := os.WriteFile(path, zipped(t, name, test.text), 0o600); err != nil {
			t.Fatal(err)
		}

		file, err := barfile.Open(path, barfile.Options{})
		if err != nil {
			t.Fatal(err)
		}

		for row, err := range file.Bars() {
			if got := row.Timestamp.Format(time.RFC3339); err != nil || got != test.want {
				t.Errorf("%s: %s, %v; want %s", test.path, got, err, test.want)
			}
			break
		}

		_ = file.Close()
	}

	_, _, err := opened(t, "index/moon/minute/abc/20240105_trade.zip",
		zipped(t, "20240105_abc_minute_trade.csv", half), barfile.Options{})
	if err == nil || !strings.Contains(err.Error(), "set --tz") {
		t.Errorf("an unknown market: %v, want that --tz is asked for", err)
	}
}
