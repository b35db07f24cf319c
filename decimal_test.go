package blotter_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
)

// TestLongDecimal checks that megabytes of digits are refused by their length and quoted in part, so that memory does
// not grow with the input.
func TestLongDecimal(t *testing.T) {
	const length = 10_000_000
	for name, text := range map[string]string{
		"digits":       strings.Repeat("9", length),
		"zeros":        strings.Repeat("0", length) + "1",
		"fraction":     "0." + strings.Repeat("1", length),
		"not a number": "x" + strings.Repeat("9", length),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := blotter.ParseDecimal(text)
		runtime.ReadMemStats(&after)

		if !errors.Is(err, blotter.ErrInvalid) || len(err.Error()) > 200 {
			t.Errorf("%s: %.300v, want a short ErrInvalid", name, err)
		}
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1_000_000 {
			t.Errorf("%s: ParseDecimal allocated %d bytes", name, bytes)
		}
	}

	if d, err := blotter.ParseDecimal(strings.Repeat("0", 100) + "1.5"); err != nil || d.String() != "1.5" {
		t.Errorf("leading zeros: %v, %v; want 1.5", d, err)
	}
}
