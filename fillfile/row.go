package fillfile

import (
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// row is one record of a file: its values and their names.
type row struct {
	line          int64
	raw           string
	names         []string // plain; of the columns or the object's names
	exact         []string // as they stand in the file
	cells         []string
	within        []string // of JSON: the names of the objects and arrays around it
	hasExtraCells bool     // it has more cells than the header has names
}

// rowReader yields the rows of a file until io.EOF.
type rowReader interface {
	next() (*row, error)
}

// get returns the value of the first of these plain names that has one, or "".
func (r *row) get(names ...string) string {
	for _, name := range names {
		for i, have := range r.names {
			if have == name && name != "" && i < len(r.cells) && !tabular.IsMissing(r.cells[i]) {
				return strings.TrimSpace(r.cells[i])
			}
		}
	}
	return ""
}

// getExact returns the value of a name as it is written. The letters of Binance's updates differ only in case.
func (r *row) getExact(name string) string {
	for i, have := range r.exact {
		if have == name && i < len(r.cells) && !tabular.IsMissing(r.cells[i]) {
			return strings.TrimSpace(r.cells[i])
		}
	}
	return ""
}

// hasUnnamedCells reports whether cells without a name hold something, as after a number with an unquoted comma.
func hasUnnamedCells(cells []string, names int) bool {
	return slices.ContainsFunc(cells[min(names, len(cells)):], func(cell string) bool { return cell != "" })
}

// set replaces the value of a name, or adds it.
func (r *row) set(name, value string) {
	for i, have := range r.names {
		if have == name && i < len(r.cells) {
			r.cells[i] = value
			return
		}
	}
	r.cells = append(padCells(r.cells, len(r.names)), value)
	r.names = append(slices.Clone(r.names), name)
}

// padCells returns a copy of the first n cells, with empty ones for those that are missing.
func padCells(cells []string, n int) []string {
	all := make([]string, n, n+1)
	copy(all, cells)
	return all
}

// plainName returns a name as it is looked up: in lower case, with letters and digits of any script only.
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

// texts copies cells, which are valid until the next record.
func texts(cells [][]byte) []string {
	all := make([]string, len(cells))
	for i, cell := range cells {
		all[i] = strings.Trim(string(cell), " \t\u00a0")
	}
	return all
}
