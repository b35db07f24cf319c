package fillfile_test

import "github.com/blotterdb/blotter/fillfile"

// example is a file as its broker writes it, with its traps. It is recognised without being told.
type example struct {
	name, text string
	opts       fillfile.Options
	format     string
	want       []string // fills, as describe writes them
	rejected   []string // parts of the reasons
	others     map[string]int64
}

var (
	account = fillfile.Options{Account: "A"}
	berlin  = fillfile.Options{Account: "A", Zone: "Europe/Berlin"}
)

var brokers = []example{
	{
		"Avanza", "\xef\xbb\xbfDatum;Konto;Typ av transaktion;Värdepapper/beskrivning;Antal;Kurs;Belopp;Transaktionsvaluta;Courtage (SEK);Valutakurs;Instrumentvaluta;ISIN;Resultat\r\n" +
			"2024-03-01;123-4;Köp;Bolaget A;1 200;1 034,5;-1241439;SEK;39;;SEK;SE0000000001;\r\n" +
			"2024-03-02;123-4;Sälj;Company B;-2,5;330,125;8831,30;SEK;21,45;10,72655;USD;US0000000002;100\r\n" +
			"2024-03-03;123-4;Utdelning;Company B;11;1,5;16,5;SEK;;;USD;US0000000002;\r\n" +
			"2024-03-03;123-4;Övrigt;Fond C;-3,6545;;;;;;;LU0000000003;\r\n" +
			"2024-03-03;123-4;Övrigt;Avkastningsskatt;;;-26;SEK;0;;;;\r\n" +
			"2024-03-04;123-4;Köp;Bolaget A;10;;-500;SEK;39;;SEK;SE0000000001;\r\n\r\n",
		fillfile.Options{},
		"Avanza CSV",
		[]string{
			"123-4 2024-03-01T00:00:00Z buy 1200 SE0000000001 @ 1034.5 SEK fee 39",
			"123-4 2024-03-02T00:00:00Z sell 2.5 US0000000002 @ 330.125 USD fee 21.45 SEK",
		},
		[]string{"price is missing"},
		map[string]int64{"dividend": 1, "corporate action": 1, "tax": 1},
	},
	{
		"Avanza, of one byte a letter", "Datum;Konto;Typ av transaktion;V\xe4rdepapper/beskrivning;Antal;Kurs;Belopp;Courtage;Valuta;ISIN;Resultat\n2024-03-01;1;K\xf6p;A;6,357;100;-635,7;-;SEK;SE0000000001;-\n",
		fillfile.Options{},
		"Avanza CSV",
		[]string{"1 2024-03-01T00:00:00Z buy 6.357 SE0000000001 @ 100 SEK"},
		nil, nil,
	},
	{
		"Coinbase", "\nTransactions\nUser,Somebody,0000\nID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n" +
			"a1,2025-01-14 16:36:01 UTC,Advanced Trade Sell,eth,-0.25,EUR,\"€3,102.25\",€775.56,€773.00,€2.56,\"Sold 0.25 ETH for \"\"EUR\"\"\"\n" +
			"a2,2025-01-14 16:36:02 UTC,Buy,BTC,0.001,USD,$40000,$40,$41.99,$1.99,\"two\nlines\"\n" +
			"a3,2025-01-14 16:36:03 UTC,Convert,BTC,0.001,EUR,€1,€1,€1,,Converted\na4,2025-01-14 16:36:03 UTC,Staking Income,ETH,0.001,EUR,€1,€1,€1,€0.00,\na5,2025-01-14 16:36:03 UTC,Send,ETH,-0.1,EUR,€1,€1,€1,€0.00,\n",
		account,
		"Coinbase CSV",
		[]string{
			"A 2025-01-14T16:36:01Z sell 0.25 ETH @ 3102.25 EUR fee 2.56 id a1",
			"A 2025-01-14T16:36:02Z buy 0.001 BTC @ 40000 USD fee 1.99 id a2",
		},
		nil,
		map[string]int64{"conversion": 1, "reward": 1, "transfer": 1},
	},
	{
		"Coinbase, older, a price from the total", "Timestamp,Transaction Type,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction,Subtotal,Total (inclusive of fees),Fees,Notes\n" +
			"2020-03-25T06:45:27Z,Buy,BTC,0.5,EUR,,5000.10,5001,0.90,x\n2020-03-25T06:45:28Z,Buy,BTC,0.3,EUR,,10,11,1,x\n",
		account,
		"Coinbase CSV",
		[]string{"A 2020-03-25T06:45:27Z buy 0.5 BTC @ 10000.2 EUR fee 0.9"},
		[]string{"line 3: the price is missing, and total 10 / quantity 0.3 has more than"},
		nil,
	},
	{
		"DEGIRO", "Datum,Tijd,Valutadatum,Product,ISIN,Omschrijving,FX,Mutatie,,Saldo,,Order Id\n" +
			"15-12-2022,16:55,15-12-2022,FOO INC,US0000000001,Valuta Debitering,,EUR,\"-31,91\",EUR,\"0,07\",aaaa-\n,,,,,,,,,,,bbbb\n" +
			"15-12-2022,16:55,15-12-2022,FOO INC,US0000000001,DEGIRO Transactiekosten en/of kosten van derden,,EUR,\"-1,00\",EUR,\"31,98\",aaaa-bbbb\n" +
			"15-12-2022,16:55,15-12-2022,FOO INC,US0000000001,\"Koop 2 @ 33,9 USD\",,USD,\"-67,80\",USD,\"-67,80\",aaaa-bbbb\n" +
			"15-12-2022,16:55,15-12-2022,FOO INC,US0000000001,\"Koop 1.200 @ 33,905 USD\",,USD,\"-40.686,00\",USD,\"-33,90\",aaaa-bbbb\n" +
			"14-12-2022,09:00,14-12-2022,BAR,IE0000000002,\"Vente 1 046,5 BAR@82,055 EUR (IE0000000002)\",,EUR,85870.56,EUR,1,cccc\n" +
			"14-12-2022,09:00,14-12-2022,BAZ,GB0000000003,\"Sell 4 BAZ@1,496 GBX (GB0000000003)\",,GBP,59.84,GBP,114.31,dddd\n" +
			"14-12-2022,09:00,14-12-2022,BAZ,GB0000000003,Sell 4 BAZ@1,5 GBX (GB0000000003),,GBP,59.84,GBP,114.31,dddd\n" +
			"13-12-2022,09:00,13-12-2022,BAZ,GB0000000003,PRODUCTWIJZIGING : Koop 5 @ 1 EUR,,EUR,0,EUR,1,\n" +
			"13-12-2022,09:00,13-12-2022,BAZ,GB0000000003,STOCK DIVIDEND: Koop 9 @ 0 EUR,,EUR,0,EUR,1,\n" +
			"12-12-2022,09:00,12-12-2022,BAZ,GB0000000003,Dividendbelasting,,EUR,-1,EUR,1,\n12-12-2022,09:00,12-12-2022,BAZ,GB0000000003,Dividend,,EUR,2,EUR,1,\n" +
			"11-12-2022,09:00,11-12-2022,,,iDEAL Deposit,,EUR,2,EUR,1,\n10-12-2022,09:00,10-12-2022,BAZ,GB0000000003,Koop vijf @ 3 EUR,,EUR,2,EUR,1,eeee\n",
		berlin,
		"DEGIRO account CSV",
		[]string{
			"A 2022-12-15T15:55:00Z buy 2 US0000000001 @ 33.9 USD order aaaa-bbbb",
			"A 2022-12-15T15:55:00Z buy 1200 US0000000001 @ 33.905 USD fee 1 EUR order aaaa-bbbb",
			"A 2022-12-14T08:00:00Z sell 1046.5 IE0000000002 @ 82.055 EUR order cccc",
			"A 2022-12-14T08:00:00Z sell 4 GB0000000003 @ 14.96 GBP order dddd",
		},
		[]string{"more cells than the header", "the description tells no side, quantity and price: Koop vijf @ 3 EUR"},
		map[string]int64{"currency conversion": 1, "corporate action": 2, "tax": 1, "dividend": 1, "deposit": 1},
	},
	{
		"DEGIRO, transactions", "Date,Time,Product,ISIN,Reference exchange,Venue,Quantity,Price,,Local value,,Value,,Exchange rate,Transaction and/or third,,Total,,Order ID\n" +
			"05-03-2024,15:30,FOO INC,US0000000001,NDQ,XNAS,-3,\"101,5000\",USD,\"304,50\",USD,\"280,00\",EUR,\"1,0875\",\"-2,00\",EUR,\"278,00\",EUR,ffff\n" +
			"04-03-2024,15:30,FOO INC,US0000000001,NDQ,XNAS,3,\"1.100,2500\",USD,\"-3300,75\",USD,\"-3000,00\",EUR,\"1,1\",,,\"-3000,00\",EUR,gggg\n",
		berlin,
		"DEGIRO transactions CSV",
		[]string{
			"A 2024-03-05T14:30:00Z sell 3 US0000000001 @ 101.5 USD fee 2 EUR order ffff",
			"A 2024-03-04T14:30:00Z buy 3 US0000000001 @ 1100.25 USD order gggg",
		},
		nil, nil,
	},
	{
		"Freetrade", "Title,Type,Timestamp,Account Currency,Total Amount,Buy / Sell,Ticker,ISIN,Price per Share in Account Currency,Stamp Duty,Quantity,Venue,Order ID,Order Type,Instrument Currency,Total Shares Amount,Price per Share,FX Rate,Base FX Rate,FX Fee (BPS),FX Fee Amount\n" +
			"Foo,ORDER,2022-02-01T15:04:35.355Z,GBP,139.79,BUY,FOO,US0000000001,132.5,0.00,1.05011185,Multiple,O1,MARKET,USD,187.76,178.80000000,1.34,1.35,45,0.63\n" +
			"Bar,ORDER,2022-02-02T15:04:35.355Z,GBP,139.79,SELL,BAR,GB0000000002,10,0.70,4,London,O2,BASIC,GBP,40,10.00,,,0,0.05\n" +
			"Bar,FREESHARE_ORDER,2022-02-02T15:04:35.355Z,GBP,139.79,BUY,BAR,GB0000000002,10,0.70,4,London,O3,BASIC,GBP,40,10.00,,,0,0.05\n" +
			"Top up,TOP_UP,2022-01-28T20:41:58.209Z,GBP,10000.00,,,,,,,,,,,,,,,,\n" +
			"Bar,DIVIDEND,2022-01-28T20:41:58.209Z,GBP,10.00,,BAR,,,,4,,,,,,,,,,\n",
		account,
		"Freetrade CSV",
		[]string{
			"A 2022-02-01T15:04:35.355Z buy 1.05011185 FOO @ 178.8 USD fee 0.63 GBP order O1",
			"A 2022-02-02T15:04:35.355Z sell 4 BAR @ 10 GBP fee 0.75 order O2",
		},
		nil,
		map[string]int64{"reward": 1, "deposit": 1, "dividend": 1},
	},
	{
		"Revolut", "Date,Ticker,Type,Quantity,Price per share,Total Amount,Currency,FX Rate\n" +
			"2023-09-22T13:30:10.514Z,foo,BUY - MARKET,1.63453043,\"$1,052.07\",\"$1,719.64\",USD,1.0665\n" +
			"2023-09-23T13:30:10Z,BAR,SELL - LIMIT,\"0,76672417\",€26.09,€20.00,EUR,1\n2023-09-23T13:30:10Z,BAZ,SELL - STOP,3,EUR 26.09,EUR 78.27,EUR,1\n" +
			"2023-09-24T13:30:10Z,BAR,STOCK SPLIT,0.16431924,,$0,USD,1\n2023-09-24T13:30:10Z,,CASH TOP-UP,,,$5.22,USD,1.1055\n2023-09-24T13:30:10Z,,CUSTODY FEE,,,-$0.01,USD,1.18\n" +
			"2023-09-24T13:30:10Z,WBD,TRANSFER FROM A TO B,0.0004562,,$0,USD,1.1018\n",
		account,
		"Revolut CSV",
		[]string{
			"A 2023-09-22T13:30:10.514Z buy 1.63453043 FOO @ 1052.07 USD",
			"A 2023-09-23T13:30:10Z sell 0.76672417 BAR @ 26.09 EUR",
			"A 2023-09-23T13:30:10Z sell 3 BAZ @ 26.09 EUR",
		},
		nil,
		map[string]int64{"split": 1, "deposit": 1, "fee": 1, "transfer": 1},
	},
	{
		"Saxo", "Client ID,Trade Date,Value Date,Type,Instrument,Instrument ISIN,Instrument currency,Exchange Description,Instrument Symbol,Event,Amount,Order ID,Conversion Rate\n" +
			"77,30-Dec-2024,31-Dec-2024,Trade,Foo,US0000000001,USD,NASDAQ,foo:xnas,Buy 3 @ 134.85 USD,\"-405,55\",9,1\n" +
			"77,03-mrt-2025,05-mrt-2025,Transactie,Foo,US0000000001,USD,NASDAQ,foo:xnas,Verkoop 1.5 @ 110.015 USD,\"164,02\",,1\n" +
			"77,02-Jan-2025,02-Jan-2025,Cash amount,,,USD,,,Custody Fee,\"-3,91\",,1\n77,30-Dec-2024,30-Dec-2024,Cash Transfer,,,USD,Unknown,,Withdrawal,-500,,1\n" +
			"77,30-Dec-2024,30-Dec-2024,Corporate action,Foo,US0000000001,USD,NASDAQ,foo:xnas,Dividend,1.83,,0.92\n",
		fillfile.Options{},
		"Saxo CSV",
		[]string{
			"77 2024-12-30T00:00:00Z buy 3 FOO:XNAS @ 134.85 USD fee 1 settles 2024-12-31 order 9",
			"77 2025-03-03T00:00:00Z sell 1.5 FOO:XNAS @ 110.015 USD fee 1 settles 2025-03-05",
		},
		nil,
		map[string]int64{"fee": 1, "withdrawal": 1, "dividend": 1},
	},
	{
		"Schwab", "\"Transactions  for account XXXX-0000 as of 01/31/2025 10:00:00 ET\"\n\"Date\",\"Action\",\"Symbol\",\"Description\",\"Quantity\",\"Price\",\"Fees & Comm\",\"Amount\"\n" +
			"\"11/01/2023\",\"Reinvest Shares\",\"FOO\",\"FOO, INC\",\"1,259.59\",\"$1.00\",\"\",\"-$1,259.59\"\n" +
			"\"07/15/2024 as of 07/12/2024\",\"Sell\",\"BAR\",\"BAR\",\"500,135\",\"$1,680.25\",\"$0.04\",\"$840,351,833.71\"\n" +
			"\"01/02/2024\",\"Sell to Open\",\"FOO 01/19/2024 150.00 C\",\"CALL FOO\",\"2\",\"$1.05\",\"$1.32\",\"$208.68\"\n" +
			"\"01/02/2024\",\"Cancel Buy\",\"BAR\",\"BAR\",\"1\",\"$1\",\"\",\"\"\n" +
			"\"01/02/2024\",\"Stock Split\",\"BAR\",\"BAR\",\"9\",\"$170.067\",\"\",\"\"\n\"01/02/2024\",\"Wire Sent\",\"\",\"WIRED\",\"\",\"\",\"\",\"-$100.00\"\n" +
			"\"01/02/2024\",\"Qual Div Reinvest\",\"BAR\",\"BAR\",\"\",\"\",\"\",\"$1.00\"\n\"Transactions Total\",\"\",\"\",\"\",\"\",\"\",\"\",\"-$26,582.91\"\n",
		account,
		"Schwab CSV",
		[]string{
			"A 2023-11-01T00:00:00Z buy 1259.59 FOO @ 1 USD",
			"A 2024-07-12T00:00:00Z sell 500135 BAR @ 1680.25 USD fee 0.04",
			"A 2024-01-02T00:00:00Z sell 2 FOO 01/19/2024 150.00 C @ 1.05 x100 USD fee 1.32",
		},
		[]string{"cancellations are not booked"},
		map[string]int64{"split": 1, "withdrawal": 1, "dividend": 1, "summary": 1},
	},
	{
		"Schwab as JSON", `{"FromDate":"01/01/2024","BrokerageTransactions":[{"Date":"01/02/2024","Action":"Sell","Symbol":"FOO","Description":"FOO","Quantity":"3","Price":"$10.50","Fees & Comm":"$0.04","Amount":"$31.46"},{"Date":"01/03/2024","Action":"Bank Interest","Symbol":"","Description":"x","Quantity":"","Price":"","Fees & Comm":"","Amount":"$1"}]}`,
		account,
		"Schwab JSON",
		[]string{"A 2024-01-02T00:00:00Z sell 3 FOO @ 10.5 USD fee 0.04"},
		nil,
		map[string]int64{"interest payment": 1},
	},
	{
		"Trading 212", "Action,Time,ISIN,Ticker,Name,No. of shares,Price / share,Currency (Price / share),Exchange rate,Result,Currency (Result),Total,Currency (Total),Withholding tax,Currency (Withholding tax),Stamp duty reserve tax,Currency (Stamp duty reserve tax),Notes,ID,Currency conversion fee,Currency (Currency conversion fee)\n" +
			"Market buy,2024-01-01 16:10:05.175,US0000000001,FOO,\"Foo, Inc\",24.0000000000,124.01,USD,1.25229,,\"GBP\",2381.35,\"GBP\",,,2.00,GBP,,EOF1,4.71,\"GBP\"\n" +
			"Stop limit sell,2024-07-01 16:10:05,GB0000000002,BAR,Bar,0.5,630.11,GBX,1,,\"GBP\",3.15,\"GBP\",,,,,,EOF2,,\n" +
			"Limit sell,2024-07-01 16:10:05,GB0000000002,BAR,Bar,0.5,630.11,GBX,1,,\"GBP\",1.31,\"GBP\",,,1,EUR,,EOF3,1,GBP\n" +
			"Dividend (Dividend),2024-03-23 18:35:26,US0000000001,FOO,Foo,24,0.03,USD,Not available,,,0.11,\"GBP\",0.02,USD,,,,,,\n" +
			"Card debit,2024-03-23 18:35:26,,,,,,,,,,-5,GBP,,,,,,x,,\nInterest on cash,2024-03-23 18:35:26,,,,,,,,,,0.01,GBP,,,,,,y,,\n" +
			"Stock split open,2025-03-24 07:24:24.104,CA0000000003,BAZ,Baz,,EOF4,7.45,8.28,USD,1.03,,EUR,59.68,EUR,,,,,,\n",
		fillfile.Options{Account: "A", Zone: "Europe/London"},
		"Trading 212 CSV",
		[]string{
			"A 2024-01-01T16:10:05.175Z buy 24 FOO @ 124.01 USD fee 6.71 GBP id EOF1",
			"A 2024-07-01T15:10:05Z sell 0.5 BAR @ 6.3011 GBP id EOF2",
			"A 2024-07-01T15:10:05Z sell 0.5 BAR @ 6.3011 GBP fee 1 and 1 EUR id EOF3",
		},
		nil,
		map[string]int64{"dividend": 1, "card payment": 1, "interest payment": 1, "split": 1},
	},
	{
		"Trading 212, in UTC, fees with their currency", "Action,Time (UTC),ISIN,Ticker,Name,No. of shares,Price / share,Currency (Price / share),Exchange rate,Total (EUR),ID,Currency conversion fee (EUR)\n" +
			"Market sell,2024-07-01 16:10:05,US0000000001,FOO,Foo,2,124.01,USD,1.25229,197.91,EOF1,0.15\n",
		account,
		"Trading 212 CSV",
		[]string{"A 2024-07-01T16:10:05Z sell 2 FOO @ 124.01 USD fee 0.15 EUR id EOF1"},
		nil, nil,
	},
	{
		"XTB", "ID;Type;Time;Symbol;Comment;Amount\r\n1;Stocks/ETF purchase;12.04.2024 13:01:45;FOO.DE;OPEN BUY 0.5658/42.5658 @ 11.7480;-399.43\r\n" +
			"2;Ações/ETF vende;02.01.2024 11:42:37;FOO.DE;CLOSE BUY 1 @ 26.280;26.28\r\n3;Stocks/ETF sale;02.01.2024 11:42:37;BAR.US;CLOSE SELL 2/3 @ 26.280;26.28\r\n" +
			"4;Deposit;27.03.2024 09:00:21;;BANK deposit, id=1;1400\r\n5;Withholding tax;26.09.2024 11:00:23;FB.US;FB.US USD WHT 15%;-0.33\r\n6;Free funds interests;010.09.2024 20:49:02;;Corr;-0.5\r\n" +
			"7;Stocks/ETF purchase;12.04.2024 13:01:45;FOO.DE;OPEN BUY x @ 11.7480;-399.43",
		berlin,
		"XTB CSV",
		[]string{
			"A 2024-04-12T11:01:45Z buy 0.5658 FOO.DE @ 11.748 id 1",
			"A 2024-01-02T10:42:37Z sell 1 FOO.DE @ 26.28 id 2",
			"A 2024-01-02T10:42:37Z buy 2 BAR.US @ 26.28 id 3",
		},
		[]string{"line 8: the comment tells no side"},
		map[string]int64{"deposit": 1, "tax": 1, "interest payment": 1},
	},
}

