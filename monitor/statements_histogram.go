package monitor

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets whose width is a sixteenth of their size or less: from a microsecond to more
// than an hour in 4 kB, without a lock. What is shorter counts as the first bucket, what is longer as the last.
const (
	histogramBits    = 4 // a power of two is divided into 16 buckets
	histogramLow     = 10
	histogramHigh    = 42 // 2^42 ns are 73 minutes
	histogramBuckets = (histogramHigh - histogramLow) << histogramBits
)

type histogram struct {
	counts [histogramBuckets]atomic.Uint64
}

func (h *histogram) add(d time.Duration) { h.counts[bucketOf(d)].Add(1) }

func bucketOf(d time.Duration) int {
	ns := uint64(max(d, 0))
	if ns < 1<<histogramLow {
		return 0
	}
	power := bits.Len64(ns) - 1
	if power >= histogramHigh {
		return histogramBuckets - 1
	}
	within := ns >> (power - histogramBits) & (1<<histogramBits - 1)
	return (power-histogramLow)<<histogramBits | int(within)
}

// bucketEnd is the duration that a bucket ends before.
func bucketEnd(bucket int) time.Duration {
	power := bucket>>histogramBits + histogramLow
	within := uint64(bucket&(1<<histogramBits-1)) + 1
	return time.Duration(1<<power + within<<(power-histogramBits))
}

// Distribution is how long the calls of an operation took.
type Distribution struct {
	Calls int64
	Sum   time.Duration
	Max   time.Duration
	count [histogramBuckets]uint64
}

// Mean is 0 where there were no calls.
func (d *Distribution) Mean() time.Duration {
	return d.Sum / time.Duration(max(1, d.Calls))
}

// Quantile is a duration within which this part of the calls ended (0.99 for p99), at most a sixteenth too long and never
// longer than the longest; 0 where there were none.
func (d *Distribution) Quantile(part float64) time.Duration {
	var all, seen uint64
	for _, n := range d.count {
		all += n
	}
	rank := uint64(part * float64(all))
	for bucket, n := range d.count {
		if seen += n; seen > rank || seen == all && n > 0 {
			return min(bucketEnd(bucket), d.Max)
		}
	}
	return 0
}

// below is how many calls took no longer than each of the bounds, give or take the width of a bucket.
func (d *Distribution) below(bounds []time.Duration) []uint64 {
	counts := make([]uint64, len(bounds))
	for bucket, n := range d.count {
		if n == 0 {
			continue
		}
		for i, bound := range bounds {
			if bucketEnd(bucket) <= bound {
				counts[i] += n
			}
		}
	}
	return counts
}

// since is what was counted after an earlier reading. Its longest call is not known to be later, so it is given.
func (d Distribution) since(earlier *Distribution, longest time.Duration) Distribution {
	d.Calls -= earlier.Calls
	d.Sum -= earlier.Sum
	for i := range d.count {
		d.count[i] -= earlier.count[i]
	}
	d.Max = longest
	return d
}
