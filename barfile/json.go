package barfile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	elementBytesMax = 64 << 10 // a longer element of an array is no bar
	jsonDepthMax    = 8
	jsonKeysMax     = 64 // of an object outside of an array
)

// jsonDecoder finds the records of a JSON file: elements of arrays that are objects or arrays themselves, and objects
// that have no array in them, of which a file may hold one a line.
type jsonDecoder struct {
	json   *json.Decoder
	guard  *guard
	number int64
	names  []string // of the objects and arrays that the decoder is in
	open   []level
	symbol string // that an object around the record gives
	rank   int    // of the name that gave it, see jsonSymbols
	keyed  bool   // or the name of the array around it
	raw    json.RawMessage
	buffer []byte // for strings with escapes
	// keysMax is how many names an object outside of an array has at most
	keysMax int
}

// level is an object or array that the decoder is inside of.
type level struct {
	array bool
	key   string // of the object, whose value comes next
	// what an object's plain values are, for when it turns out to be a record itself
	keys, cells [][]byte
	nested      bool // it holds records
}

// guard refuses to feed the JSON decoder, which keeps a value as a whole, more than a record needs.
type guard struct {
	r    io.Reader
	left int
}

func (g *guard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errTooLong
	}
	n, err := g.r.Read(p[:min(len(p), 4096)])
	g.left -= n
	return n, err
}

func newJSONDecoder(r io.Reader) *jsonDecoder {
	g := &guard{r: r, left: elementBytesMax}
	d := &jsonDecoder{json: json.NewDecoder(g), guard: g, keysMax: jsonKeysMax}
	d.json.UseNumber()
	return d
}

func (d *jsonDecoder) next(r *record) error {
	for {
		d.guard.left = elementBytesMax
		if n := len(d.open); n > 0 && d.open[n-1].array && d.json.More() {
			found, err := d.element(r)
			if found || err != nil {
				return err
			}
			continue
		}
		token, err := d.json.Token()
		if err != nil {
			return jsonError(err)
		}
		found, err := d.token(token, r)
		if found || err != nil {
			return err
		}
	}
}

// shapeError is JSON that is not broken and no bars.
type shapeError string

func (e shapeError) Error() string { return string(e) }

// jsonError is what ended a file; one that ends in the middle of a value is broken.
func jsonError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends in the middle")
	}
	return err
}

// element reads an element of an array.
func (d *jsonDecoder) element(r *record) (found bool, err error) {
	if err := d.json.Decode(&d.raw); err != nil {
		return false, jsonError(err)
	}
	if d.raw[0] != '{' && d.raw[0] != '[' {
		return false, nil
	}
	d.number++
	d.open[len(d.open)-1].nested = true
	r.within, r.symbol, r.keyed, r.key = d.names, d.symbol, d.keyed, ""
	r.line, r.raw, r.keys, r.cells = d.number, d.raw, r.keys[:0], r.cells[:0]
	d.buffer = d.buffer[:0]
	d.flat(r)
	return len(r.cells) > 0, nil
}

// token follows the file's structure down to its arrays. It is true at the end of an object that is a record.
func (d *jsonDecoder) token(token json.Token, r *record) (bool, error) {
	n := len(d.open)
	switch value := token.(type) {
	case json.Delim:
		switch value {
		case '{', '[':
			if n >= jsonDepthMax {
				return false, shapeError("the JSON is nested deeper than bars are")
			}
			if n > 0 {
				d.names = append(d.names, d.open[n-1].key)
			}
			d.open = append(d.open, level{array: value == '['})
			if value == '[' && n > 0 && d.open[n-1].key != "" {
				if name := d.open[n-1].key; n > 1 && d.open[n-2].key == "bars" || isSymbolKey(name) {
					d.symbol, d.keyed = name, true // {"bars": {"AAPL": [...]}}, {"AAPL": [...]}
				} else if i := slices.IndexFunc(d.names, isSymbolKey); i >= 0 && (d.symbol == "" || d.keyed) {
					d.symbol, d.keyed = d.names[i], true // {"AAPL": {"candles": [...]}}
				} else if d.keyed {
					d.symbol, d.keyed = "", false
				}
			}
		default:
			return d.leave(r), nil
		}
		return false, nil
	case string:
		if n == 0 || d.open[n-1].array {
			return false, nil
		}
		if d.open[n-1].key == "" {
			d.open[n-1].key = value
			return false, nil
		}
		return false, d.scalar(value)
	case json.Number:
		return false, d.scalar(value.String())
	case bool:
		return false, d.scalar(strconv.FormatBool(value))
	}
	return false, d.scalar("null")
}

