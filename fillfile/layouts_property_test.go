package fillfile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

// export is a generated file of a broker whose layout is known.
type export struct {
	head, foot string
	columns    []cellColumn
	prefix     []string // cells before those of the columns
	fixed      bool     // the order of columns is the broker's
	trades     []truth
	opts       fillfile.Options
	// proves: the file's own money contradicts a row whose price was changed.
	proves bool
}

// exporters write fills as brokers do, in the layouts that have names.
var exporters = map[string]func(d dice) *export{
	"Schwab CSV":                        dice.schwab,
	"tastytrade CSV":                    dice.tastytrade,
	"tastyworks CSV":                    dice.tastyworks,
	"Robinhood CSV":                     dice.robinhood,
	"Fidelity CSV":                      dice.fidelity,
	"thinkorswim CSV":                   dice.thinkorswim,
	"Interactive Brokers statement CSV": dice.ibkrStatement,
	"MetaTrader 5 history":              dice.metaTrader,
}

// Fills that are written in a broker's layout, in any order of columns, come out exactly. A row in which a price was
// changed is not booked where the file has money of its own.
func TestLayoutsAreExact(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}

	t.Logf("seed %d", first)

	for format, write := range exporters {
		t.Run(format, func(t *testing.T) {
			t.Parallel()

			for n := range 200 {
				d := dice{rand.New(rand.NewPCG(first, uint64(n)))}
				e := write(d)
				if !e.fixed {
					d.Shuffle(len(e.columns), func(i, j int) {
						e.columns[i], e.columns[j] = e.columns[j], e.columns[i]
					})
				}

				changed := -1
				if e.proves && d.chance(30) {
					changed = d.IntN(len(e.trades))
				}
				if compareExport(t, format, e, changed); t.Failed() {
					t.Fatalf("-seed %d, file %d", first, n)
				}
			}
		})
	}
}

// compareExport reads a file in which one row is changed, or none for -1.
func compareExport(t *testing.T, format string, e *export, changed int) {
	t.Helper()
	text := e.text(changed)
	file, err := fillfile.Read(strings.NewReader(text), "file.csv", e.opts)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	if file.Format != format {
		t.Errorf("taken for %s:\n%s", file.Format, text)
	}

	want := map[string]int{}
	for i, trade := range e.trades {
		if i != changed {
			want[trade.String()]++
		}
	}

	for fill, err := range file.Fills() {
		if err != nil {
			if changed < 0 {
				t.Errorf("%v\n%s", err, text)
			}
			continue
		}

		got := outcome(fill)
		if want[got]--; want[got] < 0 {
			t.Errorf("got %s, which is none of\n%v\n%s", got, e.trades, text)
		}
	}

	for trade, n := range want {
		if n > 0 {
			t.Errorf("%s is missing (row %d is changed):\n%s", trade, changed, text)
		}
	}
}

