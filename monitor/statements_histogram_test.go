package monitor_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"pgregory.net/rapid"
)

// TestQuantilesAreNear checks that a quantile is never below the exact one, and at most a sixteenth above (below a
// microsecond, 1.1 µs).
func TestQuantilesAreNear(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		durations := rapid.SliceOfN(rapid.Map(rapid.Float64Range(math.Log(1e3),
			math.Log(3.6e12)), func(f float64) time.Duration {
			return time.Duration(math.Exp(f))
		}), 1, 300).Draw(t, "durations")

		d := monitor.DistributionOf(durations)
		slices.Sort(durations)
		if d.Calls != int64(len(durations)) || d.Max != durations[len(durations)-1] {
			t.Fatalf("%d calls, longest %s of %v", d.Calls, d.Max, durations)
		}

		for _, part := range []float64{0, 0.5, 0.95, 0.99, 1} {
			exact := durations[min(int(part*float64(len(durations))), len(durations)-1)]
			most := max(exact+exact/16, 1088)
			if got := d.Quantile(part); got < exact || got > most {
				t.Fatalf("quantile %v is %s, exactly %s, of %v", part, got, exact, durations)
			}
		}
	})
}

func TestNoCallsHaveNoQuantile(t *testing.T) {
	t.Parallel()

	d := monitor.DistributionOf(nil)
	if d.Quantile(0.99) != 0 || d.Mean() != 0 {
		t.Errorf("p99 %s, mean %s", d.Quantile(0.99), d.Mean())
	}
	extremes := monitor.DistributionOf([]time.Duration{-1, 0, math.MaxInt64})
	if extremes.Calls != 3 || extremes.Quantile(0) > 1088 || extremes.Quantile(1) <= time.Hour {
		t.Errorf("%d calls, from %s to %s", extremes.Calls, extremes.Quantile(0), extremes.Quantile(1))
	}
}