// scalar notes a plain value of the object that the decoder is in.
func (d *jsonDecoder) scalar(value string) error {
	if len(d.open) == 0 {
		return shapeError("it is a single JSON value")
	}
	l := &d.open[len(d.open)-1]
	d.symbolNamed(l.key, value)
	if l.keys = append(l.keys, []byte(l.key)); len(l.keys) > d.keysMax {
		return shapeError("a JSON object has more names than bars have")
	}
	l.cells, l.key = append(l.cells, []byte(value)), ""
	return nil
}

// leave ends an object or array.
func (d *jsonDecoder) leave(r *record) bool {
	n := len(d.open) - 1
	left := d.open[n]
	d.open = d.open[:n]
	r.within, r.symbol, r.keyed, r.key = d.names, d.symbol, d.keyed, ""
	if n > 0 {
		r.key = d.open[n-1].key
		d.open[n-1].key = ""
		d.open[n-1].nested = d.open[n-1].nested || left.nested || !left.array
		d.names = d.names[:len(d.names)-1]
	}
	if left.array || left.nested || len(left.keys) < 4 {
		return false
	}
	if r.key != "" {
		d.ownKey(r, n, &left)
	}
	d.number++
	r.line, r.keys, r.cells, r.raw = d.number, left.keys, left.cells, nil
	for i, key := range left.keys {
		r.raw = fmt.Appendf(r.raw, "%s: %s, ", key, left.cells[i])
	}
	return true
}

// ownKey takes the name of an object that is a record: it is the symbol, as in {"bars": {"AAPL": {...}}}, or the date, as in
// {"2023-05-03": {...}}.
func (d *jsonDecoder) ownKey(r *record, n int, left *level) {
	if s, err := (clock{}).parse([]byte(r.key)); err == nil && !s.t.IsZero() {
		left.keys, left.cells = append(left.keys, []byte("date")), append(left.cells, []byte(r.key))
		r.key, r.within = "", r.within[:len(r.within)-1]
		return
	}
	below := ""
	if n > 1 {
		below = d.open[n-2].key
	}
	if below == "bars" || isSymbolKey(r.key) {
		r.symbol, r.keyed = r.key, true
	}
}

// jsonSymbols are the names of values that are symbols, the best first. A name is one where it looks like it.
var jsonSymbols = []string{"symbol", "ticker", "sym", "instrument", "instid", "productid", "pair", "market", "code",
	"name"}

// symbolNamed takes the value of a name that gives the symbol of the rows that follow.
func (d *jsonDecoder) symbolNamed(key, value string) {
	rank := slices.Index(jsonSymbols, plainName([]byte(key)))
	if rank < 0 || value == "" || rank > 1 && !symbolKey.MatchString(value) {
		return
	}
	if d.symbol == "" || d.keyed || rank <= d.rank {
		d.symbol, d.rank = value, rank
	}
}

// symbolKey are names of arrays that are symbols: in capitals.
var symbolKey = regexp.MustCompile(`^[A-Z0-9^][A-Z0-9.=/:^_-]{0,31}$`)

func isSymbolKey(name string) bool {
	return symbolKey.MatchString(name) && !noiseWord.MatchString(name)
}

// jsonHeadMax is how far a JSON file is read ahead for a symbol that stands behind the bars.
const jsonHeadMax = 4 << 20

var symbolBehind = regexp.MustCompile(`"(?:symbol|ticker|instrument|pair|name)"\s*:\s*"([A-Z0-9^][^"\\ ]{0,39})"[^{}\[\]]*\}\s*$`)

// symbolAtEnd is the symbol that the last object of a file gives, if the reader can look so far.
func symbolAtEnd(r *bufio.Reader) string {
	head, err := r.Peek(r.Size())
	if err == nil {
		return ""
	}
	if found := symbolBehind.FindSubmatch(head[max(0, len(head)-1024):]); found != nil {
		return string(found[1])
	}
	return ""
}

// flat takes a JSON object or array, which is known to be valid, apart into the texts of its values.
func (d *jsonDecoder) flat(r *record) {
	object := r.raw[0] == '{'
	key := object
	for rest := r.raw[1:]; len(rest) > 0; {
		switch c := rest[0]; c {
		case ' ', '\n', '\t', '\r', ',', ']', '}':
			rest = rest[1:]
			key = key || object && c == ','
		case ':':
			rest, key = rest[1:], false
		default:
			n := valueLength(rest)
			text := d.text(rest[:n])
			if key {
				r.keys = append(r.keys, text)
			} else {
				r.cells = append(r.cells, text)
			}
			rest = rest[n:]
		}
	}
}

// valueLength is the length of the JSON value that the text begins with.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		default:
			if depth > 0 || i+1 < len(text) && !strings.ContainsRune(" \n\t\r,:]}", rune(text[i+1])) {
				continue
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// text is a JSON value without quotes and escapes.
func (d *jsonDecoder) text(value []byte) []byte {
	if value[0] != '"' {
		return value
	}
	if !slices.Contains(value, '\\') {
		return value[1 : len(value)-1]
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return value
	}
	return []byte(text)
}
