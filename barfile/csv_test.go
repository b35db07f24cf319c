package barfile_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/blotterdb/blotter/barfile"
)

func TestLayouts(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ name, text, format, want string }{
		{
			name: "Yahoo",
			text: "Date,Open,High,Low,Close,Adj Close,Volume\n" +
				"2019-01-02,154.889999,158.850006,154.229996,157.919998,157.245605,37039700\n",
			format: "Yahoo CSV",
			want: "AAPL 1d 2019-01-02T00:00:00Z 154.889999 158.850006 154.229996 157.919998 37039700 157.245605 " +
				"yahoo",
		},
		{
			name: "Yahoo, volume first",
			text: "Date,Open,High,Low,Close,Volume,Adj Close\n" +
				"2007-12-31,147.10,147.61,146.06,146.21,108126800,127.37\n",
			format: "Yahoo CSV",
			want:   "AAPL 1d 2007-12-31T00:00:00Z 147.1 147.61 146.06 146.21 108126800 127.37 yahoo",
		},
		{
			name:   "Yahoo, adjusted first",
			text:   "Date,Adj Close,Close,High,Low,Open,Volume\n2014-09-17,457.1,457.3,468.2,452.4,465.9,21056800\n",
			format: "Yahoo CSV",
			want:   "AAPL 1d 2014-09-17T00:00:00Z 465.9 468.2 452.4 457.3 21056800 457.1 yahoo",
		},
		{
			"symbol column", "date,open,high,low,close,volume,Name\n2013-02-08,15.07,15.12,14.63,14.75,8407500,brk.b\n",
			"CSV", "BRK.B 1d 2013-02-08T00:00:00Z 15.07 15.12 14.63 14.75 8407500 none csv",
		},
		{
			name:   "other names",
			text:   "Ticker,TIMESTAMP,o,h,l,c,Vol.\nBTC-USD,2021-01-01 00:00:00,29000.5,29600,28700,29300,12.25\n",
			format: "CSV",
			want:   "BTC-USD 1d 2021-01-01T00:00:00Z 29000.5 29600 28700 29300 12.25 none csv",
		},
		{
			name: "another vendor's adjusted close is not Yahoo's",
			text: "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n" +
				"2020-11-16,15.64,16.15,15.34,15.86,15.80,26574200,0.0,1.0\n",
			format: "Alpha Vantage",
			want:   "AAPL 1d 2020-11-16T00:00:00Z 15.64 16.15 15.34 15.86 26574200 15.8 alphavantage",
		},
		{
			name:   "byte order mark, DOS line ends",
			text:   "\xef\xbb\xbfDate,Open,High,Low,Close,Adj Close,Volume\r\n2019-01-02,1,2,1,2,2,3\r\n",
			format: "Yahoo CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 2 1 2 3 2 yahoo",
		},
		{
			name:   "no last line end",
			text:   "date,open,high,low,close,volume\n2019-01-02,1,2,1,2,3",
			format: "CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 2 1 2 3 none csv",
		},
		{
			name:   "quoted cells",
			text:   `"date","open","high","low","close","volume"` + "\n" + `"2019-01-02","1","2","1","2","3"` + "\n",
			format: "CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 2 1 2 3 none csv",
		},
		{
			name:   "spaces, empty cells at the end, blank lines",
			text:   "\n date , open,high,low,close,volume\n\n 2019-01-02 , 1 ,2,1,2,3,,\n,,,\n",
			format: "CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 2 1 2 3 none csv",
		},
		{
			name:   "smallest fraction",
			text:   "date,open,high,low,close,volume\n2019-01-02,1,1.0000000000000000001,1,1,0.5\n",
			format: "CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 1.0000000000000000001 1 1 0.5 none csv",
		},
		{
			name:   "slashes",
			text:   "date,open,high,low,close,volume\n2019/01/02,1,2,1,2,3\n",
			format: "CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 2 1 2 3 none csv",
		},
		{
			name:   "no dashes",
			text:   "date,open,high,low,close,volume\n20190102,1,2,1,2,3\n",
			format: "CSV",
			want:   "AAPL 1d 2019-01-02T00:00:00Z 1 2 1 2 3 none csv",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, "dir/AAPL.csv", test.text, barfile.Options{})
			if got := describe(r.onlyBar(t)); got != test.want || r.file.Format != test.format {
				t.Errorf("%s\ngot  %s\nwant %s, %s", r.file.Format, got, test.want, test.format)
			}
		})
	}
}

