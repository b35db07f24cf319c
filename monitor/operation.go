package monitor

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
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

// nameOf names a statement in few words: what stands in a comment at its beginning ("-- name: GetOrder :one" of sqlc,
// "/* nightly.report */"), else its verb and the first table that follows one of the words that tables follow ("select
// execution.orders"). It allocates only the name.
func nameOf(sql string) string {
	sql = sql[:min(len(sql), nameScannedMax)]
	if name := commentOf(sql); name != "" {
		return clip(name, nameLengthMax)
	}
	verb, rest := nextWord(sql)
	table := tableOf(rest)
	if equalFold(verb, "update") {
		if table, _ = nextWord(rest); equalFold(table, "only") {
			_, after := nextWord(rest)
			table, _ = nextWord(after)
		}
	}
	if table == "" {
		return clip(strings.ToLower(verb), nameLengthMax)
	}
	return clip(strings.ToLower(verb+" "+strings.ReplaceAll(table, `"`, "")), nameLengthMax)
}

// tableOf is the word after the first FROM, JOIN, INTO or TABLE that a table follows: not a subquery, which begins with its
// own verb, nor a function ("from unnest($1)").
func tableOf(sql string) string {
	for word, rest := nextWord(sql); word != ""; word, rest = nextWord(rest) {
		reads := equalFold(word, "from") || equalFold(word, "join")
		if !reads && !equalFold(word, "into") && !equalFold(word, "table") {
			continue
		}
		name, after := nextWord(rest)
		if equalFold(name, "only") || equalFold(name, "lateral") {
			name, after = nextWord(after)
		}
		if name != "" && !equalFold(name, "select") && !(reads && strings.HasPrefix(after, "(")) {
			return name
		}
	}
	return ""
}

// nextWord is the next name or keyword and what follows it; texts in quotes and everything else are passed over.
func nextWord(sql string) (word, rest string) {
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case isLetter(c):
			end := i
			for end < len(sql) && (isLetter(sql[end]) || sql[end] >= '0' && sql[end] <= '9' || sql[end] == '.') {
				end++
			}
			return sql[i:end], sql[end:]
		case c == '\'':
			end := strings.IndexByte(sql[i+1:], '\'')
			if end < 0 {
				return "", ""
			}
			i += end + 2
		case c == '-' && strings.HasPrefix(sql[i:], "--"):
			end := strings.IndexByte(sql[i:], '\n')
			if end < 0 {
				return "", ""
			}
			i += end
		case c == '/' && strings.HasPrefix(sql[i:], "/*"):
			end := strings.Index(sql[i:], "*/")
			if end < 0 {
				return "", ""
			}
			i += end
		default:
			i++
		}
	}
	return "", ""
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '"' || c >= 0x80
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

// clip makes a name one short line of text, never empty.
func clip(name string, most int) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", "?"), "?")), " ")
	if len(name) > most {
		name = strings.TrimSpace(strings.ToValidUTF8(name[:most], ""))
	}
	if name == "" {
		return "unnamed"
	}
	return name
}
