package blotter_test

import (
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
)

// fee parses a fee as "2.40 GBP".
func fee(amount, currency string) blotter.TradeFee {
	return blotter.TradeFee{Currency: currency, Amount: blotter.MustDecimal(amount)}
}

func TestSetFeesDividesByCurrency(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		fees []blotter.TradeFee
		want string
	}{
		"none":                           {nil, "0 ; "},
		"one of another currency":        {[]blotter.TradeFee{fee("2.4", "GBP")}, "2.4 GBP; "},
		"one of zero":                    {[]blotter.TradeFee{fee("0", "GBP")}, "0 GBP; "},
		"two of one currency":            {[]blotter.TradeFee{fee("2.4", "GBP"), fee("0.1", "GBP")}, "2.5 GBP; "},
		"the trade's among others":       {[]blotter.TradeFee{fee("2.4", "GBP"), fee("0.1", "USD"), fee("0.25", "")}, "0.35 USD; 2.4 GBP"},
		"none of the trade's, any order": {[]blotter.TradeFee{fee("2.4", "GBP"), fee("0.1", "EUR"), fee("3", "CHF")}, "3 CHF; 0.1 EUR, 2.4 GBP"},
		"zeros beside others":            {[]blotter.TradeFee{fee("0", "USD"), fee("0.1", "EUR")}, "0.1 EUR; "},
		"a rebate that balances":         {[]blotter.TradeFee{fee("1", "EUR"), fee("-1", "EUR"), fee("2", "CHF"), fee("3", "DKK")}, "2 CHF; 3 DKK"},
	} {
		trade := blotter.Trade{Currency: "USD"}
		trade.SetFees(test.fees...)
		if got := trade.Commission.String() + " " + trade.CommissionCurrency + "; " + trade.OtherFees.String(); got != test.want {
			t.Errorf("%s: %q, want %q", what, got, test.want)
		}
	}
}

// Fees beside the commission are of further currencies, each once: elsewhere they would be missing in a sum.
func TestOtherFeesThatBelongElsewhere(t *testing.T) {
	t.Parallel()
	trade := blotter.Trade{
		AccountID: "A", TradeID: "1", Symbol: "X", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("5"),
		Commission: blotter.MustDecimal("1"), CommissionCurrency: "GBP",
	}
	for what, test := range map[string]struct {
		fees blotter.TradeFees
		ok   bool
	}{
		"a further currency":        {blotter.TradeFees{fee("1", "EUR")}, true},
		"the commission's currency": {blotter.TradeFees{fee("1", "GBP")}, false},
		"the position's currency":   {blotter.TradeFees{fee("1", "USD")}, false},
		"a currency twice":          {blotter.TradeFees{fee("1", "EUR"), fee("2", "EUR")}, false},
		"no currency":               {blotter.TradeFees{fee("1", "")}, false},
		"zero":                      {blotter.TradeFees{fee("0", "EUR")}, false},
	} {
		trade.OtherFees = test.fees
		after, _, err := blotter.Position{}.Apply(trade)
		if (err == nil) != test.ok || err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want accepted %v", what, err, test.ok)
		}
		if test.ok && !after.Fees.IsZero() {
			t.Errorf("%s: the position's fees are %s, want 0", what, after.Fees)
		}
	}
}
