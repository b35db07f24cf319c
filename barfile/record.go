package barfile

import (
	"bytes"
	"errors"
	"slices"
)

// record is one line of a text file or one element of a JSON file. Its bytes are good until the next.
type record struct {
	line  int64    // line, or number of the element, from 1
	raw   []byte   // as it stands in the file
	keys  [][]byte // names of the cells, where each record has its own
	cells [][]byte
	// of a JSON file, what stands around the record: the names of objects and arrays, and the symbol they give
	within []string
	symbol string
	keyed  bool   // the symbol is the name of the record, or of the array around it: others may follow
	key    string // the name of the record itself, where it is no element of an array
}

func (r *record) clone() record {
	return record{r.line, bytes.Clone(r.raw), cloneCells(r.keys), cloneCells(r.cells), slices.Clone(r.within), r.symbol,
		r.keyed, r.key}
}

func cloneCells(cells [][]byte) [][]byte {
	all := slices.Clone(cells)
	for i := range all {
		all[i] = bytes.Clone(all[i])
	}
	return all
}

// decoder yields the records of a file until io.EOF.
type decoder interface {
	next(*record) error
}

// errTooLong ends a file in which a record is longer than any bar's: it is something else.
var errTooLong = errors.New("is longer than a bar's can be")
