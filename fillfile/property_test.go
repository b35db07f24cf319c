package fillfile_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

var (
	statementsMade = flag.Int("statements", 1000, "generated statements of each kind")
	seed           = flag.Uint64("seed", 0, "of the generated statements; 0 draws one")
)

// truth is a fill that a generated statement lists.
type truth struct {
	at         time.Time
	symbol     string // as it is stored
	root       string // as the statement writes it
	isBuy      bool
	quantity   blotter.Decimal
	price      blotter.Decimal
	multiplier blotter.Decimal // 0 where it is 1
	currency   string
	fees       []blotter.Decimal // positive where paid
	expiry     time.Time         // of an option
	strike     string
	right      string
	class      string // word for its class, "" for none
}

func (t truth) fee() blotter.Decimal {
	sum := blotter.Decimal{}
	for _, fee := range t.fees {
		sum = sum.Add(fee)
	}
	return sum
}

func (t truth) gross() blotter.Decimal {
	gross := t.quantity.Mul(t.price)
	if !t.multiplier.IsZero() {
		gross = gross.Mul(t.multiplier)
	}
	return gross
}

// net returns the cost of a purchase or the proceeds of a sale, without a sign.
func (t truth) net() blotter.Decimal {
	if t.isBuy {
		return t.gross().Add(t.fee())
	}
	return t.gross().Sub(t.fee())
}

// String writes a fill as it should come out of the file.
func (t truth) String() string {
	side := "sell"
	if t.isBuy {
		side = "buy"
	}
	multiplier := ""
	if !t.multiplier.IsZero() {
		multiplier = " x" + t.multiplier.String()
	}
	return fmt.Sprintf("%s %s %s %s @ %s%s %s fee %s", t.at.UTC().Format(time.RFC3339), side, t.quantity, t.symbol,
		t.price, multiplier, t.currency, t.fee())
}

func outcome(f fillfile.Fill) string {
	multiplier := ""
	if !f.Multiplier.IsZero() && f.Multiplier.String() != "1" {
		multiplier = " x" + f.Multiplier.String()
	}
	text := fmt.Sprintf("%s %s %s %s @ %s%s %s fee %s", f.ExecutedAt.Format(time.RFC3339), f.Side, f.Quantity,
		f.Symbol, f.Price, multiplier, f.Currency, f.Commission)
	if len(f.OtherFees) > 0 || !f.Commission.IsZero() && f.CommissionCurrency != f.Currency {
		text += fmt.Sprintf(" %s %v", f.CommissionCurrency, f.OtherFees)
	}
	return text
}

// dice draws the choices of one statement.
type dice struct{ *rand.Rand }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

func oneOf[T any](d dice, all ...T) T { return all[d.IntN(len(all))] }

func (d dice) name(list string) string {
	return oneOf(d, strings.Split(list, "|")...)
}

func (d dice) decimal(most, digits int) blotter.Decimal {
	whole := d.IntN(most) + 1
	if digits == 0 {
		return blotter.MustDecimal(fmt.Sprint(whole))
	}
	scale := 1
	for range digits {
		scale *= 10
	}
	return blotter.MustDecimal(fmt.Sprintf("%d.%0*d", whole, digits, d.IntN(scale)))
}

// statement is a generated file: a table, and what it says.
type statement struct {
	columns []cellColumn
	trades  []truth
	others  int // rows that are not fills
	opts    fillfile.Options
	comma   string // between cells

	point, thousands string // of numbers
	brackets         bool   // around negative numbers
}

type cellColumn struct {
	name string
	of   func(t truth) string
	is   string // "side", "number" or ""
}

func (s *statement) addNumber(name string, of func(t truth) blotter.Decimal) {
	s.columns = append(s.columns, cellColumn{name, func(t truth) string { return s.written(of(t)) }, "number"})
}

func (s *statement) add(name string, of func(t truth) string) {
	s.columns = append(s.columns, cellColumn{name, of, ""})
}

