package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// metaTrader reads the history of MetaTrader 5: its list of deals, or a report with sections of positions, orders and
// deals. Volumes are in lots, whose size the profits of closed deals prove. Commission and fee are in the account's
// currency, and negative if they were paid. Swaps are interest and not part of a fill.
var metaTrader = &layout{
	name: "mt5", title: "MetaTrader 5 history", dateOrder: "dmy", recognises: isMetaTrader,
	join: func(_ *File, rows rowReader) rowReader { return newMetaTraderRows(rows) },
	read: readMetaTrader,
}

// The names of the sections of a report, plain.
var (
	metaTraderDeals     = strings.Fields("time deal symbol type direction volume price order commission swap profit")
	metaTraderPositions = strings.Fields("time position symbol type volume price time price commission swap profit")
	metaTraderOrders    = strings.Fields("opentime order symbol type volume price state")
)

func isMetaTrader(names []string) bool { return metaTraderSection(names) != "" }

// metaTraderSection returns "deal", "position", "order" or "open position" for the header of a section, "" for anything
// else.
func metaTraderSection(names []string) string {
	has := func(needs []string) bool {
		for _, name := range needs {
			if count(names, name) < count(needs, name) {
				return false
			}
		}
		return true
	}

	switch {
	case has(metaTraderDeals):
		return "deal"
	case has(metaTraderPositions):
		return "position"
	case has(metaTraderOrders):
		return "order"
	case has(strings.Fields("time position symbol type volume price marketprice swap profit")):
		return "open position"
	}
	return ""
}

func count(names []string, name string) (n int) {
	for _, have := range names {
		if have == name {
			n++
		}
	}
	return n
}

// readMetaTrader reads a deal, or the two fills of a position if deals are not listed.
func readMetaTrader(f *File, r *row) ([]draft, string, error) {
	kind := strings.ToLower(r.get("type"))
	switch section := r.get("section"); {
	case section == "":
		return nil, "", nil // titles and sums
	case section == "position":
		return readMetaTraderPosition(f, r)
	case section != "deal":
		return nil, section, nil
	case strings.Contains(kind, "cancel"):
		return nil, "", errors.New("it cancels an earlier deal; cancellations are not booked")
	case sideOf(kind) == "" && looksTraded(r.get("volume"), r.get("price")):
		return nil, "", errors.New("the type " + clip(kind) + " is neither to buy nor to sell")
	case sideOf(kind) == "":
		return nil, kindOf(kind), nil
	}

	d := draft{
		id:         r.get("deal"),
		order:      r.get("order"),
		account:    r.get("reportaccount"),
		at:         r.get("time"),
		symbol:     r.get("symbol"),
		class:      lots,
		classKnown: true,
		side:       kind,
		quantity:   r.get("volume"),
		price:      r.get("price"),
		multiplier: r.get("lotsize"),
		currency:   metaTraderCurrency(r),
	}

	err := d.addMetaTraderFees(f, r)
	return []draft{d}, "", err
}

// readMetaTraderPosition reads a closed position: how it was opened and how it was closed, with its fees at the end.
func readMetaTraderPosition(f *File, r *row) ([]draft, string, error) {
	side := strings.ToLower(r.get("type"))
	closing := map[string]string{"buy": "sell", "sell": "buy"}[side]
	if closing == "" {
		return nil, "", errors.New("the type " + clip(side) + " is neither to buy nor to sell")
	}

	opened := draft{
		id:         r.get("position") + "-open",
		order:      r.get("position"),
		account:    r.get("reportaccount"),
		at:         r.get("time"),
		symbol:     r.get("symbol"),
		class:      lots,
		classKnown: true,
		side:       side,
		quantity:   r.get("volume"),
		price:      r.get("price"),
		multiplier: r.get("lotsize"),
		currency:   metaTraderCurrency(r),
	}

	closed := opened
	closed.id, closed.side = r.get("position")+"-close", closing
	closed.at, closed.price = r.get("closetime"), r.get("closeprice")
	err := closed.addMetaTraderFees(f, r)
	return []draft{opened, closed}, "", err
}

