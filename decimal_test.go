package blotter_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
)

// A number of megabytes is refused by its length, and quoted in part: what it takes does not grow with it.
func TestLongDecimalsAreRefused(t *testing.T) {
	const length = 10_000_000
	for name, text := range map[string]string{
		"digits": strings.Repeat("9", length), "zeros": strings.Repeat("0", length) + "1", "fraction": "0." + strings.Repeat("1", length),
		"no number": "x" + strings.Repeat("9", length),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := blotter.ParseDecimal(text)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, blotter.ErrInvalid) || len(err.Error()) > 200 {
			t.Errorf("%s: %.300v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1_000_000 {
			t.Errorf("%s: to refuse it took %d bytes", name, took)
		}
	}
	if d, err := blotter.ParseDecimal(strings.Repeat("0", 100) + "1.5"); err != nil || d.String() != "1.5" {
		t.Errorf("zeros in front: %v, %v", d, err)
	}
}
