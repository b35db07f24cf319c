package blotter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// A price has at most 150 digits before the point, as in the database.
func TestGreatestPrice(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	check := func(text string) error {
		price := blotter.MustDecimal(text)
		return (&blotter.PriceData{Symbol: "KO", Price: &price}).Check(now)
	}

	greatest := strings.Repeat("9", 150) + ".5"
	for _, text := range []string{greatest, "-" + greatest} {
		if err := check(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"1" + strings.Repeat("0", 150), "-1" + strings.Repeat("0", 150)} {
		if err := check(text); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", text, err)
		}
	}
}
