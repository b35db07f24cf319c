package fillfile_test

import "github.com/blotterdb/blotter/fillfile"

var exchanges = []example{
	{
		"bbgo", `[{"gid":1,"id":11,"exchange":"binance","price":9200,"quantity":0.06,"quoteQuantity":552,"symbol":"BTCUSDT","side":"BUY","isBuyer":true,"isMaker":true,"tradedAt":"2019-10-31T15:48:51.803Z","fee":5.1e-7,"feeCurrency":"BTC"},
{"gid":2,"id":12,"exchange":"binance","price":9240.39,"quantity":1e-2,"quoteQuantity":92.4,"symbol":"BTCUSDT","side":"SELL","isBuyer":false,"isMaker":true,"tradedAt":"2019-10-31T16:54:01.311Z","fee":0.92,"feeCurrency":"USDT"},
{"gid":3,"id":13,"exchange":"binance","price":"x","quantity":1,"quoteQuantity":1,"symbol":"BTCUSDT","side":"SELL","isBuyer":false,"isMaker":true,"tradedAt":"2019-10-31T16:54:01.311Z","fee":0.92,"feeCurrency":"USDT"}]`,
		account,
		"bbgo fills JSON",
		[]string{
			"A 2019-10-31T15:48:51.803Z buy 0.06 BTCUSDT @ 9200 USDT fee 0.00000051 BTC id 11",
			"A 2019-10-31T16:54:01.311Z sell 0.01 BTCUSDT @ 9240.39 USDT fee 0.92 id 12",
		},
		[]string{`line 3: price "x" is not a decimal number`},
		nil,
	},
	{
		"Binance, spot", `[{"symbol":"BNBBTC","id":28457,"orderId":100234,"orderListId":-1,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","commission":"10.10000000","commissionAsset":"BNB","time":1499865549590,"isBuyer":true,"isMaker":false,"isBestMatch":true},
{"symbol":"BNBBTC","id":28458,"orderId":100235,"price":"4","qty":"1","commission":"0","commissionAsset":"BNB","time":1499865549590,"isBuyer":false,"isMaker":false}]`,
		account,
		"Binance trades JSON",
		[]string{
			"A 2017-07-12T13:19:09.59Z buy 12 BNBBTC @ 4.000001 BTC fee 10.1 BNB order 100234 id 28457",
			"A 2017-07-12T13:19:09.59Z sell 1 BNBBTC @ 4 BTC order 100235 id 28458",
		},
		nil, nil,
	},
	{
		"Binance, futures", `[{"buyer":false,"commission":"-0.07819010","commissionAsset":"USDT","id":698759,"maker":false,"orderId":25851813,"price":"7819.01","qty":"0.002","quoteQty":"15.63802","realizedPnl":"-0.91","side":"SELL","positionSide":"SHORT","symbol":"BTCUSDT","time":1569514978020},
{"buyer":true,"commission":"0.0000001","commissionAsset":"BTC","id":5,"price":"7819.01","qty":"2","side":"BUY","symbol":"BTCUSD_PERP","time":1569514978020}]`,
		account,
		"Binance trades JSON",
		[]string{"A 2019-09-26T16:22:58.02Z sell 0.002 BTCUSDT @ 7819.01 USDT fee -0.0781901 order 25851813 id 698759"},
		[]string{"inverse contract"},
		nil,
	},
	{
		"Binance, updates", `{"e":"ORDER_TRADE_UPDATE","T":1568879465651,"E":1568879465651,"o":{"s":"BTCUSDT","c":"TEST","S":"SELL","o":"LIMIT","f":"GTC","q":"0.002","p":"7100.50","ap":"0","sp":"0","x":"NEW","X":"NEW","i":8886774,"l":"0","z":"0","L":"0","T":1568879465651,"t":0,"m":true,"rp":"0"}}
{"e":"ORDER_TRADE_UPDATE","T":1568879465651,"E":1568879465651,"o":{"s":"BTCUSDT","c":"TEST","S":"SELL","o":"LIMIT","f":"GTC","q":"0.002","p":"7100.50","ap":"7100.50","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,"l":"0.001","z":"0.001","L":"7100.75","N":"USDT","n":"0.01000000","T":1568879465651,"t":12345678,"m":true,"rp":"12.34"}}`,
		account,
		"Binance order updates JSON",
		[]string{"A 2019-09-19T07:51:05.651Z sell 0.001 BTCUSDT @ 7100.75 USDT fee 0.01 order 8886774 id 12345678"},
		nil,
		map[string]int64{"order that did not fill": 1},
	},
	{
		"Binance, updates in an array", `[{"e":"ORDER_TRADE_UPDATE","T":1568879465651,"E":1568879465651,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","x":"TRADE","X":"FILLED","i":1,"l":"0.001","L":"7100.75","N":"USDT","n":"0.01","T":1568879465651,"t":2}},
{"e":"executionReport","E":1499405658658,"s":"ETHBTC","c":"x","S":"BUY","o":"LIMIT","f":"GTC","q":"1.0","p":"0.1","x":"TRADE","X":"FILLED","r":"NONE","i":4293153,"l":"1.0","z":"1.0","L":"0.10264410","n":"0.001","N":"ETH","T":1499405658657,"t":77,"I":8641984,"w":true,"m":false}]`,
		account,
		"Binance order updates JSON",
		[]string{
			"A 2019-09-19T07:51:05.651Z sell 0.001 BTCUSDT @ 7100.75 USDT fee 0.01 order 1 id 2",
			"A 2017-07-07T05:34:18.657Z buy 1 ETHBTC @ 0.1026441 BTC fee 0.001 ETH order 4293153 id 77",
		},
		nil, nil,
	},
	{
		"Binance, trade history of the site", "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n2021-03-04 05:06:07,BTCUSDT,SELL,\"50,123.45\",0.5000000000BTC,\"25,061.725USDT\",25.061725USDT\n",
		account,
		"Binance trade history CSV",
		[]string{"A 2021-03-04T05:06:07Z sell 0.5 BTCUSDT @ 50123.45 USDT fee 25.061725"},
		nil, nil,
	},
	{
		"Kraken", "\"txid\",\"ordertxid\",\"pair\",\"time\",\"type\",\"ordertype\",\"price\",\"cost\",\"fee\",\"vol\",\"margin\",\"misc\",\"ledgers\"\n" +
			"\"T1\",\"O1\",\"XXBTZEUR\",\"2021-03-04 05:06:07.1234\",\"sell\",\"limit\",50123.4,100.24,0.26,0.002,0.0,\"\",\"L1,L2\"\n",
		account,
		"Kraken trades CSV",
		[]string{"A 2021-03-04T05:06:07.1234Z sell 0.002 XXBTZEUR @ 50123.4 EUR fee 0.26 order O1 id T1"},
		nil, nil,
	},
	{
		"Bybit", `{"retCode":0,"retMsg":"OK","result":{"nextPageCursor":"x","category":"linear","list":[
{"symbol":"BTCUSDT","orderId":"o1","side":"Buy","orderPrice":"50000","execFee":"-0.0150","execId":"e1","execPrice":"50000.00","execQty":"0.100","execType":"Trade","execTime":"1672282722429","feeCurrency":""},
{"symbol":"BTCUSDT","orderId":"","side":"Buy","execFee":"0.15","execId":"e2","execPrice":"50000.00","execQty":"0.100","execType":"Funding","execTime":"1672282722429","feeCurrency":""},
{"symbol":"BTCUSDH24","orderId":"","side":"Buy","execFee":"0.15","execId":"e3","execPrice":"50000.00","execQty":"100","execType":"Trade","execTime":"1672282722429","feeCurrency":""}]},"time":1672283754510}`,
		account,
		"Bybit executions JSON",
		[]string{"A 2022-12-29T02:58:42.429Z buy 0.1 BTCUSDT @ 50000 USDT fee -0.015 order o1 id e1"},
		[]string{"inverse contract"},
		map[string]int64{"funding payment": 1},
	},
	{
		"AX", `{"fills":[{"trade_id":"T-1","order_id":"O-1","fee":"0.54225","is_taker":true,"price":"1.08450","quantity":500,"side":"S","symbol":"EURUSD-PERP","timestamp":"2024-01-15T10:30:45Z","account_id":"acc"}]}`,
		fillfile.Options{},
		"AX fills JSON",
		[]string{"acc 2024-01-15T10:30:45Z sell 500 EURUSD-PERP @ 1.0845 USD fee 0.54225 order O-1 id T-1"},
		nil, nil,
	},
	{
		"Alpaca", `[{"activity_type":"DIVNRA","id":"d1","date":"2019-05-24","net_amount":"1.02","symbol":"T","qty":"2","per_share_amount":"0.51"},{"activity_type":"FILL","cum_qty":"1","id":"20190524113406977::8efc","leaves_qty":"0","price":"1.63","qty":"1.5","side":"sell_short","symbol":"foo","transaction_time":"2019-05-24T15:34:06.977Z","order_id":"o1","type":"fill"},{"activity_type":"CSD","id":"c1","date":"2019-05-24","net_amount":"100"}]`,
		account,
		"Alpaca activities JSON",
		[]string{"A 2019-05-24T15:34:06.977Z sell 1.5 FOO @ 1.63 USD order o1 id 20190524113406977::8efc"},
		nil,
		map[string]int64{"dividend": 1, "deposit": 1},
	},
	{
		"freqtrade", `{"metadata":{"S":{"run_id":"x"}},"strategy":{"S":{"trades":[{"pair":"ADA/BTC","stake_amount":0.001,"amount":21.026072329688816,"open_date":"2018-01-10 07:15:00+00:00","close_date":"2018-01-10 07:30:00+00:00","open_rate":4.756e-05,"close_rate":4.9705563909774425e-05,"fee_open":0.0025,"fee_close":0.0025,"is_open":false,"is_short":false,"orders":null},
{"pair":"ETH/USDT:USDT","amount":2.5,"open_date":"2018-01-11 07:15:00+00:00","close_date":"2018-01-11 07:30:00+00:00","open_rate":100.0,"close_rate":99.5,"fee_open":0.001,"fee_close":0.001,"is_open":false,"is_short":true,"orders":[]}],"locks":[],"best_pair":{"key":"ADA/BTC","trades":1},"results_per_pair":[{"key":"ADA/BTC","trades":1}],"stake_currency":"BTC"}},"strategy_comparison":[{"key":"S","trades":2}]}`,
		account,
		"freqtrade back test, simulated",
		[]string{
			"A 2018-01-10T07:15:00Z buy 21.02607233 ADA/BTC @ 0.00004756 BTC fee 0.0000025 strategy S",
			"A 2018-01-10T07:30:00Z sell 21.02607233 ADA/BTC @ 0.00004971 BTC fee 0.00000261 strategy S",
			"A 2018-01-11T07:15:00Z sell 2.5 ETH/USDT:USDT @ 100 USDT fee 0.25 strategy S",
			"A 2018-01-11T07:30:00Z buy 2.5 ETH/USDT:USDT @ 99.5 USDT fee 0.24875 strategy S",
		},
		nil, nil,
	},
	{
		"freqtrade, never rounded", `{"strategy":{"S":{"trades":[{"pair":"ADA/BTC","amount":21.026072329688816,"open_date":"2018-01-10 07:15:00+00:00","close_date":"2018-01-10 07:30:00+00:00","open_rate":4.756e-05,"close_rate":0.5,"fee_open":0,"fee_close":0}]}}}`,
		fillfile.Options{Account: "A", Round: -1},
		"freqtrade back test, simulated",
		[]string{"A 2018-01-10T07:30:00Z sell 21.026072329688816 ADA/BTC @ 0.5 BTC strategy S"},
		[]string{"at most 19 digits after the point"},
		nil,
	},
}

