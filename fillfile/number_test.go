package fillfile

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/blotterdb/blotter"
)

func TestNumber(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ text, point, comma string }{
		{"1", "1", "1"},
		{"-1.50", "-1.5", "-1.5"},
		{"1,234", "1234", "1.234"},
		{"1.234", "1.234", "1234"},
		{"0,125", "0.125", "0.125"},
		{"0.125", "0.125", "0.125"},
		{"-0,766", "-0.766", "-0.766"},
		{"1234,567", "1234.567", "1234.567"},
		{"12,5", "12.5", "12.5"},
		{"1,234,567", "1234567", "1234567"},
		{"1.234.567", "1234567", "1234567"},
		{"1,234.5", "1234.5", "1234.5"},
		{"1.234,5", "1234.5", "1234.5"},
		{"1 046,3825", "1046.3825", "1046.3825"},
		{"1\u00a0046,38", "1046.38", "1046.38"},
		{"1'234.50", "1234.5", "1234.5"},
		{"9.64e-05", "0.0000964", "0.0000964"},
		{"1E3", "1000", "1000"},
		{"-2.637591265E-4", "-0.0002637591265", "-0.0002637591265"},
		{"$52.07", "52.07", "52.07"},
		{"-$1,259.59", "-1259.59", "-1259.59"},
		{"€-0.5", "-0.5", "-0.5"},
		{"US$5", "5", "5"},
		{"EUR 5.25", "5.25", "5.25"},
		{"3,50 kr", "3.5", "3.5"},
		{"12 USDT", "12", "12"},
		{"(1,234.50)", "-1234.5", "-1234.5"},
		{"12.5-", "-12.5", "-12.5"},
		{"−3", "-3", "-3"},
		{"+3", "3", "3"},
		{".5", "0.5", "0.5"},
	} {
		for comma, want := range map[bool]string{false: test.point, true: test.comma} {
			got, err := number("x", test.text, comma)
			if err != nil || got.String() != want {
				t.Errorf("%q, comma %v: %s %v, want %s", test.text, comma, got, err, want)
			}
		}
	}
}

func TestNotNumber(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "-", "N/A", "x", "5K", "5M", "1.2.3,4", "1,23,4", "--5", "-5-", "(5", "5)", "(-5)", "1e", "1e9999",
		"1/2", "5 apples", "0x10", "NaN", "Inf", "$", "1.00000000000000000001",
	} {
		if got, err := number("x", text, false); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// A decimal is read from its own text as the same decimal.
func TestNumberIsExact(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[1-9][0-9]{0,20}\.[0-9]{0,18}[1-9]`).Draw(t, "text")
		want := blotter.MustDecimal(text)
		whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
		if len(fraction) == 3 && len(whole) <= 3 {
			return // with a decimal comma these are thousands
		}

		for _, comma := range []bool{false, true} {
			if got, err := number("x", text, comma); err != nil || !got.Equal(want) {
				t.Fatalf("%s is read as %s: %v", text, got, err)
			}
		}
	})
}

func TestExactProduct(t *testing.T) {
	t.Parallel()
	got, want := exactProduct("21.026072329688816", "4.756e-05", "0.0025"), "0.0000025000000000000002224"
	if strings.TrimRight(got, "0") != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := exactProduct("1", "x"); got != "" {
		t.Errorf("got %s", got)
	}
}
