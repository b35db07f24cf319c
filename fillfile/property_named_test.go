package fillfile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

// namedStatement writes fills as a broker does: its names of columns, and its conventions.
type namedStatement struct {
	format  string
	kinds   string // of instruments, as dice.trades draws them
	columns func(d dice, s *statement)
	asJSON  string // what stands around the objects, with %s for them; "" is CSV
}

func side(bought, sold string) func(truth) string {
	return func(t truth) string {
		if t.isBuy {
			return bought
		}
		return sold
	}
}

func (t truth) signedQuantity() blotter.Decimal {
	if t.isBuy {
		return t.quantity
	}
	return t.quantity.Neg()
}

// cash returns the money that the account received, negative for a purchase.
func cash(t truth, amount blotter.Decimal) string {
	if t.isBuy {
		return amount.Neg().String()
	}
	return amount.String()
}

var namedStatements = []namedStatement{
	{format: "schwab", kinds: "share", columns: func(d dice, s *statement) {
		s.add("Date", func(t truth) string { return t.at.Format("01/02/2006") })
		s.add("Action", side("Buy", "Sell"))
		s.add("Symbol", func(t truth) string { return t.root })
		s.add("Description", func(truth) string { return "ALPHA, INC" })
		s.add("Quantity", func(t truth) string { return t.quantity.String() })
		s.add("Price", func(t truth) string { return "$" + t.price.String() })
		s.add("Fees & Comm", func(t truth) string { return "$" + t.fee().String() })
		s.add("Amount", func(t truth) string { return cash(t, rounded(t.net())) })
	}},
	{format: "trading212", kinds: "share", columns: func(d dice, s *statement) {
		s.opts.Zone = "UTC"
		s.add("Action", side(d.name("Market buy|Limit buy"), d.name("Market sell|Stop sell")))
		s.add(d.name("Time|Time (UTC)"), func(t truth) string { return t.at.Format("2006-01-02 15:04:05.000") })
		s.add("ISIN", func(truth) string { return "US0000000001" })
		s.add("Ticker", func(t truth) string { return t.root })
		s.add("No. of shares", func(t truth) string { return t.quantity.String() })
		s.add("Price / share", func(t truth) string { return t.price.String() })
		s.add("Currency (Price / share)", func(t truth) string { return t.currency })
		s.add("Total", func(t truth) string { return rounded(t.net()).String() })
		s.add("Currency (Total)", func(t truth) string { return t.currency })
		s.add("Currency conversion fee", func(t truth) string { return t.fee().String() })
		s.add("Currency (Currency conversion fee)", func(t truth) string { return t.currency })
	}},
	{format: "freetrade", kinds: "share", columns: func(d dice, s *statement) {
		s.add("Title", func(truth) string { return "Alpha" })
		s.add("Type", func(truth) string { return "ORDER" })
		s.add("Timestamp", func(t truth) string { return t.at.Format("2006-01-02T15:04:05.000Z") })
		s.add("Account Currency", func(t truth) string { return t.currency })
		s.add("Buy / Sell", side("BUY", "SELL"))
		s.add("Ticker", func(t truth) string { return t.root })
		s.add("ISIN", func(truth) string { return "US0000000001" })
		s.add("Quantity", func(t truth) string { return t.quantity.String() })
		s.add("Instrument Currency", func(t truth) string { return t.currency })
		s.add("Total Shares Amount", func(t truth) string { return rounded(t.gross()).String() })
		s.add("Price per Share", func(t truth) string { return t.price.String() })
		s.add("FX Fee Amount", func(t truth) string { return t.fee().String() })
	}},
	{format: "kraken", kinds: "pair", columns: func(d dice, s *statement) {
		s.add("txid", func(t truth) string { return fmt.Sprint("T", t.at.UnixNano()) })
		s.add("ordertxid", func(truth) string { return "O1" })
		s.add("pair", func(t truth) string { return t.root })
		s.add("time", func(t truth) string { return t.at.Format("2006-01-02 15:04:05.0000") })
		s.add("type", side("buy", "sell"))
		s.add("price", func(t truth) string { return t.price.String() })
		s.add("vol", func(t truth) string { return t.quantity.String() })
		s.add("cost", func(t truth) string { return t.gross().String() })
		s.add("fee", func(t truth) string { return t.fee().String() })
	}},
	{format: "binance-csv", kinds: "pair", columns: func(d dice, s *statement) {
		s.add(d.name("Date(UTC)|Time(UTC)"), func(t truth) string { return t.at.Format("2006-01-02 15:04:05") })
		s.add("Pair", func(t truth) string { return t.root })
		s.add(d.name("Side|Type"), side("BUY", "SELL"))
		s.add("Price", func(t truth) string { return t.price.String() })
		s.add("Executed", func(t truth) string { return t.quantity.String() + "BTC" })
		s.add("Amount", func(t truth) string { return t.gross().String() + "USDT" })
		s.add("Fee", func(t truth) string { return t.fee().String() + "USDT" })
	}},
	{format: "ibkr-flex-csv", kinds: "share", columns: func(d dice, s *statement) {
		s.opts.Zone = "UTC"
		s.add("ClientAccountID", func(truth) string { return "A" })
		s.add("CurrencyPrimary", func(t truth) string { return t.currency })
		s.add("AssetClass", func(truth) string { return "STK" })
		s.add("Symbol", func(t truth) string { return t.root })
		s.add("TradeID", func(t truth) string { return fmt.Sprint(t.at.Unix()) })
		s.add("DateTime", func(t truth) string { return t.at.Format("20060102;150405") })
		s.add("Quantity", func(t truth) string { return t.signedQuantity().String() })
		s.add("TradePrice", func(t truth) string { return t.price.String() })
		s.add("Proceeds", func(t truth) string { return cash(t, t.gross()) })
		s.add("IBCommission", func(t truth) string { return t.fee().Neg().String() })
		s.add("IBCommissionCurrency", func(t truth) string { return t.currency })
		s.add("Buy/Sell", side("BUY", "SELL"))
	}},
	{format: "robinhood", kinds: "share", columns: func(d dice, s *statement) {
		for i := range s.trades { // the fee is what remains, to the cent
			s.trades[i].quantity, s.trades[i].price = d.decimal(900, 0), d.decimal(400, 2)
		}

		s.add("Activity Date", func(t truth) string { return t.at.Format("1/2/2006") })
		s.add("Process Date", func(t truth) string { return t.at.Format("1/2/2006") })
		s.add("Settle Date", func(t truth) string { return t.at.Format("1/2/2006") })
		s.add("Instrument", func(t truth) string { return t.root })
		s.add("Description", func(truth) string { return "Alpha" })
		s.add("Trans Code", side("Buy", "Sell"))
		s.add("Quantity", func(t truth) string { return t.quantity.String() })
		s.add("Price", func(t truth) string { return "$" + t.price.String() })

		s.add("Amount", func(t truth) string {
			if t.isBuy {
				return "($" + rounded(t.net()).String() + ")"
			}
			return "$" + rounded(t.net()).String()
		})
	}},
	{format: "binance", kinds: "pair", asJSON: "[%s]", columns: func(d dice, s *statement) {
		s.add("symbol", func(t truth) string { return t.root })
		s.add("id", func(t truth) string { return fmt.Sprint(t.at.Unix()) })
		s.add("price", func(t truth) string { return t.price.String() })
		s.add("qty", func(t truth) string { return t.quantity.String() })
		s.add("quoteQty", func(t truth) string { return t.gross().String() })
		s.add("commission", func(t truth) string { return t.fee().String() })
		s.add("commissionAsset", func(truth) string { return "USDT" })
		s.add("time", func(t truth) string { return fmt.Sprint(t.at.UnixMilli()) })
		s.add("isBuyer", side("true", "false"))
	}},
	{format: "bybit", kinds: "pair", asJSON: `{"result":{"list":[%s]}}`, columns: func(d dice, s *statement) {
		s.add("symbol", func(t truth) string { return t.root })
		s.add("execId", func(t truth) string { return fmt.Sprint("e", t.at.Unix()) })
		s.add("execPrice", func(t truth) string { return t.price.String() })
		s.add("execQty", func(t truth) string { return t.quantity.String() })
		s.add("execValue", func(t truth) string { return t.gross().String() })
		s.add("execFee", func(t truth) string { return t.fee().String() })
		s.add("feeCurrency", func(truth) string { return "USDT" })
		s.add("execTime", func(t truth) string { return fmt.Sprint(t.at.UnixMilli()) })
		s.add("execType", func(truth) string { return "Trade" })
		s.add("side", side("Buy", "Sell"))
	}},
}

