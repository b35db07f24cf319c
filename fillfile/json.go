package fillfile

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/barfile"
)

// jsonRows reads the objects of a JSON file.
type jsonRows struct {
	records *barfile.Records
	pending []*row
	plain   map[string]string // names and how they are looked up
	// meanings are the names that the user gives to others; nil where none are given.
	meanings map[string]string
}

func (j *jsonRows) next() (*row, error) {
	if len(j.pending) > 0 {
		r := j.pending[0]
		j.pending = j.pending[1:]
		return r, nil
	}
	for {
		record, err := j.records.Next()
		if err != nil {
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
			r.names = renamed(r.names, j.meanings)
		}
		return r, nil
	}
}

// unwrap takes an order update out of the message around it, where messages are listed in an array.
func unwrap(r *row) {
	at := slices.Index(r.exact, "o")
	if at < 0 || at >= len(r.cells) || !slices.Contains(r.exact, "e") || !strings.HasPrefix(r.cells[at], "{") {
		return
	}
	inner, err := barfile.JSONRecords(strings.NewReader(r.cells[at])).Next()
	if err == nil && len(inner.Keys) > 0 {
		r.exact, r.cells = texts(inner.Keys), texts(inner.Cells)
	}
}

// flatten gives the members of an object in a field of fees, as "fee": {"cost": 0.7, "currency": "USDT"}, names of their own.
// A list "fees" beside it says the same again.
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
		inner, err := barfile.JSONRecords(strings.NewReader("[" + cell + "]")).Next()
		if err != nil || len(inner.Keys) == 0 {
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

// recogniseJSON finds the layout of the first object that has one.
func (f *File) recogniseJSON(r *bufio.Reader) error {
	j := &jsonRows{records: barfile.JSONRecords(r), plain: map[string]string{}}
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
				f.broken = err
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

// takes reports an object of the layout.
func (l *layout) takes(r *row) bool {
	names := r.names
	if l.exact {
		names = r.exact
	}
	return l.fits(names) && (l.inside == "" || len(r.within) > 0 && r.within[len(r.within)-1] == l.inside)
}

// notJSON says what a JSON file without fills is.
func (f *File) notJSON(sample []*row) error {
	if f.broken != nil {
		return f.readError(f.broken)
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

// otherObjects are objects that hold something else, told by their names.
var otherObjects = []*layout{
	{title: "positions", needs: []string{"positionamt|positionvalue|positionstatus|avgentryprice"}},
	{title: "orders", needs: []string{"orderid|clientorderid", "orderstatus|status|cumexecqty|executedqty"}},
	{title: "orders", needs: []string{"clientorderid", "submittedat"}},
}
