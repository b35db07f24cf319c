package monitor

import (
	"strings"
	"sync"
	"time"
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
		kind, end := lexeme(sql, i)
		switch {
		case kind == lexBlank:
			blank = b.Len() > 0
		default:
			if blank {
				b.WriteByte(' ')
			}
			blank = false
			if kind == lexLiteral {
				b.WriteByte('?')
			} else {
				b.WriteString(sql[i:end])
			}
		}
		i = end
	}
	text := b.String()
	return strings.ToValidUTF8(text[:min(len(text), statementKeptMax)], "")
}

type lexKind int

const (
	lexOther lexKind = iota
	lexBlank         // blanks and comments
	lexLiteral
)

// lexeme is the kind of what stands at i, and where it ends.
func lexeme(sql string, i int) (lexKind, int) {
	rest := sql[i:]
	switch c := sql[i]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return lexBlank, i + 1
	case strings.HasPrefix(rest, "--"):
		return lexBlank, after(sql, i+2, "\n")
	case strings.HasPrefix(rest, "/*"):
		return lexBlank, after(sql, i+2, "*/")
	case c == '\'':
		return lexLiteral, afterQuote(sql, i+1)
	case c == '$' && dollarTag(rest) != "":
		tag := dollarTag(rest)
		return lexLiteral, after(sql, i+len(tag), tag)
	case c == '$': // a parameter
		return lexOther, afterWord(sql, i+1)
	case c == '"':
		return lexOther, after(sql, i+1, `"`)
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		return lexLiteral, afterNumber(sql, i)
	case isLetter(c):
		return lexOther, afterWord(sql, i)
	}
	return lexOther, i + 1
}

// after is where the text behind the next end begins; the end of all where there is none.
func after(sql string, i int, end string) int {
	if at := strings.Index(sql[i:], end); at >= 0 {
		return i + at + len(end)
	}
	return len(sql)
}

// afterQuote passes over ” and over \' , which is a quote in E'...' and, in a plain text, at worst makes it longer.
func afterQuote(sql string, i int) int {
	for i < len(sql) {
		switch {
		case sql[i] == '\\':
			i++
		case sql[i] == '\'' && i+1 < len(sql) && sql[i+1] == '\'':
			i++
		case sql[i] == '\'':
			return i + 1
		}
		i++
	}
	return len(sql)
}

// dollarTag is the $tag$ that a text begins with, or "".
func dollarTag(text string) string {
	end := strings.IndexByte(text[1:], '$')
	if end < 0 || end > 0 && text[1] >= '0' && text[1] <= '9' || afterWord(text, 1) < end+1 {
		return ""
	}
	return text[:end+2]
}

func afterWord(sql string, i int) int {
	for i < len(sql) && (isLetter(sql[i]) && sql[i] != '"' || sql[i] >= '0' && sql[i] <= '9') {
		i++
	}
	return max(i, 1)
}

func afterNumber(sql string, i int) int {
	for i < len(sql) && (sql[i] >= '0' && sql[i] <= '9' || sql[i] == '.' || sql[i] == '_' || isLetter(sql[i])) {
		i++
	}
	return i
}