func TestOptionsOverrule(t *testing.T) {
	t.Parallel()
	text := "date,open,high,low,close,volume,Name\n2013-02-08,1,2,1,2,3,AAL\n"
	r := read(t, "x.csv", text, barfile.Options{Symbol: "brk-b", Timeframe: "1w", Source: "desk"})
	if got, want := describe(r.onlyBar(t)), "BRK-B 1w 2013-02-08T00:00:00Z 1 2 1 2 3 none desk"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRejectedRows(t *testing.T) {
	t.Parallel()
	const header, good = "Date,Open,High,Low,Close,Adj Close,Volume\n", "2019-01-02,1,2,1,2,2,3\n"
	for _, test := range []struct{ name, row, check, reason string }{
		{"null cells", "2019-01-03,null,null,null,null,null,null", "parse", "open is missing"},
		{"blank price", "2019-01-03,1,2,,2,2,3", "parse", "low is missing"},
		{"high below close", "2019-01-03,1,1.5,1,2,2,3", "bar", "invalid high 1.5: want at least open 1 and close 2"},
		{"low above open", "2019-01-03,1,2,1.5,2,2,3", "bar", "invalid low 1.5: want at most open 1 and close 2"},
		{"zero price", "2019-01-03,0,2,0,2,2,3", "bar", "invalid open 0: want a price above zero"},
		{"negative price", "2019-01-03,1,2,-1,2,2,3", "bar", "invalid low -1: want"},
		{"negative volume", "2019-01-03,1,2,1,2,2,-3", "bar", "invalid volume -3: want"},
		{"thousands gone wrong", `2019-01-03,"1,00.5",2,1,2,2,3`, "parse", `open "1,00.5" is not a decimal number`},
		{"not a number", "2019-01-03,one,2,1,2,2,3", "parse", `open "one" is not a decimal number`},
		{
			name:   "too many decimals",
			row:    "2019-01-03,1.00000000000000000001,2,1,2,2,3",
			check:  "parse",
			reason: "20 digits after the point; at most 19 can be stored",
		},
		{
			name:   "too many digits",
			row:    "2019-01-03,1,2,1,2,2,1" + strings.Repeat("0", 150),
			check:  "parse",
			reason: "volume has more than 150 digits",
		},
		{"not a date", "yesterday,1,2,1,2,2,3", "parse", `invalid date "yesterday"`},
		{"no such day", "2019-02-30,1,2,1,2,2,3", "parse", `invalid date "2019-02-30"`},
		{"year slipped", "0019-01-03,1,2,1,2,2,3", "parse", "outside the years 1600 to 2200"},
		{"too few cells", "2019-01-03,1,2,1,2,2", "parse", "the row has 6 cells, the header 7"},
		{"too many cells", "2019-01-03,09:30,1,2,1,2,2,3", "parse", "the row has 8 cells, the header 7"},
		{"not UTF-8", "2019-01-03,\uFFFD,2,1,2,2,3", "parse", "is not a decimal number"},
		{"open quote", `2019-01-03,"1,2,1,2,2,3`, "parse", "the row has 2 cells, the header 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			row := strings.ReplaceAll(test.row, "\uFFFD", "\xe9\x00")
			test.row = strings.ReplaceAll(test.row, "\uFFFD", "\uFFFD\uFFFD")
			r := read(t, "AAPL.csv", header+good+row+"\n"+strings.Replace(good, "02", "04", 1), barfile.Options{})
			if len(r.bars) != 2 || len(r.rejected) != 1 {
				t.Fatalf("%d bars, %d rejected %v, want 2 and 1", len(r.bars), len(r.rejected), r.rejected)
			}

			got := r.rejected[0]
			if got.Check != test.check || !strings.Contains(got.Reason, test.reason) || got.Line != 3 ||
				got.Raw != test.row || got.Symbol != "AAPL" {
				t.Errorf("got %+v, want line 3, check %q, reason %q", got, test.check, test.reason)
			}
		})
	}
}

func TestEmptyRowsFirst(t *testing.T) {
	t.Parallel()
	text := "Date,Adj Close,Close,High,Low,Open,Volume\n" + strings.Repeat("2014-09-17,,,,,,\n", 3000) +
		"2022-09-17,1,1,1,1,1,5\n"
	r := read(t, "ADA-USD.csv", text, barfile.Options{})
	if len(r.bars) != 1 || len(r.rejected) != 3000 || r.bars[0].Line != 3002 {
		t.Errorf("%d bars, %d rejected, want the bar of line 3002 after 3000 rejected rows", len(r.bars),
			len(r.rejected))
	}
}

