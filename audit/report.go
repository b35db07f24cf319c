package audit

import (
	"fmt"
	"time"
)

// Kind is the kind of a break.
type Kind string

// The kinds.
const (
	Changed     Kind = "changed"      // an entry differs from what was sealed
	Removed     Kind = "removed"      // a sealed entry is gone
	Inserted    Kind = "inserted"     // an entry should have been sealed and was not
	Exchanged   Kind = "exchanged"    // two entries have changed places
	Backdated   Kind = "backdated"    // an entry's time is before the transaction that wrote it began
	Postdated   Kind = "postdated"    // an entry's time is after it was sealed
	SealBroken  Kind = "seal_broken"  // a seal does not continue the one before it
	SealRemoved Kind = "seal_removed" // seals are gone
	HeadBroken  Kind = "head_broken"  // the chain was rewritten or truncated since a head was exported
	Cursor      Kind = "cursor"       // the sealer's cursor does not agree with the chain
)

// Break is one sign of tampering.
type Break struct {
	Kind    Kind
	Seal    int64     // 0 if the break concerns no seal
	Number  int64     // the entry's number in the chain; 0 if it has none
	ID      int64     // the entry's id; 0 if the break concerns no entry
	At      time.Time // the entry's time as it was sealed, otherwise as it is
	Message string    // one sentence that names the entry or seal
}

// String returns the message.
func (b Break) String() string { return b.Message }

// Report is the result of Verify.
type Report struct {
	Entries int64 // sealed entries that were compared
	Seals   int64
	Pending int64 // entries that are not sealed yet
	// Retired are entries that were sealed and whose partitions, the oldest, are not there any more: partitions apply
	// retires them if told so. RetiredBefore is where the oldest partition begins.
	Retired       int64
	RetiredBefore time.Time
	Head          Head // the end of the chain; zero if nothing is sealed
	Heads         int  // exported heads that were compared
	Breaks        []Break
	More          int64 // breaks beyond the first breaksMax
	// Runs are the breaks with those of neighbouring entries taken together, which can tell of more than are listed.
	Runs     []Run
	MoreRuns int64 // breaks that are in no run
	Elapsed  time.Duration
}

// breaksMax bounds the listed breaks.
const breaksMax = 1_000

// Broken reports whether a break was found.
func (r *Report) Broken() bool { return len(r.Breaks) > 0 }

// add adds a break. many describes several neighboring breaks of its kind; "" lists each.
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

// unlisted counts n breaks, if n is positive, that are not known one by one.
func (r *Report) unlisted(n int64) {
	r.More += max(0, n)
	r.MoreRuns += max(0, n)
}

// broken adds a break of seal s, or of no seal if s is 0.
func (r *Report) broken(kind Kind, s int64, format string, args ...any) {
	r.add(Break{Kind: kind, Seal: s, Message: fmt.Sprintf(format, args...)}, "")
}

// entry adds a break of entry i of a seal.
func (r *Report) entry(kind Kind, s *seal, i int, what string) {
	r.add(Break{
		Kind: kind, Seal: s.seal, Number: s.number(i), ID: s.ids[i], At: s.times[i].UTC(),
		Message: fmt.Sprintf("entry %d (id %d, of %s, in seal %d) %s", s.number(i), s.ids[i],
			moment(s.times[i]), s.seal, what),
	}, manyOf[kind])
}

// manyOf says what is wrong with several entries of seals. Of entries that were exchanged each has its own place to
// name.
var manyOf = map[Kind]string{
	Changed: "are changed", Removed: "are removed",
	Backdated: "have times before their transactions began", Postdated: "have times after they were sealed",
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000Z") }
