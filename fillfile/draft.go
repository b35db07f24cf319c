package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// draft is a fill as its file writes it.
type draft struct {
	id, order, account, strategy string
	at, settles                  string
	zone                         *time.Location // that the file gives beside the cell, or nil
	symbol, isin                 string         // isin is the symbol if there is no other
	class                        class
	classKnown                   bool // a word of the file tells the class
	expiry, strike, right        string
	says                         string // words that describe the instrument
	side                         string // "" if the sign of the quantity decides
	ends                         bool   // the end of an option's life, whose side is what closes it
	quantity, price              string
	total                        string  // of quantity x price x multiplier, for a fill without a price
	totals                       []total // that prove quantity x price x multiplier
	gross                        string  // one that is without fees by its name
	feeIsRest                    bool    // the fee is what the first of the totals differs by
	accrued                      string  // interest that a total may contain
	rate                         string  // at which totals in another currency are converted
	multiplier                   string
	currency                     string
	fees                         []fee
	unit                         string // of the quantity, or ""
	scaled                       bool   // the price was divided by 100
}

// minor returns the minor unit of a price that was divided by 100, or "".
func (d *draft) minor() string {
	if !d.scaled {
		return ""
	}
	return cmp.Or(d.currency, "minor units")
}

// build returns the fill of a draft, without its time. On an error it has the fields that were read so far.
func (f *File) build(r *row, d *draft) (fill Fill, err error) {
	t := &fill.Trade
	fill.Line, fill.OrderRef = r.line, sqltext.Storable(d.order)
	fill.Named = sqltext.Storable(d.account)
	t.AccountID, t.Strategy = cmp.Or(fill.Named, f.opts.Account), cmp.Or(f.opts.Strategy, d.strategy)
	t.TradeID = sqltext.Storable(d.id)

	symbol, is, err := f.instrument(d)
	t.Symbol = symbol
	if err != nil {
		return fill, err
	}
	if strings.ContainsRune(symbol, '\uFFFD') {
		return fill, errors.New("the symbol is not UTF-8 text")
	}
	if f.isGeneric() && inverseSymbol.MatchString(symbol) {
		return fill, checkLinear(symbol)
	}
	if quote := pairQuote(symbol); quote != "" && strings.EqualFold(d.unit, quote) {
		return fill, fmt.Errorf("its quantity %s is in %s, in which the price of %s is too; "+
			"the quantity in the coin is needed", clip(d.quantity), d.unit, symbol)
	}

	var known Instrument
	if d.currency+f.opts.Currency == "" || d.multiplier == "" {
		if known, err = f.known(symbol); err != nil {
			return fill, err
		}
	}

	if err := f.currency(&fill, d, known); err != nil {
		return fill, err
	}

	if d.settles != "" {
		day, err := f.day(d.settles)
		if err != nil {
			return fill, fmt.Errorf("settlement %w", err)
		}
		t.SettlementDate = &day
	}

	if err := f.amounts(&fill, d); err != nil {
		return fill, err
	}

	return fill, f.money(&fill, d, is, known)
}

// known returns what Options.Instrument knows of a symbol.
func (f *File) known(symbol string) (Instrument, error) {
	if f.opts.Instrument == nil {
		return Instrument{}, nil
	}
	if known, found := f.instruments[symbol]; found {
		return known, nil
	}
	known, err := f.opts.Instrument(symbol)
	if err == nil && len(f.instruments) < instrumentsMax {
		f.instruments[symbol] = known
	}
	return known, err
}

// instrumentsMax is the most symbols that known remembers.
const instrumentsMax = 100_000

// currency decides the currency of the price. It stays empty if it is not known.
func (f *File) currency(fill *Fill, d *draft, known Instrument) error {
	code := cmp.Or(d.currency, f.opts.Currency, known.Currency)
	if major := minorUnits[code]; major != "" {
		d.scaled, d.currency = true, code
		fill.Currency = major
		return nil
	}
	fill.Currency = strings.ToUpper(code)
	if code != "" && !f.layout.anyCurrency && !isCurrency(code) {
		return fmt.Errorf("currency %q is neither a code of ISO 4217 nor a known coin; "+
			"--currency gives the right one for rows without", clip(code))
	}
	return nil
}

