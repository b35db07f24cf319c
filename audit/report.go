package audit

import (
	"fmt"
	"time"
)

// Kind is how something was tampered with.
type Kind string

// The kinds.
const (
	Changed     Kind = "changed"      // an entry is not what was sealed
	Removed     Kind = "removed"      // an entry that was sealed is gone
	Inserted    Kind = "inserted"     // an entry is there that should have been sealed and was not
	Exchanged   Kind = "exchanged"    // two entries have changed places
	Backdated   Kind = "backdated"    // an entry's time is before the transaction that wrote it began
	Postdated   Kind = "postdated"    // an entry's time is after it was sealed
	SealBroken  Kind = "seal_broken"  // a seal does not continue the one before it
	SealRemoved Kind = "seal_removed" // seals are gone
	HeadBroken  Kind = "head_broken"  // the chain is not the one of which a head was exported: made anew, or its end cut off
	Cursor      Kind = "cursor"       // the sealer's place does not agree with the chain
)

// Break is one thing that was tampered with.
type Break struct {
	Kind    Kind
	Seal    int64     // the seal that it is of; 0 where none
	Number  int64     // the entry's, in the chain; 0 where it has none
	ID      int64     // the entry's id; 0 where it is of no entry
	At      time.Time // the entry's time as it was sealed, else as it is
	Message string    // one sentence that names it
}

func (b Break) String() string { return b.Message }

// Report is what Verify found.
type Report struct {
	Entries int64 // that are sealed and were compared
	Seals   int64
	Pending int64 // entries that are not sealed yet
	// Retired are entries that were sealed and whose partitions, the oldest, are not there any more: partitions apply
	// retires them if told so. RetiredBefore is where the oldest partition begins.
	Retired       int64
	RetiredBefore time.Time
	Head          Head // of the chain; zero where nothing is sealed
	Heads         int  // exported heads that were compared
	Breaks        []Break
	More          int64 // breaks beyond the first breaksMax
	// Runs are the breaks with those of neighbouring entries taken together, which can tell of more than are listed.
	Runs     []Run
	MoreRuns int64 // breaks that are in no run
	Elapsed  time.Duration
}

// breaksMax is how many breaks are listed.
const breaksMax = 1_000

// Broken reports whether anything was found.
func (r *Report) Broken() bool { return len(r.Breaks) > 0 }

// add adds a break; many says how its kind is told of several neighbours, "" that each is told apart.
func (r *Report) add(b Break, many string) {
	if len(r.Breaks) < breaksMax {
		r.Breaks = append(r.Breaks, b)
	} else {
		r.More++
	}
	switch n := len(r.Runs); {
	case n > 0 && r.Runs[n-1].join(b, many):
	case n < breaksMax:
		r.Runs = append(r.Runs, Run{first: b, last: b, many: many})
	default:
		r.MoreRuns++
	}
}

// unlisted counts n breaks, where that is more than none, that are not even known one by one.
func (r *Report) unlisted(n int64) {
	r.More += max(0, n)
	r.MoreRuns += max(0, n)
}

// broken adds a break of seal s, or of none where that is 0.
func (r *Report) broken(kind Kind, s int64, format string, args ...any) {
	r.add(Break{Kind: kind, Seal: s, Message: fmt.Sprintf(format, args...)}, "")
}

// entry adds a break of entry i of a seal.
func (r *Report) entry(kind Kind, s *seal, i int, what string) {
	r.add(Break{
		Kind: kind, Seal: s.seal, Number: s.number(i), ID: s.ids[i], At: s.times[i].UTC(),
		Message: fmt.Sprintf("entry %d (id %d, of %s, in seal %d) %s", s.number(i), s.ids[i], moment(s.times[i]), s.seal, what),
	}, manyOf[kind])
}

// manyOf says what is wrong with several entries of seals. Of entries that were exchanged each has its own place to name.
var manyOf = map[Kind]string{
	Changed: "are changed", Removed: "are removed",
	Backdated: "have times before their transactions began", Postdated: "have times after they were sealed",
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000Z") }