var interactiveBrokers = []example{
	{
		"Flex", `<?xml version="1.0" encoding="UTF-8"?>
<FlexQueryResponse queryName="q" type="AF">
<FlexStatements count="2">
<FlexStatement accountId="U1" fromDate="20240101" toDate="20240131">
<Trades>
<Order symbol="FOO" assetCategory="STK" currency="USD" dateTime="20240102;103000" quantity="10" tradePrice="5" ibCommission="-1" buySell="BUY" levelOfDetail="ORDER" ibOrderID="7" />
<Trade accountId="U1" symbol="foo" assetCategory="STK" currency="USD" multiplier="1" dateTime="20240102;103000" settleDateTarget="20240104" quantity="4" tradePrice="5" taxes="-0.25" ibCommission="-0.5" ibCommissionCurrency="USD" buySell="BUY" levelOfDetail="EXECUTION" ibOrderID="7" tradeID="100" ibExecID="e1" />
<Trade symbol="FOO" assetCategory="STK" currency="USD" multiplier="1" dateTime="20240702;103001" quantity="6" tradePrice="5" taxes="0" ibCommission="0.1" ibCommissionCurrency="USD" buySell="BUY" levelOfDetail="EXECUTION" ibOrderID="7" tradeID="" ibExecID="e2" />
<Lot symbol="FOO" dateTime="20240102;103000" quantity="10" tradePrice="5" buySell="SELL" levelOfDetail="CLOSED_LOT" />
<Trade symbol="FOO   240119C00150000" assetCategory="OPT" currency="USD" multiplier="100" dateTime="20240103;093000" quantity="-2" tradePrice="6.95" ibCommission="-1.3" ibCommissionCurrency="USD" buySell="SELL" levelOfDetail="EXECUTION" tradeID="101" />
<Trade symbol="FOO   240119P00150000" assetCategory="OPT" currency="USD" dateTime="20240103;093000" quantity="1" tradePrice="2" tradeMoney="200" buySell="BUY" tradeID="102" />
<Trade symbol="CLJ0" assetCategory="FUT" currency="USD" multiplier="1000" dateTime="20200420;142900" quantity="1" tradePrice="-37.63" buySell="BUY" tradeID="103" />
<Trade symbol="US-T" assetCategory="BOND" currency="USD" multiplier="1" dateTime="20240103;093000" quantity="1000" tradePrice="98.5" tradeMoney="985" buySell="BUY" tradeID="104" />
<Trade symbol="FOO" assetCategory="STK" currency="USD" dateTime="20240103;093000" quantity="-4" tradePrice="5" buySell="BUY (Ca.)" transactionType="TradeCancel" origTradeID="100" tradeID="" />
<Trade symbol="A SYMBOL THAT IS LONGER THAN THIRTY-TWO" assetCategory="STK" currency="USD" dateTime="20240103;093000" quantity="4" tradePrice="5" buySell="BUY" tradeID="105" />
<Trade symbol="EUR.USD" assetCategory="CASH" currency="USD" dateTime="20240103;093000" quantity="-2.0923" tradePrice="1.07" buySell="SELL" tradeID="106" />
</Trades>
<CashTransactions>
<CashTransaction type="Dividends" amount="3" levelOfDetail="DETAIL" /><CashTransaction type="Dividends" amount="3" levelOfDetail="SUMMARY" />
<CashTransaction type="Deposits/Withdrawals" amount="-3" /><CashTransaction type="Withholding Tax" amount="-3" />
</CashTransactions>
<ConversionRates><ConversionRate fromCurrency="EUR" toCurrency="USD" rate="1.1" /></ConversionRates>
</FlexStatement>
<FlexStatement accountId="U2"><Trades>
<Trade symbol="BAR" assetCategory="STK" currency="EUR" tradeDate="20240105" tradeTime="153000" quantity="1" tradePrice="9" ibCommission="-1.25" ibCommissionCurrency="EUR" buySell="BUY" tradeID="200" />
<Trade symbol="BAR" assetCategory="STK" currency="EUR" dateTime="2024-01-05, 15:30:00 EST" quantity="1" tradePrice="9" buySell="BUY" tradeID="201" />
<Trade symbol="BAR" assetCategory="STK" currency="EUR" dateTime="05-JAN-24;15:30:00" quantity="1" tradePrice="9" buySell="BUY" tradeID="202" />
<Trade symbol="BAR" assetCategory="STK" currency="EUR" dateTime="20240105153000" quantity="1" tradePrice="9" buySell="BUY" tradeID="203" />
<Trade symbol="BAR" assetCategory="STK" currency="EUR" dateTime="01/25/2024 15:30:00" quantity="1" tradePrice="9" buySell="BUY" tradeID="204" />
<Trade symbol="BAR" assetCategory="STK" currency="EUR" dateTime="20240105,153000" quantity="1" tradePrice="9" buySell="BUY" tradeID="205" />
</Trades></FlexStatement>
</FlexStatements>
</FlexQueryResponse>`,
		fillfile.Options{},
		"Interactive Brokers Flex XML",
		[]string{
			"U1 2024-01-02T15:30:00Z buy 4 FOO @ 5 x1 USD fee 0.75 settles 2024-01-04 order 7 id 100",
			"U1 2024-07-02T14:30:01Z buy 6 FOO @ 5 x1 USD fee -0.1 order 7 id e2",
			"U1 2024-01-03T14:30:00Z sell 2 FOO   240119C00150000 @ 6.95 x100 USD fee 1.3 id 101",
			"U1 2024-01-03T14:30:00Z buy 1 FOO   240119P00150000 @ 2 x100 USD id 102",
			"U1 2020-04-20T18:29:00Z buy 1 CLJ0 @ -37.63 x1000 USD id 103",
			"U1 2024-01-03T14:30:00Z buy 1000 US-T @ 98.5 x0.01 USD id 104",
			"U2 2024-01-05T20:30:00Z buy 1 BAR @ 9 EUR fee 1.25 id 200",
			"U2 2024-01-05T20:30:00Z buy 1 BAR @ 9 EUR id 201",
			"U2 2024-01-05T20:30:00Z buy 1 BAR @ 9 EUR id 202",
			"U2 2024-01-05T20:30:00Z buy 1 BAR @ 9 EUR id 203",
			"U2 2024-01-25T20:30:00Z buy 1 BAR @ 9 EUR id 204",
			"U2 2024-01-05T20:30:00Z buy 1 BAR @ 9 EUR id 205",
		},
		[]string{"it cancels trade 100", "symbol"},
		map[string]int64{"order whose executions are listed": 1, "summary": 1, "currency conversion": 1, "dividend": 1, "withdrawal": 1, "tax": 1},
	},
	{
		"Flex, orders alone", `<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1"><Trades>
<Order symbol="FOO" assetCategory="STK" currency="USD" dateTime="20240102;103000" quantity="10" tradePrice="5" ibCommission="-1" ibCommissionCurrency="USD" buySell="BUY" levelOfDetail="ORDER" ibOrderID="7" />
</Trades></FlexStatement></FlexStatements></FlexQueryResponse>`,
		fillfile.Options{},
		"Interactive Brokers Flex XML",
		[]string{"U1 2024-01-02T15:30:00Z buy 10 FOO @ 5 USD fee 1 order 7"},
		nil, nil,
	},
	{
		"Flex, trade confirmations, days first", `<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1"><TradeConfirms>
<TradeConfirm symbol="FOO" assetCategory="STK" currency="USD" multiplier="1" dateTime="25/02/2024;103000" settleDate="01/03/2024" quantity="-10" price="5" commission="-1" commissionCurrency="USD" tax="-0.5" buySell="SELL" tradeID="9" orderID="8" execID="e" levelOfDetail="EXECUTION" />
<SymbolSummary symbol="FOO" levelOfDetail="SYMBOL_SUMMARY" quantity="-10" />
</TradeConfirms></FlexStatement></FlexStatements></FlexQueryResponse>`,
		fillfile.Options{},
		"Interactive Brokers Flex XML",
		[]string{"U1 2024-02-25T15:30:00Z sell 10 FOO @ 5 x1 USD fee 1.5 settles 2024-03-01 order 8 id 9"},
		nil,
		map[string]int64{"summary": 1},
	},
	{
		"Flex CSV", "\"ClientAccountID\",\"CurrencyPrimary\",\"AssetClass\",\"Symbol\",\"ISIN\",\"Multiplier\",\"TradeID\",\"DateTime\",\"TradeDate\",\"Buy/Sell\",\"Quantity\",\"TradePrice\",\"IBCommission\",\"IBCommissionCurrency\",\"LevelOfDetail\"\n" +
			"\"U1\",\"USD\",\"STK\",\"FOO\",\"\",\"1\",\"5\",\"20240102;103000\",\"20240102\",\"BUY\",\"10\",\"5.5\",\"-1\",\"USD\",\"EXECUTION\"\n" +
			"\"U1\",\"USD\",\"STK\",\"FOO\",\"\",\"1\",\"\",\"20240102;103000\",\"20240102\",\"BUY\",\"10\",\"5.5\",\"-1\",\"USD\",\"ORDER\"\n" +
			"\"ClientAccountID\",\"CurrencyPrimary\",\"AssetClass\",\"Symbol\",\"ISIN\",\"Multiplier\",\"TradeID\",\"DateTime\",\"TradeDate\",\"Buy/Sell\",\"Quantity\",\"TradePrice\",\"IBCommission\",\"IBCommissionCurrency\",\"LevelOfDetail\"\n" +
			"\"U1\",\"USD\",\"STK\",\"\",\"US0000000001\",\"1\",\"6\",\"\",\"20240102\",\"SELL\",\"-10\",\"5.5\",\"-1\",\"USD\",\"EXECUTION\"\n" +
			"\"U1\",\"USD\",\"CASH\",\"EUR.USD\",\"\",\"1\",\"7\",\"\",\"20240102\",\"SELL\",\"-10\",\"5.5\",\"-1\",\"USD\",\"EXECUTION\"\n",
		fillfile.Options{},
		"Interactive Brokers Flex CSV",
		[]string{
			"U1 2024-01-02T15:30:00Z buy 10 FOO @ 5.5 x1 USD fee 1 id 5",
			"U1 2024-01-02T00:00:00Z sell 10 US0000000001 @ 5.5 x1 USD fee 1 id 6",
		},
		nil,
		map[string]int64{"order whose executions are listed": 1, "currency conversion": 1},
	},
	{
		"transaction history", "Statement,Header,Field Name,Field Value\nStatement,Data,Title,Transaction History\nSummary,Header,Field Name,Field Value\nSummary,Data,Base Currency,GBP\n" +
			"Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Gross Amount ,Commission,Net Amount\n" +
			"Transaction History,Data,2025-08-15,U***1,FOO,Sell,FOO,-2.0,1001.00,2002.0,-3.0,1999.0\n" +
			"Transaction History,Data,2025-08-14,U***1,BAR,Buy,BAR,2.0,100.00,-158.0,-3.0,-161.0\n" +
			"Transaction History,Data,2025-11-03,U***1,FOO Cash Dividend,Dividend,FOO,-,-,20.0,-,20.0\n" +
			"Transaction History,Data,2025-11-03,U***1,FOO - US Tax,Foreign Tax Withholding,FOO,-,-,-3.0,-,-3.0\n" +
			"Transaction History,Data,2025-10-01,U***1,Net Amount,Forex Trade Component,GBP.USD,0.8,1.32,-2.637591265E-4,-,-2.637591265E-4\n" +
			"Transaction History,Data,2025-01-01,U***1,Electronic Fund Transfer,Deposit,-,-,-,5000.0,-,5000.0\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U***1 2025-08-15T00:00:00Z sell 2 FOO @ 1001 GBP fee 3",
			"U***1 2025-08-14T00:00:00Z buy 2 BAR @ 100 fee 3 GBP",
		},
		nil,
		map[string]int64{"dividend": 1, "tax": 1, "currency conversion": 1, "deposit": 1},
	},
	{
		"activity statement", "\xef\xbb\xbfStatement,Header,Field Name,Field Value\nStatement,Data,Title,Activity Statement\nAccount Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U7\nAccount Information,Data,Base Currency,USD\n" +
			"Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n" +
			"Trades,Data,Order,Stocks,USD,FOO,\"2024-01-05, 10:00:00\",\"1,500\",10,10,-15000,-1.5,1,0,0,O;P\n" +
			"Trades,Data,Trade,Stocks,USD,FOO,\"2024-01-05, 10:00:00\",\"1,000\",10,10,-10000,-1,1,0,0,O\n" +
			"Trades,Data,Trade,Stocks,USD,FOO,\"2024-01-05, 10:00:01\",500,10,10,-5000,-0.5,1,0,0,O\n" +
			"Trades,Data,ClosedLot,Stocks,USD,FOO,\"2024-01-05, 10:00:01\",500,10,,,,1,0,,\n" +
			"Trades,SubTotal,,Stocks,USD,FOO,,1500,,,-15000,-1.5,,,,\n" +
			"Trades,Data,Order,Equity and Index Options,USD,FOO 19JAN24 150 C,\"2024-01-05, 11:00:00\",-2,6.95,6.95,1390,-1.3,1,0,0,O\n" +
			"Trades,Data,Order,Stocks,USD,BAR,\"2024-01-05, 11:00:00\",-2,6.95,6.95,13.9,-1.3,1,0,0,C;Ca\n" +
			"Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,,Proceeds,Comm in USD,,,MTM in USD,Code\n" +
			"Trades,Data,Order,Forex,USD,EUR.USD,\"2024-01-05, 11:00:00\",\"-1,000\",1.1,,1100,-2,,,0,\n" +
			"Dividends,Header,Currency,Date,Description,Amount\nDividends,Data,USD,2024-01-09,FOO dividend,5\nDividends,Data,Total,,,5\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U7 2024-01-05T15:00:00Z buy 1000 FOO @ 10 USD fee 1",
			"U7 2024-01-05T15:00:01Z buy 500 FOO @ 10 USD fee 0.5",
			"U7 2024-01-05T16:00:00Z sell 2 FOO 19JAN24 150 C @ 6.95 x100 USD fee 1.3",
		},
		[]string{"cancellations are not booked"},
		map[string]int64{"order whose executions are listed": 1, "summary": 1, "currency conversion": 1, "dividend": 1},
	},
}
