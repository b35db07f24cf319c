package monitor

import (
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/sqltext"
)

// operation is what is counted of one named operation of one service. All of it is atomic: sessions count at once.
type operation struct {
	service, name string
	calls         atomic.Int64
	nanoseconds   atomic.Int64
	rows          atomic.Int64
	slow          atomic.Int64
	longest       atomic.Int64 // nanoseconds, since the start
	recent        atomic.Int64 // nanoseconds, since the last reading that asked for it
	errors        [len(kinds)]atomic.Int64
	times         histogram
}

// kinds are the kinds of errors that are told apart, as package blotter has them; "other" is none of the database's.
var kinds = [...]blotter.Kind{
	blotter.ErrIntegrity, blotter.ErrData, blotter.ErrSerialization, blotter.ErrPermission, blotter.ErrProgramming,
	blotter.ErrOperational, blotter.ErrPoolTimeout, blotter.ErrNotFound, "other",
}

func (o *operation) add(d time.Duration, rows int64) {
	o.calls.Add(1)
	o.nanoseconds.Add(int64(d))
	o.rows.Add(rows)
	o.times.add(d)
	raise(&o.longest, int64(d))
	raise(&o.recent, int64(d))
}

func raise(most *atomic.Int64, n int64) {
	for {
		now := most.Load()
		if n <= now || most.CompareAndSwap(now, n) {
			return
		}
	}
}

func (o *operation) distribution() Distribution {
	d := Distribution{Sum: time.Duration(o.nanoseconds.Load()), Max: time.Duration(o.longest.Load())}
	for i := range o.times.counts {
		d.count[i] = o.times.counts[i].Load()
		d.Calls += int64(d.count[i])
	}
	return d
}

const (
	nameLengthMax    = 60   // bytes of an operation's name
	serviceLengthMax = 50   // bytes of a service's name
	nameScannedMax   = 1024 // bytes of a statement that are looked at for its operation's name
)

// appendNameOf names a statement in few words: what stands in a comment at its beginning ("-- name: GetOrder :one" of
// sqlc, "/* nightly.report */"), else its verb and the first table that follows one of the words that tables follow
// ("select execution.orders").
func appendNameOf(name []byte, sql string) []byte {
	sql = sql[:min(len(sql), nameScannedMax)]
	if comment := commentOf(sql); comment != "" {
		return appendClipped(name, comment, nameLengthMax)
	}
	verb, rest := sqltext.NextWord(sql)
	table := tableOf(rest)
	if equalFold(verb, "update") {
		if table, _ = sqltext.NextWord(rest); equalFold(table, "only") {
			_, after := sqltext.NextWord(rest)
			table, _ = sqltext.NextWord(after)
		}
	}
	name = appendFolded(name, verb, nameLengthMax)
	if room := nameLengthMax - len(name) - 1; table != "" && room > 0 {
		name = appendFolded(append(name, ' '), table, room)
	}
	if len(name) == 0 {
		return append(name, unnamed...)
	}
	return name
}

// tableOf is the word after the first FROM, JOIN, INTO or TABLE that a table follows: not a subquery, which begins with its
// own verb, nor a function ("from unnest($1)").
func tableOf(sql string) string {
	for word, rest := sqltext.NextWord(sql); word != ""; word, rest = sqltext.NextWord(rest) {
		reads := equalFold(word, "from") || equalFold(word, "join")
		if !reads && !equalFold(word, "into") && !equalFold(word, "table") {
			continue
		}
		name, after := sqltext.NextWord(rest)
		if equalFold(name, "only") || equalFold(name, "lateral") {
			name, after = sqltext.NextWord(after)
		}
		if name != "" && !equalFold(name, "select") && !(reads && strings.HasPrefix(after, "(")) {
			return name
		}
	}
	return ""
}

// commentOf is what a leading comment says, without sqlc's "name:" and result.
func commentOf(sql string) string {
	sql = strings.TrimLeft(sql, " \t\r\n")
	text := ""
	switch {
	case strings.HasPrefix(sql, "--"):
		text, _, _ = strings.Cut(sql[2:], "\n")
	case strings.HasPrefix(sql, "/*"):
		text, _, _ = strings.Cut(sql[2:], "*/")
	}
	text = strings.TrimSpace(text)
	if name, isSQLC := strings.CutPrefix(text, "name:"); isSQLC {
		text, _, _ = strings.Cut(strings.TrimSpace(name), " ")
	}
	return text
}

func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// unnamed is the name of what has none.
const unnamed = "unnamed"

// clip makes a name one short line of text, never empty.
func clip(name string, most int) string { return string(appendClipped(nil, name, most)) }

// appendClipped appends clip's result.
func appendClipped(name []byte, text string, most int) []byte {
	start, spaced := len(name), false
	for _, r := range text {
		if unicode.IsSpace(r) {
			spaced = len(name) > start
			continue
		}
		if r == 0 || r == utf8.RuneError {
			r = '?'
		}
		size := utf8.RuneLen(r)
		if spaced {
			size++
		}
		if len(name)-start+size > most {
			break
		}
		if spaced {
			name, spaced = append(name, ' '), false
		}
		name = utf8.AppendRune(name, r)
	}
	if len(name) == start {
		return append(name, unnamed...)
	}
	return name
}

// appendFolded appends a word of SQL in lower case and without its quotes, most bytes of it at most.
func appendFolded(name []byte, word string, most int) []byte {
	start := len(name)
	for _, r := range word {
		switch r = unicode.ToLower(r); r {
		case '"':
			continue
		case 0, utf8.RuneError:
			r = '?'
		}
		if len(name)-start+utf8.RuneLen(r) > most {
			break
		}
		name = utf8.AppendRune(name, r)
	}
	return name
}
