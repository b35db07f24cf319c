package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

// pendingRowsMax is how many ends of options, and how many payments for them, one Flex statement has at most.
const pendingRowsMax = 100_000

// flexRows gives the ends of options their cash. A Flex statement lists the exercise of an option that is settled in
// cash as a trade at price 0, and the cash in sections that come later: OptionEAE and StmtFunds. Such trades are held
// back until the statement ends.
type flexRows struct {
	rows        rowReader
	ready       []*row
	end         error
	options     map[string]*flexOption
	order       []*flexOption // as their first ends stand in the file
	pendingRows int
}

// flexOption collects the rows of a statement about one option of one account.
type flexOption struct {
	ends        []*row // trades at price 0
	orders      []*row // orders at price 0, which may stand for their executions
	settlements []*row // lines of OptionEAE with cash
	funds       []*row // lines of StmtFunds with cash
	lifeEnds    []*row // other lines of OptionEAE
	// opened and paid are the sums of the trades at a price: their quantity, and the money paid with fees.
	opened, paid blotter.Decimal
	reduced      bool // some were bought and some were sold, or a number cannot be read
}

func newFlexRows(rows rowReader) *flexRows {
	return &flexRows{rows: rows, options: map[string]*flexOption{}}
}

func (f *flexRows) next() (*row, error) {
	for len(f.ready) == 0 {
		if f.end != nil {
			return nil, f.end
		}

		r, err := f.rows.next()
		switch {
		case errors.Is(err, io.EOF):
			f.end = err
			f.settle()
		case err != nil:
			f.end = err
		case r.get("element") == "FlexStatement":
			f.settle()
			f.ready = append(f.ready, r)
		case !f.hold(r):
			f.ready = append(f.ready, r)
		}

		if f.pendingRows > pendingRowsMax {
			return nil, fmt.Errorf("a statement has more than %d ends of options", pendingRowsMax)
		}
	}

	r := f.ready[0]
	f.ready = f.ready[1:]
	return r, nil
}

// flexOptionCategories are those of instruments that may be exercised.
var flexOptionCategories = []string{"OPT", "FOP", "FSFOP", "FSOPT", "WAR", "IOPT"}

// hold keeps a row that the statement's other sections may complete, and reports whether it did.
func (f *flexRows) hold(r *row) bool {
	category := strings.ToUpper(r.get("assetcategory", "assetclass"))
	element := r.get("element")
	if !slices.Contains(flexOptionCategories, category) {
		return false
	}

	switch level := strings.ToUpper(r.get("levelofdetail")); {
	case element == "Trade" && (level == "" || level == "EXECUTION"):
		if isCancelled(r) {
			return false
		}
		option := f.option(r)
		if !isAtZero(r) {
			option.addOpened(r)
			return false
		}
		option.ends = append(option.ends, r)
	case element == "Order" && isAtZero(r):
		option := f.option(r)
		option.orders = append(option.orders, r)
	case element == "OptionEAE" && strings.EqualFold(r.get("transactiontype"), "Cash Settlement"):
		option := f.option(r)
		option.settlements = append(option.settlements, r)
	case element == "OptionEAE":
		option := f.option(r)
		option.lifeEnds = append(option.lifeEnds, r)
	case element == "StatementOfFundsLine" && strings.EqualFold(r.get("activitycode"), "CAS"):
		option := f.option(r)
		option.funds = append(option.funds, r)
	default:
		return false
	}

	f.pendingRows++
	return true
}

// option returns what is known of a row's option so far.
func (f *flexRows) option(r *row) *flexOption {
	account, currency := r.get("accountid", "statementaccount"), r.get("currency", "currencyprimary")
	key := strings.Join([]string{account, r.get("symbol"), currency}, "\x00")
	known := f.options[key]
	if known == nil {
		known = &flexOption{}
		f.options[key] = known
		f.order = append(f.order, known)
		f.pendingRows++
	}
	return known
}

// isCancelled reports whether a trade cancels an earlier one.
func isCancelled(r *row) bool {
	return strings.Contains(r.get("buysell"), "(Ca.)") || strings.HasSuffix(r.get("transactiontype"), "Cancel")
}

// isAtZero reports whether the price is 0.
func isAtZero(r *row) bool {
	price, err := number("price", r.get("tradeprice", "price"), false)
	return err == nil && price.IsZero()
}

// addOpened adds a trade at a price.
func (o *flexOption) addOpened(r *row) {
	quantity, err := number("quantity", r.get("quantity"), false)
	cash, err2 := number("net cash", r.get("netcash"), false)
	if err != nil || err2 != nil || !o.opened.IsZero() && o.opened.IsNeg() != quantity.IsNeg() {
		o.reduced = true
		return
	}
	o.opened = o.opened.Add(quantity)
	o.paid = o.paid.Sub(cash)
}

// settle ends a statement: its ends of options are ready to be read, with the cash that came of them.
func (f *flexRows) settle() {
	for _, option := range f.order {
		f.ready = append(f.ready, option.settle()...)
	}
	f.options = map[string]*flexOption{}
	f.order = nil
	f.pendingRows = 0
}

