package fillfile_test

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

// A file that holds something else is refused, and named.
func TestNotFills(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ name, text, want string }{
		{"empty", " \n", "it is empty"},
		{
			name: "header alone",
			text: "Date,Ticker,Type,Quantity,Price per share,Total Amount,Currency,FX Rate\n",
			want: "a header and no rows (Revolut CSV)",
		},
		{
			name: "dividends of a broker",
			text: "Date,Ticker,Type,Quantity,Price per share,Total Amount,Currency,FX Rate\n" +
				"2019-12-13T08:40:00Z,MSFT,DIVIDEND,,,$0.08,USD,1.1\n" +
				"2019-12-14T08:40:00Z,MSFT,DIVIDEND,,,$0.08,USD,1.1\n" +
				"2019-12-14T08:40:00Z,,CASH TOP-UP,,,$5,USD,1.1\n",
			want: "it holds 2 dividends, 1 deposit, not fills",
		},
		{
			name: "dividends of Interactive Brokers",
			text: "\"Type\",\"SettleDate\",\"ISIN\",\"Description\",\"Amount\",\"CurrencyPrimary\"\n" +
				"\"Dividends\",\"20230623\",\"US1\",\"VT\",\"137.23\",\"USD\"\n",
			want: "dividends and taxes of Interactive Brokers",
		},
		{"bars", "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,3\n", "it holds bars"},
		{
			name: "bars with a symbol",
			text: "date,symbol,open,high,low,close,price,volume\n2024-01-02,A,1,2,1,2,2,3\n",
			want: "it holds bars",
		},
		{
			name: "market trades",
			text: ",timestamp,id,type,side,price,amount,cost,date\n" +
				"0,1675329600138,1206419187,,buy,1666.8,26.062,43440.1416,2023-02-02 09:20:00.138000+00:00\n",
			want: "it holds trades of the market",
		},
		{
			name: "market trades, JSON",
			text: `[{"info":{},"timestamp":1570752011620,"datetime":"2019-10-11T00:00:11.620Z","symbol":"XRP/ETH",` +
				`"id":"1","order":null,"side":"sell","price":1,"amount":2,"cost":2,"fee":null}]`,
			want: "trades of the market",
		},
		{
			name: "market trades, Alpaca",
			text: `{"trades":[{"t":"2022-01-03T17:00:00Z","x":"Q","p":181.47,"s":1,"c":["@"],"i":1,"z":"C"}],` +
				`"symbol":"AAPL"}`,
			want: "it holds trades of the market",
		},
		{"quotes", "timestamp,bid,ask\n2013-01-01 22:00:00+00:00,86.655,86.728\n", "it holds quotes"},
		{
			name: "positions, Bybit",
			text: `{"result":{"list":[{"symbol":"BTCUSDT","side":"Buy","size":"0.5","avgPrice":"5",` +
				`"positionValue":"2","positionStatus":"Normal","updatedTime":"1697673600012"}]}}`,
			want: "it holds positions",
		},
		{
			name: "positions, Binance",
			text: `[{"symbol":"BTCUSDT","positionAmt":"0.001","entryPrice":"50000.0","updateTime":1625474304765}]`,
			want: "it holds positions",
		},
		{
			name: "orders, Binance",
			text: `[{"symbol":"LTCBTC","orderId":1,"price":"0.1","origQty":"1.0","executedQty":"0.0","status":"NEW",` +
				`"side":"BUY","time":1499827319559}]`,
			want: "it holds orders",
		},
		{
			name: "orders, Bybit",
			text: `{"result":{"list":[{"orderId":"a","symbol":"BTCUSDT","price":"30000","qty":"0.010","side":"Buy",` +
				`"orderStatus":"Cancelled","cumExecQty":"0","createdTime":"1700000000000"}]}}`,
			want: "it holds orders",
		},
		{
			name: "snapshots",
			text: `{"symbol":"AAPL","dailyBar":{"c":173.03,"h":173.71,"l":171.66,"n":5,"o":172.6,` +
				`"t":"2022-08-16T04:00:00Z","v":5}}`,
			want: "it holds snapshots",
		},
		{
			name: "orders, Alpaca",
			text: `{"id":"9","client_order_id":"9","created_at":"2018-10-05T05:48:59Z",` +
				`"submitted_at":"2018-10-05T05:48:59Z","symbol":"AAPL","qty":"15","filled_qty":"0","side":"buy",` +
				`"limit_price":"107.00","status":"accepted"}`,
			want: "it holds orders",
		},
		{
			name: "order updates without a fill",
			text: `{"e":"ORDER_TRADE_UPDATE","o":{"s":"BTCUSDT","S":"SELL","x":"NEW","X":"NEW","i":8,"l":"0",` +
				`"L":"0","T":1568879465651,"t":0}}`,
			want: "1 order that did not fill",
		},
		{
			name: "Flex without trades",
			text: `<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1"><CashTransactions>` +
				`<CashTransaction type="Dividends" amount="3"/></CashTransactions></FlexStatement></FlexStatements>` +
				`</FlexQueryResponse>`,
			want: "it holds 1 dividend, not fills",
		},
		{
			name: "Flex, an error",
			text: `<FlexStatementResponse timestamp='x'><Status>Fail</Status></FlexStatementResponse>`,
			want: "the answer of a Flex request",
		},
		{"a web page", "<!DOCTYPE html><html></html>", "a web page"},
		{"other XML", "<a><b/></a>", "it is XML"},
		{"JSON of nothing", "[1,2]", "JSON without objects"},
		{"words", "hello\nworld\n", "it has no header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, test.text, fillfile.Options{Account: "A"})
			var not *fillfile.NotFillsError
			if !errors.As(r.err, &not) || !errors.Is(r.err, blotter.ErrInvalid) ||
				!strings.Contains(r.err.Error(), test.want) {
				t.Errorf("got %v, want %s", r.err, test.want)
			}
		})
	}
}