// metaTraderCurrency returns the currency of a deal's price: that of its pair, otherwise the account's if the profits
// prove that they are in it.
func metaTraderCurrency(r *row) string {
	symbol := r.get("symbol")
	if quote := pairQuote(symbol); quote != "" {
		return quote
	}
	if found := pairWithSuffix.FindStringSubmatch(symbol); found != nil && pairQuote(found[1]) != "" {
		return pairQuote(found[1])
	}
	if r.get("lotsize") != "" {
		return r.get("reportcurrency")
	}
	return ""
}

// pairWithSuffix is a pair with what brokers put behind it: EURUSDm, EURUSD.pro.
var pairWithSuffix = regexp.MustCompile(`^([A-Z]{6})(?:[a-z]{1,4}|[._#+-]\w{0,6})$`)

// addMetaTraderFees adds commission and fee, which are in the account's currency.
func (d *draft) addMetaTraderFees(f *File, r *row) error {
	code := cmp.Or(r.get("reportcurrency"), f.opts.Currency)
	for _, name := range []string{"commission", "fee"} {
		amount := r.get(name)
		paid, err := number(name, cmp.Or(amount, "0"), false)

		switch {
		case err != nil:
			return err
		case paid.IsZero():
			continue
		case code == "":
			return fmt.Errorf("the currency of its %s, which is the account's, is not known; set --currency", name)
		}
		d.fees = append(d.fees, fee{amount: amount, currency: code, negated: true})
	}
	return nil
}

// metaTraderRowsMax bounds the rows of a report, which is read as a whole.
const metaTraderRowsMax = 100_000

// metaTraderRows reads a report to its end before it yields the first row: the profit of a deal that closes tells the
// size of a lot for the deal that opened.
type metaTraderRows struct {
	rows              rowReader
	header            []string
	account, currency string
	ready             []*row
	end               error
}

// reportAccount is the account in the head of a report: "50123456 (USD, Broker-Demo, demo, Hedge)".
var reportAccount = regexp.MustCompile(`(\d{3,}) \(([A-Z]{3})[,)]`)

func newMetaTraderRows(rows rowReader) *metaTraderRows {
	m := &metaTraderRows{rows: rows}
	text, ok := rows.(*textRows)
	if !ok {
		return m
	}
	m.header = text.header
	text.exact = nil // headers of sections are rows
	for _, above := range text.above {
		if found := reportAccount.FindStringSubmatch(above.raw); found != nil {
			m.account, m.currency = found[1], found[2]
		}
	}
	return m
}

func (m *metaTraderRows) next() (*row, error) {
	if m.end == nil {
		m.end = m.load()
	}
	if len(m.ready) == 0 {
		return nil, m.end
	}
	r := m.ready[0]
	m.ready = m.ready[1:]
	return r, nil
}

// load reads all rows, and settles which sections are fills and how large lots are. It returns what ended the rows.
func (m *metaTraderRows) load() error {
	section, hasDeals := metaTraderSection(m.header), false
	for {
		r, err := m.rows.next()
		if err != nil {
			m.settle(hasDeals)
			return err
		}
		if len(m.ready) >= metaTraderRowsMax {
			m.ready = nil
			return fmt.Errorf("the report has more than %d rows", metaTraderRowsMax)
		}

		names := plainNames(r.cells)
		if found := metaTraderSection(names); found != "" {
			section, m.header = found, names
			continue
		}

		r.names = m.header
		r.exact = nil
		r.hasExtraCells = false
		m.ready = append(m.ready, r)
		if r.get("time", "opentime") == "" || r.get("symbol", "deal") == "" {
			continue // titles and sums
		}
		if section == "position" {
			nameClose(r)
		}

		hasDeals = hasDeals || section == "deal"
		r.set("section", section)
	}
}

// nameClose names the second time and the second price of a position.
func nameClose(r *row) {
	for i := len(r.names) - 1; i >= 0; i-- {
		if i >= len(r.cells) {
			continue
		}
		switch {
		case r.names[i] == "time" && r.get("closetime") == "":
			r.set("closetime", r.cells[i])
		case r.names[i] == "price" && r.get("closeprice") == "":
			r.set("closeprice", r.cells[i])
		}
	}
}

