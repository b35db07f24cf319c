package blotter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PositionEffect is what a fill did to its position.
type PositionEffect string

// The position effects.
const (
	Opened    PositionEffect = "open"
	Increased PositionEffect = "increase"
	Reduced   PositionEffect = "reduce"
	Closed    PositionEffect = "close"
	Flipped   PositionEffect = "flip"
)

// Trade is one fill. Its key is (AccountID, TradeID, Symbol, Side): exchanges number trades per symbol, and give both
// sides of a self-trade one number. Trades are append-only.
type Trade struct {
	ID                 int64          `db:"id,generated"` // the book's order
	AccountID          string         `db:"account_id"`
	TradeID            string         `db:"trade_id"`
	OrderID            string         `db:"order_id,nullzero"` // "" for a fill that we did not order
	Symbol             string         `db:"symbol"`
	Side               Side           `db:"side"`
	Quantity           Decimal        `db:"quantity"`
	Price              Decimal        `db:"price"`
	Multiplier         Decimal        `db:"multiplier,omitzero"`          // default 1
	Currency           string         `db:"currency,omitzero"`            // of the price; default the position's, else the instrument's
	Commission         Decimal        `db:"commission"`                   // negative for a rebate
	CommissionCurrency string         `db:"commission_currency,omitzero"` // default Currency; in another one it is no part of the position's fees
	OtherFees          TradeFees      `db:"other_fees,generated"`         // in further currencies; execution.trade_fees
	RealizedPnL        Decimal        `db:"realized_pnl"`                 // of this fill, before fees
	PositionEffect     PositionEffect `db:"position_effect"`
	Strategy           string         `db:"strategy"`
	ExecutedAt         time.Time      `db:"executed_at"`
	SettlementDate     *time.Time     `db:"settlement_date"`
	CreatedAt          time.Time      `db:"created_at,generated"`
	XID                uint64         `db:"xid,generated"` // the transaction that wrote it

	// The position after this fill.
	QuantityAfter    Decimal `db:"quantity_after"`
	CostBasisAfter   Decimal `db:"cost_basis_after"`
	RealizedPnLAfter Decimal `db:"realized_pnl_after"`
	FeesAfter        Decimal `db:"fees_after"`
}

// TradeFee is a fee of a trade in one currency.
type TradeFee struct {
	Currency string  `json:"currency"`
	Amount   Decimal `json:"amount"` // negative for a rebate
}

// TradeFees are fees in several currencies, which are never added: one for each currency, sorted by it.
type TradeFees []TradeFee

// TradeFeesMax is the most fees that a trade has beside its commission.
const TradeFeesMax = 10

// Add returns the fees with amount added to that of the currency. A sum of zero is left out.
func (f TradeFees) Add(currency string, amount Decimal) TradeFees {
	sum := slices.Clone(f)
	at, found := slices.BinarySearchFunc(sum, currency, func(fee TradeFee, currency string) int {
		return strings.Compare(fee.Currency, currency)
	})
	if !found {
		sum = slices.Insert(sum, at, TradeFee{Currency: currency})
	}
	sum[at].Amount = sum[at].Amount.Add(amount)
	if sum[at].Amount.IsZero() {
		sum = slices.Delete(sum, at, at+1)
	}
	return sum
}

// Equal reports whether both hold the same amounts, in whatever order.
func (f TradeFees) Equal(other TradeFees) bool {
	f, other = f.sorted(), other.sorted()
	return slices.EqualFunc(f, other, func(a, b TradeFee) bool { return a.Currency == b.Currency && a.Amount.Equal(b.Amount) })
}

func (f TradeFees) sorted() TradeFees {
	return slices.SortedFunc(slices.Values(f), func(a, b TradeFee) int { return strings.Compare(a.Currency, b.Currency) })
}

// String returns the fees as text, for example "0.8 EUR, 0.62 GBP".
func (f TradeFees) String() string {
	var texts []string
	for _, fee := range f {
		texts = append(texts, fee.Amount.String()+" "+fee.Currency)
	}
	return strings.Join(texts, ", ")
}

// SetFees gives the trade its fees. Those of one currency are added. The one in the trade's currency becomes the commission,
// the others become OtherFees; where none is in the trade's currency, the first currency in alphabetical order is the
// commission's. An empty currency is the trade's.
func (t *Trade) SetFees(fees ...TradeFee) {
	var sums TradeFees
	single := true
	for _, fee := range fees {
		currency := cmp.Or(fee.Currency, t.Currency)
		single = single && currency == cmp.Or(fees[0].Currency, t.Currency)
		sums = sums.Add(currency, fee.Amount)
	}

	t.Commission, t.CommissionCurrency, t.OtherFees = Decimal{}, "", nil
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

// checkOtherFees reports as ErrInvalid fees beside the commission that belong into it, or that are said twice. The
// trade's currencies are given as they are known: "" is not.
func (t *Trade) checkOtherFees(currency, commissionCurrency string) error {
	if len(t.OtherFees) > TradeFeesMax {
		return Invalid("other_fees", len(t.OtherFees), fmt.Sprintf("at most %d", TradeFeesMax))
	}
	for i, fee := range t.OtherFees {
		if err := checkTexts([]textField{{"currency of other_fees", fee.Currency, 1, 20}}); err != nil {
			return err
		}
		switch {
		case fee.Amount.IsZero():
			return Invalid("other_fees", fee.Amount, "amounts other than 0")
		case fee.Currency == currency || fee.Currency == commissionCurrency:
			return Invalid("other_fees", fee.Currency, "currencies other than the trade's and its commission's; SetFees divides fees so")
		case slices.ContainsFunc(t.OtherFees[:i], func(other TradeFee) bool { return other.Currency == fee.Currency }):
			return Invalid("other_fees", fee.Currency, "each currency once")
		}
	}
	return nil
}
