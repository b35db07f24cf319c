package barfile

import (
	"bufio"
	"fmt"

	"github.com/blotterdb/blotter/internal/tabular"
)

// record is a line of a text file or a record of a JSON file.
type record struct {
	tabular.Record

	symbol string // of JSON: the one that stands around the record
	keyed  bool   // symbol is the name of the record, or of the array around it: other symbols may follow
}

func (r *record) clone() record { return record{r.Record.Clone(), r.symbol, r.keyed} }

// decoder reads the records of a file.
type decoder struct {
	records tabular.Reader
	text    *tabular.TextReader // records of a text file, nil for JSON
	json    *tabular.JSONReader // records of a JSON file, nil for text
	symbols *symbolTracker      // of a JSON file
}

func newTextDecoder(r *bufio.Reader, delimiter byte) *decoder {
	text := tabular.NewTextReader(r, delimiter)
	return &decoder{records: text, text: text}
}

// jsonKeysMax is how many names an object outside of an array may have.
const jsonKeysMax = 64

func newJSONDecoder(r *bufio.Reader) *decoder {
	d := &decoder{json: tabular.NewJSONReader(r, jsonKeysMax), symbols: &symbolTracker{}}
	d.json.Scalar = d.symbols.scalar
	d.json.Array = d.symbols.array
	d.records = d.json
	return d
}

// next reads the next record, or returns io.EOF.
func (d *decoder) next(r *record) error {
	if err := d.records.Next(&r.Record); err != nil || d.json == nil {
		return err
	}
	r.symbol = d.symbols.symbol
	r.keyed = d.symbols.keyed
	if r.Key != "" {
		ownKey(r)
	}
	return nil
}

// ownKey takes the name of an object that is a record: its symbol, as in {"bars": {"AAPL": {...}}}, or its date, as in
// {"2023-05-03": {...}}.
func ownKey(r *record) {
	if s, err := (tabular.Clock{}).Parse([]byte(r.Key)); err == nil && !s.Time.IsZero() {
		r.Keys = append(r.Keys, []byte("date"))
		r.Cells = append(r.Cells, []byte(r.Key))
		r.Raw = fmt.Appendf(r.Raw, "date: %s, ", r.Key)
		r.Within = r.Within[:len(r.Within)-1]
		r.Key = ""
		return
	}

	around := ""
	if n := len(r.Within); n > 1 {
		around = r.Within[n-2]
	}
	if around == "bars" || isSymbolKey(r.Key) {
		r.symbol = r.Key
		r.keyed = true
	}
}