// rounded returns an amount in whole cents, half away from zero.
func rounded(d blotter.Decimal) blotter.Decimal { return d.RoundHAZ(2) }

// json writes the statement as objects.
func (s *statement) json() string {
	var objects []string
	for _, t := range s.trades {
		var fields []string
		for _, c := range s.columns {
			value, _ := json.Marshal(c.of(t))
			if text := c.of(t); text == "true" || text == "false" {
				value = []byte(text)
			}
			fields = append(fields, fmt.Sprintf("%q:%s", c.name, value))
		}
		objects = append(objects, "{"+strings.Join(fields, ",")+"}")
	}
	return strings.Join(objects, ",")
}

// A broker's statement comes out exactly or is refused too, whatever the order of its columns.
func TestBrokersStatementsAreExactOrRefused(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}

	t.Logf("seed %d", first)

	for _, named := range namedStatements {
		t.Run(named.format, func(t *testing.T) {
			t.Parallel()
			var exact int
			for n := range *statementsMade / 5 {
				d := dice{rand.New(rand.NewPCG(first, uint64(n)))}
				s := &statement{comma: ",", point: ".", opts: fillfile.Options{Account: "A"}}
				s.trades = d.trades(named.kinds, 1, false)
				named.columns(d, s)
				d.Shuffle(len(s.columns), func(i, j int) { s.columns[i], s.columns[j] = s.columns[j], s.columns[i] })
				if compareNamed(t, named, s, fmt.Sprintf("-seed %d, statement %d", first, n)) {
					exact++
				}
				if t.Failed() {
					return
				}
			}

			if exact < *statementsMade/10 {
				t.Errorf("only %d of %d are read", exact, *statementsMade/5)
			}
		})
	}
}

