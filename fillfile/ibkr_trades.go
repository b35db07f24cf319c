package fillfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

// nameTrade gives the cells of an order or execution names that do not depend on the language: by the header where it
// is English, otherwise by position.
func nameTrade(r *row, cells, header []string) {
	if len(cells) == 0 || cells[0] != "Order" && cells[0] != "Trade" {
		return
	}

	r.set("tradelevel", cells[0])
	if slices.Contains(header, "symbol") && slices.Contains(header, "quantity") {
		nameTradeByHeader(r, header)
		return
	}
	nameTradeByPosition(r, cells, header)
}

// nameTradeByHeader reads an English header.
func nameTradeByHeader(r *row, header []string) {
	for name, value := range map[string]string{
		"tradecategory": r.get("assetcategory"),
		"tradecurrency": r.get("currency"),
		"tradeaccount":  r.get("account", "acctid"),
		"tradesymbol":   r.get("symbol"),
		"tradetime":     r.get("datetime", "tradedatetime"),
		"tradesettles":  r.get("settledate"),
		"tradequantity": r.get("quantity"),
		"tradeprice":    r.get("tprice", "price"),
		"tradevalue":    r.get("proceeds", "notionalvalue"),
		"tradecode":     r.get("code"),
	} {
		r.set(name, value)
	}

	var fees []string
	for i, name := range header {
		if i < len(r.cells) && (strings.HasPrefix(name, "comm") || name == "fee" || name == "fees" || name == "tax") {
			fees = append(fees, strings.TrimSpace(r.cells[i]))
		}
		if currency, found := strings.CutPrefix(name, "commin"); found {
			r.set("tradefeecurrency", strings.ToUpper(currency))
		}
	}
	setFees(r, fees)
}

// nameTradeByPosition reads a header in another language. The columns are DataDiscriminator, asset category, currency,
// account (of several), symbol, time, settlement date, exchange and side (of some reports), quantity, price, closing
// price (of activity statements), proceeds, fees, and the codes at the end.
func nameTradeByPosition(r *row, cells, header []string) {
	cells = padded(cells, max(len(cells), len(header)))
	at := slices.IndexFunc(cells, startsWithDate)
	if at < 3 {
		r.set("tradeunknown", "no time stands behind its symbol")
		return
	}
	r.set("tradesymbol", cells[at-1])
	r.set("tradetime", cells[at])

	for _, cell := range cells[1 : at-1] {
		switch {
		case threeCapitals.MatchString(cell) && r.get("tradecurrency") == "":
			r.set("tradecurrency", cell)
		case statementAccount.MatchString(cell):
			r.set("tradeaccount", cell)
		case r.get("tradecategory") == "":
			r.set("tradecategory", cell)
		}
	}

	for at++; at < len(cells) && !isNumber(cells[at]); at++ {
		if startsWithDate(cells[at]) {
			r.set("tradesettles", cells[at])
		}
	}
	nameMoney(r, cells[min(at, len(cells)):])
}

// columnsWithClose is how many columns follow the price at the least where a closing price is one of them: closing
// price, proceeds, fees, basis, realized and unrealized profit. Reports without it have proceeds, fees and codes.
const columnsWithClose = 6

// nameMoney names the cells from the quantity on.
func nameMoney(r *row, cells []string) {
	if len(cells) < 4 {
		r.set("tradeunknown", "quantity, price, proceeds and fees are not all there")
		return
	}
	r.set("tradequantity", cells[0])
	r.set("tradeprice", cells[1])
	r.set("tradecode", cells[len(cells)-1])

	rest := cells[2:]
	if len(rest) >= columnsWithClose {
		r.set("tradevalue", rest[1])
		setFees(r, rest[2:3])
		return
	}

	r.set("tradevalue", rest[0])
	fees := rest[1:]
	for i, cell := range fees {
		if !isNumber(cell) {
			fees = fees[:i]
			break
		}
	}
	setFees(r, fees)
}

// feesMax is how many columns of fees a trade has at most: commission, fees and taxes.
const feesMax = 3

