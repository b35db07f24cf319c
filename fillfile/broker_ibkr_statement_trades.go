package fillfile

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// nameTrade gives the cells of an order or execution names that do not depend on the language: by the header where it
// is English, otherwise by position.
func nameTrade(r *row, cells, header []string) {
	if len(cells) == 0 || cells[0] != "Order" && cells[0] != "Trade" {
		return
	}

	r.set("tradelevel", cells[0])
	names := inEnglish(header)
	if !slices.Contains(names, "symbol") || !slices.Contains(names, "quantity") || !slices.Contains(names, "tprice") {
		nameTradeByPosition(r, cells, header)
		return
	}
	translated := &row{names: names, cells: padCells(cells, max(len(cells), len(names)))}
	nameTradeByHeader(r, translated)
}

// statementNamesOf are the names of columns of trades in other languages than English, plain.
var statementNamesOf = map[string]string{
	"price": "tprice",

	"vermögenswertkategorie": "assetcategory", "währung": "currency", "konto": "account", "datumzeit": "datetime",
	"menge": "quantity", "tkurs": "tprice", "kurs": "tprice", "erlös": "proceeds", "nominalwert": "notionalvalue",
	"provgebühr": "commfee", "provision": "comm", "gebühr": "fee", "abwicklungsdatum": "settledate",

	"catégoriedactifs": "assetcategory", "devise": "currency", "compte": "account", "symbole": "symbol",
	"dateheure": "datetime", "quantité": "quantity", "prixtrans": "tprice", "prix": "tprice", "produits": "proceeds",
	"commtarif": "commfee", "frais": "fee", "datederèglement": "settledate",

	"categoríadeactivo": "assetcategory", "divisa": "currency", "cuenta": "account", "símbolo": "symbol",
	"fechahora": "datetime", "cantidad": "quantity", "preciotrans": "tprice", "productos": "proceeds",
	"tarifacom": "commfee",
}

// inEnglish returns names of columns as they are in English, where they are known.
func inEnglish(names []string) []string {
	all := slices.Clone(names)
	for i, name := range all {
		all[i] = cmp.Or(statementNamesOf[name], name)
	}
	return all
}