// settle gives the rows their account, the size of their lots, and leaves out positions whose deals are listed.
func (m *metaTraderRows) settle(hasDeals bool) {
	sizes := lotSizes{}
	for _, r := range m.ready {
		switch section := r.get("section"); {
		case section == "deal":
			sizes.addDeal(r)
		case section == "position" && hasDeals:
			r.set("section", "position whose deals are listed")
		case section == "position":
			sizes.addPosition(r)
		}
	}

	if m.currency == "" {
		m.currency = sizes.currency()
	}

	for _, r := range m.ready {
		r.set("reportaccount", m.account)
		r.set("reportcurrency", m.currency)
		r.set("lotsize", sizes.of(r.get("symbol")))
	}
}

// lotSizes are the sizes of lots that profits prove, by symbol.
type lotSizes map[string]*lotSize

// lotSize follows the net position in a symbol, and what the profits say of its lots.
type lotSize struct {
	net, cost  *big.Rat // lots, negative when short, and lots x price
	proven     string
	isDoubtful bool // two profits contradict each other
}

func (l lotSizes) symbol(name string) *lotSize {
	if l[name] == nil {
		l[name] = &lotSize{net: new(big.Rat), cost: new(big.Rat)}
	}
	return l[name]
}

// of returns the proven size of a symbol's lots, or "".
func (l lotSizes) of(symbol string) string {
	if s := l[symbol]; s != nil && !s.isDoubtful {
		return s.proven
	}
	return ""
}

// currency returns the account's currency, which is that of a price whose profit needs no conversion; "" if none or
// several are.
func (l lotSizes) currency() string {
	var found []string
	for symbol := range l {
		if quote := pairQuote(symbol); quote != "" && l.of(symbol) != "" && !slices.Contains(found, quote) {
			found = append(found, quote)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// addDeal takes a deal into the net position, and compares what it closed with its profit.
func (l lotSizes) addDeal(r *row) {
	volume, ok := rowNumber(r, "volume")
	price, ok2 := rowNumber(r, "price")
	side := sideOf(r.get("type"))
	if !ok || !ok2 || side == "" {
		return
	}
	if side == "sell" {
		volume.Neg(volume)
	}

	s := l.symbol(r.get("symbol"))
	closed := new(big.Rat)

	if s.net.Sign()*volume.Sign() < 0 {
		closed.Neg(volume)
		if new(big.Rat).Abs(closed).Cmp(new(big.Rat).Abs(s.net)) > 0 {
			closed.Set(s.net)
		}

		average := new(big.Rat).Quo(s.cost, s.net)
		gain := new(big.Rat).Sub(price, average)
		s.compare(r, gain.Mul(gain, closed))
		s.cost.Sub(s.cost, average.Mul(average, closed))
		s.net.Sub(s.net, closed)
	}

	opened := new(big.Rat).Add(volume, closed)
	s.net.Add(s.net, opened)
	s.cost.Add(s.cost, opened.Mul(opened, price))
}

// addPosition compares what a closed position gained with its profit.
func (l lotSizes) addPosition(r *row) {
	volume, ok := rowNumber(r, "volume")
	opened, ok2 := rowNumber(r, "price")
	closed, ok3 := rowNumber(r, "closeprice")
	side := sideOf(r.get("type"))
	if !ok || !ok2 || !ok3 || side == "" {
		return
	}
	gain := new(big.Rat).Sub(closed, opened)
	if side == "sell" {
		gain.Neg(gain)
	}
	l.symbol(r.get("symbol")).compare(r, gain.Mul(gain, volume))
}

// compare takes the only usual size at which a gain of lots x price comes to the profit, within a cent. A profit of
// less than a unit of money proves nothing.
func (s *lotSize) compare(r *row, gain *big.Rat) {
	profit, ok := rowNumber(r, "profit")
	if !ok || gain.Sign() == 0 || new(big.Rat).Abs(profit).Cmp(big.NewRat(1, 1)) < 0 {
		return
	}

	fits := ""
	for _, size := range sizes[lots] {
		factor, _ := new(big.Rat).SetString(size)
		if !isNear(factor.Mul(factor, gain), profit, cents(1)) {
			continue
		}
		if fits != "" {
			return
		}
		fits = size
	}

	if fits == "" || s.proven != "" && s.proven != fits {
		s.isDoubtful = true
		return
	}

	s.proven = fits
}

// rowNumber reads a cell exactly.
func rowNumber(r *row, name string) (*big.Rat, bool) { return ratOf(r.get(name)) }
