package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// rounds is how often each variant is measured; the variants take turns within each round.
const rounds = 20

// variant is one way to do the work of a benchmark, n times.
type variant struct {
	name string
	run  func(n int) error
}

// compare measures the variants in interleaved rounds of n repetitions each and reports the median time of one
// repetition of each, and its ratio to the first variant's.
func compare(b *testing.B, n int, variants ...variant) {
	b.Helper()
	times := make([][]time.Duration, len(variants))

	for _, v := range variants { // prepare statements and warm up
		if err := v.run(max(1, n/10)); err != nil {
			b.Fatalf("%s: %v", v.name, err)
		}
	}

	for b.Loop() {
		for round := range rounds {
			for i := range variants {
				i := (i + round) % len(variants)
				start := time.Now()
				if err := variants[i].run(n); err != nil {
					b.Fatalf("%s: %v", variants[i].name, err)
				}
				times[i] = append(times[i], time.Since(start)/time.Duration(n))
			}
		}
	}

	base := median(times[0])
	b.ReportMetric(0, "ns/op")

	for i, v := range variants {
		m := median(times[i])
		b.ReportMetric(float64(m.Nanoseconds())/1e3, v.name+"_us")
		if i > 0 {
			b.ReportMetric(float64(m)/float64(base), v.name+"_x")
		}
		fmt.Printf("  %-34s %10s  %.3f x\n", v.name, m, float64(m)/float64(base))
	}
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
