package fillfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

const (
	sectionsMax      = 200    // sections of a statement whose headers are kept
	runRowsMax       = 20_000 // orders and executions of one instrument that stand together
	fieldCells       = 2      // cells of a section of names and values
	sectionCellsFrom = 2      // the first two cells of a line are its section and its kind
)

// isStatementHeader reports the first header of an Interactive Brokers statement in any language: the names of sections
// and fields are translated, the word Header is not. A file may begin with its section of trades.
func isStatementHeader(names []string) bool {
	for len(names) > 0 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}

	if len(names) < sectionCellsFrom+fieldCells || names[0] == "" || names[1] != "header" {
		return false
	}
	return len(names) == sectionCellsFrom+fieldCells || names[2] == "datadiscriminator"
}

// sectionRows gives each line of a statement the names of its section's header, and rows of trades names that do not
// depend on the language.
type sectionRows struct {
	file          *File
	rows          rowReader
	headers       map[string][]string // by section, plain
	account, base string
	orders        orderRun
	ready         []*row
	end           error
}

// statementNames are the names of what every line of a statement is given.
var statementNames = []string{"section", "rowkind", "statementaccount", "basecurrency"}

// newSectionRows returns a reader of the statement's lines below its first header.
func newSectionRows(f *File, rows rowReader) *sectionRows {
	s := &sectionRows{file: f, rows: rows, headers: map[string][]string{}}
	s.orders.init()

	if text, ok := rows.(*textRows); ok {
		s.setHeader(text.exact)
		text.exact = nil // a header that comes again belongs to its section
	}
	return s
}

func (s *sectionRows) next() (*row, error) {
	for len(s.ready) == 0 {
		if s.end != nil {
			return nil, s.end
		}

		r, err := s.read()
		switch {
		case err != nil:
			s.end = err
			s.ready = s.orders.flush()
		case r.get("tradelevel") == "Order" || r.get("tradelevel") == "Trade":
			s.ready = s.orders.add(r)
		default:
			s.ready = append(s.orders.flush(), r)
		}
	}

	r := s.ready[0]
	s.ready = s.ready[1:]
	return r, nil
}

// setHeader keeps the names of a section.
func (s *sectionRows) setHeader(cells []string) {
	if len(cells) > sectionCellsFrom && cells[1] == "Header" && len(s.headers) < sectionsMax {
		s.headers[cells[0]] = plainNames(cells[sectionCellsFrom:])
	}
}

// read returns the next line with its names.
func (s *sectionRows) read() (*row, error) {
	r, err := s.rows.next()
	if err != nil {
		return nil, err
	}

	s.setHeader(r.cells)
	cells := padCells(r.cells, max(sectionCellsFrom, len(r.cells)))
	section, kind := cells[0], cells[1]
	cells = cells[sectionCellsFrom:]
	header := s.headers[section]
	r.names = header
	r.exact = nil
	r.cells = cells
	r.hasExtraCells = hasUnnamedCells(cells, len(header))
	if kind == "Data" {
		s.readField(r)
	}

	r.cells = padCells(cells, max(len(header), len(cells)))
	r.names = padCells(header, len(r.cells))
	r.names = append(r.names, statementNames...)
	r.cells = append(r.cells, section, kind, s.account, s.base)
	if kind == "Data" {
		nameTrade(r, cells, header)
		nameHistory(r, cells, header)
	}
	return r, nil
}

