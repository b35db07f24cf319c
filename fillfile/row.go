package fillfile

import (
	"slices"
	"strings"

	"github.com/blotterdb/blotter/barfile"
)

// row is one record of a file: its values and their names.
type row struct {
	line   int64
	raw    string
	names  []string // plain; of the columns or the object's names
	exact  []string // as they stand in the file
	cells  []string
	within []string // of JSON: the names of the objects and arrays around it
	beyond bool     // it has more cells than the header has names
}

// rowReader yields the rows of a file until io.EOF.
type rowReader interface {
	next() (*row, error)
}

// get is the value of the first of these names that has one. Names are plain.
func (r *row) get(names ...string) string {
	for _, name := range names {
		for i, have := range r.names {
			if have == name && name != "" && i < len(r.cells) && !barfile.IsMissing(r.cells[i]) {
				return strings.TrimSpace(r.cells[i])
			}
		}
	}
	return ""
}

// getExact is the value of a name as it is written: the letters of Binance's updates differ in case alone.
func (r *row) getExact(name string) string {
	for i, have := range r.exact {
		if have == name && i < len(r.cells) && !barfile.IsMissing(r.cells[i]) {
			return strings.TrimSpace(r.cells[i])
		}
	}
	return ""
}

// isBeyond reports cells that have something in them and no name: a comma in a number that is not in quotes.
func isBeyond(cells []string, names int) bool {
	return slices.ContainsFunc(cells[min(names, len(cells)):], func(cell string) bool { return cell != "" })
}

// set gives a value another name, or a new one.
func (r *row) set(name, value string) {
	for i, have := range r.names {
		if have == name && i < len(r.cells) {
			r.cells[i] = value
			return
		}
	}
	r.cells = append(padded(r.cells, len(r.names)), value)
	r.names = append(slices.Clone(r.names), name)
}

// padded is so many of the cells, with empty ones for those that are missing.
func padded(cells []string, n int) []string {
	all := make([]string, n, n+1)
	copy(all, cells)
	return all
}

// plainName is a name as it is looked up: lower case, letters and digits of any script alone.
func plainName(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80 && c != '\uFFFD' && c != '\u00a0' {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func plainNames(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = plainName(name)
	}
	return all
}

// texts copies cells, which are good until the next record.
func texts(cells [][]byte) []string {
	all := make([]string, len(cells))
	for i, cell := range cells {
		all[i] = strings.Trim(string(cell), " \t\u00a0")
	}
	return all
}