// settle gives the ends of an option their price. It returns the rows that are to be read: the ends, and lines that
// belong to none.
func (o *flexOption) settle() []*row {
	rows := append(slices.Clone(o.orders), o.ends...)
	ends := o.ends
	if len(ends) == 0 {
		ends = o.orders
	}
	for _, line := range o.lifeEnds {
		if len(ends) == 0 && isEnd(line.get("transactiontype")) {
			line.set("problem", "its trade is not listed; export the Flex query with all trades")
			rows = append(rows, line)
		}
	}

	payments := o.settlements
	if len(payments) == 0 {
		payments = withoutBase(o.funds)
	}

	for _, day := range daysOf(payments) {
		paid := onDay(payments, day)
		settled := settledBy(ends, day, len(daysOf(payments)) == 1)
		if len(settled) == 0 {
			paid[0].set("problem", "it is the cash of an exercise or assignment that this file does not list")
			rows = append(rows, paid[0])
			continue
		}

		if err := o.price(settled, paid); err != nil {
			for _, r := range settled {
				r.set("problem", err.Error())
			}
		}
	}

	return rows
}

// withoutBase drops the lines that give the same cash again in the base currency.
func withoutBase(funds []*row) []*row {
	return slices.DeleteFunc(slices.Clone(funds), func(r *row) bool {
		return strings.EqualFold(r.get("levelofdetail"), "BaseCurrency")
	})
}

// settledBy returns the trades that cash of a day settles. Where an option has one day of cash and one of trades, they
// belong together.
func settledBy(ends []*row, day string, alone bool) []*row {
	ends = slices.DeleteFunc(slices.Clone(ends), func(r *row) bool {
		return slices.Contains(strings.Split(r.get("notes"), ";"), "Ep") // expired without value
	})
	if settled := onDay(ends, day); len(settled) > 0 {
		return settled
	}
	if alone && len(daysOf(ends)) == 1 {
		return ends
	}
	return nil
}

// flexDay returns the digits of a row's day.
func flexDay(r *row) string {
	var digits strings.Builder
	for _, c := range cmp.Or(r.get("tradedate"), r.get("date"), r.get("datetime")) {
		if c >= '0' && c <= '9' {
			digits.WriteRune(c)
		}
		if digits.Len() == len("20060102") || c == ';' {
			break
		}
	}
	return digits.String()
}

func daysOf(rows []*row) (days []string) {
	for _, r := range rows {
		if day := flexDay(r); !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	return days
}

func onDay(rows []*row, day string) []*row {
	return slices.DeleteFunc(slices.Clone(rows), func(r *row) bool { return flexDay(r) != day })
}

// price gives trades at 0 the price that yields their cash: 1500.00 of two contracts of 100 are 7.50 a unit.
func (o *flexOption) price(ends, payments []*row) error {
	cash, err := sumOf(payments, "proceeds", "amount")
	if err != nil {
		return err
	}
	if len(o.settlements) > 0 {
		if err := o.checkFunds(payments, cash); err != nil {
			return err
		}
	}

	var units, quantity blotter.Decimal
	for _, r := range ends {
		traded, err := number("quantity", r.get("quantity"), false)
		if err != nil {
			return err
		}

		size, err := number("multiplier", r.get("multiplier"), false)
		if err != nil {
			return err
		}

		quantity = quantity.Add(traded)
		units = units.Add(traded.Mul(size))
	}

	switch {
	case cash.IsZero():
		return nil
	case units.IsZero() || units.IsNeg() == cash.IsNeg():
		return fmt.Errorf("the cash settlement of %s contradicts the quantity of %s", cash, quantity)
	}

	price, ok := quotient(cash.Abs(), units.Abs())
	if !ok {
		return fmt.Errorf("the cash settlement of %s is not a multiple of %s units at any exact price", cash,
			units.Abs())
	}
	if err := o.checkRealized(payments, cash, quantity); err != nil {
		return err
	}

	for _, r := range ends {
		r.set("tradeprice", price.String())
		r.set("trademoney", "") // which is that of price 0
		r.set("proceeds", "")
	}

	return nil
}

// sumOf adds the first of the named amounts of each row.
func sumOf(rows []*row, names ...string) (sum blotter.Decimal, err error) {
	for _, r := range rows {
		amount, err := number("cash settlement", r.get(names...), false)
		if err != nil {
			return sum, err
		}
		sum = sum.Add(amount)
	}
	return sum, nil
}

// checkFunds compares the cash with the statement of funds, if that lists it.
func (o *flexOption) checkFunds(payments []*row, cash blotter.Decimal) error {
	funds := withoutBase(o.funds)
	if len(daysOf(o.settlements)) > 1 {
		funds = onDay(funds, flexDay(payments[0]))
	}
	if len(funds) == 0 {
		return nil
	}

	listed, err := sumOf(funds, "amount")
	if err != nil {
		return err
	}
	if !listed.Equal(cash) {
		return fmt.Errorf("the cash settlement is %s, and the statement of funds says %s", cash, listed)
	}
	return nil
}

// checkRealized compares the profit of a position that the file shows from its first trade to its settlement with what
// the file says itself.
func (o *flexOption) checkRealized(payments []*row, cash, quantity blotter.Decimal) error {
	if o.reduced || !o.opened.Add(quantity).IsZero() || len(daysOf(payments)) > 1 {
		return nil
	}

	realized, err := sumOf(append(onDay(o.lifeEnds, flexDay(payments[0])), payments...), "realizedpnl")
	if err != nil || realized.IsZero() {
		return nil // not told
	}
	fees, err := sumOf(o.ends, "netcash")
	if err != nil {
		return nil // not told
	}
	if own := cash.Add(fees).Sub(o.paid); own.Sub(realized).Abs().Cmp(cent) > 0 {
		return fmt.Errorf("with the cash settlement of %s the profit is %s, and the file says %s", cash, own, realized)
	}
	return nil
}