var generic = []example{
	{
		"generic", "date,time,symbol,side,quantity,price,fee,fee_currency,trade_id,order_id,account_id,multiplier,strategy\n" +
			"2024-01-02,10:00:00Z,aapl,Buy,10,185.5,1,usd,t1,o1,A,,s\n2024-01-02,10:00:01Z,CL,sell,2,-37.63,,,t2,,A,1000,\n" +
			"2024-01-02,10:00:01Z,AAPL,dividend,2,1,,,t3,,A,,\n2024-01-02,10:00:01Z,AAPL,gifted,2,1,,,t4,,A,,\n2024-01-32,10:00:01Z,AAPL,buy,2,1,,,t5,,A,,\n" +
			"2024-01-02,10:00:01Z,AAPL,buy,0,1,,,t6,,A,,\n2024-01-02,10:00:01Z,AAPL,buy,-1,1,,,t7,,A,,\n2024-01-02,10:00:01Z,,buy,1,1,,,t8,,A,,\n,,,,,,,,,,,,\n",
		fillfile.Options{},
		"CSV",
		[]string{"A 2024-01-02T10:00:00Z buy 10 AAPL @ 185.5 fee 1 USD strategy s order o1 id t1", "A 2024-01-02T10:00:01Z sell 2 CL @ -37.63 x1000 id t2"},
		[]string{`side "gifted"`, `invalid date "2024-01-32`, "quantity 0", "buy with negative quantity -1", "the symbol and the ISIN are missing"},
		map[string]int64{"dividend": 1},
	},
	{
		"generic, signed quantities, decimal commas, days first", "Ticker;Date;Qty;Price;Commission;Currency;Account\r\nFOO;13/02/2024;-1.250;1.034,50;1,5;EUR;X\r\nBAR;14/02/2024;0,125;7,25;;EUR;X\r\n",
		fillfile.Options{},
		"CSV",
		[]string{"X 2024-02-13T00:00:00Z sell 1250 FOO @ 1034.5 EUR fee 1.5", "X 2024-02-14T00:00:00Z buy 0.125 BAR @ 7.25 EUR"},
		nil, nil,
	},
	{
		"generic, months first, orders with their fills", "symbol,status,type,side,qty,filled qty,price,avg fill price,datetime,account\nFOO,Filled,limit,buy,10,10,5,4.9,01/02/2024 3:04:05 PM,X\nFOO,Cancelled,limit,buy,10,0,5,,01/13/2024 15:04:05,X\nFOO,Cancelled,limit,buy,10,4,5,4.95,01/14/2024 15:04:05,X\n",
		fillfile.Options{Zone: "America/New_York"},
		"CSV",
		[]string{"X 2024-01-02T20:04:05Z buy 10 FOO @ 4.9", "X 2024-01-14T20:04:05Z buy 4 FOO @ 4.95"},
		nil,
		map[string]int64{"order that did not fill": 1},
	},
	{
		"generic, named by the user", "1704189600,FOO,B,10,5.5,0.1\n1704189601,FOO,S,10,5.5,0.1\n",
		fillfile.Options{Account: "A", Columns: "date,symbol,side,quantity,price,fee", Currency: "usd"},
		"CSV",
		[]string{"A 2024-01-02T10:00:00Z buy 10 FOO @ 5.5 USD fee 0.1", "A 2024-01-02T10:00:01Z sell 10 FOO @ 5.5 USD fee 0.1"},
		nil, nil,
	},
	{
		"fills of Coinbase's exchange", "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit\ndefault,77,BTC-EUR,BUY,2021-03-04T05:06:07.123Z,0.01,BTC,40000.5,2,-402.005,EUR\n",
		fillfile.Options{},
		"CSV",
		[]string{"default 2021-03-04T05:06:07.123Z buy 0.01 BTC-EUR @ 40000.5 EUR fee 2 id 77"},
		nil, nil,
	},
	{
		"own export as CSV", "id,account_id,trade_id,order_id,symbol,side,quantity,price,multiplier,currency,commission,commission_currency,realized_pnl,position_effect,strategy,executed_at,settlement_date,created_at,quantity_after\n" +
			"1,A,t1,o1,FOO,sell,2,10.5,100,USD,-0.25,USD,0,open,s1,2024-01-02T10:00:00.123456Z,2024-01-04,2024-05-05T00:00:00Z,-2\n",
		fillfile.Options{},
		"CSV",
		[]string{"A 2024-01-02T10:00:00.123456Z sell 2 FOO @ 10.5 x100 USD fee -0.25 settles 2024-01-04 strategy s1 order o1 id t1"},
		nil, nil,
	},
	{
		"own export as JSON", `[{"id":1,"account_id":"A","trade_id":"t1","order_id":null,"symbol":"FOO","side":"sell","quantity":"2","price":"10.5","multiplier":"100","currency":"USD","commission":"-0.25","commission_currency":"EUR","realized_pnl":"0","position_effect":"open","strategy":"s1","executed_at":"2024-01-02T10:00:00.123456Z","settlement_date":"2024-01-04","created_at":"2024-05-05T00:00:00Z"}]`,
		fillfile.Options{},
		"JSON",
		[]string{"A 2024-01-02T10:00:00.123456Z sell 2 FOO @ 10.5 x100 USD fee -0.25 EUR settles 2024-01-04 strategy s1 id t1"},
		nil, nil,
	},
	{
		"JSON lines", "{\"time\":1704189600,\"symbol\":\"FOO\",\"qty\":-1.5e2,\"price\":2.50,\"account\":\"X\",\"fee\":null}\n{\"time\":1704189600,\"symbol\":\"FOO\",\"qty\":1,\"price\":2.50,\"account\":\"X\",\"fee\":null}\n",
		fillfile.Options{},
		"JSON",
		[]string{"X 2024-01-02T10:00:00Z sell 150 FOO @ 2.5", "X 2024-01-02T10:00:00Z buy 1 FOO @ 2.5"},
		nil, nil,
	},
}
