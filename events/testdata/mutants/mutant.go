package events

import (
	"os"
	"strings"
	"sync/atomic"
)

// mutant is the defect that is turned on, one at a time.
var mutant atomic.Pointer[string]

// Processes of the chaos test get their defect from the environment.
func init() {
	if name := os.Getenv("BLOTTER_MUTANT"); name != "" {
		mutant.Store(&name)
	}
}

// mutated reports whether a defect is turned on.
func mutated(name string) bool {
	m := mutant.Load()
	return m != nil && *m == name
}

// mutating reports whether any defect is turned on.
func mutating() bool { return mutant.Load() != nil }

// posFloor is the last position of the defect pos_floor.
var posFloor int64

// replaced returns the text with each pair's first text replaced by its second. A text that is missing is a defect that would
// not be built in.
func replaced(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			panic("the defect does not fit the code: it lacks " + pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// byNumber returns the window's statement in the order of transaction numbers.
func byNumber(sql string) string {
	return replaced(sql, "    select pos\n      from events.outbox", "    select pos, xid\n      from events.outbox",
		"(select pos from w order by pos limit", "(select pos, xid from w order by xid, pos limit", "order by next.pos", "order by next.xid, next.pos")
}