// nameTradeByHeader reads a header whose names are known.
func nameTradeByHeader(r, from *row) {
	for name, value := range map[string]string{
		"tradecategory": from.get("assetcategory"),
		"tradecurrency": from.get("currency"),
		"tradeaccount":  from.get("account", "acctid"),
		"tradesymbol":   from.get("symbol"),
		"tradetime":     from.get("datetime", "tradedatetime"),
		"tradesettles":  from.get("settledate"),
		"tradequantity": from.get("quantity"),
		"tradeprice":    from.get("tprice"),
		"tradevalue":    from.get("proceeds", "notionalvalue"),
		"tradecode":     from.get("code"),
	} {
		r.set(name, value)
	}

	var fees []string
	for i, name := range from.names {
		if i < len(from.cells) &&
			(strings.HasPrefix(name, "comm") || name == "fee" || name == "fees" || name == "tax") {
			fees = append(fees, strings.TrimSpace(from.cells[i]))
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
	cells = padCells(cells, max(len(cells), len(header)))
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

	is, isConversion := statementClass(r.get("tradecategory"), r.get("tradesymbol"))
	codes := strings.FieldsFunc(r.get("tradecode"), func(c rune) bool { return c == ';' || c == ' ' })

	switch role := r.get("role"); {
	case role == "summary":
		return nil, kindOrderSummary, nil
	case isConversion:
		return nil, kindConversion, nil
	case role == "unequal":
		return nil, "", errors.New("the executions below this order do not come to its quantity")
	case role == "apart":
		return nil, "", errors.New("orders and executions of this symbol stand apart in the statement, " +
			"so it is not known which belong together; export it with or without executions")
	case slices.Contains(codes, "Ca"):
		return nil, "", errors.New("it cancels an earlier trade; cancellations are not booked")
	}

	d := draft{
		account:    cmp.Or(r.get("tradeaccount"), r.get("statementaccount")),
		at:         r.get("tradetime"),
		settles:    r.get("tradesettles"),
		symbol:     r.get("tradesymbol"),
		class:      is,
		classKnown: true,
		quantity:   r.get("tradequantity"),
		price:      r.get("tradeprice"),
		multiplier: r.get("knownmultiplier"),
		currency:   r.get("tradecurrency"),
	}

	if isUSOption(&d, r.get("tradecategory")) {
		d.multiplier = usOptionSize
	}

	for _, name := range feeCells {
		d.fees = append(d.fees, fee{amount: r.get(name), currency: r.get("tradefeecurrency"), negated: true})
	}

	err := d.weigh(r.get("tradevalue"))
	return []draft{d}, "", err
}

// isUSOption reports options on shares and indices of the United States, whose size is known. The proceeds would tell
// another one where a price is wrong.
func isUSOption(d *draft, category string) bool {
	ofFuture := func(word string) bool { return strings.Contains(strings.ToLower(category), word) }
	return d.class == option && d.currency == "USD" && classOfSymbol(d.symbol) == option &&
		!slices.ContainsFunc(futureWords, ofFuture)
}

// weigh lets the proceeds prove quantity, price and multiplier. Of an option that ended at price 0 they are the cash.
func (d *draft) weigh(proceeds string) error {
	side := "buy"
	if strings.HasPrefix(d.quantity, "-") {
		side = "sell"
	}

	price, err := number("price", d.price, false)
	cash, err2 := number("proceeds", proceeds, false)

	switch {
	case err != nil:
		return err
	case price.IsZero() && d.class == option && err2 == nil && !cash.IsZero():
		if d.multiplier == "" && classOfSymbol(d.symbol) == option {
			d.multiplier = usOptionSize
		}
		d.side = side
		return d.endLife(proceeds)
	case price.IsZero() && d.class == option && d.multiplier == "":
		if classOfSymbol(d.symbol) != option {
			d.class = plain // its symbol is not read further
		}
		return d.endLife("") // the open position tells side and multiplier
	case d.class != future && !price.IsNeg():
		signed := draft{side: side}
		if err := signed.checkSign(proceeds); err != nil {
			return err
		}
	}

	d.totals = []total{{amount: proceeds}}
	return d.keepSymbol(proceeds)
}

// statementWords are the words for asset categories in the languages of statements, in lower case.
var statementWords = []struct {
	is  class
	any []string
}{
	{plain, strings.Fields("warrant optionsschein")},
	{cfd, strings.Fields("cfd differenzkontrakt")},
	{option, strings.Fields("option opcion opció opçõ opzion 期权 期權 选择权 オプション опцион")},
	{future, futureWords},
	{bond, strings.Fields("bond bill anleihe obligation bonos obbligazion obrigaç títulos 债券 債券 облигац kötvény")},
}

var futureWords = append(strings.Fields("future futuro 期货 期貨 先物 фьючерс határid"), "contrats à terme")

// conversionWords are those for currencies.
var conversionWords = strings.Fields("forex devisen devises divisas divise valute câmbio 外汇 外匯 外国為替 форекс deviz")

// statementClass returns the class of an instrument, and whether it is a conversion of currencies: by the category's
// words, otherwise by the symbol. A category of contracts for difference may name what they are on.
func statementClass(category, symbol string) (is class, isConversion bool) {
	category = strings.ToLower(category)
	has := func(word string) bool { return strings.Contains(category, word) }
	for _, words := range statementWords {
		if slices.ContainsFunc(words.any, has) {
			return words.is, false
		}
	}

	if slices.ContainsFunc(conversionWords, has) || currencyPair.MatchString(symbol) {
		return plain, true
	}
	if classOfSymbol(symbol) == option {
		return option, false
	}

	return plain, false
}

// statementSize returns what one contract of an option or future stands for, by the proceeds of a row, or "".
func statementSize(r *row) string {
	is, _ := statementClass(r.get("tradecategory"), r.get("tradesymbol"))
	if !is.needsMultiplier() {
		return ""
	}
	d := draft{class: is, quantity: r.get("tradequantity"), price: r.get("tradeprice")}
	return d.sizeBy(r.get("tradevalue"))
}