// amounts reads side, quantity, price and multiplier.
func (f *File) amounts(fill *Fill, d *draft) (err error) {
	t := &fill.Trade
	if t.Quantity, err = f.number(fill, "quantity", d.quantity); err != nil {
		return err
	}
	if err := fill.setSide(d); err != nil {
		return err
	}
	t.Quantity = t.Quantity.Abs()

	if d.multiplier != "" {
		if t.Multiplier, err = f.number(fill, "multiplier", d.multiplier); err != nil {
			return err
		}
	}

	switch {
	case d.ends && d.price == "":
		return nil // at 0
	case d.price == "" && d.total != "":
		t.Price, err = f.priceOf(fill, d.total)
	case d.price == "" && d.gross != "":
		t.Price, err = f.priceOf(fill, d.gross)
	case strings.Contains(d.price, "'") && (d.class == future || classOfSymbol(tabular.Symbol(d.symbol)) == future):
		return fmt.Errorf("price %q may be in fractions of a point; write it as a decimal", clip(d.price))
	default:
		t.Price, err = f.number(fill, "price", d.price)
	}

	if err != nil || !d.scaled {
		return err
	}

	t.Price, err = hundredth(t.Price)
	return err
}

// setSide decides the side by its word, or by the sign of the quantity.
func (f *Fill) setSide(d *draft) error {
	t := &f.Trade
	switch {
	case d.ends && d.side == "":
		f.Ends = true
		return nil
	case d.side == "" && t.Quantity.IsNeg():
		t.Side = blotter.Sell
	case d.side == "":
		t.Side = blotter.Buy
	default:
		if t.Side = sideOf(d.side); t.Side == "" {
			return fmt.Errorf("side %q is neither buy nor sell", clip(d.side))
		}
	}

	if t.Side == blotter.Buy && t.Quantity.IsNeg() {
		return fmt.Errorf("buy with negative quantity %s", t.Quantity)
	}
	return nil
}

// hundredth divides a number by 100. It is an error if that has too many digits.
func hundredth(d blotter.Decimal) (blotter.Decimal, error) {
	result, ok := product(d, blotter.MustDecimal("0.01"))
	if !ok {
		return result, fmt.Errorf("%s has too many digits to be divided by 100", d)
	}
	return result, nil
}

// money reads the fees and checks the amounts against the totals.
func (f *File) money(fill *Fill, d *draft, is class, known Instrument) error {
	costs, err := f.costs(fill, d)
	if err != nil {
		return err
	}

	if d.feeIsRest {
		f.settleMultiplier(fill, is, known)
		cost, err := f.feeOfTotal(fill, d)
		if err != nil {
			return err
		}
		costs = append(costs, cost)
	} else {
		said, err := f.checkTotals(fill, d, is, costs)
		if err != nil {
			return err
		}

		f.settleMultiplier(fill, is, known)
		if costs, err = signFees(costs, said); err != nil {
			return err
		}
		fill.feeProof = said
	}

	fill.setFees(costs)
	return nil
}

// settleMultiplier takes the multiplier from Options if neither the file nor its totals tell it.
func (f *File) settleMultiplier(fill *Fill, is class, known Instrument) {
	switch {
	case !fill.Multiplier.IsZero():
	case !known.Multiplier.IsZero():
		fill.Multiplier = known.Multiplier
	case is.needsMultiplier() && f.opts.Multiplier != "":
		fill.Multiplier = blotter.MustDecimal(f.opts.Multiplier)
	case is.needsMultiplier():
		fill.NoMultiplier = !fill.Ends // the open position has it
	}
}

// costs reads the fees.
func (f *File) costs(fill *Fill, d *draft) ([]cost, error) {
	var all []cost
	for _, of := range d.fees {
		text, unit := splitUnit(of.amount)
		if text == "" || isFree(text) {
			continue
		}

		amount, err := f.number(fill, "fee", text)
		if err != nil {
			return nil, err
		}
		if of.negated {
			amount = amount.Neg()
		}

		if of.noCurrency && !amount.IsZero() {
			return nil, fmt.Errorf("the currency of its fee %s is missing", clip(text))
		}

		code := cmp.Or(of.currency, unit)
		if code == "" && d.scaled && !amount.IsZero() {
			return nil, fmt.Errorf("prices are in %s, and its fee may be in that or in %s; "+
				"add a column with the fee's currency", d.currency, fill.Currency)
		}
		if code == "$" && !strings.HasSuffix(fill.Currency, "D") && !strings.HasPrefix(fill.Currency, "USD") {
			return nil, fmt.Errorf("fee %s is in dollars of an unknown country", clip(of.amount))
		}
		if code == "$" {
			code = ""
		}

		if major := minorUnits[code]; major != "" {
			if amount, err = hundredth(amount); err != nil {
				return nil, err
			}
			code = major
		}

		all = append(all, cost{
			amount: amount, currency: strings.ToUpper(cmp.Or(code, fill.Currency)),
			unsure: of.unsure && !amount.IsZero(),
		})
	}

	return all, nil
}