// The prices of all rows decide whether decimals have a comma, for the volume too.
func TestDecimalCommas(t *testing.T) {
	t.Parallel()
	const head = "Date;Open;High;Low;Close;Volume\n"
	for _, test := range []struct{ name, text, want string }{
		{
			name: "volume with points",
			text: head + "2021-01-04;1.234,5;1.300;1.200,25;1.234,5;95.910\n",
			want: "1234.5 1300 1200.25 1234.5 95910",
		},
		{"three digits", head + "2021-01-04;99,270;100,730;99,010;99,960;65.937\n", "99.27 100.73 99.01 99.96 65937"},
		{
			name: "decided by the close only",
			text: head + "2021-01-04;99,270;100,730;99,010;99,96;65937\n",
			want: "99.27 100.73 99.01 99.96 65937",
		},
		{
			name: "decided by the second row",
			text: head + "2021-01-04;1.234;1.240;1.230;1.235;1\n2021-01-05;1.234,5;1.240;1.230;1.235;1\n",
			want: "1234 1240 1230 1235 1",
		},
		{"points", head + "2021-01-04;1.234;1.240;1.230;1.235;1.5\n", "1.234 1.24 1.23 1.235 1.5"},
		{
			name: "points and grouping commas",
			text: head + "2021-01-04;1,234;1,240.5;1,230;1,235;95,910\n",
			want: "1234 1240.5 1230 1235 95910",
		},
		{
			name: "tabs and grouping commas",
			text: strings.ReplaceAll(head, ";", "\t") + "2021-01-04\t1,234\t1,240\t1,230\t1,235\t95,910\n",
			want: "1234 1240 1230 1235 95910",
		},
		{
			name: "quoted",
			text: strings.ReplaceAll(head, ";", ",") + `2021-01-04,"99,27","100,73","99,01","99,96","65.937"` + "\n",
			want: "99.27 100.73 99.01 99.96 65937",
		},
	} {
		b := read(t, "DAX.csv", test.text, barfile.Options{}).bars[0]
		got := strings.Join([]string{
			b.Open.String(),
			b.High.String(),
			b.Low.String(),
			b.Close.String(),
			b.Volume.String(),
		}, " ")

		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// Texts may have other encodings, line ends, dates and names of columns.
func TestTexts(t *testing.T) {
	t.Parallel()
	const text = "Date,Open,High,Low,Close,Adj Close,Volume\n2021-01-04,1,2,1,2,2,3\n2021-01-05,1,2,1,2,2,3\n"

	wide := func(order binary.AppendByteOrder) string {
		b := order.AppendUint16(nil, 0xfeff)
		for _, c := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, c)
		}
		return string(b)
	}

	for name, written := range map[string]string{
		"UTF-16, little":           wide(binary.LittleEndian),
		"UTF-16, big":              wide(binary.BigEndian),
		"returns":                  strings.ReplaceAll(text, "\n", "\r"),
		"returns, none at the end": strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\r"), "\r"),
	} {
		r := read(t, "AAPL.csv", written, barfile.Options{})
		if len(r.bars) != 2 || describe(r.bars[1]) != "AAPL 1d 2021-01-05T00:00:00Z 1 2 1 2 3 2 yahoo" {
			t.Errorf("%s: %+v, %v", name, r.bars, r.err)
		}
	}

	for _, test := range []struct{ name, head, at, timeframe, want string }{
		{"Dukascopy", "Gmt time,Open,High,Low,Close,Volume", "05.01.2021 09:30:00.000", "1m", "2021-01-05T09:30:00Z"},
		{
			name:      "Dukascopy, local",
			head:      "Local time,Open,High,Low,Close,Volume",
			at:        "05.01.2021 09:30:00.000 GMT+0100",
			timeframe: "1m",
			want:      "2021-01-05T08:30:00Z",
		},
		{
			name:      "MetaStock",
			head:      "<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
			at:        "20210105,093000",
			timeframe: "1m",
			want:      "2021-01-05T09:30:00Z",
		},
		{"weekday", "Date,Open,High,Low,Close,Volume", "Tue Jan 05 2021", "1d", "2021-01-05T00:00:00Z"},
		{
			name:      "JavaScript",
			head:      "Date,Open,High,Low,Close,Volume",
			at:        "Tue Jan 05 2021 09:30:00 GMT-0500 (Eastern Standard Time)",
			timeframe: "1m",
			want:      "2021-01-05T14:30:00Z",
		},
		{
			name:      "RFC 1123",
			head:      "Date,Open,High,Low,Close,Volume",
			at:        `"Tue, 05 Jan 2021 09:30:00 GMT"`,
			timeframe: "1m",
			want:      "2021-01-05T09:30:00Z",
		},
		{"German", "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", "05.01.2021", "1d", "2021-01-05T00:00:00Z"},
	} {
		row := test.at + ",1,2,1,2,3"
		if strings.Contains(test.head, ";") {
			row = strings.ReplaceAll(row, ",", ";")
		}

		opts := barfile.Options{Timeframe: test.timeframe}
		if test.name == "MetaStock" {
			opts.Zone = "UTC"
		}

		b := read(t, "EURUSD.csv", test.head+"\n"+row+"\n", opts).onlyBar(t)
		if got := b.Timestamp.Format(time.RFC3339); got != test.want || b.Volume.String() != "3" {
			t.Errorf("%s: %s, volume %s; want %s, 3", test.name, got, b.Volume, test.want)
		}
	}
}

