package barfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/barfile"
)

func TestSymbolOf(t *testing.T) {
	t.Parallel()

	for path, want := range map[string]string{
		"brk-b.csv":                         "BRK-B",
		"FB_2018.csv":                       "FB",
		"^GSPC-1950.csv":                    "^GSPC",
		"SPY-2007-yahoofinance.csv":         "SPY",
		"daily-KO.csv":                      "KO",
		"AAPL_data.csv":                     "AAPL",
		"/home/2020/x-daily/AAPL.csv":       "AAPL",
		"BRK.B_data.csv":                    "BRK.B",
		"BF.B.csv":                          "BF.B",
		"BTC-USD.csv":                       "BTC-USD",
		"msft.csv.gz":                       "MSFT",
		"AAPL_1min.csv":                     "AAPL",
		"eurusd 1h.TXT":                     "EURUSD",
		"AAPL-2021-04-21.csv":               "AAPL",
		"btc-perp-20211231-20220201_1m.csv": "BTC-PERP",
		"WIKI-ORCL-2011-quandl.csv":         "ORCL",
		"MAX.csv":                           "MAX",
		"DATA.csv":                          "DATA",
		"1398-HK.csv":                       "1398-HK",
		"3M.DE.csv":                         "3M.DE",
		"AAPL":                              "AAPL",
		"AAPL (1).csv":                      "AAPL",
		"EURUSD_M5.csv":                     "EURUSD",
		"xbtusd_60.csv":                     "XBTUSD",
		"EURUSD60.csv":                      "EURUSD",
		"SPY_D.csv":                         "SPY",
		"DA-AAPL-T-2021-04-21.csv":          "AAPL",
		"DA-BRK.B-T-2021-04-21.csv":         "BRK.B",
		"zipline-AAPL.csv.gz":               "AAPL",
		"GOOG-backtesting.csv":              "GOOG",
		"EURUSD_Candlestick_1_M_BID_01.01.2020-31.12.2020.csv": "EURUSD",
		"gbpusd-m1-ask-2012.csv":                               "GBPUSD",
		// Alpha Vantage's downloads, TradingView's, HistData's, Stooq's and FirstRate Data's.
		"intraday_5min_AAPL.csv":           "AAPL",
		"intraday_5min_MSFT.csv":           "MSFT",
		"intraday_60min_brk.b.csv":         "BRK.B",
		"daily_AAPL.csv":                   "AAPL",
		"daily_adjusted_AAPL.csv":          "AAPL",
		"daily_adjusted_aapl.csv":          "AAPL",
		"weekly_adjusted_AAPL.csv":         "AAPL",
		"monthly_AAPL.csv":                 "AAPL",
		"crypto_intraday_5min_ETH_USD.csv": "ETH-USD",
		"currency_daily_BTC_EUR.csv":       "BTC-EUR",
		"fx_daily_EUR_USD.csv":             "EUR-USD",
		"BINANCE_BTCUSDT, 60.csv":          "BTCUSDT",
		"NASDAQ_AAPL, 1D.csv":              "AAPL",
		"CME_MINI_ES1!, 1M_0a1b2.csv":      "ES1!",
		"DAT_ASCII_EURUSD_M1_2020.csv":     "EURUSD",
		"aapl_us_d.csv":                    "AAPL",
		"brk-b_us_w.csv":                   "BRK-B",
		"^spx_d.csv":                       "^SPX",
		"SPY_full_1day_adjsplit.txt":       "SPY",
		"D.csv":                            "D",
		"ADJ.csv":                          "ADJ",
		"HistoricalQuotes.csv":             "",
		"table.csv":                        "",
		"HistoricalQuotes (2).csv":         "",
		"HistoricalData_1690000000.csv":    "",
		"2006-01-02-volume-min-001.txt":    "",
		"600519.csv":                       "600519",
		"HistoricalData_1699999999999.csv": "",
		"standard input":                   "",
		// These tell no symbol: asking is better than a wrong guess.
		"2018.csv":                  "",
		"prices.csv":                "",
		"max.csv":                   "",
		"daily_data_2020-01-31.csv": "",
		"1d.csv":                    "",
		".csv":                      "",
		"-":                         "",
	} {
		if got := barfile.SymbolOf(path); got != want {
			t.Errorf("SymbolOf(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestNoSymbol(t *testing.T) {
	t.Parallel()
	const text = "date,open,high,low,close,volume\n2019-01-02,1,2,1,2,3\n"

	refused(t, "prices.csv", text, barfile.Options{}, "set --symbol")
	const long = "thirty-two-characters-are-the-most-that-fit"

	refused(t, long+".csv", text, barfile.Options{},
		"has 43 characters, at most 32 can be stored; set a shorter one with --symbol")
	_, err := barfile.Read(strings.NewReader(text), long+".csv", barfile.Options{})
	if errors.As(err, new(*barfile.NotBarsError)) {
		t.Errorf("%v, want that it is a bar file", err)
	}
	if bar := read(t, long+".csv", text, barfile.Options{Symbol: "ko"}).onlyBar(t); bar.Symbol != "KO" {
		t.Errorf("symbol %q, want KO", bar.Symbol)
	}
	if bar := read(t, "prices.csv", text, barfile.Options{Symbol: "ko"}).onlyBar(t); bar.Symbol != "KO" {
		t.Errorf("symbol %q, want KO", bar.Symbol)
	}

	named := read(t, "prices.csv", "date,open,high,low,close,volume,symbol\n"+
		"2019-01-02,1,2,1,2,3,ko\n", barfile.Options{})
	if bar := named.onlyBar(t); bar.Symbol != "KO" {
		t.Errorf("symbol %q, want KO", bar.Symbol)
	}
}

// A column named symbol or ticker wins over other columns that may hold symbols.
func TestSymbolColumns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ head, row string }{
		{"Name,Symbol", "Apple Inc.,AAPL"},
		{"Symbol,Name", "AAPL,Apple Inc."},
		{"Market,Ticker", "NASDAQ,AAPL"},
		{"Pair,Instrument,Symbol", "x,y,AAPL"},
		{"Market,Name", "AAPL,Apple Inc."},
	} {
		text := test.head + ",date,open,high,low,close,volume\n" + test.row + ",2019-01-02,1,2,1,2,3\n"
		if bar := read(t, "prices.csv", text, barfile.Options{}).onlyBar(t); bar.Symbol != "AAPL" {
			t.Errorf("%s: symbol %q, want AAPL", test.head, bar.Symbol)
		}
	}
}

// The names of a JSON file's arrays are symbols if they are in capitals.
func TestSymbolsOfJSON(t *testing.T) {
	t.Parallel()
	const row = `{"date":"2019-01-02","open":1,"high":2,"low":1,"close":2,"volume":3}`
	r := read(t, "page.json", `{"AAPL":[`+row+`],"BTC/USD":[`+row+`]}`, barfile.Options{})
	if len(r.bars) != 2 || r.bars[0].Symbol != "AAPL" || r.bars[1].Symbol != "BTC/USD" {
		t.Errorf("%+v, want a bar of AAPL and one of BTC/USD", r.bars)
	}
	if bar := read(t, "KO.json", `{"prices":[`+row+`]}`, barfile.Options{}).onlyBar(t); bar.Symbol != "KO" {
		t.Errorf("symbol %q, want that of the file's name", bar.Symbol)
	}
	if bar := read(t, "x.json", `{"AAPL":[`+row+`]}`, barfile.Options{Symbol: "PEP"}).onlyBar(t); bar.Symbol != "PEP" {
		t.Errorf("symbol %q, want the one asked for", bar.Symbol)
	}
}

// A stream without a name has no symbol.
func TestSymbolOfStandardInput(t *testing.T) {
	t.Parallel()
	refused(t, barfile.StandardInput, "date,open,high,low,close,volume\n"+
		"2019-01-02,1,2,1,2,3\n", barfile.Options{},
		"standard input: neither a column nor its name tells the symbol; set --symbol")
}

// Names contain the timeframe too, also as MetaTrader writes it.
func TestTimeframeOfName(t *testing.T) {
	t.Parallel()

	for name, want := range map[string]string{
		"EURUSD_M5.csv":                    "5m",
		"EURUSD_H4.csv":                    "4h",
		"EURUSD60.csv":                     "1h",
		"SPY_D.csv":                        "1d",
		"intraday_5min_AAPL.csv":           "5m",
		"crypto_intraday_5min_ETH_USD.csv": "5m",
		"BINANCE_BTCUSDT, 60.csv":          "1h",
		"NASDAQ_AAPL, 1D.csv":              "1d",
		"X_ES1!, 1M.csv":                   "1mo",
		"DAT_ASCII_EURUSD_M1_2020.csv":     "1m",
		"aapl_us_d.csv":                    "1d",
		"aapl_us_m.csv":                    "1mo",
	} {
		r := read(t, name, "date,open,high,low,close,volume\n2019-01-02T09:00:00Z,1,2,1,2,3\n", barfile.Options{})
		if r.file.Timeframe != want {
			t.Errorf("%s: timeframe %s, want %s", name, r.file.Timeframe, want)
		}
	}
}

// A file with adj, adjusted or adjsplit in its name has adjusted prices only, unless it has a column of adjusted
// closes.
func TestAdjustedByName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"SPY_full_1day_adjsplit.txt": "SPY:ADJ",
		"daily_adjusted_AAPL.csv":    "AAPL:ADJ",
		"adj_KO.csv":                 "KO:ADJ",
		"KO-adjusted.csv":            "KO:ADJ",
		"ADJ.csv":                    "ADJ",
	} {
		if bar := read(t, name, "date,open,high,low,close,volume\n"+
			"2019-01-02,1,2,1,2,3\n", barfile.Options{}).onlyBar(t); bar.Symbol != want {
			t.Errorf("%s: symbol %s, want %s", name, bar.Symbol, want)
		}
	}

	bar := read(t, "daily_adjusted_AAPL.csv", "timestamp,open,high,low,close,adjusted_close,volume\n"+
		"2019-01-02,1,2,1,2,1.5,3\n", barfile.Options{}).onlyBar(t)
	if bar.Symbol != "AAPL" || bar.AdjClose == nil {
		t.Errorf("symbol %s, adjusted close %v; want AAPL and 1.5", bar.Symbol, bar.AdjClose)
	}
}
