package fillfile

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/tabular"
)

// jsonRows reads the objects of a JSON file.
type jsonRows struct {
	records *tabular.JSONReader
	record  tabular.Record
	pending []*row
	plain   map[string]string // by name, as it is looked up
	// meanings are the names of columns that the user maps; nil if there are none.
	meanings map[string]string
}

func (j *jsonRows) next() (*row, error) {
	if len(j.pending) > 0 {
		r := j.pending[0]
		j.pending = j.pending[1:]
		return r, nil
	}

	for {
		record := &j.record
		if err := j.records.Next(record); err != nil {
			return nil, err
		}
		if len(record.Keys) == 0 {
			continue // an array
		}

		r := &row{line: record.Line, raw: string(record.Raw), exact: texts(record.Keys), cells: texts(record.Cells)}
		r.within = append(r.within, record.Within...)
		unwrap(r)
		flatten(r)
		for _, name := range r.exact {
			r.names = append(r.names, j.plainOf(name))
		}
		if j.meanings != nil {
			r.names = renameColumns(r.names, j.meanings)
		}
		return r, nil
	}
}

// jsonKeysMax is how many names an object outside of an array may have.
const jsonKeysMax = 256

func newJSONReader(r io.Reader) *tabular.JSONReader { return tabular.NewJSONReader(r, jsonKeysMax) }

// objectOf returns the first object of a JSON text, or a record without keys.
func objectOf(text string) tabular.Record {
	var r tabular.Record
	if err := newJSONReader(strings.NewReader(text)).Next(&r); err != nil {
		return tabular.Record{}
	}
	return r
}

// unwrap replaces a message in an array by the order update inside of it.
func unwrap(r *row) {
	at := slices.Index(r.exact, "o")
	if at < 0 || at >= len(r.cells) || !slices.Contains(r.exact, "e") || !strings.HasPrefix(r.cells[at], "{") {
		return
	}
	if inner := objectOf(r.cells[at]); len(inner.Keys) > 0 {
		r.exact = texts(inner.Keys)
		r.cells = texts(inner.Cells)
	}
}

// flatten makes the members of an object in a field of fees, such as "fee": {"cost": 0.7, "currency": "USDT"}, cells of
// the row. A list "fees" beside "fee" repeats it, and is dropped.
func flatten(r *row) {
	hasFee := slices.Contains(r.exact, "fee")
	for i := range len(r.exact) {
		name, cell := r.exact[i], r.cells[i]
		switch {
		case !feeWord.MatchString(plainName(name)):
			continue
		case strings.HasPrefix(cell, "[") && name == "fees" && hasFee:
			r.cells[i] = ""
			continue
		case !strings.HasPrefix(cell, "{"):
			continue
		}

		inner := objectOf("[" + cell + "]")
		if len(inner.Keys) == 0 {
			continue
		}
		values := texts(inner.Cells)
		for n, key := range texts(inner.Keys) {
			r.exact = append(r.exact, name+" "+key)
			r.cells = append(r.cells, values[n])
		}
		r.cells[i] = ""
	}
}

const plainNamesMax = 1000 // names that are remembered

func (j *jsonRows) plainOf(name string) string {
	plain, known := j.plain[name]
	if !known {
		plain = plainName(name)
		if len(j.plain) < plainNamesMax {
			j.plain[name] = plain
		}
	}
	return plain
}

// recogniseJSON finds the layout of the first object that fits one.
func (f *File) recogniseJSON(r *bufio.Reader) error {
	j := &jsonRows{records: newJSONReader(r), plain: map[string]string{}}
	if f.opts.mapsColumns() {
		j.meanings = f.opts.meanings()
	}
	f.rows = j

	var sample []*row
	for len(sample) < sampleRows {
		row, err := j.next()
		if err != nil {
			if len(sample) == 0 && !errors.Is(err, io.EOF) {
				return f.readError(err)
			}
			if !errors.Is(err, io.EOF) {
				f.sampleErr = err
			}
			break
		}

		sample = append(sample, row)
	}

	for _, row := range sample {
		for _, l := range f.candidates(jsonLayouts) {
			if l.takes(row) && (j.meanings == nil || l == genericJSON) {
				f.layout, j.pending = l, sample
				return nil
			}
		}
	}
	return f.notJSON(sample)
}

// takes reports whether an object is of the layout.
func (l *layout) takes(r *row) bool {
	names := r.names
	if l.exact {
		names = r.exact
	}
	return l.fits(names) && (l.inside == "" || len(r.within) > 0 && r.within[len(r.within)-1] == l.inside)
}

// notJSON returns the error of a JSON file without fills: what it holds, or which columns are missing.
func (f *File) notJSON(sample []*row) error {
	if f.sampleErr != nil {
		return f.readError(f.sampleErr)
	}

	for _, row := range sample {
		if kind := barfile.KindWithin(row.within); kind != "" {
			return &NotFillsError{Path: f.name(), Kind: kind}
		}

		for _, k := range otherObjects {
			if k.takes(row) {
				return &NotFillsError{Path: f.name(), Kind: k.title}
			}
		}

		switch kind := barfile.KindOf(bytesOf(row.exact)); {
		case kind == "trades" && !isOwn(row):
			return &NotFillsError{Path: f.name(), Kind: "trades of the market"}
		case kind != "" && !mayBeFills(kind):
			return &NotFillsError{Path: f.name(), Kind: kind}
		}
	}

	if len(sample) == 0 {
		return &NotFillsError{Path: f.name(), Reason: "it is JSON without objects"}
	}
	return &NotFillsError{Path: f.name(), Reason: missingColumns(sample[0].exact)}
}

// otherObjects are objects that hold something else, recognized by their names.
var otherObjects = []*layout{
	{title: "positions", needs: []string{"positionamt|positionvalue|positionstatus|avgentryprice"}},
	{title: "orders", needs: []string{"orderid|clientorderid", "orderstatus|status|cumexecqty|executedqty"}},
	{title: "orders", needs: []string{"clientorderid", "submittedat"}},
}