// Rows without a header are bars if nearly all of them can be read as bars.
func TestWithoutHeader(t *testing.T) {
	t.Parallel()
	quotes, half := "", ""
	for i := range 20 {
		quotes += fmt.Sprintf("%d,150.1%d,150.2,%d,1\n", 1609459200+i, i%10, 1+i%5)
		half += fmt.Sprintf("%d,10,%d,9,10,100\n", 1609459200+60*i, 11-4*(i%2))
	}

	refused(t, "AAPL.csv", quotes, barfile.Options{}, "is not a bar file")
	refused(t, "AAPL.csv", half, barfile.Options{}, "is not a bar file")
	yahoo := "2019-01-02,154.89,158.85,154.23,157.92,157.24,37039700\n" +
		"2019-01-03,143.98,145.72,142.00,142.19,141.58,91312200\n"

	for _, name := range []string{"AAPL.csv", "AAPL_1440.csv"} {
		r := read(t, name, yahoo, barfile.Options{})
		got := describe(r.bars[0])
		if got != "AAPL 1d 2019-01-02T00:00:00Z 154.89 158.85 154.23 157.92 37039700 157.24 csv" {
			t.Errorf("%s: %s", name, got)
		}
	}

	open := "2019-01-02,154.89,158.85,154.23,157.92,37039700,0\n2019-01-03,143.98,145.72,142.00,142.19,91312200,0\n"
	got := describe(read(t, "ES.csv", open, barfile.Options{}).bars[0])
	if got != "ES 1d 2019-01-02T00:00:00Z 154.89 158.85 154.23 157.92 37039700 none csv" {
		t.Errorf("with open interest: %s", got)
	}
}

// The volume has many names. If none is known, the file reports which columns were not understood.
func TestVolumeNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Total Traded Quantity", "Shares Traded", "Qty", "Total Volume", "Volume USD", "Tick Volume", "No. of Shares",
	} {
		r := read(t, "A.csv", "Date,VWAP,Volume Weighted Average,Open,High,Low,Close,"+name+"\n"+
			"2019-01-02,7,8,1,2,1,2,3\n", barfile.Options{})
		if b := r.onlyBar(t); b.Volume.String() != "3" || r.file.Unknown != nil {
			t.Errorf("%s: volume %s, want 3", name, b.Volume)
		}
	}

	r := read(t, "A.csv", "Date,Open,High,Low,Close,Lots\n2019-01-02,1,2,1,2,3\n", barfile.Options{})
	if b := r.onlyBar(t); b.Volume.String() != "0" || fmt.Sprint(r.file.Unknown) != "[Lots]" {
		t.Errorf("volume %s, not understood %v; want 0 and Lots", b.Volume, r.file.Unknown)
	}
}

// The delimiter of the header is the one of the rows, even if numbers contain another one.
func TestSeparatorOfHeader(t *testing.T) {
	t.Parallel()

	for name, text := range map[string]string{
		"semicolons": "Date;Open;High;Low;Close;Volume\n" +
			strings.Repeat("2019-01-02;50,009;50,012;50,001;50,010;1,234,567\n", 9),
		"tabs": "Date\tOpen\tHigh\tLow\tClose\tVolume\n" +
			strings.Repeat("2019-01-02\t\"50,009\"\t\"50,012\"\t\"50,001\"\t\"50,010\"\t\"1,234,567\"\n", 9),
		"no header": strings.Repeat("2019-01-02\t\"50,009\"\t\"50,012\"\t\"50,001\"\t\"50,010\"\t\"1,234,567\"\n", 9),
	} {
		r := read(t, "A.csv", text, barfile.Options{})
		if len(r.bars) != 9 || r.bars[0].Volume.String() != "1234567" {
			t.Errorf("%s: %d bars, rejected %v", name, len(r.bars), r.rejected)
		} else if open := r.bars[0].Open.String(); open != "50009" {
			t.Errorf("%s: open %s", name, open)
		}
	}
}

