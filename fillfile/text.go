package fillfile

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/barfile"
)

// textRows reads the rows of a text below its header.
type textRows struct {
	records *barfile.Records
	pending []*row
	header  []string // plain names
	exact   []string
}

func (t *textRows) next() (*row, error) {
	for {
		var r *row
		if len(t.pending) > 0 {
			r, t.pending = t.pending[0], t.pending[1:]
		} else {
			var err error
			if r, err = t.read(); err != nil {
				return nil, err
			}
		}
		r.names, r.exact, r.beyond = t.header, t.exact, isBeyond(r.cells, len(t.header))
		if !isHeader(r, t.exact) {
			return r, nil
		}
	}
}

func (t *textRows) read() (*row, error) {
	record, err := t.records.Next()
	if err != nil {
		return nil, err
	}
	return &row{line: record.Line, raw: string(record.Raw), cells: texts(record.Cells)}, nil
}

// isHeader reports a header that comes again, where exports were put behind each other.
func isHeader(r *row, header []string) bool {
	if len(header) < 2 || len(r.cells) < len(header) {
		return false
	}
	for i, name := range header {
		if r.cells[i] != name {
			return false
		}
	}
	return true
}

// recogniseText finds the header of a text.
func (f *File) recogniseText(r *bufio.Reader, head []byte) error {
	t := &textRows{records: barfile.TextRecords(r, barfile.SeparatorOf(head))}
	f.rows = t
	for size := 0; len(t.pending) < headerRowsMax && size < sampleBytes; {
		row, err := t.read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return f.readError(err)
		}
		size += len(row.raw)
		t.pending = append(t.pending, row)
	}
	if len(t.pending) == 0 {
		return &NotFillsError{Path: f.name(), Reason: "it is empty"}
	}
	return f.header(t)
}

// header finds the header among the first rows, or takes the names that the user gives.
func (f *File) header(t *textRows) error {
	if f.opts.Columns != "" {
		f.layout, t.exact = genericCSV, strings.Split(f.opts.Columns, ",")
		if f.opts.Format == holdingLayout.name {
			f.layout = holdingLayout
		}
		t.header = plainNames(t.exact)
		if !strings.ContainsAny(t.pending[0].raw, "0123456789") {
			t.pending = t.pending[1:] // a header
		}
		return nil
	}
	for _, l := range f.candidates(textLayouts) {
		for i, row := range t.pending {
			if names := plainNames(row.cells); l.fits(names) {
				f.layout, t.header, t.exact = l, names, row.cells
				t.pending = t.pending[i+1:]
				return nil
			}
		}
	}
	return f.notText(t.pending)
}

// notText says what a text without the columns of fills is.
func (f *File) notText(rows []*row) error {
	for _, row := range rows[:min(len(rows), 5)] {
		names := plainNames(row.cells)
		for _, k := range otherKinds {
			if k.fits(names) {
				return &NotFillsError{Path: f.name(), Kind: k.title}
			}
		}
		if kind := barfile.KindOf(bytesOf(row.cells)); kind != "" {
			return &NotFillsError{Path: f.name(), Kind: kind}
		}
	}
	first := clip(barfile.Storable(rows[0].raw))
	return &NotFillsError{Path: f.name(), Reason: "no column names of fills are found, the first line is " + strconv.Quote(first) + "; --cols names them"}
}

func bytesOf(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = []byte(text)
	}
	return all
}

// otherKinds are files of brokers that hold something else, told by their columns.
var otherKinds = []*layout{
	{title: "dividends and taxes of Interactive Brokers", needs: []string{"type", "settledate", "amount", "currencyprimary"}},
}
