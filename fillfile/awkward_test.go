package fillfile_test

import "github.com/blotterdb/blotter/fillfile"

// awkward are files that once gave a wrong fill: a missing fact was guessed.
var awkward = []example{
	{
		"side in a column called trade_type, the time of the execution beside a date",
		"symbol,isin,trade_date,segment,trade_type,auction,quantity,price,trade_id,order_execution_time\n" +
			"TCS,INE467B01029,2024-07-01,EQ,buy,false,15.000000,3900.250000,901,2024-07-01T09:16:02\nTCS,INE467B01029,2024-07-02,EQ,sell,false,15.000000,3950.000000,902,2024-07-02T14:00:59\n",
		fillfile.Options{Account: "A", Zone: "Asia/Kolkata", Currency: "INR"},
		"CSV",
		[]string{"A 2024-07-01T03:46:02Z buy 15 TCS @ 3900.25 INR id 901", "A 2024-07-02T08:30:59Z sell 15 TCS @ 3950 INR id 902"},
		nil, nil,
	},
	{
		"side in a column that no list knows", "Date,symbol,quantity,what happened,price,currency\n2024-01-02,ABC,5,Bought,10,EUR\n2024-01-03,ABC,5,Sold,11,EUR\n",
		account,
		"CSV",
		[]string{"A 2024-01-02T00:00:00Z buy 5 ABC @ 10 EUR", "A 2024-01-03T00:00:00Z sell 5 ABC @ 11 EUR"},
		nil, nil,
	},
	{
		"a blank side", "Date,Symbol,Side,Quantity,Price,Currency\n2024-03-01,QQ,sell,3,5.00,USD\n2024-03-05,QQ,,4,5.50,USD\n2024-03-06,QQ,buy,3,6.00,USD\n",
		account,
		"CSV",
		[]string{"A 2024-03-01T00:00:00Z sell 3 QQ @ 5 USD", "A 2024-03-06T00:00:00Z buy 3 QQ @ 6 USD"},
		[]string{"line 3: the row does not say whether it buys or sells"},
		nil,
	},
	{
		"sides of open and close, long and short", "time,coin,dir,px,sz,fee\n2024-05-01T10:00:00Z,SOL/USDC,Open Long,150,2,0.1\n2024-05-01T11:00:00Z,SOL/USDC,Close Long,160,2,0.1\n" +
			"2024-05-01T12:00:00Z,SOL/USDC,Open Short,161,1,0.05\n2024-05-01T13:00:00Z,SOL/USDC,Close Short,155,1,0.05\n",
		fillfile.Options{Account: "A", Columns: "quantity=sz,price=px"},
		"CSV",
		[]string{
			"A 2024-05-01T10:00:00Z buy 2 SOL/USDC @ 150 USDC fee 0.1", "A 2024-05-01T11:00:00Z sell 2 SOL/USDC @ 160 USDC fee 0.1",
			"A 2024-05-01T12:00:00Z sell 1 SOL/USDC @ 161 USDC fee 0.05", "A 2024-05-01T13:00:00Z buy 1 SOL/USDC @ 155 USDC fee 0.05",
		},
		nil, nil,
	},
	{
		"a bond whose amount tells that its price is in percent, and a total in another currency",
		"date,symbol,side,quantity,unitPrice,fee,amount,currency,instrument_type\n2024-01-08,DE0001102531,BUY,2000,97.25,2.50,1947.50,EUR,BOND\n2024-02-01,SAP,BUY,5,100.00,0,540.00,EUR,STOCK\n",
		account,
		"CSV",
		[]string{"A 2024-01-08T00:00:00Z buy 2000 DE0001102531 @ 97.25 x0.01 EUR fee 2.5"},
		[]string{"line 3: quantity 5 x price 100 is 500, with and without fees, but the file's total is 540.00"},
		nil,
	},
	{
		"the price tells which of amount and volume is the quantity",
		"Time,Pair,Side,FilledPrice,FilledPriceCoin,Volume,VolumeCoin,Amount,AmountCoin,Fee,FeeCoin\n2020/06/03 08:15:10,DOT/ETH,Buy,0.0120,ETH,40,DOT,0.4800,ETH,0.00048,ETH\n" +
			"2020/06/04 08:15:10,DOT/ETH,Sell,0.0130,ETH,10,DOT,0.1300,ETH,0.00013,ETH\n",
		fillfile.Options{Account: "A", Zone: "UTC"},
		"CSV",
		[]string{"A 2020-06-03T08:15:10Z buy 40 DOT/ETH @ 0.012 ETH fee 0.00048", "A 2020-06-04T08:15:10Z sell 10 DOT/ETH @ 0.013 ETH fee 0.00013"},
		nil, nil,
	},
	{
		"an option in columns of its own, its multiplier told by the amount, and its end",
		"Date,Kind,Ticker,Qty,Expiration,Strike,Call/Put,Price,Fees,Amount,Currency\n2024-02-16,Expired,TSLA,1,2024-02-16,200,P,,,,USD\n2024-02-01,Sell,TSLA,1,2024-02-16,200,P,4.10,0.65,410.00,USD\n" +
			"2024-02-01,Buy,TSLA,10,,,,190.00,0,1900.00,USD\n",
		account,
		"CSV",
		[]string{
			"A 2024-02-16T00:00:00Z ends 1 TSLA  240216P00200000 @ 0 USD",
			"A 2024-02-01T00:00:00Z sell 1 TSLA  240216P00200000 @ 4.1 x100 USD fee 0.65", "A 2024-02-01T00:00:00Z buy 10 TSLA @ 190 USD",
		},
		nil, nil,
	},
	{
		"all columns of fees", "Account,T/D,S/D,Currency,Side,Symbol,Qty,Price,Exec Time,Comm,SEC,TAF,NSCC,ECN Add,Gross Proceeds,Net Proceeds\n" +
			"Z1,2023-11-14,2023-11-16,USD,BC,IBM,10,150.00,09:31:20,0.5,0.02,0,0.01,0,-1500,-1500.53\nZ1,2023-11-14,2023-11-16,USD,SS,IBM,10,151.00,09:45:00,0.5,0.03,0.01,0,0,1510,1509.46\n",
		fillfile.Options{Zone: "America/New_York"},
		"CSV",
		[]string{
			"Z1 2023-11-14T14:31:20Z buy 10 IBM @ 150 USD fee 0.53 settles 2023-11-16", "Z1 2023-11-14T14:45:00Z sell 10 IBM @ 151 USD fee 0.54 settles 2023-11-16",
		},
		nil, nil,
	},
	{
		"fees that are negative where they were paid", "date,symbol,side,quantity,price,fee,currency\n2024-01-02,A1,buy,2,10,-1,USD\n2024-01-03,A1,sell,2,11,-2,USD\n2024-01-04,A1,buy,2,11,0,USD\n",
		account,
		"CSV",
		[]string{"A 2024-01-02T00:00:00Z buy 2 A1 @ 10 USD fee 1", "A 2024-01-03T00:00:00Z sell 2 A1 @ 11 USD fee 2", "A 2024-01-04T00:00:00Z buy 2 A1 @ 11 USD"},
		nil, nil,
	},
	{
		"a rebate that the net amount proves, and one that nothing proves", "date,symbol,side,quantity,price,fee,net amount,currency\n2024-01-02,A1,buy,2,10,1,-21,USD\n2024-01-03,A1,sell,2,11,-0.5,22.5,USD\n",
		account,
		"CSV",
		[]string{"A 2024-01-02T00:00:00Z buy 2 A1 @ 10 USD fee 1", "A 2024-01-03T00:00:00Z sell 2 A1 @ 11 USD fee -0.5"},
		nil, nil,
	},
	{
		"fees of both signs that nothing proves", "date,symbol,side,quantity,price,fee,currency\n2024-01-02,A1,buy,2,10,1,USD\n2024-01-03,A1,sell,2,11,-0.5,USD\n2024-01-03,A1,sell,2,11,0,USD\n",
		account,
		"CSV",
		[]string{"A 2024-01-03T00:00:00Z sell 2 A1 @ 11 USD"},
		[]string{"line 2: nothing tells whether its fee was paid or is a rebate; --fees positive", "line 3: nothing tells"},
		nil,
	},
	{
		"prices in pence, in cents of the rand and in agorot", "Date,Symbol,Side,Quantity,Price,Fee,Fee Currency,Currency\n2024-02-05,BP.L,buy,100,480.50,1.50,GBP,GBX\n2024-02-05,NPN,buy,10,300000,0,ZAR,ZAc\n" +
			"2024-02-05,TEVA,buy,10,5100,0,ILS,ILA\n2024-02-05,GSK.L,buy,10,16.10,0,GBP,GBP\n",
		account,
		"CSV",
		[]string{
			"A 2024-02-05T00:00:00Z buy 100 BP.L @ 4.805 GBP fee 1.5", "A 2024-02-05T00:00:00Z buy 10 NPN @ 3000 ZAR", "A 2024-02-05T00:00:00Z buy 10 TEVA @ 51 ILS",
			"A 2024-02-05T00:00:00Z buy 10 GSK.L @ 16.1 GBP",
		},
		nil, nil,
	},
	{
		"a currency that there is not", "Date,Symbol,Side,Quantity,Price,Currency\n2024-02-05,ABC,buy,100,480.50,DOLLAR\n2024-02-05,ABC,buy,100,480.50,ZAC\n2024-02-05,ABC,buy,1,1,USD\n",
		account,
		"CSV",
		[]string{"A 2024-02-05T00:00:00Z buy 1 ABC @ 1 USD"},
		[]string{`currency "DOLLAR" is neither`, `currency "ZAC" is neither`},
		nil,
	},
	{
		"the hour that comes twice, oldest first", "Time,Symbol,Side,Quantity,Price,Currency\n2023-10-29 02:10:00,X,buy,1,1,EUR\n2023-10-29 02:50:00,X,sell,1,2,EUR\n2023-10-29 02:05:00,Y,buy,1,3,EUR\n2023-10-29 03:00:00,X,buy,1,4,EUR\n",
		berlin,
		"CSV",
		[]string{
			"A 2023-10-29T00:10:00Z buy 1 X @ 1 EUR", "A 2023-10-29T00:50:00Z sell 1 X @ 2 EUR", "A 2023-10-29T01:05:00Z buy 1 Y @ 3 EUR", "A 2023-10-29T02:00:00Z buy 1 X @ 4 EUR",
		},
		nil, nil,
	},
	{
		"the hour that comes twice, newest first", "Time,Symbol,Side,Quantity,Price,Currency\n2023-10-29 03:00:00,X,buy,1,4,EUR\n2023-10-29 02:05:00,X,buy,1,3,EUR\n2023-10-29 02:50:00,X,sell,1,2,EUR\n",
		berlin,
		"CSV",
		[]string{"A 2023-10-29T02:00:00Z buy 1 X @ 4 EUR", "A 2023-10-29T01:05:00Z buy 1 X @ 3 EUR", "A 2023-10-29T00:50:00Z sell 1 X @ 2 EUR"},
		nil, nil,
	},
	{
		"the hour that comes twice, and nothing tells which; an hour that there is not", "Time,Symbol,Side,Quantity,Price,Currency\n2023-10-29 02:10:00,X,buy,1,1,EUR\n2023-10-29 03:10:00,X,buy,1,1,EUR\n2024-03-31 02:30:00,X,buy,1,1,EUR\n",
		berlin,
		"CSV",
		[]string{"A 2023-10-29T02:10:00Z buy 1 X @ 1 EUR"},
		[]string{"the clocks show 2023-10-29 02:10:00 twice", "time 2024-03-31 02:30:00 does not exist in Europe/Berlin"},
		nil,
	},
	{
		"a zone in the header, and an offset in a cell that wins", "Order ID,Symbol,Side,Filled Quantity,Avg Fill Price,Filled Time(UTC-05:00),Fee,Fee Currency\n1,BTC-USDC,BUY,1,10,2024-11-05 02:15:30,1.80,USDC\n2,BTC-USDC,SELL,1,11,2024-11-05 02:15:30+01:00,1,USDC\n",
		account,
		"CSV",
		[]string{"A 2024-11-05T07:15:30Z buy 1 BTC-USDC @ 10 USDC fee 1.8 order 1", "A 2024-11-05T01:15:30Z sell 1 BTC-USDC @ 11 USDC fee 1 order 2"},
		nil, nil,
	},
	{
		"coins in the cells", "Type,Datetime,Account,Amount,Value,Rate,Fee,Sub Type\nDeposit,\"Jun. 01, 2023, 09:00 AM\",Main,900.00 USD,,,,\nMarket,\"Jun. 01, 2023, 09:30 PM\",Main,2.00000000 LTC,180.00 USD,90.00 USD,0.72 USD,Buy\n",
		fillfile.Options{Zone: "UTC"},
		"CSV",
		[]string{"Main 2023-06-01T21:30:00Z buy 2 LTC @ 90 USD fee 0.72"},
		nil,
		map[string]int64{"deposit": 1},
	},
	{
		"orders of which some filled in part", "Name,Symbol,Side,Status,Filled,Total Qty,Price,Avg Price,Time-in-Force,Placed Time,Filled Time,Currency\nX Inc,XX,Sell,Filled,10,10,@12.50,12.55,DAY,07/22/2024 09:45:01 EDT,07/22/2024 09:45:02 EDT,USD\n" +
			"X Inc,XX,Buy,Cancelled,3,40,@12.00,12.00,DAY,03/18/2024 10:00:00 EDT,03/18/2024 10:02:11 EDT,USD\nX Inc,XX,Buy,Cancelled,0,25,@11.50,,DAY,03/17/2024 10:00:00 EDT,,USD\n",
		account,
		"CSV",
		[]string{"A 2024-07-22T13:45:02Z sell 10 XX @ 12.55 USD", "A 2024-03-18T14:02:11Z buy 3 XX @ 12 USD"},
		nil,
		map[string]int64{"order that did not fill": 1},
	},
	{
		"German, and lines above the header", "Ausgeführte Orders vom 20.05.2023;Kunde;Max Muster\n\nDepotnummer;8000000002\n\nOrderart;Ausführungsdatum;Ordernummer;ISIN;Wertpapiername;Stück/Nominale;Limit;Ausführungskurs;Währung;Status\n" +
			"Verkauf;16.05.2023;31;DE000BASF111;BASF SE;7;;46,305;EUR;Ausgeführt\nKauf;04.05.2023;30;DE000BASF111;BASF SE;10;;45,1;EUR;Ausgeführt\n",
		account,
		"CSV",
		[]string{"A 2023-05-16T00:00:00Z sell 7 DE000BASF111 @ 46.305 EUR order 31", "A 2023-05-04T00:00:00Z buy 10 DE000BASF111 @ 45.1 EUR order 30"},
		nil, nil,
	},
	{
		"negative numbers in brackets, and a line of words below", "Date,Symbol,Side,Quantity,Price,Fee,Amount,Currency\n2024-01-02,ABC,Buy,10,$5.00,(1.00),($51.00),USD\n\"The data is provided for information only.\"\n",
		account,
		"CSV",
		[]string{"A 2024-01-02T00:00:00Z buy 10 ABC @ 5 USD fee 1"},
		nil, nil,
	},
	{
		"fills of an exchange in JSON", `{"fills":[{"trade_id":"t9","order_id":"o9","trade_time":"2024-02-15T10:30:00Z","trade_type":"FILL","price":"3.50","size":"20","commission":"0.10","product_id":"ADA-EUR","side":"SELL"}],"cursor":""}`,
		account,
		"JSON",
		[]string{"A 2024-02-15T10:30:00Z sell 20 ADA-EUR @ 3.5 EUR fee 0.1 order o9 id t9"},
		nil, nil,
	},
}