// If the user names the columns, a first row that is a header is left out. An invalid row of data is not.
func TestColumnsFirstRow(t *testing.T) {
	t.Parallel()
	opts := barfile.Options{Columns: "date,open,high,low,close,volume"}
	const rows = "2019-01-03,1,2,1,2,3\n2019-01-04,1,2,1,2,3\n"

	for first, want := range map[string]int{
		"2019-01-02,10,0,9,9.5,5\n":                        1,
		"when,a,b,c,d,e\n":                                 0,
		"when,1. open,2. high,3. low,4. close,5. volume\n": 0,
		"2019-01-02,null,null,null,null,null\n":            1,
		"day1,open,high,low,close,vol\n":                   0,
	} {
		if r := read(t, "A.csv", first+rows, opts); len(r.bars) != 2 || len(r.rejected) != want {
			t.Errorf("%s: %d bars, %d rejected, want 2 and %d", first, len(r.bars), len(r.rejected), want)
		}
	}
}

// Files may be in German, in Latin-1, and group thousands by blanks.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	const investing = "\"Datum\",\"Zuletzt\",\"Eröffn.\",\"Hoch\",\"Tief\",\"Vol.\",\"+/- %\"\n" +
		"\"02.01.2019\",\"12.345,67\",\"12.340,00\",\"12.350,50\",\"12.300,25\",\"95,91K\",\"0,12%\"\n"
	const plain = "Datum;Eröffnung;Hoch;Tief;Schlusskurs;Volumen\n" +
		"02.01.2019;12340,00;12350,50;12300,25;12345,67;95910\n"
	const blanks = "Date;Open;High;Low;Close;Volume\n" +
		"2019-01-02;12 340,00;12\u00a0350,50;12\u202f300,25;12 345,67;95 910\n"
	const three = "Date;Open;High;Low;Close;Volume\n2019-01-02;12 340,000;12 350,500;12 300,250;12 345,670;95 910\n"

	for name, text := range map[string]string{
		"Investing.com":  investing,
		"UTF-8":          plain,
		"blanks":         blanks,
		"three digits":   three,
		"Latin-1":        strings.ReplaceAll(plain, "ö", "\xf6"),
		"Latin-1 blanks": strings.NewReplacer("\u00a0", "\xa0", "\u202f", "\xa0").Replace(blanks),
	} {
		bar := read(t, "DAX.csv", text, barfile.Options{}).onlyBar(t)
		if got := describe(bar); got != "DAX 1d 2019-01-02T00:00:00Z 12340 12350.5 12300.25 12345.67 95910 none csv" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A text with characters of UTF-8 is UTF-8, even if it has an invalid byte.
func TestBrokenByte(t *testing.T) {
	t.Parallel()
	r := read(t, "x.csv", "Date,Open,High,Low,Close,Name\n"+
		"2019-01-02,1,2,1,2,Münch\n"+
		"2019-01-02,1,2,1,2,K\xf6ln\n", barfile.Options{Timeframe: "1d"})
	if len(r.bars) != 1 || r.bars[0].Symbol != "MÜNCH" || len(r.rejected) != 1 {
		t.Errorf("%+v, rejected %v; want MÜNCH, and the other in quarantine", r.bars, r.rejected)
	}
}

// Bittrex calls the time T. Polygon calls the symbol T.
func TestTimeCalledT(t *testing.T) {
	t.Parallel()
	r := read(t, "BTC-LTC.json",
		`[{"O":1,"H":2,"L":1,"C":2,"V":3,"T":"2022-01-03T00:00:00","BV":1},`+
			`{"O":1,"H":2,"L":1,"C":2,"V":3,"T":"2022-01-04T00:00:00","BV":1}]`, barfile.Options{})
	if len(r.bars) != 2 || describe(r.bars[0]) != "BTC-LTC 1d 2022-01-03T00:00:00Z 1 2 1 2 3 none json" {
		t.Errorf("%+v, rejected %v", r.bars, r.rejected)
	}
}

// Years of two digits are those from 1968 to 2067.
func TestYearsOfTwoDigits(t *testing.T) {
	t.Parallel()
	r := read(t, "A.csv", "Date,Open,High,Low,Close,Volume\n"+
		"29-Dec-67,1,2,1,2,3\n"+
		"02-Jan-68,1,2,1,2,3\n"+
		"02-Jan-99,1,2,1,2,3\n", barfile.Options{Timeframe: "1d"})
	for i, want := range []int{2067, 1968, 1999} {
		if len(r.bars) != 3 || r.bars[i].Timestamp.Year() != want {
			t.Fatalf("%+v, want %d", r.bars, want)
		}
	}
}