var (
	statementAccount = regexp.MustCompile(`^[A-Z]{1,3}[\d*]*\d$`)
	threeCapitals    = regexp.MustCompile(`^[A-Z]{3}$`)
	generatedAt      = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}, \d{2}:\d{2}:\d{2} (\S+)$`)

	accountFields = strings.Fields("account konto compte cuenta conto conta rekening 账户 帳戶 賬戶 口座 счет счёт")
	baseFields    = strings.Fields("basecurrency basiswährung devisedebase monedabase divisabase valutadibase " +
		"valutabase moedabase 基础货币 基礎貨幣 基準通貨 базоваявалюта")
)

// readField takes what the sections of names and values say of the whole statement.
func (s *sectionRows) readField(r *row) {
	if len(r.names) != fieldCells || len(r.cells) < fieldCells {
		return
	}

	name, value := plainName(r.cells[0]), strings.TrimSpace(r.cells[1])
	switch {
	case slices.Contains(accountFields, name):
		s.account = value
	case slices.Contains(baseFields, name):
		s.base = value
	case s.account == "" && statementAccount.MatchString(value):
		s.account = value
	case s.base == "" && threeCapitals.MatchString(value):
		s.base = value
	}

	if found := generatedAt.FindStringSubmatch(value); found != nil {
		s.setZone(found[1])
	}
}

// setZone takes the zone in which the statement was written. Statements are written in New York's time; where one names
// another zone, that of its trades is asked for.
func (s *sectionRows) setZone(zone string) {
	switch zone {
	case "EST", "EDT", "ET", "US/Eastern", "America/New_York":
		return
	}
	asking := *s.file.layout
	asking.zone = ""
	s.file.layout = &asking
}

// isEvent reports a line that has a currency, a date, words and an amount, as dividends, taxes, interest and deposits
// have in every language.
func isEvent(cells []string) bool {
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}

	at := slices.IndexFunc(cells, threeCapitals.MatchString)
	if at < 0 || at > 1 || len(cells) < at+4 || len(cells) > at+5 || !startsWithDate(cells[at+1]) {
		return false
	}
	_, err := number("amount", cells[at+3], false)
	return err == nil
}

var isoDate = regexp.MustCompile(`^\d{4}-?\d{2}-?\d{2}(?:$|[ ,;T])`)

func startsWithDate(cell string) bool { return isoDate.MatchString(cell) }

// orderRun holds the orders and executions of one instrument that stand together. An order sums up its executions,
// which stand beside it where the statement lists them.
type orderRun struct {
	rows        []*row
	instrument  string
	listed      map[string]string // what was booked of an instrument: orders or executions
	multipliers map[string]string // of options and futures, by instrument
}

func (o *orderRun) init() {
	o.listed = map[string]string{}
	o.multipliers = map[string]string{}
}

// add takes one more row. It returns the rows of the run that ends with it.
func (o *orderRun) add(r *row) (ended []*row) {
	names := []string{r.get("tradeaccount"), r.get("tradecurrency"), r.get("tradesymbol")}
	instrument := strings.Join(names, "\x00")
	if instrument != o.instrument || len(o.rows) >= runRowsMax {
		ended = o.flush()
	}

	o.instrument = instrument
	o.rows = append(o.rows, r)
	return ended
}

// flush ends the run: each of its rows says in "role" whether it is a fill, or sums up others.
func (o *orderRun) flush() []*row {
	rows := o.rows
	o.rows = nil
	if len(rows) == 0 {
		return nil
	}

	orders, executions := 0, 0
	for _, r := range rows {
		if r.get("tradelevel") == "Order" {
			orders++
		} else {
			executions++
		}
	}

	switch {
	case executions == 0:
		o.setRoles(rows, "Order")
	case orders == 0:
		o.setRoles(rows, "Trade")
	case sameQuantity(rows):
		for _, r := range rows {
			r.set("role", roleOf(r, "Trade"))
		}
	default:
		matchOrders(rows)
	}

	o.shareMultipliers(rows)
	return rows
}

// setRoles books rows of one level. If orders and executions of an instrument stand apart, the order of an execution
// is not known, and the later rows are refused.
func (o *orderRun) setRoles(rows []*row, level string) {
	role := "fill"
	if before := o.listed[o.instrument]; before != "" && before != level {
		role = "apart"
	} else if len(o.listed) < instrumentsMax {
		o.listed[o.instrument] = level
	}
	for _, r := range rows {
		r.set("role", role)
	}
}

// roleOf returns the role of a row where those of one level are booked.
func roleOf(r *row, booked string) string {
	if r.get("tradelevel") == booked {
		return "fill"
	}
	return "summary"
}

// sameQuantity reports whether the orders among the rows come to as much as the executions, by side.
func sameQuantity(rows []*row) bool {
	return tradedBy(rows, "Order") == tradedBy(rows, "Trade")
}

// tradedBy returns what the rows of one level bought and sold.
func tradedBy(rows []*row, level string) string {
	var bought, sold blotter.Decimal
	for _, r := range rows {
		if r.get("tradelevel") != level {
			continue
		}

		quantity, err := number("quantity", r.get("tradequantity"), false)
		switch {
		case err != nil: // the row is rejected by itself
		case quantity.IsNeg():
			sold = sold.Add(quantity)
		default:
			bought = bought.Add(quantity)
		}
	}
	return bought.String() + "/" + sold.String()
}

// matchOrders finds the executions of each order: those that follow it up to the next order. An order without any is a
// fill itself; one whose executions come to another quantity is refused.
func matchOrders(rows []*row) {
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].get("tradelevel") == "Trade" {
			rows[to].set("role", "fill")
			to++
		}

		switch first := rows[from]; {
		case first.get("tradelevel") == "Trade" || to == from+1:
			first.set("role", "fill")
		case sameQuantity(rows[from:to]):
			first.set("role", "summary")
		default:
			first.set("role", "unequal")
		}
		from = to
	}
}

// shareMultipliers gives a row at price 0, as of an option that expired, the multiplier of the instrument's others.
func (o *orderRun) shareMultipliers(rows []*row) {
	for _, r := range rows {
		if o.multipliers[o.instrument] != "" || len(o.multipliers) >= instrumentsMax {
			break
		}
		if size := statementSize(r); size != "" {
			o.multipliers[o.instrument] = size
		}
	}
	for _, r := range rows {
		if known := o.multipliers[o.instrument]; known != "" {
			r.set("knownmultiplier", known)
		}
	}
}
