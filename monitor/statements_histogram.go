package monitor

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets whose width is at most a sixteenth of their size, from a microsecond to
// more than an hour, in 4 kB and without a lock. Shorter durations count in the first bucket, longer ones in the
// last.
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

// bucketEnd returns the first duration after a bucket.
func bucketEnd(bucket int) time.Duration {
	power := bucket>>histogramBits + histogramLow
	within := uint64(bucket&(1<<histogramBits-1)) + 1
	return time.Duration(1<<power + within<<(power-histogramBits))
}

// Distribution is the distribution of the durations of an operation's calls.
type Distribution struct {
	Calls int64
	Sum   time.Duration
	Max   time.Duration
	count [histogramBuckets]uint64
}

// Mean returns the mean duration, or 0 if there were no calls.
func (d *Distribution) Mean() time.Duration {
	return d.Sum / time.Duration(max(1, d.Calls))
}

// Quantile returns the duration within which this part of the calls ended (0.99 for p99). It is at most a sixteenth too
// long, and never longer than the longest call. It is 0 if there were no calls.
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

// below returns the number of calls within each of the bounds, give or take the width of a bucket.
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

// since returns the calls after an earlier reading. The longest of them cannot be computed, so it is a parameter.
func (d Distribution) since(earlier *Distribution, longest time.Duration) Distribution {
	d.Calls -= earlier.Calls
	d.Sum -= earlier.Sum
	for i := range d.count {
		d.count[i] -= earlier.count[i]
	}
	d.Max = longest
	return d
}