// signFees returns the fees with the sign that the totals prove. It is an error if a fee may be a rebate.
func signFees(costs []cost, said proof) ([]cost, error) {
	isUnsure := false
	for _, c := range costs {
		isUnsure = isUnsure || c.unsure
	}

	switch {
	case said == unproven && isUnsure:
		return nil, errUnsureFee
	case said != flipped:
		return costs, nil
	case !isUnsure:
		return nil, errContradictedFee
	}

	for i := range costs {
		costs[i].amount = costs[i].amount.Neg()
	}
	return costs, nil
}

// setFees sets the fees of the trade, added up by currency.
func (f *Fill) setFees(costs []cost) {
	fees := make([]blotter.TradeFee, 0, len(costs))
	for _, c := range costs {
		fees = append(fees, blotter.TradeFee{Currency: c.currency, Amount: c.amount})
	}
	f.SetFees(fees...)
}

// finish sets the time and the id of a fill, and checks it.
func (f *File) finish(fill *Fill, at time.Time) error {
	t := &fill.Trade
	t.ExecutedAt = at
	if err := f.checkUnique(t); err != nil {
		return err
	}
	if t.TradeID == "" {
		t.TradeID = f.ids.of(fill)
	}

	checked := *t
	if fill.Ends {
		checked.Side = blotter.Sell // it is not known before the position is
	}
	if err := checked.Check(); err != nil {
		return checkError{f.withRoundHint(err)}
	}
	return nil
}

// checkUnique returns an error for the second fill with an id in a file of a generic layout. The id may be that of the
// order, or the row may be in the file twice.
func (f *File) checkUnique(t *blotter.Trade) error {
	if t.TradeID == "" || !f.isGeneric() || f.columns.isBlotter {
		return nil
	}
	key := strings.Join([]string{t.AccountID, t.TradeID, t.Symbol, string(t.Side)}, "\x00")
	if f.seen[key] {
		return fmt.Errorf("its id %s is in the file twice; if it is the id of the order, set --cols 'order=COLUMN'",
			clip(t.TradeID))
	}
	if len(f.seen) < idsMax {
		f.seen[key] = true
	}
	return nil
}

// idsMax is the most ids that checkUnique remembers.
const idsMax = 2_000_000

// withRoundHint adds to an error about too many digits that rounding avoids it.
func (f *File) withRoundHint(err error) error {
	if err != nil && f.round() == 0 && strings.Contains(err.Error(), "digits after the point") {
		err = fmt.Errorf("%w; --round N rounds to N digits", err)
	}
	return err
}

// priceOf returns total / quantity / multiplier. It is an error if that is not exact.
func (f *File) priceOf(fill *Fill, text string) (blotter.Decimal, error) {
	amount, _ := splitUnit(text)
	total, err := f.number(fill, "total", amount)
	switch {
	case err != nil:
		return total, err
	case fill.Quantity.IsZero():
		return total, errors.New("the quantity is 0")
	}

	units := fill.Quantity
	if !fill.Multiplier.IsZero() {
		units = units.Mul(fill.Multiplier)
	}

	price, ok := quotient(total.Abs(), units)
	if !ok {
		return price, fmt.Errorf("the price is missing, and total %s / quantity %s has more than %d digits", total,
			units, blotter.DecimalFractionDigitsMax)
	}
	return price, nil
}

// number reads a number, and rounds it if Options.Round or the layout says so.
func (f *File) number(fill *Fill, name, text string) (blotter.Decimal, error) {
	if f.style.unknown && isAmbiguousNumber(text) {
		return blotter.Decimal{}, fmt.Errorf("%s %q may have decimals or thousands; "+
			"set --decimal point or --decimal comma", name, clip(text))
	}
	d, err := number(name, text, f.style.comma)
	digits := f.round()
	if digits > 0 && (err != nil || digitsOf(d) > digits) {
		if d, err = roundedNumber(name, text, f.style.comma, digits); err == nil {
			fill.Rounded = true
		}
	}
	return d, f.withRoundHint(err)
}

// round returns the digits to which numbers are rounded, or 0.
func (f *File) round() int {
	if f.opts.Round == 0 {
		return f.layout.round
	}
	return max(f.opts.Round, 0)
}
