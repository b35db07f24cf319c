package fillfile_test

import "github.com/blotterdb/blotter/fillfile"

const (
	mt5Deals     = "Time,Deal,Symbol,Type,Direction,Volume,Price,Order,Commission,Fee,Swap,Profit,Balance,Comment\n"
	mt5Positions = "Time,Position,Symbol,Type,Volume,Price,S / L,T / P,Time,Price,Commission,Swap,Profit\n"
	mt5Orders    = "Open Time,Order,Symbol,Type,Volume,Price,S / L,T / P,Time,State,,Comment\n"
	mt5Head      = "Trade History Report,,,\nName:,,,Somebody\nAccount:,,,\"7700123 (EUR, Broker-Server, real, Hedge)\"\n"
)

// athens is what a user says of a server in Athens.
var athens = fillfile.Options{Account: "A", Zone: "Europe/Athens"}

var metaTraders = []example{
	{
		"MetaTrader 5, whose profits prove the lots", mt5Deals +
			"2024.06.03 09:00:00,1,,balance,,,,,0.00,0.00,0.00,5 000.00,5 000.00,D\n" +
			"2024.06.03 10:00:00,2,GBPUSD,sell,in,0.20,1.27500,12,-0.70,-0.10,0.00,0.00,4 999.20,\n" +
			"2024.06.04 10:00:00,3,GBPUSD,buy,in/out,0.50,1.27300,13,-1.75,0.00,-0.30,40.00,5 037.15,\n" +
			"2024.06.05 10:00:00,4,GBPUSD,sell,out,0.30,1.27450,14,-1.05,0.00,0.00,45.00,5 081.10,\n" +
			"2024.06.05 11:00:00,5,XAUUSD,buy,in,0.10,2330.50,15,0.00,0.00,0.00,0.00,5 081.10,\n" +
			"2024.06.05 12:00:00,6,XAUUSD,sell,out,0.10,2333.50,16,0.00,0.00,0.00,30.00,5 111.10,\n" +
			"2024.06.06 12:00:00,7,USDCHF,buy,in,0.10,0.89000,17,-0.35,0.00,0.00,0.00,5 110.75,\n" +
			"2024.06.06 13:00:00,8,USDCHF,frobnicate,in,0.10,0.89000,18,0.00,0.00,0.00,0.00,5 110.75,\n",
		athens,
		"MetaTrader 5 history",
		[]string{
			"A 2024-06-03T07:00:00Z sell 0.2 GBPUSD @ 1.275 x100000 USD fee 0.8 order 12 id 2",
			"A 2024-06-04T07:00:00Z buy 0.5 GBPUSD @ 1.273 x100000 USD fee 1.75 order 13 id 3",
			"A 2024-06-05T07:00:00Z sell 0.3 GBPUSD @ 1.2745 x100000 USD fee 1.05 order 14 id 4",
			"A 2024-06-05T08:00:00Z buy 0.1 XAUUSD @ 2330.5 x100 USD order 15 id 5",
			"A 2024-06-05T09:00:00Z sell 0.1 XAUUSD @ 2333.5 x100 USD order 16 id 6",
			"A 2024-06-06T09:00:00Z buy 0.1 USDCHF @ 0.89 no multiplier CHF fee 0.35 USD order 17 id 7",
		},
		[]string{"the type frobnicate is neither to buy nor to sell"},
		map[string]int64{"balance": 1},
	},
	{
		"MetaTrader 5, a report", mt5Head + "Positions,,,\n" + mt5Positions +
			"2024.06.03 10:00:00,900,EURUSD,buy,0.10,1.08000,,,2024.06.03 12:00:00,1.08500,-0.60,0.00,46.30\n" +
			"Orders,,,\n" + mt5Orders +
			"2024.06.03 10:00:00,901,EURUSD,buy,0.1 / 0.1,market,,,2024.06.03 10:00:00,filled,,\n" +
			"Deals,,,\n" + mt5Deals +
			"2024.06.03 10:00:00,910,EURUSD,buy,in,0.10,1.08000,901,-0.30,0.00,0.00,0.00,1 000.00,\n" +
			"2024.06.03 12:00:00,911,EURUSD,sell,out,0.10,1.08500,902,-0.30,0.00,0.00,46.30,1 046.00,\n" +
			",,,,,,,,-0.60,0.00,0.00,46.30,1 046.00,\nBalance:,,,1 046.00\n",
		fillfile.Options{Zone: "Europe/Athens"},
		"MetaTrader 5 history",
		[]string{
			"7700123 2024-06-03T07:00:00Z buy 0.1 EURUSD @ 1.08 no multiplier USD fee 0.3 EUR order 901 id 910",
			"7700123 2024-06-03T09:00:00Z sell 0.1 EURUSD @ 1.085 no multiplier USD fee 0.3 EUR order 902 id 911",
		},
		nil,
		map[string]int64{"order": 1, "position whose deals are listed": 1},
	},
	{
		"MetaTrader 5, positions alone", "Account:,,,\"7700123 (USD, Broker-Server, real, Hedge)\"\n" + mt5Positions +
			"2024.06.03 10:00:00,900,US500.c,sell,2.00,5300.5,,,2024.06.03 12:00:00,5290.5,-1.20,0.00,20.00\n",
		fillfile.Options{Zone: "Europe/Athens"},
		"MetaTrader 5 history",
		[]string{
			"7700123 2024-06-03T07:00:00Z sell 2 US500.C @ 5300.5 x1 USD order 900 id 900-open",
			"7700123 2024-06-03T09:00:00Z buy 2 US500.C @ 5290.5 x1 USD fee 1.2 order 900 id 900-close",
		},
		nil, nil,
	},
	{
		"MetaTrader 5, profits that contradict each other", mt5Deals +
			"2024.06.03 10:00:00,2,GBPUSD,buy,in,0.20,1.27500,12,-0.70,0.00,0.00,0.00,4 999.20,\n" +
			"2024.06.04 10:00:00,3,GBPUSD,sell,out,0.10,1.27700,13,0.00,0.00,0.00,20.00,5 037.15,\n" +
			"2024.06.04 11:00:00,4,GBPUSD,sell,out,0.10,1.27700,13,0.00,0.00,0.00,2.00,5 037.15,\n",
		athens,
		"MetaTrader 5 history",
		[]string{
			"A 2024-06-04T07:00:00Z sell 0.1 GBPUSD @ 1.277 no multiplier USD order 13 id 3",
			"A 2024-06-04T08:00:00Z sell 0.1 GBPUSD @ 1.277 no multiplier USD order 13 id 4",
		},
		[]string{"nothing tells the currency of its commission"},
		nil,
	},
}
