package fillfile

import (
	"fmt"
	"time"
)

// pendingFill is a fill whose time the clocks show twice. It waits for the rows around it, which tell which of the two
// it is.
type pendingFill struct {
	row   *row
	fill  Fill
	at    moment
	minor string // the hundredths in which its price was, "" otherwise
}

// pendingMax is the most fills that wait.
const pendingMax = 10_000

// release yields the fills that wait, in the order of their rows. If rows ascend, the second pass of the clocks begins
// where time goes back; if they descend, it ends where time goes forward. Rows that are grouped by symbol are compared
// by symbol. Fills are rejected if the order does not tell.
func (f *File) release(yield func(Fill, error) bool) bool {
	pending := f.pending
	f.pending = nil
	if len(pending) == 0 {
		return true
	}

	passes := make([]int, len(pending))
	for _, group := range groupBy(pending, func(h pendingFill) string { return h.at.first.Format(time.DateOnly) }) {
		if f.tellPasses(pending, group, passes, f.order) {
			continue
		}
		if f.order != 0 {
			continue
		}

		symbols := map[string][]int{}
		for _, i := range group {
			symbols[pending[i].fill.Symbol] = append(symbols[pending[i].fill.Symbol], i)
		}

		for _, of := range symbols {
			f.tellPasses(pending, of, passes, f.symbolOrder)
		}
	}

	for i, h := range pending {
		var err error
		at := h.at.first
		switch {
		case passes[i] == 2:
			at = h.at.second
		case passes[i] == 0:
			err = fmt.Errorf("the clocks show %s twice, and the order of rows does not tell which is meant; "+
				"set --repeated-hour first or second, or write the offset into the cell (%s or %s)",
				h.at.local.Format("2006-01-02 15:04:05"),
				offsetOf(h.at.local, h.at.first), offsetOf(h.at.local, h.at.second))
		}

		if !f.yieldAt(h, at, err, yield) {
			return false
		}
	}

	return true
}

// groupBy divides positions of fills into groups by a key, in the order of their first member.
func groupBy(pending []pendingFill, key func(pendingFill) string) [][]int {
	var groups [][]int
	at := map[string]int{}
	for i, h := range pending {
		k := key(h)
		n, known := at[k]
		if !known {
			n = len(groups)
			at[k] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], i)
	}
	return groups
}

// tellPasses sets the pass, 1 or 2, of the fills of a group, and reports whether their order tells it: time steps
// against the order exactly once.
func (f *File) tellPasses(pending []pendingFill, group, passes []int, order int) bool {
	switch f.opts.RepeatedHour {
	case "first":
		return setPasses(group, passes, len(group), 1)
	case "second":
		return setPasses(group, passes, len(group), 2)
	}
	if order == 0 {
		return false
	}

	step, steps := 0, 0
	for n := 1; n < len(group); n++ {
		if pending[group[n]].at.local.Compare(pending[group[n-1]].at.local) == -order {
			step = n
			steps++
		}
	}

	if steps != 1 {
		return false
	}
	if order > 0 {
		return setPasses(group, passes, step, 1)
	}

	return setPasses(group, passes, step, 2)
}

// setPasses gives the first n of a group one pass and the others the other.
func setPasses(group, passes []int, n, pass int) bool {
	for i, at := range group {
		passes[at] = pass
		if i >= n {
			passes[at] = 3 - pass
		}
	}
	return true
}

// offsetOf returns the offset from UTC with which clocks show a local time at an instant.
func offsetOf(local, at time.Time) string {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.FixedZone("", int(local.Sub(at).Seconds()))).Format("-07:00")
}