func (s *statement) text() string {
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			if strings.ContainsAny(cell, s.comma+"\"") {
				cells[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
		}

		b.WriteString(strings.Join(cells, s.comma) + "\n")
	}

	var header []string
	for _, c := range s.columns {
		header = append(header, c.name)
	}

	line(header)

	for n, t := range s.trades {
		var cells []string
		for _, c := range s.columns {
			cells = append(cells, c.of(t))
		}

		line(cells)
		if n < s.others {
			line(s.dividend(t))
		}
	}

	return b.String()
}

// dividend returns a row with a dividend at the time of a fill.
func (s *statement) dividend(t truth) []string {
	var cells []string
	for _, c := range s.columns {
		switch {
		case c.is == "side":
			cells = append(cells, "Dividend")
		case c.is == "number":
			cells = append(cells, "")
		default:
			cells = append(cells, c.of(t))
		}
	}
	return cells
}

// written returns a number as the statement writes it.
func (s *statement) written(d blotter.Decimal) string {
	text := d.String()
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if s.thousands != "" && len(whole) > 3 {
		whole = whole[:len(whole)-3] + s.thousands + whole[len(whole)-3:]
	}
	if fraction != "" {
		whole += s.point + fraction
	}

	switch {
	case !d.IsNeg():
		return whole
	case s.brackets:
		return "(" + whole + ")"
	}

	return "-" + whole
}

// trades draws fills of a few instruments, a minute and more apart.
func (d dice) trades(kinds string, fees int, rebates bool) []truth {
	at := time.Date(2024, time.Month(d.IntN(12)+1), d.IntN(27)+1, 12, 0, 0, 0, time.UTC)
	n := d.IntN(7) + 2
	var all []truth

	for i := range n {
		at = at.Add(time.Duration(d.IntN(5000)+60) * time.Second)
		t := truth{
			at:       at,
			isBuy:    i == 0 || i != 1 && d.chance(50),
			quantity: d.decimal(900, oneOf(d, 0, 0, 1, 4)),
			price:    d.decimal(400, oneOf(d, 2, 2, 4)),
			currency: "USD",
		}

		switch d.name(kinds) {
		case "share":
			t.root = d.name("ABCD|WXYZ|BRK.B|SHOP.TO")
			t.symbol, t.class = t.root, "Stock"
		case "option":
			t.root = d.name("ABCD|WXYZ")
			t.class = "Option"
			t.expiry = time.Date(2024, 12, 20, 0, 0, 0, 0, time.UTC)
			t.strike = d.name("100|72.5")
			t.right = d.name("C|P")
			thousandths := map[string]string{"100": "00100000", "72.5": "00072500"}
			t.symbol = fmt.Sprintf("%-6s241220%s%s", t.root, t.right, thousandths[t.strike])
			t.quantity, t.multiplier = d.decimal(20, 0), blotter.MustDecimal("100")
		case "bond":
			t.root, t.class = d.name("DE0001102345|US912810TM09"), "Bond"
			t.symbol, t.multiplier = t.root, blotter.MustDecimal("0.01")
			t.quantity = d.decimal(90, 0).Mul(blotter.MustDecimal("1000"))
		case "pair":
			t.root = d.name("BTC/USDT|ETH-USDT|SOLUSDT")
			t.symbol, t.currency = t.root, "USDT"
			t.quantity = d.decimal(9, 4)
		}

		for range fees {
			fee := d.decimal(4, 2)
			if rebates && i > 0 && d.chance(30) { // a column of rebates only looks like one of fees
				fee = fee.Neg()
			}
			t.fees = append(t.fees, fee)
		}

		all = append(all, t)
	}

	if d.chance(50) {
		slices.Reverse(all)
	}

	return all
}

