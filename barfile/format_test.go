package barfile_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// A format that several vendors share does not decide the source.
func TestSharedFormat(t *testing.T) {
	t.Parallel()
	const newest = "timestamp,open,high,low,close,volume\n2021-04-21,1,2,1,2,3\n2021-04-20,1,2,1,2,3\n"
	const letters = `"t":"2022-01-03T05:00:00Z","o":1,"h":2,"l":1,"c":2,"v":3}`

	for _, test := range []struct{ name, text, want string }{
		{"IBM.csv", newest, "csv"},
		{"alpha_vantage/IBM.csv", newest, "alphavantage"},
		{"KO.json", "[{" + letters + "]", "json"},
		{"KO.json", `{"bars":[{` + letters + "]}", "alpaca"},
		{"KO.json", `[{"symbol":"KO",` + letters + "]", "alpaca"},
		{"BTC.json", "[[1634943780000,10,12,13,9,2.5],[1634943840000,12,11,14,10,2.5]]", "json"}, // Bitfinex
		{"BTC.json", "[[1634943780000,10,13,9,12,2.5],[1634943840000,12,14,10,11,2.5]]", "binance"},
	} {
		r := read(t, test.name, test.text, barfile.Options{Timeframe: "1d"})
		if r.file.Source != test.want || len(r.bars) == 0 {
			t.Errorf("%s, %.40s: source %s, %d bars, want %s", test.name, test.text, r.file.Source, len(r.bars),
				test.want)
		}
	}
}

// A file that holds something else is refused by its kind.
func TestOtherFiles(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ name, text, kind string }{
		{"trades.csv", "12410770,sell,25.3,7.503,1700179210707\n", "trades"},
		{"prints.csv", "1315922016,5.80,1.0\n1315922024,5.83,3.0\n", "trades"},
		{"prints.csv", "Time,Price,Volume\n2012-06-21 09:30:00.01746,2238200,1\n", "trades"},
		{"trades.json", `[{"id":1,"price":"1.5","qty":"3","time":1700179210707,"isBuyerMaker":true}]`, "trades"},
		{"quotes.csv", "timestamp,bid,ask\n2013-01-01 22:00:00.295000+00:00,86.655,86.728\n", "quotes"},
		{
			name: "quotes.json",
			text: `{"quotes":[{"ap":178.3,"as":4,"ax":"Q","bp":178.2,"bs":1,"t":"2022-01-03T09:00:00Z"}],` +
				`"symbol":"AAPL"}`,
			kind: "quotes",
		},
		{
			name: "fills.json",
			text: `[{"symbol":"BNBBTC","id":28457,"orderId":100234,"price":"4.00000100","qty":"12",` +
				`"commission":"10.1","commissionAsset":"BNB","time":1499865549590,"isBuyer":true,"isMaker":false}]`,
			kind: "fills",
		},
		{
			name: "orders.json",
			text: `[{"symbol":"LTCBTC","orderId":1,"clientOrderId":"a","price":"0.1","origQty":"1.0","status":"NEW",` +
				`"side":"BUY","time":1499827319559}]`,
			kind: "orders",
		},
		{
			name: "export.csv",
			text: "Action,Time,ISIN,Ticker,Name,No. of shares,Price / share\n" +
				"Market buy,2023-11-24 08:00:00,US0378331005,AAPL,Apple,1,100\n",
			kind: "account activity",
		},
		{
			name: "flex.xml",
			text: `<FlexQueryResponse queryName="x" type="AF"><FlexStatements count="1">`,
			kind: "Interactive Brokers Flex statement",
		},
		{"aapl.csv", "19980102,0.8613657,0.00892857,1\n20000620,0.8613657,0.00892857,101\n", "factors"},
		{"aapl.csv", "19980102,aapl,Q\n20501231,aapl,Q\n", "ticker changes"},
		{
			name: "snapshot.json",
			text: `{"AAPL":{"dailyBar":{"t":"2022-08-15T04:00:00Z","o":1,"h":2,"l":1,"c":2,"v":3},` +
				`"latestTrade":{"p":1,"s":2,"t":"2022-08-15T04:00:00Z"}}}`,
			kind: "snapshots",
		},
		{
			name: "ticks.csv",
			text: "Datetime,Open,High,Low,Close,Volume,OpenInterest\n" +
				"2015-09-23T20:57:42.146,3067,3067,3067,3067,180,0\n" +
				"2015-09-23T20:57:46.151,3066,3066,3066,3066,2,0\n",
			kind: "ticks",
		},
		{"page.html", "<!DOCTYPE html><html><body>log in</body></html>", "a web page"},
		{"data/equity/usa/tick/bac/20131007_trade.csv", "14430270,1815200,283,P,20002020,0\n", "trades (Lean ticks)"},
	} {
		_, err := barfile.Read(strings.NewReader(test.text), test.name, barfile.Options{})
		var other *barfile.NotBarsError
		if !errors.As(err, &other) || !strings.Contains(other.Kind, test.kind) || !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want that it holds %s", test.name, err, test.kind)
		}
	}
}

// All members of an archive are read. Those without bars are skipped, and rows name their member.
func TestArchives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bars := "Date,Open,High,Low,Close,Volume,Name\n2019-01-02,1,2,1,2,3,AAPL\n2019-01-03,1,2,1,2,x,AAPL\n"
	members := []struct{ name, text string }{
		{"symbols.txt", "AAPL\nKO\n"},
		{".DS_Store", "x"},
		{"one.csv", bars},
		{"empty.csv", ""},
		{"two.csv", strings.ReplaceAll(bars, "AAPL", "KO")},
	}

	var zipped, tarred bytes.Buffer
	z, g := zip.NewWriter(&zipped), gzip.NewWriter(&tarred)
	tape := tar.NewWriter(g)

	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}

		fmt.Fprint(w, m.text)
		if err := tape.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.text)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(tape, m.text)
	}

	var packed bytes.Buffer

	p := gzip.NewWriter(&packed)
	fmt.Fprint(p, bars)
	for _, c := range []interface{ Close() error }{z, tape, g, p} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}

	for name, content := range map[string][]byte{
		"a.zip":    zipped.Bytes(),
		"a.tar.gz": tarred.Bytes(),
		"a.csv.gz": packed.Bytes(),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}

		file, err := barfile.Open(path, barfile.Options{})
		if err != nil {
			t.Fatal(err)
		}

		for range 2 { // a file can be read again
			var got []string
			for row, err := range file.Bars() {
				var rejected *blotter.RejectedRow
				switch {
				case errors.As(err, &rejected):
					got = append(got, fmt.Sprint(rejected.Symbol, " ", rejected.Line, " ", rejected.Member))
				case err != nil:
					t.Fatal(err)
				default:
					got = append(got, row.Symbol)
				}
			}

			want := "[AAPL AAPL 3 one.csv KO KO 3 two.csv]"
			if name == "a.csv.gz" {
				want = "[AAPL AAPL 3 ]"
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s: %v, want %s", name, got, want)
			}
		}

		if name != "a.csv.gz" && len(file.Skipped) != 2 {
			t.Errorf("%s: skipped %v, want two members", name, file.Skipped)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// docs/formats.md lists every format and every known name of a column.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(barfile.Formats(), barfile.ColumnNames()...) {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/formats.md does not name %s", name)
		}
	}
}
