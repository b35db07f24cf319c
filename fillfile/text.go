package fillfile

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// textRows reads the rows of a text below its header.
type textRows struct {
	records *tabular.TextReader
	record  tabular.Record
	pending []*row
	above   []*row   // the header
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

		r.names = t.header
		r.exact = t.exact
		r.hasExtraCells = hasUnnamedCells(r.cells, len(t.header))
		if !isHeader(r, t.exact) && !isSentence(r.cells, len(t.header)) {
			return r, nil
		}
	}
}

func (t *textRows) read() (*row, error) {
	if err := t.records.Next(&t.record); err != nil {
		return nil, err
	}
	return &row{line: t.record.Line, raw: string(t.record.Raw), cells: texts(t.record.Cells)}, nil
}

// isHeader reports whether a row repeats the header, as in exports that were appended to each other.
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

// isSentence reports whether a row is a sentence below the table, such as a disclaimer: one cell with blanks between
// letters.
func isSentence(cells []string, names int) bool {
	text := ""
	for _, cell := range cells {
		switch {
		case cell == "":
		case text != "":
			return false
		default:
			text = cell
		}
	}
	return names >= 4 && sentenceShape.MatchString(text)
}

var sentenceShape = regexp.MustCompile(`\p{L}{2,}.*\s.*\p{L}`)

// recogniseText reads the first rows of a text and finds its layout.
func (f *File) recogniseText(r *bufio.Reader, head []byte) error {
	f.separator = tabular.Delimiter(head, isKnownHeader)
	t := &textRows{records: tabular.NewTextReader(r, f.separator)}
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

// isKnownHeader reports whether cells are the header of a layout.
func isKnownHeader(cells [][]byte) bool {
	exact := texts(cells)
	names := plainNames(exact)
	return slices.ContainsFunc(textLayouts, func(l *layout) bool {
		if l == genericCSV {
			return l.fits(baseNames(exact))
		}
		return l.fits(names)
	})
}

// header finds the header among the first rows, or takes the names that the user gives.
func (f *File) header(t *textRows) error {
	if f.opts.Columns != "" && !f.opts.mapsColumns() {
		f.layout, t.exact = genericCSV, strings.Split(f.opts.Columns, ",")
		if f.opts.Format == holdingLayout.name {
			f.layout = holdingLayout
		}
		t.header = numberNames(plainNames(t.exact))
		if !strings.ContainsAny(t.pending[0].raw, "0123456789") {
			t.pending = t.pending[1:] // a header
		}
		return nil
	}

	if f.opts.mapsColumns() {
		return f.mappedHeader(t)
	}

	for _, l := range f.candidates(textLayouts) {
		for i, row := range t.pending {
			names := plainNames(row.cells)
			isGeneric := l == genericCSV
			if isGeneric && l.fits(baseNames(row.cells)) || !isGeneric && l.fits(names) {
				if isGeneric {
					names = numberNames(names)
				}

				f.layout = l
				t.header = names
				t.exact = row.cells
				t.above = t.pending[:i]
				t.pending = t.pending[i+1:]
				return nil
			}
		}
	}

	return f.notText(t.pending)
}

// mappedHeader finds the header with the columns that the user names, and gives them their meanings.
func (f *File) mappedHeader(t *textRows) error {
	meanings := f.opts.meanings()
	for i, row := range t.pending {
		names := plainNames(row.cells)
		missing := slices.ContainsFunc(slices.Collect(maps.Keys(meanings)),
			func(name string) bool { return !slices.Contains(names, name) })
		if missing {
			continue
		}

		f.layout, t.exact = genericCSV, row.cells
		if f.opts.Format == holdingLayout.name {
			f.layout = holdingLayout
		}
		t.header = numberNames(renameColumns(names, meanings))
		t.pending = t.pending[i+1:]
		return nil
	}
	return &NotFillsError{Path: f.name(), Reason: "it has no line with the columns that --cols names"}
}

// notText returns the error of a text without the columns of fills: what it holds, or how to name its columns.
func (f *File) notText(rows []*row) error {
	for _, r := range rows[:min(len(rows), 5)] {
		names := plainNames(r.cells)
		r.names = names
		for _, k := range otherKinds {
			if k.fits(names) {
				return &NotFillsError{Path: f.name(), Kind: k.title}
			}
		}

		if isRoundTrips(names) {
			return &NotFillsError{Path: f.name(), Kind: "closed positions, of which a row is an entry and an exit"}
		}

		kind := barfile.KindOf(bytesOf(r.cells))
		switch isHeader := headerAmong([]*row{r}) != nil; {
		case kind == "trades" && isHeader && !isOwn(r):
			return &NotFillsError{Path: f.name(), Kind: "trades of the market"}
		case kind != "" && !mayBeFills(kind):
			return &NotFillsError{Path: f.name(), Kind: kind}
		}
	}

	if row := headerAmong(rows); row != nil {
		return &NotFillsError{Path: f.name(), Reason: missingColumns(row.cells)}
	}

	first := clip(sqltext.Storable(rows[0].raw))
	return &NotFillsError{Path: f.name(), Reason: "it has no header; the first line is " + strconv.Quote(first) +
		". --cols names the columns in their order, for example --cols time,symbol,side,quantity,price,fee"}
}

// mayBeFills reports whether a file of a kind may be an account's own fills.
func mayBeFills(kind string) bool {
	switch kind {
	case "fills", "trades", "orders", "positions", "account activity (fills, dividends, cash)":
		return true
	}
	return false
}

// headerAmong returns the first row that looks like names of columns, which are several cells of words, or nil.
func headerAmong(rows []*row) *row {
	for _, row := range rows {
		names, others := 0, 0
		for _, cell := range row.cells {
			switch {
			case nameShape.MatchString(cell):
				names++
			case cell != "":
				others++
			}
		}

		if names >= 3 && others == 0 {
			return row
		}
	}
	return nil
}

var nameShape = regexp.MustCompile(`^\D*\p{L}{2,}`)

// missingColumns tells which columns of fills are missing, and how to say what the existing ones mean.
func missingColumns(exact []string) string {
	names := baseNames(exact)
	var missing, examples []string
	for _, need := range []struct {
		what string
		is   func(name string) bool
	}{
		{"time", func(name string) bool { return timeRank(&column{base: name}) >= 0 }},
		{"symbol", func(name string) bool { return slices.Contains(symbolNames, name) }},
		{"side", func(name string) bool { return slices.Contains(sideNames, name) }},
		{"quantity", func(name string) bool {
			return slices.Contains(quantityNames, name) || slices.Contains(eitherNames, name)
		}},
		{"price", func(name string) bool {
			return slices.Contains(priceNames, name) || slices.Contains(totalNames, name)
		}},
	} {
		if !slices.ContainsFunc(names, need.is) {
			missing = append(missing, need.what)
			examples = append(examples, need.what+"=COLUMN")
		}
	}

	columns := "its columns are " + tabular.Clip(sqltext.Storable(strings.Join(exact, ", ")), 300)
	if len(missing) == 0 {
		return "no layout reads it, and " + columns
	}
	return "no column is known to hold " + strings.Join(missing, ", ") + "; " + columns +
		". If they hold fills, set --cols " + strings.Join(examples, ",")
}

func bytesOf(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = []byte(text)
	}
	return all
}

// otherKinds are files of brokers that hold something else, recognized by their columns.
var otherKinds = []*layout{
	{
		title: "dividends and taxes of Interactive Brokers",
		needs: []string{"type", "settledate", "amount", "currencyprimary"},
	},
}
