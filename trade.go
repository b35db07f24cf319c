package blotter

import (
	"cmp"
	"fmt"
	"time"
)

// IDLengthMax is the maximum length of an order id or a trade id in characters.
const IDLengthMax = 100

// Trade is one fill. Its key is (AccountID, TradeID, Symbol, Side), because exchanges number trades per symbol and give
// both sides of a self-trade one number. Trades are append-only.
type Trade struct {
	ID                 int64          `db:"id,generated"` // order of arrival
	AccountID          string         `db:"account_id"`
	TradeID            string         `db:"trade_id"`
	OrderID            string         `db:"order_id,nullzero"` // "" for a fill without an order of ours
	Symbol             string         `db:"symbol"`
	Side               Side           `db:"side"`
	Quantity           Decimal        `db:"quantity"`
	Price              Decimal        `db:"price"`
	Multiplier         Decimal        `db:"multiplier,omitzero"`          // default 1
	Currency           string         `db:"currency,omitzero"`            // default the position's, or the instrument's
	Commission         Decimal        `db:"commission"`                   // negative for a rebate
	CommissionCurrency string         `db:"commission_currency,omitzero"` // default Currency
	OtherFees          TradeFees      `db:"other_fees,generated"`         // in further currencies
	RealizedPnL        Decimal        `db:"realized_pnl"`                 // of this fill, before fees
	PositionEffect     PositionEffect `db:"position_effect"`
	Strategy           string         `db:"strategy"`
	ExecutedAt         time.Time      `db:"executed_at"`
	Sequence           int64          `db:"sequence"` // order among trades of one time; 0 if the source gives none
	SettlementDate     *time.Time     `db:"settlement_date"`
	CreatedAt          time.Time      `db:"created_at,generated"`
	XID                uint64         `db:"xid,generated"` // the transaction that wrote it

	// The position after this fill.
	QuantityAfter    Decimal `db:"quantity_after"`
	CostBasisAfter   Decimal `db:"cost_basis_after"`
	RealizedPnLAfter Decimal `db:"realized_pnl_after"`
	FeesAfter        Decimal `db:"fees_after"`
}

// SetFees sets the fees of the trade. It adds those of one currency. The sum in the trade's currency becomes the
// commission and the others become OtherFees. If there is none in the trade's currency, the first currency in
// alphabetical order is the commission's. An empty currency is the trade's.
func (t *Trade) SetFees(fees ...TradeFee) {
	var sums TradeFees
	single := true
	for _, fee := range fees {
		currency := cmp.Or(fee.Currency, t.Currency)
		single = single && currency == cmp.Or(fees[0].Currency, t.Currency)
		sums = sums.Add(currency, fee.Amount)
	}

	t.Commission = Decimal{}
	t.CommissionCurrency = ""
	t.OtherFees = nil

	switch {
	case len(fees) > 0 && single:
		t.CommissionCurrency = cmp.Or(fees[0].Currency, t.Currency)
	case len(sums) > 0:
		t.CommissionCurrency = sums[0].Currency
	}

	for _, fee := range sums {
		if fee.Currency == t.Currency {
			t.CommissionCurrency = fee.Currency
		}
	}

	for _, fee := range sums {
		if fee.Currency == t.CommissionCurrency {
			t.Commission = fee.Amount
		} else {
			t.OtherFees = append(t.OtherFees, fee)
		}
	}
}

// Check returns ErrInvalid for a trade that no position can take: without account, id, symbol or side, with a quantity
// that is not above zero, or with more digits than the product of quantity, price and multiplier keeps.
func (t Trade) Check() error {
	if err := CheckAccountID(t.AccountID); err != nil {
		return err
	}
	if err := checkTexts([]textField{
		{"trade_id", t.TradeID, 1, IDLengthMax},
		{"order_id", t.OrderID, 0, IDLengthMax},
		{"symbol", t.Symbol, 1, SymbolLengthMax},
		{"strategy", t.Strategy, 0, strategyLengthMax},
		{"currency", t.Currency, 0, CurrencyLengthMax},
		{"commission_currency", t.CommissionCurrency, 0, CurrencyLengthMax},
	}); err != nil {
		return err
	}

	switch {
	case t.Side != Buy && t.Side != Sell:
		return Invalid("side", string(t.Side), "buy or sell")
	case t.Quantity.Sign() <= 0:
		return Invalid("quantity", t.Quantity, "a number above 0")
	case t.Multiplier.Sign() < 0:
		return Invalid("multiplier", t.Multiplier, "a number above 0, or 0 for the instrument's")
	case t.Sequence < 0:
		return Invalid("sequence", t.Sequence, "0 or more")
	}

	if len(t.OtherFees) > 0 {
		if err := t.OtherFees.check(t.Currency, t.CommissionCurrency); err != nil {
			return err
		}
	}

	return t.checkProduct()
}

