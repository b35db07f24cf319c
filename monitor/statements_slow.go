package monitor

import (
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter/internal/sqltext"
)

// Slow is a call that took TracerConfig.SlowAfter or longer.
type Slow struct {
	At        time.Time     `json:"at"` // when it ended, UTC
	Service   string        `json:"service"`
	Operation string        `json:"operation"`
	Duration  time.Duration `json:"duration_ns"`
	Rows      int64         `json:"rows"`
	Statement string        `json:"statement"` // at most 500 bytes; "" from Track
	Failed    bool          `json:"failed"`
}

// slowRing keeps the last slow calls. They are numbered, so that a reader can continue after the last one it has seen.
type slowRing struct {
	guard sync.Mutex
	kept  []Slow
	next  uint64        // number of the next call
	added chan struct{} // receives a value when a call was added
}

func newSlowRing(size int) *slowRing {
	return &slowRing{kept: make([]Slow, 0, size), added: make(chan struct{}, 1)}
}

func (r *slowRing) add(s Slow) {
	r.guard.Lock()
	if len(r.kept) < cap(r.kept) {
		r.kept = append(r.kept, s)
	} else {
		r.kept[r.next%uint64(cap(r.kept))] = s
	}
	r.next++
	r.guard.Unlock()
}

// signal tells the reader that a call was added.
func (r *slowRing) signal() {
	select {
	case r.added <- struct{}{}:
	default: // the last signal is still waiting
	}
}

// since returns the calls from a number on, oldest first, the number of the next call, and how many were overwritten.
func (r *slowRing) since(number uint64) (calls []Slow, next, lost uint64) {
	r.guard.Lock()
	defer r.guard.Unlock()

	oldest := r.next - uint64(len(r.kept))
	if number < oldest {
		lost = oldest - number
		number = oldest
	}

	for ; number < r.next; number++ {
		calls = append(calls, r.kept[number%uint64(cap(r.kept))])
	}

	return calls, r.next, lost
}

const statementBytesMax = 500

// redact returns a statement without private data: literals become ?, comments are removed, and white space becomes one
// blank.
func redact(sql string) string {
	var b strings.Builder
	blank := false
	for i := 0; i < len(sql) && b.Len() < statementBytesMax; {
		kind, end := sqltext.Next(sql, i)
		text := sql[i:end]
		i = end

		switch kind {
		case sqltext.Blank:
			blank = b.Len() > 0
			continue
		case sqltext.Literal:
			text = "?"
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteString(text)
	}

	text := b.String()
	return strings.ToValidUTF8(text[:min(len(text), statementBytesMax)], "")
}
