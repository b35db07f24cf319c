package audit

import "fmt"

// Run is breaks of neighbouring entries that were tampered with in the same way, or one break.
type Run struct {
	first, last Break
	many        string // how several of them are told; "" where each is told apart
}

// Kind is that of all its breaks.
func (r Run) Kind() Kind { return r.first.Kind }

// String is one sentence that names every entry of the run.
func (r Run) String() string {
	switch {
	case r.first == r.last:
		return r.first.Message
	case r.first.Number == 0:
		return fmt.Sprintf("entries of ids %d to %d %s", r.first.ID, r.last.ID, r.many)
	case r.first.Seal == r.last.Seal:
		return fmt.Sprintf("entries %d to %d of seal %d %s", r.first.Number, r.last.Number, r.first.Seal, r.many)
	}
	return fmt.Sprintf("entries %d to %d of seals %d to %d %s", r.first.Number, r.last.Number, r.first.Seal, r.last.Seal, r.many)
}

// join takes the break in if it is the next one of the run.
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