var feeCells = [feesMax]string{"tradefee1", "tradefee2", "tradefee3"}

func setFees(r *row, fees []string) {
	for i, cell := range fees[:min(len(fees), feesMax)] {
		r.set(feeCells[i], cell)
	}
}

func isNumber(cell string) bool {
	_, err := number("", cell, false)
	return err == nil
}

// readStatementTrade reads an order or execution. Of those that tell the same, one is a fill.
func readStatementTrade(r *row) ([]draft, string, error) {
	if reason := r.get("tradeunknown"); reason != "" {
		return nil, "", errors.New("the columns of this section are not known: " + reason)
	}

	kind := statementKind(r.get("tradecategory"), r.get("tradesymbol"))
	codes := strings.FieldsFunc(r.get("tradecode"), func(c rune) bool { return c == ';' || c == ' ' })
	switch role := r.get("role"); {
	case role == "summary":
		return nil, kindOrderSummary, nil
	case kind == kindConversion:
		return nil, kindConversion, nil
	case role == "unequal":
		return nil, "", errors.New("the executions below this order do not come to its quantity")
	case role == "apart":
		return nil, "", errors.New("orders and executions of this symbol stand apart in the statement, and nothing tells " +
			"which belong together; export it with or without executions")
	case slices.Contains(codes, "Ca"):
		return nil, "", errors.New("it cancels an earlier trade; cancellations are not booked")
	}

	d := draft{
		account: or(r.get("tradeaccount"), r.get("statementaccount")),
		at:      r.get("tradetime"), settles: r.get("tradesettles"),
		symbol: r.get("tradesymbol"), quantity: r.get("tradequantity"), price: r.get("tradeprice"),
		currency: r.get("tradecurrency"),
	}
	for _, name := range feeCells {
		d.fees = append(d.fees, fee{amount: r.get(name), currency: r.get("tradefeecurrency"), negated: true})
	}

	err := d.weigh(r, kind)
	return []draft{d}, "", err
}

// The kinds of instruments that differ in what one of them is worth.
const (
	kindStock  = "stock"
	kindOption = "option"
	kindFuture = "future"
	kindBond   = "bond"
)

// statementWords are the words for asset categories in the languages of statements, in lower case.
var statementWords = []struct {
	kind string
	any  []string
}{
	{kindStock, strings.Fields("warrant optionsschein cfd differenzkontrakt")},
	{kindFuture, append(strings.Fields("future futuro 期货 期貨 先物 фьючерс határid"), "contrats à terme")},
	{kindOption, strings.Fields("option opcion opció opçõ opzion 期权 期權 选择权 オプション опцион")},
	{kindConversion, strings.Fields("forex devisen devises divisas divise valute câmbio 外汇 外匯 外国為替 форекс deviz")},
	{kindBond, strings.Fields("bond bill anleihe obligation bonos obbligazion obrigaç títulos 债券 債券 облигац kötvény")},
}

// statementKind returns the kind of an instrument: by the category's words, otherwise by the symbol.
func statementKind(category, symbol string) string {
	category = strings.ToLower(category)
	for _, words := range statementWords {
		if slices.ContainsFunc(words.any, func(word string) bool { return strings.Contains(category, word) }) {
			return words.kind
		}
	}
	switch {
	case readableOption.MatchString(symbol):
		return kindOption
	case currencyPair.MatchString(symbol):
		return kindConversion
	}
	return kindStock
}

// usualSizes are what one contract of an option, future or bond stands for.
var usualSizes = decimals(
	"100", "0.01", "1", "10", "50", "1000", "5", "20", "2", "25", "0.1", "0.5", "200", "250", "300", "400", "500",
	"1250", "2000", "2500", "4000", "5000", "10000", "12500", "20000", "25000", "37500", "40000", "42000", "50000",
	"62500", "100000", "112000", "125000", "250000", "500000", "1000000", "1250000", "2500000", "6250000", "12500000",
)

func decimals(texts ...string) (all []blotter.Decimal) {
	for _, text := range texts {
		all = append(all, blotter.MustDecimal(text))
	}
	return all
}

