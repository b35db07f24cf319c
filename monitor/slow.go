package monitor

import (
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter/internal/sqltext"
)

// Slow is one call that took longer than TracerConfig.SlowAfter.
type Slow struct {
	At        time.Time     `json:"at"` // when it ended, UTC
	Service   string        `json:"service"`
	Operation string        `json:"operation"`
	Duration  time.Duration `json:"duration_ns"`
	Rows      int64         `json:"rows"`
	Statement string        `json:"statement"` // without parameters, literals and comments, at most 500 bytes; "" for what Track counted
	Failed    bool          `json:"failed"`
}

// slowRing keeps the last slow calls, each with its number: who has read up to one number sees what it missed.
type slowRing struct {
	guard sync.Mutex
	kept  []Slow
	next  uint64        // number of the next call
	rang  chan struct{} // has something in it when a call came since it was last emptied
}

func newSlowRing(size int) *slowRing {
	return &slowRing{kept: make([]Slow, 0, size), rang: make(chan struct{}, 1)}
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

func (r *slowRing) ring() {
	select {
	case r.rang <- struct{}{}:
	default: // it has not been heard yet
	}
}

// since are the calls from a number on, oldest first, the number of the next, and how many were overwritten unread.
func (r *slowRing) since(number uint64) (calls []Slow, next, lost uint64) {
	r.guard.Lock()
	defer r.guard.Unlock()
	oldest := r.next - uint64(len(r.kept))
	if number < oldest {
		lost, number = oldest-number, oldest
	}
	for ; number < r.next; number++ {
		calls = append(calls, r.kept[number%uint64(cap(r.kept))])
	}
	return calls, r.next, lost
}

const statementKeptMax = 500 // bytes

// redact is a statement without what may be somebody's data: literals become ?, comments go, blanks are one.
func redact(sql string) string {
	var b strings.Builder
	blank := false
	for i := 0; i < len(sql) && b.Len() < statementKeptMax; {
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
	return strings.ToValidUTF8(text[:min(len(text), statementKeptMax)], "")
}