// checkProduct returns ErrInvalid if quantity x price x multiplier has more digits than a Decimal keeps.
func (t *Trade) checkProduct() error {
	if t.Quantity.Prec()+t.Price.Prec()+t.Multiplier.Prec() <= DecimalFractionDigitsMax {
		return nil // it has not, even if zeros at the end are counted
	}

	if digitsOf(t.Quantity)+digitsOf(t.Price)+digitsOf(t.Multiplier) > DecimalFractionDigitsMax {
		values := fmt.Sprintf("%s, %s and %s", t.Quantity, t.Price, t.Multiplier)
		allowed := fmt.Sprintf("at most %d digits after the point in all three together", DecimalFractionDigitsMax)
		return Invalid("quantity, price and multiplier", values, allowed)
	}

	return nil
}

// WithEffect returns the trade as it is stored: with its effect on the position, and the position after it.
func (t Trade) WithEffect(after Position, e Effect) Trade {
	t.Multiplier = after.Multiplier
	t.Currency = after.Currency
	t.CommissionCurrency = cmp.Or(t.CommissionCurrency, after.Currency)
	t.OtherFees = t.OtherFees.sorted()

	t.RealizedPnL = e.RealizedPnL
	t.PositionEffect = e.Kind

	t.QuantityAfter = after.Quantity
	t.CostBasisAfter = after.CostBasis
	t.RealizedPnLAfter = after.RealizedPnL
	t.FeesAfter = after.Fees
	return t
}

// PositionAfter returns the position after a stored trade with the fields that the trade's row has: quantity, cost
// basis, average price, realized profit and loss, fees, multiplier and currency.
func (t Trade) PositionAfter() Position {
	p := Position{
		AccountID: t.AccountID, Symbol: t.Symbol, Multiplier: t.Multiplier, Currency: t.Currency,
		Quantity: t.QuantityAfter, CostBasis: t.CostBasisAfter, RealizedPnL: t.RealizedPnLAfter, Fees: t.FeesAfter,
	}
	p.setAverage()
	return p
}

// Differences returns the names of the fields that t gives and in which it differs from the stored trade of the same
// key. Fields that t leaves empty (multiplier, currencies, strategy, times, a quantity that the order gave) do not
// count.
func (t Trade) Differences(stored Trade) (fields []string) {
	add := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}

	differs := func(a, b Decimal) bool { return !a.IsZero() && !a.Equal(b) }
	differsText := func(a, b string) bool { return a != "" && a != b }

	add("order_id", t.OrderID != stored.OrderID)
	add("quantity", differs(t.Quantity, stored.Quantity))
	add("price", !t.Price.Equal(stored.Price))
	add("multiplier", differs(t.Multiplier, stored.Multiplier))
	add("currency", differsText(t.Currency, stored.Currency))
	add("commission", !t.Commission.Equal(stored.Commission))
	add("commission_currency", differsText(t.CommissionCurrency, stored.CommissionCurrency))
	add("other_fees", !t.OtherFees.Equal(stored.OtherFees))
	add("strategy", differsText(t.Strategy, stored.Strategy))
	add("executed_at", !t.ExecutedAt.IsZero() && !t.ExecutedAt.Truncate(time.Microsecond).Equal(stored.ExecutedAt))
	add("settlement_date", t.SettlementDate != nil && !sameDay(t.SettlementDate, stored.SettlementDate))
	return fields
}

// sameDay compares dates as they are stored, each in its own zone.
func sameDay(a, b *time.Time) bool {
	return b != nil && a.Format(time.DateOnly) == b.Format(time.DateOnly)
}

// value returns quantity x price x multiplier. It is exact, because checkProduct has bounded the digits.
func (t *Trade) value(quantity Decimal) Decimal {
	return quantity.Mul(t.Price).Mul(t.Multiplier)
}
