package monitor

import (
	"strings"
	"sync"
	"time"
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
	return strings.ToValidUTF8(text[:min(len(text), statementBytesMax)], "")
}

type lexKind int

const (
	lexOther lexKind = iota
	lexBlank         // blanks and comments
	lexLiteral
)

// lexeme returns the kind of the lexeme at i, and its end.
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

// after returns the position after the next end, or the end of the text.
func after(sql string, i int, end string) int {
	if at := strings.Index(sql[i:], end); at >= 0 {
		return i + at + len(end)
	}
	return len(sql)
}

// afterQuote returns the position after a literal. It skips doubled quotes, and \', which is a quote in E'...' and at
// worst makes a plain literal longer.
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

// dollarTag returns the $tag$ at the beginning of a text, or "".
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
