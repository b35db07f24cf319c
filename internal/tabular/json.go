package tabular

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	jsonDepthMax   = 8
	elementKeysMin = 4 // of an object outside of an array, that is a record
)

// ShapeError is valid JSON that does not hold a table.
type ShapeError string

func (e ShapeError) Error() string { return string(e) }

// JSONReader finds the records of a JSON text: the objects and arrays that are elements of an array, and the objects
// without an array in them, of which a file may hold one a line.
type JSONReader struct {
	// Scalar, if not nil, is called with each plain value of the objects around the records.
	Scalar func(key, value string)
	// Array, if not nil, is called at the beginning of a named array, with the names around it.
	Array func(within []string, name string)

	json    *json.Decoder
	guard   *guard
	keysMax int // names of an object outside of an array
	number  int64
	names   []string // of the objects and arrays that the reader is in
	open    []level
	raw     json.RawMessage
}

// level is an object or array that the reader is in.
type level struct {
	isArray bool
	key     string // of an object: the name of the value that comes next
	// keys and cells are the plain values of an object, which may turn out to be a record itself.
	keys, cells [][]byte
	hasRecords  bool
}

// guard stops a decoder that keeps a value as a whole when the value is longer than a record may be.
type guard struct {
	r    io.Reader
	left int
}

func (g *guard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, ErrTooLong
	}
	n, err := g.r.Read(p[:min(len(p), 4096)])
	g.left -= n
	return n, err
}

// NewJSONReader returns a JSONReader. An object outside of an array may have keysMax names.
func NewJSONReader(r io.Reader, keysMax int) *JSONReader {
	g := &guard{r: r}
	j := &JSONReader{json: json.NewDecoder(g), guard: g, keysMax: keysMax}
	j.json.UseNumber()
	return j
}

// HasBegun reports whether the text has more than an opening bracket, up to where it has been read.
func (j *JSONReader) HasBegun() bool { return j.json.InputOffset() > 2 }

// Next reads the next record.
func (j *JSONReader) Next(r *Record) error {
	for {
		j.guard.left = LineBytesMax
		var found bool
		var err error
		if n := len(j.open); n > 0 && j.open[n-1].isArray && j.json.More() {
			found, err = j.element(r)
		} else {
			found, err = j.token(r)
		}

		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("the JSON ends in the middle")
		}
		if found || err != nil {
			return err
		}
	}
}

// element reads an element of an array.
func (j *JSONReader) element(r *Record) (found bool, err error) {
	if err := j.json.Decode(&j.raw); err != nil {
		return false, err
	}
	if j.raw[0] != '{' && j.raw[0] != '[' {
		return false, nil
	}

	j.number++
	j.open[len(j.open)-1].hasRecords = true
	r.Line = j.number
	r.Raw = j.raw
	r.Keys = r.Keys[:0]
	r.Cells = r.Cells[:0]
	r.Within = j.names
	r.Key = ""
	flatten(r)
	return len(r.Cells) > 0, nil
}

// token follows the structure of the text down to its arrays. found reports the end of an object that is a record.
func (j *JSONReader) token(r *Record) (found bool, err error) {
	token, err := j.json.Token()
	if err != nil {
		return false, err
	}

	n := len(j.open)
	switch value := token.(type) {
	case json.Delim:
		if value == '{' || value == '[' {
			return false, j.enter(value == '[')
		}
		return j.leave(r), nil
	case string:
		if n == 0 || j.open[n-1].isArray {
			return false, nil
		}
		if j.open[n-1].key == "" {
			j.open[n-1].key = value
			return false, nil
		}
		return false, j.scalar(value)
	case json.Number:
		return false, j.scalar(value.String())
	case bool:
		return false, j.scalar(strconv.FormatBool(value))
	}

	return false, j.scalar("null")
}

// enter begins an object or array.
func (j *JSONReader) enter(isArray bool) error {
	n := len(j.open)
	if n >= jsonDepthMax {
		return ShapeError("the JSON is nested too deeply")
	}

	name := ""
	if n > 0 {
		name = j.open[n-1].key
		j.names = append(j.names, name)
	}

	j.open = append(j.open, level{isArray: isArray})
	if isArray && name != "" && j.Array != nil {
		j.Array(j.names, name)
	}
	return nil
}

// scalar notes a plain value of the object that the reader is in.
func (j *JSONReader) scalar(value string) error {
	if len(j.open) == 0 {
		return ShapeError("it is a single JSON value")
	}

	l := &j.open[len(j.open)-1]
	if j.Scalar != nil {
		j.Scalar(l.key, value)
	}
	l.keys = append(l.keys, []byte(l.key))
	l.cells = append(l.cells, []byte(value))
	l.key = ""

	if len(l.keys) > j.keysMax {
		return ShapeError("a JSON object has too many names")
	}
	return nil
}

// leave ends an object or array, and reports whether it is a record.
func (j *JSONReader) leave(r *Record) bool {
	n := len(j.open) - 1
	left := j.open[n]
	j.open = j.open[:n]
	r.Within = j.names
	r.Key = ""

	if n > 0 {
		parent := &j.open[n-1]
		r.Key = parent.key
		parent.key = ""
		parent.hasRecords = parent.hasRecords || left.hasRecords || !left.isArray
		j.names = j.names[:len(j.names)-1]
	}

	if left.isArray || left.hasRecords || len(left.keys) < elementKeysMin {
		return false
	}

	j.number++
	r.Line = j.number
	r.Keys = left.keys
	r.Cells = left.cells
	r.Raw = nil
	for i, key := range left.keys {
		r.Raw = fmt.Appendf(r.Raw, "%s: %s, ", key, left.cells[i])
	}
	return true
}

// flatten divides the JSON object or array r.Raw, which is known to be valid, into the texts of its values.
func flatten(r *Record) {
	isObject := r.Raw[0] == '{'
	isKey := isObject

	for rest := r.Raw[1:]; len(rest) > 0; {
		switch c := rest[0]; c {
		case ' ', '\n', '\t', '\r', ',', ']', '}':
			rest = rest[1:]
			isKey = isKey || isObject && c == ','
		case ':':
			rest = rest[1:]
			isKey = false
		default:
			n := valueLength(rest)
			if isKey {
				r.Keys = append(r.Keys, valueText(rest[:n]))
			} else {
				r.Cells = append(r.Cells, valueText(rest[:n]))
			}
			rest = rest[n:]
		}
	}
}

// valueLength returns the length of the JSON value that the text begins with.
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

// valueText returns a JSON value without quotes and escapes.
func valueText(value []byte) []byte {
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
