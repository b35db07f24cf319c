package barfile_test

import (
	"testing"

	"github.com/blotterdb/blotter/barfile"
)

func TestSymbolOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"brk-b.csv": "BRK-B", "FB_2018.csv": "FB", "^GSPC-1950.csv": "^GSPC", "SPY-2007-yahoofinance.csv": "SPY",
		"daily-KO.csv": "KO", "AAPL_data.csv": "AAPL", "/home/2020/x-daily/AAPL.csv": "AAPL", "BRK.B_data.csv": "BRK.B",
		"BF.B.csv": "BF.B", "BTC-USD.csv": "BTC-USD", "msft.csv.gz": "MSFT", "AAPL_1min.csv": "AAPL", "eurusd 1h.TXT": "EURUSD",
		"AAPL-2021-04-21.csv": "AAPL", "btc-perp-20211231-20220201_1m.csv": "BTC-PERP", "WIKI-ORCL-2011-quandl.csv": "ORCL",
		"MAX.csv": "MAX", "DATA.csv": "DATA", "1398-HK.csv": "1398-HK", "3M.DE.csv": "3M.DE", "AAPL": "AAPL",
		// These tell no symbol: asking is better than a wrong guess.
		"2018.csv": "", "prices.csv": "", "max.csv": "", "daily_data_2020-01-31.csv": "", "1d.csv": "", ".csv": "", "-": "",
	} {
		if got := barfile.SymbolOf(path); got != want {
			t.Errorf("SymbolOf(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestNoSymbol(t *testing.T) {
	t.Parallel()
	const text = "date,open,high,low,close,volume\n2019-01-02,1,2,1,2,3\n"
	refused(t, "prices.csv", text, barfile.Options{}, "say --symbol")
	if bar := read(t, "prices.csv", text, barfile.Options{Symbol: "ko"}).one(t); bar.Symbol != "KO" {
		t.Errorf("symbol %q, want KO", bar.Symbol)
	}
	named := read(t, "prices.csv", "date,open,high,low,close,volume,symbol\n2019-01-02,1,2,1,2,3,ko\n", barfile.Options{})
	if bar := named.one(t); bar.Symbol != "KO" {
		t.Errorf("symbol %q, want KO", bar.Symbol)
	}
}