// anyones writes fills as anyone may: any names, any order of columns, any convention.
func (d dice) anyones() *statement {
	s := &statement{comma: oneOf(d, ",", ",", ";", "\t"), opts: fillfile.Options{Account: "A", Zone: "UTC"}}
	s.point, s.brackets = ".", d.chance(15)
	switch {
	case d.chance(20):
		s.thousands = ","
	case s.comma != "," && d.chance(50):
		s.point = ","
		s.thousands = oneOf(d, "", ".")
	}

	kinds := oneOf(d, "share", "share|option", "share|bond", "pair", "option", "share|option|bond")
	fees := oneOf(d, 0, 1, 1, 2, 3)
	s.trades = d.trades(kinds, fees, d.chance(15))

	d.addTime(s)
	s.add(d.name("Symbol|Ticker|Instrument|Security|Contract"), func(t truth) string { return t.root })

	if strings.Contains(kinds, "option") {
		s.add(d.name("Expiration Date|Expiry|Exp"), func(t truth) string {
			if t.strike == "" {
				return ""
			}
			return t.expiry.Format("2006-01-02")
		})

		s.add(d.name("Strike|Strike Price"), func(t truth) string { return t.strike })
		s.add(d.name("Call/Put|Put/Call|Option Type|Right"), func(t truth) string { return t.right })
	}

	if kinds != "pair" && (strings.Contains(kinds, "bond") || d.chance(50)) {
		s.add(d.name("Instrument Type|Asset Class|Security Type"), func(t truth) string { return t.class })
	}

	d.addSide(s)
	d.addMoney(s, fees)

	if kinds != "pair" {
		switch d.IntN(3) {
		case 0:
			s.opts.Currency = "USD"
		default:
			s.add(d.name("Currency|Price Currency|Ccy"), func(t truth) string { return t.currency })
		}
	}

	d.addNoise(s)
	d.Shuffle(len(s.columns), func(i, j int) { s.columns[i], s.columns[j] = s.columns[j], s.columns[i] })
	return s
}

func (d dice) addTime(s *statement) {
	switch d.IntN(5) {
	case 0:
		s.add(d.name("Time|Executed At|Trade Time|Fill Time|Timestamp"), func(t truth) string {
			return t.at.Format(time.RFC3339)
		})
	case 1:
		s.add(d.name("Date|Trade Date|T/D"), func(t truth) string { return t.at.Format("2006-01-02") })
		s.add(d.name("Time|Exec Time|Trade Time"), func(t truth) string { return t.at.Format("15:04:05") })
	case 2:
		s.opts.Zone = ""
		zone := time.FixedZone("", 8*3600)

		s.add(d.name("Filled Time|Date|Time")+"(UTC+08:00)", func(t truth) string {
			return t.at.In(zone).Format("2006-01-02 15:04:05")
		})
	case 3:
		s.add(d.name("Date|DateTime|Execution Time"), func(t truth) string {
			return t.at.Format("01/02/2006 15:04:05")
		})
		s.opts.DateOrder = "mdy"
	case 4:
		s.add(d.name("timestamp|time|tradedAt"), func(t truth) string { return fmt.Sprint(t.at.UnixMilli()) })
	}
}

func (d dice) addSide(s *statement) {
	quantity := d.name("Quantity|Qty|Shares|Filled Qty|Units|Size")
	isNegative := d.chance(30) // beside a word
	if d.chance(20) {
		s.addNumber(quantity, func(t truth) blotter.Decimal {
			if t.isBuy {
				return t.quantity
			}
			return t.quantity.Neg()
		})

		return
	}

	bought, sold, _ := strings.Cut(d.name("Buy/Sell|BUY/SELL|B/S|bought/sold|BOT/SLD|Kauf/Verkauf|BC/SS|"+
		"Purchase/Sale|Market buy/Market sell|Open Long/Close Long|Buy to Open/Sell to Close|achat/vente"), "/")
	if d.chance(20) {
		s.others = 2
	}

	s.columns = append(s.columns, cellColumn{
		d.name("Side|Action|Type|Buy/Sell|Transaction Type|Direction|B/S|trade_type|Trans Code|Foo"),
		func(t truth) string {
			if t.isBuy {
				return bought
			}
			return sold
		},
		"side",
	})

	s.addNumber(quantity, func(t truth) blotter.Decimal {
		if isNegative && !t.isBuy {
			return t.quantity.Neg()
		}
		return t.quantity
	})
}