// A broken file is an error and does not panic.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	trade := `<Trade accountId="U1" symbol="FOO" currency="USD" dateTime="20240102;103000" quantity="4" ` +
		`tradePrice="5" buySell="BUY" tradeID="1" />`

	for name, text := range map[string]string{
		"XML that ends":       `<FlexQueryResponse><Trades>` + trade,
		"XML that is crossed": `<FlexQueryResponse><Trades>` + trade + `</Other></Trades>`,
		"XML of great depth":  `<FlexQueryResponse>` + strings.Repeat("<a>", 40) + trade,
		"a long element": `<FlexQueryResponse><Trades>` + trade + `<Trade a="` + strings.Repeat("x", 1<<20) +
			`"/></Trades></FlexQueryResponse>`,
		"JSON that ends": `[{"time":1704189600,"symbol":"FOO","qty":1,"price":2.50,"account":"X"},{"time":`,
		"a long line": "date,symbol,side,quantity,price,account\n" +
			"2024-01-02,FOO,buy,1,1,A\n" + strings.Repeat("x", 1<<20) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := read(t, text, fillfile.Options{})
			if !errors.Is(r.err, blotter.ErrInvalid) || errors.As(r.err, new(*fillfile.NotFillsError)) {
				t.Errorf("got %v", r.err)
			}
		})
	}
}

// A missing fact is an AskError that names the option.
func TestAsked(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		option, text string
		opts         fillfile.Options
	}{
		{"account", "date,symbol,side,quantity,price\n2024-01-02,FOO,buy,1,1\n", fillfile.Options{}},
		{"symbol", "date,side,quantity,price,account\n2024-01-02,buy,1,1,A\n", fillfile.Options{}},
		{"tz", "date,symbol,side,quantity,price,account\n2024-01-02 10:00,FOO,buy,1,1,A\n", fillfile.Options{}},
		{"date-order", "date,symbol,side,quantity,price,account\n01/02/2024,FOO,buy,1,1,A\n", fillfile.Options{}},
		{
			option: "date-order",
			text: `<FlexQueryResponse><Trades><Trade accountId="U1" symbol="FOO" currency="USD" ` +
				`dateTime="01/02/2024;103000" quantity="4" tradePrice="5" buySell="BUY" tradeID="1" /></Trades>` +
				`</FlexQueryResponse>`,
			opts: fillfile.Options{},
		},
	} {
		r := read(t, test.text, test.opts)
		var ask *fillfile.AskError
		if !errors.As(r.err, &ask) || ask.Option != test.option || !errors.Is(r.err, blotter.ErrInvalid) {
			t.Errorf("got %v, want an AskError about %s", r.err, test.option)
		}

		all := fillfile.Options{Account: "B", Symbol: "S", Zone: "America/New_York", DateOrder: "dmy"}
		r = read(t, test.text, all)
		if r.err != nil || len(r.fills) != 1 {
			t.Fatalf("with all options: got %v, %v; want one fill", r.fills, r.err)
		}
		if fill := r.fills[0]; fill.AccountID != cmp.Or(fill.Named, "B") || fill.Symbol != "S" {
			t.Errorf("with all options: got %v", fill)
		}
	}
}

// A rejected row has its line, the broken rule and its text.
func TestRejectedRow(t *testing.T) {
	t.Parallel()
	r := read(t, "date,symbol,side,quantity,price,account\n"+
		"\n"+
		"2024-01-02,foo,buy,0,1,A\n"+
		"2024-01-02,foo,buy,\"1\n"+
		"2\",1,A\n"+
		"2024-01-02,\xfffoo,buy,1,,A\n", fillfile.Options{Zone: "UTC"})

	want := []blotter.RejectedRow{
		{Line: 3, Symbol: "FOO", Check: "fill", Raw: "2024-01-02,foo,buy,0,1,A"},
		{Line: 4, Symbol: "FOO", Check: "parse", Raw: "2024-01-02,foo,buy,\"1\n2\",1,A"},
		{Line: 6, Symbol: "ŸFOO", Check: "parse", Raw: "2024-01-02,ÿfoo,buy,1,,A"},
	}

	if len(r.rejected) != len(want) {
		t.Fatal(r.rejected, r.err)
	}

	for i, got := range r.rejected {
		if want[i].Reason = got.Reason; *got != want[i] || got.Reason == "" {
			t.Errorf("got  %+v\nwant %+v", *got, want[i])
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()

	for _, opts := range []fillfile.Options{
		{Format: "no"},
		{DateOrder: "ymd"},
		{Round: 20},
		{Round: -2},
		{Zone: "Nowhere"},
		{Account: strings.Repeat("x", 51)},
	} {
		if r := read(t, "date,symbol,side,quantity,price\n"+
			"2024-01-02,FOO,buy,1,1\n", opts); !errors.Is(r.err, blotter.ErrInvalid) {
			t.Errorf("%+v: %v", opts, r.err)
		}
	}
}
