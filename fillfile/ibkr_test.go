package fillfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/fillfile"
)

const (
	germanHead = "Statement,Header,Feldname,Feldwert\nStatement,Data,Title,Umsatzübersicht\nStatement,Data,WhenGenerated,\"2022-07-02, 05:10:00 EDT\"\n" +
		"Kontoinformation,Header,Feldname,Feldwert\nKontoinformation,Data,Name,Max Beispiel\nKontoinformation,Data,Konto,U5550123\nKontoinformation,Data,Basiswährung,EUR\n"
	germanTrades  = "Transaktionen,Header,DataDiscriminator,Vermögenswertkategorie,Währung,Symbol,Datum/Zeit,Menge,T.-Kurs,Schlusskurs,Erlös,Prov./Gebühr,Basis,Realisierter G&V,MTM-G&V,Code\n"
	englishHead   = "Statement,Header,Field Name,Field Value\nStatement,Data,Title,Activity Statement\nAccount Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U42\n"
	englishTrades = "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n"
)

// ibkrStatements are Interactive Brokers' in other languages than English, and of other kinds of instruments.
var ibkrStatements = []example{
	{
		"statement in German, with executions and the closing price", germanHead + germanTrades +
			"Transaktionen,Data,Order,Aktien,USD,NVO,\"2022-07-01, 09:45:10\",30,110.5,111,-3315,-1.2,3316.2,0,15,O;P\n" +
			"Transaktionen,Data,Trade,Aktien,USD,NVO,\"2022-07-01, 09:45:10\",20,110.5,111,-2210,-0.8,2210.8,0,10,O\n" +
			"Transaktionen,Data,Trade,Aktien,USD,NVO,\"2022-07-01, 09:45:12\",10,110.5,111,-1105,-0.4,1105.4,0,5,O\n" +
			"Transaktionen,SubTotal,,Aktien,USD,NVO,,30,,,-3315,-1.2,3316.2,0,15,\n" +
			"Transaktionen,Data,Order,Aktien,USD,PYPL,\"2022-07-01, 10:00:00\",-1,70,70,70,-0.35,-69.65,0,0,C\n" +
			"Transaktionen,Data,Trade,Aktien,USD,PYPL,\"2022-07-01, 10:00:00\",-1,70,70,70,-0.35,-69.65,0,0,C\n" +
			"Transaktionen,Total,,Aktien,USD,,,,,,-3245,-1.55,3246.55,0,15,\n" +
			"Dividenden,Header,Währung,Datum,Beschreibung,Betrag\nDividenden,Data,USD,2022-07-01,NVO Bardividende,12.5\nDividenden,Data,Gesamt,,,12.5\n" +
			"Einzahlungen & Auszahlungen,Header,Währung,Abwicklungsdatum,Beschreibung,Betrag\nEinzahlungen & Auszahlungen,Data,EUR,2022-07-01,Überweisung,-500\n" +
			"Transaktionsgebühren,Header,Vermögenswertkategorie,Währung,Datum/Zeit,Symbol,Beschreibung,Menge,Handelspreis,Betrag,Code\n" +
			"Transaktionsgebühren,Data,Aktien,EUR,\"2022-07-01, 10:00:00\",SAN,French Tax,10,90,-2.7,\nTransaktionsgebühren,Data,Gesamt,,,,,,,-2.7,\n" +
			"Offene Positionen,Header,DataDiscriminator,Vermögenswertkategorie,Währung,Symbol,Menge,Mult.,Einstandskurs,Kostenbasis,Schlusskurs,Wert,Code\n" +
			"Offene Positionen,Data,Summary,Aktien,USD,NVO,30,1,110.54,3316.2,111,3330,\nOffene Positionen,Data,Lot,Aktien,USD,NVO,\"2022-07-01, 09:45:10\",30,1,110.54,3316.2,111,3330,\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U5550123 2022-07-01T13:45:10Z buy 20 NVO @ 110.5 USD fee 0.8",
			"U5550123 2022-07-01T13:45:12Z buy 10 NVO @ 110.5 USD fee 0.4",
			"U5550123 2022-07-01T14:00:00Z sell 1 PYPL @ 70 USD fee 0.35",
		},
		nil,
		map[string]int64{"order whose executions are listed": 2, "dividend": 1, "withdrawal": 1, "fee": 1},
	},
	{
		"statement in German, without executions, of options and a future", germanHead + germanTrades +
			"Transaktionen,Data,Order,Aktien- und Indexoptionen,USD,NVO 15JUL22 105 P,\"2022-07-01, 11:00:00\",-3,2.15,2,645,-2.1,-642.9,0,45,O\n" +
			"Transaktionen,Data,Order,Aktien- und Indexoptionen,USD,NVO 15JUL22 105 P,\"2022-07-15, 16:20:00\",3,0,0,0,0,642.9,642.9,0,C;Ep\n" +
			"Transaktionen,Data,Order,Aktien- und Indexoptionen,EUR,DAX 15JUL22 13000 C,\"2022-07-01, 11:00:00\",1,201.2,190,-1006,-1.5,1007.5,0,0,O\n" +
			"Transaktionen,Data,Order,Aktien- und Indexoptionen,EUR,DAX 15JUL22 13000 C,\"2022-07-15, 13:20:00\",-1,0,0,0,0,-1007.5,-1007.5,0,C;Ep\n" +
			"Transaktionen,Data,Order,Aktien- und Indexoptionen,USD,XSP 15JUL22 380 P,\"2022-07-15, 16:20:00\",-2,0,0,1234,0,0,0,0,C;Ex\n" +
			"Transaktionen,Header,DataDiscriminator,Vermögenswertkategorie,Währung,Symbol,Datum/Zeit,Menge,T.-Kurs,Schlusskurs,Nominalwert,Prov./Gebühr,Basis,Realisierter G&V,MTM-G&V,Code\n" +
			"Transaktionen,Data,Order,Futures,USD,MESU2,\"2022-07-01, 12:00:00\",2,3800.25,3801,-38002.5,-1.24,,0,7.5,O\n" +
			"Transaktionen,Header,DataDiscriminator,Vermögenswertkategorie,Währung,Symbol,Datum/Zeit,Menge,T.-Kurs,,Erlös,Komm. in EUR,,,MTM in EUR,Code\n" +
			"Transaktionen,Data,Order,Devisen,USD,EUR.USD,\"2022-07-01, 12:30:00\",\"-1,000\",1.04,,1040,-1.9,,,0,\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U5550123 2022-07-01T15:00:00Z sell 3 NVO 15JUL22 105 P @ 2.15 x100 USD fee 2.1",
			"U5550123 2022-07-15T20:20:00Z buy 3 NVO 15JUL22 105 P @ 0 x100 USD",
			"U5550123 2022-07-01T15:00:00Z buy 1 DAX 15JUL22 13000 C @ 201.2 x5 EUR fee 1.5",
			"U5550123 2022-07-15T17:20:00Z sell 1 DAX 15JUL22 13000 C @ 0 x5 EUR",
			"U5550123 2022-07-15T20:20:00Z sell 2 XSP 15JUL22 380 P @ 6.17 x100 USD",
			"U5550123 2022-07-01T16:00:00Z buy 2 MESU2 @ 3800.25 x5 USD fee 1.24",
		},
		nil,
		map[string]int64{"currency conversion": 1},
	},
	{
		"statement in German, whose columns stand in another order", germanHead +
			"Transaktionen,Header,DataDiscriminator,Symbol,Datum/Zeit,T.-Kurs,Menge,Prov./Gebühr,Erlös,Vermögenswertkategorie,Währung,Code\n" +
			"Transaktionen,Data,Order,NVO,\"2022-07-01, 09:45:10\",110.5,30,-1.2,-3315,Aktien,USD,O\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{"U5550123 2022-07-01T13:45:10Z buy 30 NVO @ 110.5 USD fee 1.2"},
		nil, nil,
	},
	{
		"report in French, of several accounts, with exchange, side, fees and tax", "Relevé,Header,Nom du champ,Valeur du champ,,\nRelevé,Data,BrokerName,Interactive Brokers,,\n" +
			"Transactions,Header,DataDiscriminator,Catégorie d'actifs,Devise,Compte,Symbole,Date/Heure,Date de règlement,Bourse,Type,Quantité,Prix,Produits,Comm,Frais,Code\n" +
			"Transactions,Data,Order,Actions,EUR,U100,SAN,\"2023-02-01, 04:00:00\",2023-02-03,-,BUY,12,90.5,-1086,-3,-3.26,\n" +
			"Transactions,Data,Trade,Actions,EUR,U100,SAN,\"2023-02-01, 04:00:00\",2023-02-03,SBF,BUY,12,90.5,-1086,-3,-3.26,\n" +
			"Transactions,Data,Trade,Actions,EUR,U200,SAN,\"2023-02-01, 04:00:00\",2023-02-03,SBF,SELL,-12,90.5,1086,-3,,\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U100 2023-02-01T09:00:00Z buy 12 SAN @ 90.5 EUR fee 6.26 settles 2023-02-03",
			"U200 2023-02-01T09:00:00Z sell 12 SAN @ 90.5 EUR fee 3 settles 2023-02-03",
		},
		nil,
		map[string]int64{"order whose executions are listed": 1},
	},
	{
		"statement in Chinese, whose header has a name twice", "Statement,Header,域名称,域值\nStatement,Data,BrokerName,Interactive Brokers\n账户信息,Header,域名称,域值\n账户信息,Data,名称,Somebody\n账户信息,Data,账户,U9\n账户信息,Data,基础货币,HKD\n" +
			"交易,Header,DataDiscriminator,资产分类,货币,代码,日期/时间,数量,交易价格,收盘价格,收益,佣金/税,基础,已实现的损益,已实现的损益 %,按市值计算的损益,代码\n" +
			"交易,Data,Order,股票,HKD,700,\"2021-03-04, 21:31:00\",100,650,655,-65000,-52.5,65052.5,0,0,500,O\n" +
			"交易,Data,Order,股票和指数期权,USD,AAPL 18JUN21 120 C,\"2021-03-04, 11:00:00\",1,7.05,7,-705,0.21,704.79,0,0,-5,O\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U9 2021-03-05T02:31:00Z buy 100 700 @ 650 HKD fee 52.5",
			"U9 2021-03-04T16:00:00Z buy 1 AAPL 18JUN21 120 C @ 7.05 x100 USD fee -0.21",
		},
		nil, nil,
	},
	{
		"section of trades alone, in which executions stand before their order", "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Exchange,Quantity,T. Price,Proceeds,Comm/Fee,Code\n" +
			"Trades,Data,Trade,Stocks,USD,KHC,\"2023-05-02, 10:00:00\",ARCA,4,40,-160,-0.5,O\nTrades,Data,Trade,Stocks,USD,KHC,\"2023-05-02, 10:00:00\",ARCA,6,40,-240,-0.5,O\n" +
			"Trades,Data,Order,Stocks,USD,KHC,\"2023-05-02, 10:00:00\",-,10,40,-400,-1,O\nTrades,Data,Order,Stocks,USD,MO,\"2023-05-02, 10:00:00\",-,10,40,-400,-1,O\n",
		account,
		"Interactive Brokers statement CSV",
		[]string{
			"A 2023-05-02T14:00:00Z buy 4 KHC @ 40 USD fee 0.5",
			"A 2023-05-02T14:00:00Z buy 6 KHC @ 40 USD fee 0.5",
			"A 2023-05-02T14:00:00Z buy 10 MO @ 40 USD fee 1",
		},
		nil,
		map[string]int64{"order whose executions are listed": 1},
	},
	{
		"transaction history in German", germanHead + "Transaktionsverlauf,Header,Datum,Konto,Beschreibung,Transaktionsart,Symbol,Menge,Kurs,Kurswährung,Bruttobetrag,Provision,Nettobetrag\n" +
			"Transaktionsverlauf,Data,2022-07-01,U***123,NOVO NORDISK,Kauf,NVO,8,110.25,USD,-845.12,-1.1,-846.22\n" +
			"Transaktionsverlauf,Data,2022-07-01,U***123,NOVO NORDISK,Umbuchung,NVO,8,110.25,USD,-845.12,-1.1,-846.22\n" +
			"Transaktionsverlauf,Data,2022-07-02,U***123,NVO 15JUL22 105 P,Verkauf,NVO   220715P00105000,-1,2.5,USD,240,-1,239\n" +
			"Transaktionsverlauf,Data,2022-07-15,U***123,NVO 15JUL22 105 P,Expiration,NVO   220715P00105000,1,0,USD,0,-,0\n" +
			"Transaktionsverlauf,Data,2022-07-15,U***123,NVO Dividende,Dividende,NVO,-,-,-,10,-,10\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U***123 2022-07-01T00:00:00Z buy 8 NVO @ 110.25 USD fee 1.1 EUR",
			"U***123 2022-07-02T00:00:00Z sell 1 NVO   220715P00105000 @ 2.5 x100 USD fee 1 EUR",
			"U***123 2022-07-15T00:00:00Z buy 1 NVO   220715P00105000 @ 0 x100 USD",
		},
		[]string{"transaction type Umbuchung is not known"},
		map[string]int64{"dividend": 1},
	},
	{
		"statement whose numbers contradict each other", englishHead + englishTrades +
			"Trades,Data,Order,Stocks,USD,KHC,\"2023-05-02, 10:00:00\",10,40,40,-400,-1,0,0,0,O\n" +
			"Trades,Data,Order,Stocks,USD,PEP,\"2023-05-02, 10:00:00\",10,40,40,-480,-1,0,0,0,O\n" +
			"Trades,Data,Order,Stocks,USD,KO,\"2023-05-02, 10:00:00\",10,40,40,400,-1,0,0,0,O\n" +
			"Trades,Data,Order,Equity and Index Options,USD,PEP 19MAY23 190 C,\"2023-05-02, 10:00:00\",2,1.5,1,-297,-1,0,0,0,O\n" +
			"Trades,Data,Order,Equity and Index Options,EUR,P OESX DEC 23 4200 M,\"2023-05-02, 10:00:00\",1,3,3,-33,-2,0,0,0,O\n" +
			"Trades,Data,Order,Equity and Index Options,EUR,P OESX DEC 23 4100 M,\"2023-05-02, 10:00:00\",1,3,3,-30,-2,0,0,0,O\n" +
			"Trades,Data,Order,Stocks,USD,F,\"2023-05-02, 10:00:00\",10,12,12,-120,-1,0,0,0,O\n" +
			"Trades,Data,Trade,Stocks,USD,F,\"2023-05-02, 10:00:00\",4,12,12,-48,-1,0,0,0,O\n" +
			"Trades,Data,Order,Equity and Index Options,EUR,P OESX DEC 23 4000 M,\"2023-05-02, 10:00:00\",1,0,0,0,-2,0,0,0,O\n" +
			"Trades,Data,Trade,Stocks,USD,KHC,\"2023-05-02, 10:00:00\",10,40,40,-400,-1,0,0,0,O\n",
		fillfile.Options{},
		"Interactive Brokers statement CSV",
		[]string{
			"U42 2023-05-02T14:00:00Z buy 10 KHC @ 40 USD fee 1",
			"U42 2023-05-02T14:00:00Z buy 1 P OESX DEC 23 4100 M @ 3 x10 EUR fee 2",
			"U42 2023-05-02T14:00:00Z buy 4 F @ 12 USD fee 1",
			"U42 2023-05-02T14:00:00Z ends 1 P OESX DEC 23 4000 M @ 0 EUR fee 2",
		},
		[]string{
			"quantity 10 x price 40 is 400, with and without fees, but the file's total is -480",
			"side \"buy\" contradicts the sign of the amount 400",
			"quantity 2 x price 1.5 x 100 is 300, with and without fees, but the file's total is -297",
			"nothing tells the multiplier of option P OESX DEC 23 4200 M",
			"the executions below this order do not come to its quantity",
			"orders and executions of this symbol stand apart",
		},
		nil,
	},
}

// A statement that was written in another zone than New York's does not tell in which its times are.
func TestStatementZoneIsAsked(t *testing.T) {
	t.Parallel()
	text := strings.Replace(germanHead, "EDT", "CEST", 1) + germanTrades +
		"Transaktionen,Data,Order,Aktien,USD,NVO,\"2022-07-01, 09:45:10\",30,110.5,111,-3315,-1.2,3316.2,0,15,O\n"

	var ask *fillfile.AskError
	if r := read(t, text, fillfile.Options{}); !errors.As(r.err, &ask) || ask.Option != "tz" {
		t.Fatalf("got %v, want to be asked for the zone", r.err)
	}
	r := read(t, text, fillfile.Options{Zone: "Europe/Berlin"})
	if r.err != nil {
		t.Fatal(r.err)
	}
	compare(t, r, []string{"U5550123 2022-07-01T07:45:10Z buy 30 NVO @ 110.5 USD fee 1.2"}, nil, nil)
}