// statementSize returns what one contract of a row stands for, by its proceeds, or "" where its price is 0 or the size
// is not a usual one.
func statementSize(r *row) string {
	units, value, ok := statementMoney(r.get("tradequantity"), r.get("tradeprice"), r.get("tradevalue"))
	if !ok || units.IsZero() || value.IsZero() {
		return ""
	}
	return sizeOf(units, value)
}

// sizeOf returns the usual size at which units come to the value, within a cent; "" where there is none.
func sizeOf(units, value blotter.Decimal) string {
	for _, size := range usualSizes {
		if amount, ok := product(units, size); ok && amount.Equal(value) {
			return size.String()
		}
	}
	for _, size := range usualSizes {
		if amount, ok := product(units, size); ok && amount.Sub(value).Abs().Cmp(cent) <= 0 {
			return size.String()
		}
	}
	return ""
}

var cent = blotter.MustDecimal("0.01")

// statementMoney returns quantity x price and the proceeds, without their signs.
func statementMoney(quantity, price, proceeds string) (units, value blotter.Decimal, ok bool) {
	q, err := number("", quantity, false)
	p, err2 := number("", price, false)
	v, err3 := number("", proceeds, false)
	if err != nil || err2 != nil || err3 != nil {
		return units, value, false
	}
	units, ok = product(q.Abs(), p.Abs())
	return units, v.Abs(), ok
}

// weigh settles the multiplier of a trade by its proceeds. A trade whose proceeds are another amount than
// quantity x price x multiplier is refused.
func (d *draft) weigh(r *row, kind string) error {
	known := r.get("knownmultiplier")
	if known == "" && kind == kindOption {
		known = "100"
	}

	value := r.get("tradevalue")
	units, proceeds, ok := statementMoney(d.quantity, d.price, value)
	switch {
	case !ok && kind == kindFuture && known == "":
		return fmt.Errorf("the multiplier of future %s is not told", d.symbol)
	case !ok && (kind == kindFuture || kind == kindOption):
		d.multiplier = known
		return nil
	case !ok:
		return nil // without proceeds, or a row that is rejected for its numbers
	case kind != kindFuture && !opposite(d.quantity, value) && !strings.HasPrefix(d.price, "-"):
		return fmt.Errorf("quantity %s and proceeds %s have the same sign", d.quantity, value)
	case units.IsZero():
		return d.weighEnd(kind, known, value)
	}

	size := sizeOf(units, proceeds)
	switch {
	case size == "1" && (kind == kindStock || kind == kindBond):
		return nil
	case kind == kindStock || kind == kindBond && size != "0.01" && size != "10":
		return fmt.Errorf("quantity x price is %s, and the proceeds are %s", units, value)
	case size == "" || kind == kindOption && strings.HasPrefix(size, "0."):
		return fmt.Errorf("quantity x price is %s, the proceeds are %s, and no contract is of their ratio",
			units, value)
	case r.get("knownmultiplier") != "" && size != known:
		return fmt.Errorf("by its proceeds the multiplier is %s, and by other trades of %s it is %s",
			size, d.symbol, known)
	}
	d.multiplier = size
	return nil
}

// weighEnd settles a trade at price 0, as of an option that expired or was exercised. Where cash came of it, as of one
// that is settled in cash, the cash tells the price.
func (d *draft) weighEnd(kind, known, value string) error {
	d.multiplier = known
	cash, err := number("proceeds", value, false)
	switch {
	case err != nil:
		return err
	case cash.IsZero():
		return nil
	case kind != kindOption:
		return fmt.Errorf("the price is 0, and the proceeds are %s", value)
	}
	d.price, d.total = "", value
	return nil
}

// opposite reports whether one of two amounts came in and the other went out, or one of them is 0.
func opposite(a, b string) bool {
	first, err := number("", a, false)
	second, err2 := number("", b, false)
	if err != nil || err2 != nil || first.IsZero() || second.IsZero() {
		return true
	}
	return first.IsNeg() != second.IsNeg()
}
