package audit

import "fmt"

// Run is one break, or several of the same kind in neighboring entries.
type Run struct {
	first, last Break
	many        string // describes several of them; "" if each is listed
}

// Kind returns the kind of its breaks.
func (r Run) Kind() Kind { return r.first.Kind }

// String returns one sentence that names every entry of the run.
func (r Run) String() string {
	switch {
	case r.first == r.last:
		return r.first.Message
	case r.first.Number == 0:
		return fmt.Sprintf("entries of ids %d to %d %s", r.first.ID, r.last.ID, r.many)
	case r.first.Seal == r.last.Seal:
		return fmt.Sprintf("entries %d to %d of seal %d %s", r.first.Number, r.last.Number, r.first.Seal, r.many)
	}
	return fmt.Sprintf("entries %d to %d of seals %d to %d %s", r.first.Number, r.last.Number,
		r.first.Seal, r.last.Seal, r.many)
}

// join adds the break if it is the next one of the run, and reports whether it did.
func (r *Run) join(b Break, many string) bool {
	next := b.Number == r.last.Number+1
	if r.last.Number == 0 {
		next = b.Number == 0 && b.ID == r.last.ID+1
	}
	if !next || many == "" || b.Kind != r.Kind() || many != r.many {
		return false
	}
	r.last = b
	return true
}