// compareNamed reports whether all fills of a statement came out. A fill that is not one of its own is an error.
func compareNamed(t *testing.T, named namedStatement, s *statement, name string) bool {
	t.Helper()
	text := s.text()
	if named.asJSON != "" {
		text = fmt.Sprintf(named.asJSON, s.json())
	}

	file, err := fillfile.Read(strings.NewReader(text), "file", s.opts)
	var ask *fillfile.AskError

	if errors.As(err, &ask) {
		return false
	} else if err != nil {
		t.Errorf("%s: %v\n%s", name, err, text)
		return false
	}

	want := map[string]int{}
	for _, trade := range s.trades {
		want[clockless(trade.String(), named)]++
	}

	count := 0
	for fill, err := range file.Fills() {
		if err != nil {
			continue
		}

		got := clockless(outcome(fill), named)
		if count++; want[got] == 0 {
			t.Errorf("%s: got %s, which is none of\n%v\nof %s:\n%s", name, got, s.trades, file.Format, text)
			return false
		}
		want[got]--
	}

	return count == len(s.trades)
}

// clockless drops the time of day for layouts that give the date alone.
func clockless(text string, named namedStatement) string {
	if named.format == "schwab" || named.format == "robinhood" {
		return text[:len("2006-01-02")] + text[len("2006-01-02T15:04:05Z"):]
	}
	return text
}