// addMoney adds the price, totals and fees, in one of the conventions for their signs.
func (d dice) addMoney(s *statement, fees int) {
	s.addNumber(d.name("Price|Fill Price|Avg Price|Unit Price|Trade Price"), func(t truth) blotter.Decimal {
		return t.price
	})

	signed := d.chance(50) // what was paid is negative
	cash := func(t truth, amount blotter.Decimal) blotter.Decimal {
		if signed && t.isBuy {
			return amount.Neg()
		}
		return amount
	}

	if d.chance(40) {
		s.addNumber(d.name("Amount|Value|Gross Amount|Proceeds|Notional|Volume"), func(t truth) blotter.Decimal {
			return cash(t, t.gross())
		})
	}

	if d.chance(40) {
		s.addNumber(d.name("Total|Net Amount|Net Proceeds"), func(t truth) blotter.Decimal { return cash(t, t.net()) })
	}

	names := []string{"Commission", d.name("Fees|Fee|Reg Fee"), d.name("SEC|Exchange Fee|Stamp Duty")}
	paidIsNegative := d.chance(40)

	for i := range fees {
		s.addNumber(names[i], func(t truth) blotter.Decimal {
			if paidIsNegative {
				return t.fees[i].Neg()
			}
			return t.fees[i]
		})
	}
}

func (d dice) addNoise(s *statement) {
	noise := []cellColumn{
		{"Balance", func(t truth) string { return t.gross().String() }, "number"},
		{"Limit Price", func(t truth) string { return "1.00" }, ""},
		{"Settlement Date", func(t truth) string { return t.at.AddDate(0, 0, 2).Format("2006-01-02") }, ""},
		{"Placing Time", func(t truth) string { return t.at.Add(-time.Hour).Format(time.RFC3339) }, ""},
		{"Notes", func(t truth) string { return "" }, ""},
		{"Exchange", func(t truth) string { return "XNAS" }, ""},
		{"Name", func(t truth) string { return "Alpha Beta, Inc" }, ""},
		{"Order Type", func(t truth) string { return "LMT" }, ""},
		{"Leverage", func(t truth) string { return "1" }, ""},
	}

	for _, c := range noise {
		if d.chance(25) {
			s.columns = append(s.columns, c)
		}
	}
}

// TestStatementsAreExactOrRefused generates statements of unknown layouts. Their fills are either read exactly, or
// refused.
func TestStatementsAreExactOrRefused(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}

	t.Logf("seed %d", first)
	var exact, partly, refused int

	for n := range *statementsMade {
		d := dice{rand.New(rand.NewPCG(first, uint64(n)))}
		s := d.anyones()
		switch result := compareStatement(t, s, fmt.Sprintf("-seed %d, statement %d", first, n)); result {
		case "exact":
			exact++
		case "refused":
			refused++
		default:
			partly++
		}

		if t.Failed() {
			return
		}
	}

	t.Logf("%d exact, %d with rejected rows, %d refused", exact, partly, refused)
	if exact < *statementsMade/2 {
		t.Errorf("only %d of %d statements are read", exact, *statementsMade)
	}
}

// compareStatement reads a statement and reports what became of it. A fill that is not one of its own is an error.
func compareStatement(t *testing.T, s *statement, name string) string {
	t.Helper()
	file, err := fillfile.Read(strings.NewReader(s.text()), "file.csv", s.opts)
	if err != nil {
		return "refused"
	}

	want := map[string]int{}
	for _, trade := range s.trades {
		want[trade.String()]++
	}

	count := 0
	for fill, err := range file.Fills() {
		if err != nil {
			continue
		}
		if fill.NoMultiplier || fill.Currency == "" {
			continue // the import asks
		}

		count++
		if got := outcome(fill); want[got] == 0 {
			t.Errorf("%s: got %s, which is none of\n%v\nfile (options %+v):\n%s", name, got, s.trades, s.opts, s.text())
			return "wrong"
		}

		want[outcome(fill)]--
	}

	if count == len(s.trades) {
		return "exact"
	}

	return "partly"
}
