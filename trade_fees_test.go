package blotter_test

import (
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
)

// fee returns a fee, for example of 2.40 GBP.
func fee(amount, currency string) blotter.TradeFee {
	return blotter.TradeFee{Currency: currency, Amount: blotter.MustDecimal(amount)}
}

func TestSetFees(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		fees blotter.TradeFees
		want string // commission; other fees
	}{
		"no fees":          {nil, "0 ; "},
		"another currency": {blotter.TradeFees{fee("2.4", "GBP")}, "2.4 GBP; "},
		"zero":             {blotter.TradeFees{fee("0", "GBP")}, "0 GBP; "},
		"same currency":    {blotter.TradeFees{fee("2.4", "GBP"), fee("0.1", "GBP")}, "2.5 GBP; "},
		"trade's and another": {
			blotter.TradeFees{fee("2.4", "GBP"), fee("0.1", "USD"), fee("0.25", "")}, "0.35 USD; 2.4 GBP",
		},
		"only others": {
			blotter.TradeFees{fee("2.4", "GBP"), fee("0.1", "EUR"), fee("3", "CHF")},
			"3 CHF; 0.1 EUR, 2.4 GBP",
		},
		"zero and another": {blotter.TradeFees{fee("0", "USD"), fee("0.1", "EUR")}, "0.1 EUR; "},
		"fee and equal rebate": {
			blotter.TradeFees{fee("1", "EUR"), fee("-1", "EUR"), fee("2", "CHF"), fee("3", "DKK")},
			"2 CHF; 3 DKK",
		},
	} {
		trade := blotter.Trade{Currency: "USD"}
		trade.SetFees(test.fees...)
		got := trade.Commission.String() + " " + trade.CommissionCurrency + "; " + trade.OtherFees.String()
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestCompareAndAddFees checks that fees are compared and added by currency in any order, and that neither changes its
// operands.
func TestCompareAndAddFees(t *testing.T) {
	t.Parallel()

	sorted := blotter.TradeFees{fee("1", "CHF"), fee("2", "EUR")}
	mixed := blotter.TradeFees{fee("2", "EUR"), fee("1", "CHF")}
	for _, other := range []blotter.TradeFees{
		nil,
		{fee("1", "CHF")},
		{fee("2", "CHF"), fee("1", "EUR")},
		{fee("1", "CHF"), fee("2", "EUR"), fee("3", "GBP")},
	} {
		if mixed.Equal(other) || other.Equal(mixed) || sorted.Equal(other) || other.Equal(sorted) {
			t.Errorf("%s equals %s", mixed, other)
		}
	}

	if !mixed.Equal(sorted) || !sorted.Equal(mixed) || !mixed.Equal(mixed) || !(blotter.TradeFees{}).Equal(nil) {
		t.Error("equal fees in another order are not equal")
	}
	if mixed.String() != "2 EUR, 1 CHF" {
		t.Errorf("comparing changed the fees to %s", mixed)
	}

	for _, test := range []struct{ currency, amount, want string }{
		{"DKK", "3", "1 CHF, 3 DKK, 2 EUR"},
		{"EUR", "3", "1 CHF, 5 EUR"},
		{"EUR", "-2", "1 CHF"},
		{"CHF", "-1", "2 EUR"},
		{"USD", "0", "1 CHF, 2 EUR"},
	} {
		if got := sorted.Add(test.currency, blotter.MustDecimal(test.amount)); got.String() != test.want {
			t.Errorf("with %s %s the fees are %s, want %s", test.amount, test.currency, got, test.want)
		}
	}

	if sorted.String() != "1 CHF, 2 EUR" {
		t.Errorf("adding changed the fees to %s", sorted)
	}
}

// TestInvalidOtherFees checks that fees besides the commission are in further currencies, each once. Any others would
// be missing in a sum.
func TestInvalidOtherFees(t *testing.T) {
	t.Parallel()

	trade := blotter.Trade{
		AccountID: "A", TradeID: "1", Symbol: "X", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
		Price: blotter.MustDecimal("5"), Commission: blotter.MustDecimal("1"), CommissionCurrency: "GBP",
	}

	for name, test := range map[string]struct {
		fees blotter.TradeFees
		ok   bool
	}{
		"further currency":      {blotter.TradeFees{fee("1", "EUR")}, true},
		"commission's currency": {blotter.TradeFees{fee("1", "GBP")}, false},
		"position's currency":   {blotter.TradeFees{fee("1", "USD")}, false},
		"same currency twice":   {blotter.TradeFees{fee("1", "EUR"), fee("2", "EUR")}, false},
		"no currency":           {blotter.TradeFees{fee("1", "")}, false},
		"zero":                  {blotter.TradeFees{fee("0", "EUR")}, false},
	} {
		trade.OtherFees = test.fees
		after, _, err := blotter.Position{}.Apply(trade)

		if (err == nil) != test.ok || err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want accepted %v", name, err, test.ok)
		}
		if test.ok && !after.Fees.IsZero() {
			t.Errorf("%s: the position's fees are %s, want 0", name, after.Fees)
		}
	}
}
