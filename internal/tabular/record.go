package tabular

import (
	"bytes"
	"errors"
	"slices"
)

// LineBytesMax is the longest line, and the longest record of a JSON file. Longer ones are neither bars nor fills.
const LineBytesMax = 64 << 10

// ErrTooLong ends a file that has a longer record.
var ErrTooLong = errors.New("the record is longer than 64 KiB")

// Record is a line of a text, or an object or array of a JSON text. Its bytes are valid until the next record is read.
type Record struct {
	Line  int64    // of a text; of JSON, the number of the record, from 1
	Raw   []byte   // as it stands in the file
	Keys  [][]byte // of an object: the names of its cells
	Cells [][]byte

	Within []string // of JSON: the names of the objects and arrays around the record
	Key    string   // of JSON: the record's own name, unless it is an element of an array
}

// Clone returns a copy of r that stays valid.
func (r *Record) Clone() Record {
	return Record{
		Line: r.Line, Raw: bytes.Clone(r.Raw), Keys: cloneCells(r.Keys), Cells: cloneCells(r.Cells),
		Within: slices.Clone(r.Within), Key: r.Key,
	}
}

func cloneCells(cells [][]byte) [][]byte {
	all := slices.Clone(cells)
	for i := range all {
		all[i] = bytes.Clone(all[i])
	}
	return all
}

// Reader reads the records of a text.
type Reader interface {
	// Next reads the next record into r, or returns io.EOF.
	Next(r *Record) error
}
