package fillfile

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// ibkrStatement reads Interactive Brokers' activity statements, trade confirmations and transaction histories in any
// language. They have many sections, each with a header of its own. Times are New York's. Amounts that charge the
// account are negative.
var ibkrStatement = &layout{
	name: "ibkr-statement", title: "Interactive Brokers statement CSV", zone: "America/New_York", dateOrder: "mdy",
	recognises: isStatementHeader,
	join:       func(f *File, rows rowReader) rowReader { return newSectionRows(f, rows) },
	read:       readStatement,
}

// statementSections are the plain names of sections without trades, in the languages of statements, and their kinds.
var statementSections = tabular.ByWord(map[string]string{
	kindDividend: `dividends dividenden dividendes dividendos dividendi 股息 配当 дивиденды`,
	kindTax: `withholdingtax quellensteuer retenueàlasource retencióndeimpuestos retenciónfiscal ritenutaallafonte
		retençãonafonte 代扣税 代扣稅`,
	kindInterest: `interest zinsen intérêts intereses interessi juros 利息`,
	kindFee: `fees otherfees transactionfees transaktionsgebühren gebühren frais tarifas tasas commissioni taxas
		费用 費用`,
	kindCorporate: `corporateactions kapitalmaßnahmen unternehmensmaßnahmen opérationssurtitres accionescorporativas
		accionessocietarias operazionisocietarie 公司行动 公司行動`,
	kindTransfer: `transfers überträge transferts transferencias trasferimenti transferências 转账 轉帳`,
	kindDeposit: `depositswithdrawals einzahlungenauszahlungen einundauszahlungen dépôtsetretraits dépôtsretraits
		depósitosyretiradas depósitosretiradas depositieprelievi depositiprelievi depósitosesaques 存款和取款
		存款與取款`,
})

var currencyPair = regexp.MustCompile(`^[A-Z]{3}\.[A-Z]{3}$`)

// readStatement reads one line: a trade, or something else by its section.
func readStatement(_ *File, r *row) ([]draft, string, error) {
	if r.get("rowkind") != "Data" {
		return nil, "", nil // headers, totals
	}
	switch {
	case r.get("tradelevel") != "":
		return readStatementTrade(r)
	case r.get("historytype") != "" || r.get("transactiontype") != "":
		return readHistory(r)
	}

	level := r.cells[0]
	switch section := r.get("section"); {
	case level == "ClosedLot" || section == "Trades":
		return nil, kindSummary, nil
	case isUnknownTrade(r):
		return nil, "", errors.New("it looks like a trade, and " + clip(level) +
			" is neither an order nor an execution")
	default:
		return nil, sectionKind(r, section), nil
	}
}

// isUnknownTrade reports a line with an instrument, a time of day and several numbers in a section whose lines say what
// they are, as lines of trades do.
func isUnknownTrade(r *row) bool {
	if r.names[0] != "datadiscriminator" || r.cells[0] == "Summary" || r.cells[0] == "Lot" {
		return false
	}
	return strings.Contains(strings.Join(r.cells, "\x00"), ":") && len(r.cells) > 8
}

// sectionKind returns what a line of a section without trades is, or "" if it does not report an event.
func sectionKind(r *row, section string) string {
	kind, known := statementSections[plainName(section)]
	cells := r.cells[:len(r.cells)-len(statementNames)]
	switch {
	case !known && !isEvent(cells):
		return ""
	case strings.HasPrefix(r.get("currency"), "Total") || !hasDate(cells):
		return "" // a sum
	case !known:
		return kindOf(section)
	case kind == kindDeposit:
		return movement(lastNumber(cells))
	}
	return kind
}

// hasDate reports whether one of the cells is a date, as of every event and of no sum.
func hasDate(cells []string) bool {
	for _, cell := range cells {
		if startsWithDate(cell) {
			return true
		}
	}
	return false
}

// lastNumber returns the last cell that is a number: the amount.
func lastNumber(cells []string) string {
	for i := len(cells) - 1; i >= 0; i-- {
		if isNumber(cells[i]) {
			return cells[i]
		}
	}
	return ""
}

// nameHistory names the cells of a transaction history in another language than English: date, account, description,
// type, symbol, quantity, price, currency of the price (in some), gross amount, commission and net amount.
func nameHistory(r *row, cells, header []string) {
	if r.get("transactiontype") != "" || len(header) < 10 || len(cells) < 10 {
		return
	}
	if !startsWithDate(cells[0]) || !statementAccount.MatchString(cells[1]) {
		return
	}

	r.set("date", cells[0])
	r.set("account", cells[1])
	r.set("description", cells[2])
	r.set("historytype", cmp.Or(cells[3], "-"))
	r.set("symbol", cells[4])
	r.set("quantity", cells[5])
	r.set("price", cells[6])
	money := cells[7:]
	if len(money) > 3 && threeCapitals.MatchString(money[0]) {
		r.set("pricecurrency", money[0])
		money = money[1:]
	}

	r.set("grossamount", money[0])
	r.set("commission", money[1])
	r.set("netamount", money[2])
}

// readHistory reads a line of a transaction history. Amounts are in the base currency; so is the price where quantity x
// price is the amount exactly.
func readHistory(r *row) ([]draft, string, error) {
	kind, base := r.get("historytype", "transactiontype"), r.get("basecurrency")
	symbol, quantity := r.get("symbol"), r.get("quantity")
	isOption := classOfSymbol(symbol) == option
	side := kind

	switch {
	case sideOf(kind) != "":
	case isOption && isEnd(kind) && quantity != "":
		side = "" // the sign of the quantity tells
	case knownKind(kind) == kindDeposit:
		return nil, movement(r.get("grossamount", "netamount")), nil
	case knownKind(kind) == "" && quantity != "" && r.get("price") != "" && !currencyPair.MatchString(symbol):
		return nil, "", errors.New("the transaction type " + clip(kind) + " is not known")
	default:
		return nil, kindOf(kind), nil
	}

	d := draft{
		account: cmp.Or(r.get("account"), r.get("statementaccount")), at: r.get("date"), symbol: symbol, side: side,
		quantity: quantity, price: r.get("price"), currency: r.get("pricecurrency", "currency"),
		fees: []fee{{amount: r.get("commission"), currency: base, negated: true}},
	}

	if isOption {
		d.multiplier = "100"
	}
	if d.price == "" && isEnd(kind) {
		d.price = "0"
	}

	d.totals = []total{{amount: r.get("grossamount"), currency: base}}
	size := d.multiplierOf(r.get("grossamount"))
	if d.currency == "" && size == cmp.Or(d.multiplier, "1") {
		d.currency = base
	}

	return []draft{d}, "", nil
}
