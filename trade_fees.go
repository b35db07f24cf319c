package blotter

import (
	"fmt"
	"slices"
	"strings"
)

// TradeFeesMax is the maximum number of fees that a trade has besides its commission.
const TradeFeesMax = 10

// TradeFee is a fee of a trade in one currency.
type TradeFee struct {
	Currency string  `json:"currency"`
	Amount   Decimal `json:"amount"` // negative for a rebate
}

// TradeFees are fees in several currencies, one for each, sorted by currency. Amounts of two currencies are never
// added.
type TradeFees []TradeFee

// Add returns the fees with amount added to that of the currency. It leaves out a sum of zero.
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

// Equal reports whether both hold the same amounts, in any order.
func (f TradeFees) Equal(other TradeFees) bool {
	return slices.EqualFunc(f.sorted(), other.sorted(), func(a, b TradeFee) bool {
		return a.Currency == b.Currency && a.Amount.Equal(b.Amount)
	})
}

// String returns the fees as text, for example "0.8 EUR, 0.62 GBP".
func (f TradeFees) String() string {
	var texts []string
	for _, fee := range f {
		texts = append(texts, fee.Amount.String()+" "+fee.Currency)
	}
	return strings.Join(texts, ", ")
}

func (f TradeFees) sorted() TradeFees {
	return slices.SortedFunc(slices.Values(f), func(a, b TradeFee) int {
		return strings.Compare(a.Currency,
			b.Currency)
	})
}

// check returns ErrInvalid for fees that no trade can have besides its commission: in the position's currency, in that
// of the commission, or in the same currency twice. A currency that is not known yet is "".
func (f TradeFees) check(currency, commissionCurrency string) error {
	if len(f) > TradeFeesMax {
		return Invalid("other_fees", len(f), fmt.Sprintf("at most %d", TradeFeesMax))
	}

	for i, fee := range f {
		if err := checkTexts([]textField{{"currency of other_fees", fee.Currency, 1, CurrencyLengthMax}}); err != nil {
			return err
		}

		switch {
		case fee.Amount.IsZero():
			return Invalid("other_fees", fee.Amount, "amounts other than 0")
		case fee.Currency == currency || fee.Currency == commissionCurrency:
			return Invalid("other_fees", fee.Currency,
				"currencies other than the trade's and its commission's; use SetFees to divide fees that way")
		case slices.ContainsFunc(f[:i], func(other TradeFee) bool { return other.Currency == fee.Currency }):
			return Invalid("other_fees", fee.Currency, "each currency once")
		}
	}

	return nil
}
