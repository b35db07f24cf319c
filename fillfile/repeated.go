package fillfile

import (
	"fmt"
	"time"
)

// heldFill is a fill whose time the clocks show twice. It waits for the rows around it, which tell which one it is.
type heldFill struct {
	row   *row
	fill  Fill
	at    moment
	minor string // the hundredths in which its price was, "" otherwise
}

// heldMax bounds the fills that wait.
const heldMax = 10_000

// release yields the fills that wait, in the order of their rows. Where rows ascend, time that goes back begins the second
// pass; where they descend, time that goes forward ends it. Rows that are grouped by symbol are looked at by symbol.
// What the order does not tell is rejected.
func (f *File) release(yield func(Fill, error) bool) bool {
	held := f.held
	f.held = nil
	if len(held) == 0 {
		return true
	}

	passes := make([]int, len(held))
	for _, group := range groupBy(held, func(h heldFill) string { return h.at.first.Format(time.DateOnly) }) {
		if f.tellPasses(held, group, passes, f.order) {
			continue
		}
		if f.order != 0 {
			continue
		}
		symbols := map[string][]int{}
		for _, i := range group {
			symbols[held[i].fill.Symbol] = append(symbols[held[i].fill.Symbol], i)
		}
		for _, of := range symbols {
			f.tellPasses(held, of, passes, f.symbolOrder)
		}
	}

	for i, h := range held {
		var err error
		at := h.at.first
		switch {
		case passes[i] == 2:
			at = h.at.second
		case passes[i] == 0:
			err = fmt.Errorf("the clocks show %s twice, and the order of rows does not tell which is meant; " +
				"--repeated-hour first or second does, or an offset in the cell (%s or %s)",
				h.at.local.Format("2006-01-02 15:04:05"), offsetOf(h.at.local, h.at.first), offsetOf(h.at.local,
					h.at.second))
		}
		if !f.yieldAt(h, at, err, yield) {
			return false
		}
	}
	return true
}

// groupBy divides positions of fills into groups by a key, in the order of their first member.
func groupBy(held []heldFill, key func(heldFill) string) [][]int {
	var groups [][]int
	at := map[string]int{}
	for i, h := range held {
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

// tellPasses sets the pass, 1 or 2, of fills whose order tells it, and reports whether it does: time steps against the
// order exactly once.
func (f *File) tellPasses(held []heldFill, group, passes []int, order int) bool {
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
		if held[group[n]].at.local.Compare(held[group[n-1]].at.local) == -order {
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

// offsetOf is the offset from UTC at which the clocks show a local time at an instant.
func offsetOf(local, at time.Time) string {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.FixedZone("", int(local.Sub(at).Seconds()))).Format("-07:00")
}
