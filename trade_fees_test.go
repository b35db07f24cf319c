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

// Fees are compared and added by currency, in whatever order they are given, and neither changes what it is given.
func TestFeesByCurrency(t *testing.T) {
	t.Parallel()
	mixed, sorted := blotter.TradeFees{fee("2", "EUR"), fee("1", "CHF")}, blotter.TradeFees{fee("1", "CHF"), fee("2", "EUR")}
	for _, other := range []blotter.TradeFees{nil, {fee("1", "CHF")}, {fee("2", "CHF"), fee("1", "EUR")}, {fee("1", "CHF"), fee("2", "EUR"), fee("3", "GBP")}} {
		if mixed.Equal(other) || other.Equal(mixed) || sorted.Equal(other) || other.Equal(sorted) {
			t.Errorf("%s equals %s", mixed, other)
		}
	}
	if !mixed.Equal(sorted) || !sorted.Equal(mixed) || !mixed.Equal(mixed) || !(blotter.TradeFees{}).Equal(nil) {
		t.Error("equal fees differ by their order")
	}
	if mixed.String() != "2 EUR, 1 CHF" {
		t.Errorf("comparing changed the fees to %s", mixed)
	}

	for _, test := range []struct{ currency, amount, want string }{
		{"DKK", "3", "1 CHF, 3 DKK, 2 EUR"}, {"EUR", "3", "1 CHF, 5 EUR"}, {"EUR", "-2", "1 CHF"}, {"CHF", "-1", "2 EUR"}, {"USD", "0", "1 CHF, 2 EUR"},
	} {
		if got := sorted.Add(test.currency, blotter.MustDecimal(test.amount)); got.String() != test.want {
			t.Errorf("with %s %s the fees are %s, want %s", test.amount, test.currency, got, test.want)
		}
	}
	if sorted.String() != "1 CHF, 2 EUR" {
		t.Errorf("adding changed the fees to %s", sorted)
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