func (e *export) text(changed int) string {
	var b strings.Builder
	line := func(cells []string) {
		cells = append(slices.Clone(e.prefix), cells...)
		for i, cell := range cells {
			cells[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		b.WriteString(strings.Join(cells, ",") + "\n")
	}

	b.WriteString(e.head)
	var header []string
	for _, c := range e.columns {
		header = append(header, c.name)
	}

	if len(e.prefix) > 0 {
		b.WriteString(e.prefix[0] + ",Header,DataDiscriminator," + strings.Join(header, ",") + "\n")
	} else {
		line(header)
	}

	for i, t := range e.trades {
		var cells []string
		for _, c := range e.columns {
			written := t
			if i == changed && c.is == "price" {
				written.price = t.price.Mul(blotter.MustDecimal("1.5")).Add(blotter.MustDecimal("1"))
			}
			cells = append(cells, c.of(written))
		}

		line(cells)
	}

	return b.String() + e.foot
}

func (e *export) add(name string, of func(t truth) string) {
	e.columns = append(e.columns, cellColumn{name, of, ""})
}

func (e *export) addPrice(name string, of func(t truth) string) {
	e.columns = append(e.columns, cellColumn{name, of, "price"})
}

// wholeCents draws trades whose values are whole cents, with the symbols that readable makes of options.
func (d dice) wholeCents(kinds string, fees int, days bool, readable func(t truth) string) []truth {
	all := d.trades(kinds, fees, false)
	for i := range all {
		t := &all[i]
		t.quantity, t.price = d.decimal(50, 0), d.decimal(300, 2)
		if days {
			t.at = t.at.Truncate(24 * time.Hour)
		}
		if t.strike != "" && readable != nil {
			t.symbol = strings.ToUpper(readable(*t))
		}
	}
	return all
}

// action returns the word of a broker for the side of a share or option.
func action(t truth, bought, sold, open, shut string) string {
	word := sold
	if t.isBuy {
		word = bought
	}
	if t.strike == "" {
		return word
	}
	if t.isBuy {
		return word + open
	}
	return word + shut
}

// received returns the money that a trade brought, negative for a purchase.
func received(t truth, amount blotter.Decimal) blotter.Decimal {
	if t.isBuy {
		return amount.Neg()
	}
	return amount
}

// dollars writes money with a sign before the dollar.
func dollars(d blotter.Decimal) string {
	if d.IsNeg() {
		return "-$" + d.Neg().String()
	}
	return "$" + d.String()
}

func (d dice) schwab() *export {
	name := func(t truth) string {
		if t.strike == "" {
			return t.root
		}
		return fmt.Sprintf("%s %s %s %s", t.root, t.expiry.Format("01/02/2006"), t.strike, t.right)
	}

	e := &export{trades: d.wholeCents("share|option", 1, true, name), opts: account, proves: true}
	e.add("Date", func(t truth) string { return t.at.Format("01/02/2006") })
	e.add("Action", func(t truth) string { return action(t, "Buy", "Sell", " to Open", " to Close") })
	e.add("Symbol", name)
	e.add("Description", func(truth) string { return "SOMETHING INC" })
	e.add("Quantity", func(t truth) string { return t.quantity.String() })
	e.addPrice("Price", func(t truth) string { return dollars(t.price) })
	e.add("Fees & Comm", func(t truth) string { return dollars(t.fee()) })
	amounts := netOf(e.trades)
	e.add("Amount", func(t truth) string { return dollars(amounts[keyOf(t)]) })
	return e
}

// netOf returns the net cash of each trade as it is before its price is changed.
func netOf(trades []truth) map[string]blotter.Decimal {
	all := map[string]blotter.Decimal{}
	for _, t := range trades {
		all[keyOf(t)] = received(t, t.net())
	}
	return all
}

// grossOf returns the cash of each trade without fees, as it is before its price is changed.
func grossOf(trades []truth) map[string]blotter.Decimal {
	all := map[string]blotter.Decimal{}
	for _, t := range trades {
		all[keyOf(t)] = received(t, t.gross())
	}
	return all
}

// keyOf identifies a trade by what is not changed: its fees are drawn.
func keyOf(t truth) string {
	return fmt.Sprint(t.at, t.symbol, t.isBuy, t.quantity, t.fees)
}

func (d dice) tastytrade() *export {
	e := &export{
		trades: d.wholeCents("share|option", 2, false, nil),
		opts:   fillfile.Options{Account: "A"},
		proves: true,
	}

	gross := grossOf(e.trades)
	each := func(t truth) string {
		amount := gross[keyOf(t)]
		price, err := amount.Div(t.quantity)
		if err != nil {
			return "--"
		}
		return price.String()
	}

	e.add("Date", func(t truth) string { return t.at.Format("2006-01-02T15:04:05-0700") })
	e.add("Type", func(truth) string { return "Trade" })
	e.add("Sub Type", func(t truth) string { return action(t, "Buy", "Sell", " to Open", " to Close") })
	e.add("Action", func(t truth) string { return action(t, "BUY", "SELL", "_TO_OPEN", "_TO_CLOSE") })
	e.add("Symbol", func(t truth) string { return t.symbol })
	e.add("Instrument Type", func(t truth) string {
		return action(truth{strike: t.strike}, "", "Equity", "", " Option")
	})

	e.addPrice("Description", func(t truth) string {
		return fmt.Sprintf("%s %s %s @ %s", action(truth{isBuy: t.isBuy}, "Bought", "Sold", "", ""), t.quantity,
			t.root, t.price)
	})

	e.add("Value", func(t truth) string { return gross[keyOf(t)].String() })
	e.add("Quantity", func(t truth) string { return t.quantity.String() })
	e.add("Average Price", each)
	e.add("Commissions", func(t truth) string { return t.fees[0].Neg().String() })
	e.add("Fees", func(t truth) string { return t.fees[1].Neg().String() })
	e.add("Multiplier", func(t truth) string { return t.multiplier.String() })
	e.add("Order #", func(truth) string { return "1" })
	e.add("Currency", func(t truth) string { return t.currency })
	for i := range e.columns {
		if e.columns[i].name == "Multiplier" {
			e.columns[i].of = func(t truth) string { return action(truth{strike: t.strike}, "", "1", "", "00") }
		}
	}

	return e
}

func (d dice) tastyworks() *export {
	e := &export{
		trades: d.wholeCents("share|option", 1, false, nil),
		opts:   fillfile.Options{Account: "A", Zone: "UTC"},
		proves: true,
	}

	for i := range e.trades {
		e.trades[i].at = e.trades[i].at.Truncate(time.Minute)
	}

	gross := grossOf(e.trades)
	e.add("Date/Time", func(t truth) string { return t.at.Format("01/02/2006 3:04 PM") })
	e.add("Transaction Code", func(truth) string { return "Trade" })
	e.add("Transaction Subcode", func(t truth) string { return action(t, "Buy", "Sell", " to Open", " to Close") })
	e.add("Symbol", func(t truth) string { return t.root })
	e.add("Buy/Sell", func(t truth) string { return action(truth{isBuy: t.isBuy}, "Buy", "Sell", "", "") })
	e.add("Open/Close", func(truth) string { return "Open" })
	e.add("Quantity", func(t truth) string { return t.quantity.String() })

	e.add("Expiration Date", func(t truth) string {
		if t.strike == "" {
			return ""
		}
		return t.expiry.Format("01/02/2006")
	})

	e.add("Strike", func(t truth) string { return t.strike })
	e.add("Call/Put", func(t truth) string { return t.right })
	e.addPrice("Price", func(t truth) string { return t.price.String() })
	e.add("Fees", func(t truth) string { return t.fee().String() })
	e.add("Amount", func(t truth) string { return gross[keyOf(t)].String() })
	e.add("Description", func(truth) string { return "Something" })
	e.add("Account Reference", func(truth) string { return "Somebody...42" })
	return e
}

func (d dice) robinhood() *export {
	name := func(t truth) string {
		right := "Put"
		if t.right == "C" {
			right = "Call"
		}
		return fmt.Sprintf("%s %s %s $%s", t.root, t.expiry.Format("1/2/2006"), right, t.strike)
	}

	e := &export{trades: d.wholeCents("share|option", 1, true, name), opts: account}
	for i := range e.trades {
		e.trades[i].price = e.trades[i].price.Add(blotter.MustDecimal("20")) // more than the fees
	}

	e.add("Activity Date", func(t truth) string { return t.at.Format("1/2/2006") })
	e.add("Process Date", func(t truth) string { return t.at.Format("1/2/2006") })
	e.add("Settle Date", func(t truth) string { return t.at.AddDate(0, 0, 1).Format("1/2/2006") })
	e.add("Instrument", func(t truth) string { return t.root })

	e.add("Description", func(t truth) string {
		if t.strike != "" {
			return name(t)
		}
		return "Something Inc\nCUSIP: 123456789"
	})

	e.add("Trans Code", func(t truth) string {
		if t.strike == "" {
			return action(t, "Buy", "Sell", "", "")
		}
		return action(t, "BT", "ST", "O", "C")
	})

	e.add("Quantity", func(t truth) string { return t.quantity.String() })
	e.add("Price", func(t truth) string { return dollars(t.price) })

	e.add("Amount", func(t truth) string {
		if t.isBuy {
			return "($" + t.net().String() + ")"
		}
		return "$" + t.net().String()
	})

	return e
}

func (d dice) fidelity() *export {
	name := func(t truth) string {
		if t.strike == "" {
			return t.root
		}
		return fmt.Sprintf("-%s%s%s%s", t.root, t.expiry.Format("060102"), t.right, t.strike)
	}

	e := &export{
		trades: d.wholeCents("share|option", 2, true, name),
		opts:   fillfile.Options{Account: "A"},
		proves: true,
		head:   "\n\n",
	}

	amounts := netOf(e.trades)
	e.add("Run Date", func(t truth) string { return t.at.Format("01/02/2006") })
	e.add("Action", func(t truth) string {
		return action(truth{isBuy: t.isBuy}, "YOU BOUGHT", "YOU SOLD", "", "") + " SOMETHING (Cash)"
	})

	e.add("Symbol", func(t truth) string { return " " + name(t) })
	e.add("Description", func(t truth) string {
		return action(truth{strike: t.strike}, "", "SOMETHING", "", " (100 SHS)")
	})

	e.add("Type", func(truth) string { return "Cash" })
	e.add("Quantity", func(t truth) string { return t.signedQuantity().String() })
	e.addPrice("Price ($)", func(t truth) string { return t.price.String() })
	e.add("Commission ($)", func(t truth) string { return t.fees[0].String() })
	e.add("Fees ($)", func(t truth) string { return t.fees[1].String() })
	e.add("Accrued Interest ($)", func(truth) string { return "" })
	e.add("Amount ($)", func(t truth) string { return amounts[keyOf(t)].String() })
	e.add("Settlement Date", func(t truth) string { return t.at.AddDate(0, 0, 1).Format("01/02/2006") })
	return e
}

func (d dice) thinkorswim() *export {
	e := &export{
		trades: d.wholeCents("share|option", 0, false, nil),
		opts:   fillfile.Options{Account: "A", Zone: "UTC"},
		head:   "Filled Orders\n",
	}

	e.add("Exec Time", func(t truth) string { return t.at.Format("1/2/06 15:04:05") })
	e.add("Spread", func(truth) string { return "SINGLE" })
	e.add("Side", func(t truth) string { return action(truth{isBuy: t.isBuy}, "BUY", "SELL", "", "") })

	e.add("Qty", func(t truth) string {
		if t.isBuy {
			return "+" + t.quantity.String()
		}
		return "-" + t.quantity.String()
	})

	e.add("Pos Effect", func(truth) string { return "TO OPEN" })
	e.add("Symbol", func(t truth) string { return t.root })

	e.add("Exp", func(t truth) string {
		if t.strike == "" {
			return ""
		}
		return strings.ToUpper(t.expiry.Format("2 Jan 06"))
	})

	e.add("Strike", func(t truth) string { return t.strike })
	e.add("Type", func(t truth) string {
		return map[string]string{"": "STOCK", "C": "CALL", "P": "PUT"}[t.right]
	})

	e.add("Price", func(t truth) string { return t.price.String() })
	e.add("Net Price", func(t truth) string { return t.price.String() })
	e.add("Order Type", func(truth) string { return "LMT" })
	return e
}

// ibkrStatement writes a statement in English or German with columns in any order, or in a language that is not known
// with columns in the broker's order.
func (d dice) ibkrStatement() *export {
	name := func(t truth) string {
		if t.strike == "" {
			return t.root
		}
		return fmt.Sprintf("%s %s %s %s", t.root, strings.ToUpper(t.expiry.Format("02Jan06")), t.strike, t.right)
	}

	languages := [][]string{
		{
			"Trades", "Asset Category", "Currency", "Symbol", "Date/Time", "Quantity", "T. Price", "C. Price",
			"Proceeds", "Comm/Fee", "Basis", "Realized P/L", "MTM P/L", "Code",
		},
		{
			"Transaktionen", "Vermögenswertkategorie", "Währung", "Symbol", "Datum/Zeit", "Menge", "T.-Kurs",
			"Schlusskurs", "Erlös", "Prov./Gebühr", "Basis", "Realisierter G&V", "MTM-G&V", "Code",
		},
		{"Zzz", "Aaa", "Bbb", "Ccc", "Ddd", "Eee", "Fff", "Ggg", "Hhh", "Iii", "Jjj", "Kkk", "Lll", "Mmm"},
	}

	language := languages[d.IntN(len(languages))]
	e := &export{
		head: "Statement,Header,A,B\n" +
			"Statement,Data,WhenGenerated,\"2024-12-31, 10:00:00 EST\"\n" +
			"C,Header,A,B\n" +
			"C,Data,D,U987654\n",
		prefix: []string{language[0], "Data", "Order"}, fixed: language[0] == "Zzz",
		trades: d.wholeCents("share|option", 1, false, name), proves: true,
	}

	gross := grossOf(e.trades)
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}

	cells := []func(t truth) string{
		func(t truth) string { return action(truth{strike: t.strike}, "", "Stocks", "", " Options") },
		func(t truth) string { return t.currency },
		name,
		func(t truth) string { return t.at.In(newYork).Format("2006-01-02, 15:04:05") },
		func(t truth) string { return t.signedQuantity().String() },
		func(t truth) string { return t.price.String() },
		func(t truth) string { return t.price.String() },
		func(t truth) string { return gross[keyOf(t)].String() },
		func(t truth) string { return t.fee().Neg().String() },
		func(truth) string { return "0" },
		func(truth) string { return "0" },
		func(truth) string { return "0" },
		func(truth) string { return "O" },
	}

	for i, of := range cells {
		e.columns = append(e.columns, cellColumn{language[i+1], of, ""})
		if language[i+1] == language[6] {
			e.columns[i].is = "price"
		}
	}

	return e
}

// metaTrader writes deals that open and close, with the profits that prove the lots.
func (d dice) metaTrader() *export {
	e := &export{opts: fillfile.Options{Account: "A", Zone: "UTC"}, fixed: false}
	e.trades = d.wholeCents("share", 1, false, nil)
	slices.SortFunc(e.trades, func(a, b truth) int { return a.at.Compare(b.at) })
	price, quantity := d.decimal(2, 4), d.decimal(3, 1)
	profits := map[string]string{}

	for i := range e.trades {
		t := &e.trades[i]
		t.root = "EURUSD"
		t.symbol = "EURUSD"
		t.multiplier = blotter.MustDecimal("100000")
		t.quantity = quantity
		t.isBuy = i%2 == 0
		t.price = price
		profits[keyOf(*t)] = "0.00"
		if !t.isBuy {
			t.price = price.Add(d.decimal(1, 3))
			profits[keyOf(*t)] = t.price.Sub(price).Mul(quantity).Mul(t.multiplier).String()
		}
	}

	if len(e.trades)%2 == 1 {
		e.trades = e.trades[:len(e.trades)-1]
	}

	e.add("Time", func(t truth) string { return t.at.Format("2006.01.02 15:04:05") })
	e.add("Deal", func(t truth) string { return fmt.Sprint(t.at.Unix()) })
	e.add("Symbol", func(t truth) string { return t.root })
	e.add("Type", func(t truth) string { return action(truth{isBuy: t.isBuy}, "buy", "sell", "", "") })
	e.add("Direction", func(t truth) string { return action(truth{isBuy: t.isBuy}, "in", "out", "", "") })
	e.add("Volume", func(t truth) string { return t.quantity.String() })
	e.add("Price", func(t truth) string { return t.price.String() })
	e.add("Order", func(t truth) string { return "7" })
	e.add("Commission", func(t truth) string { return t.fee().Neg().String() })
	e.add("Fee", func(truth) string { return "0.00" })
	e.add("Swap", func(truth) string { return "0.00" })
	e.add("Profit", func(t truth) string { return profits[keyOf(t)] })
	e.add("Balance", func(truth) string { return "10 000.00" })
	return e
}
