package barfile

import (
	"bufio"
	"io"
	"os"
	"time"

	"github.com/blotterdb/blotter"
)

// This file is what package fillfile needs of the reading of files: the same texts, numbers and times stand in them.

// Unpacked is what a file holds: itself, or the members of the archive that it is.
type Unpacked struct{ s *source }

// Unpack looks into the stream for what packs it (.gz, .zip, .tar.gz, .xlsx). path names it, sheet is that of a workbook,
// "" for the first one; errors are ErrInvalid.
func Unpack(path string, r io.Reader, sheet string) (*Unpacked, error) {
	s, err := newSource(path, r, sheet)
	if err != nil {
		return nil, err
	}
	return &Unpacked{s}, nil
}

// Next is the next text that the file holds, until io.EOF. Its name is "" for a file that is no archive.
func (u *Unpacked) Next() (name string, r *bufio.Reader, err error) { return u.s.next() }

// IsArchive reports that the file holds files.
func (u *Unpacked) IsArchive() bool { return u.s.isArchive() }

// SheetHint names, of a workbook in whose sheet nothing was found, the other sheets; "" for any other file.
func (u *Unpacked) SheetHint() string { return u.s.sheetHint() }

// PackedAs returns what a member of an archive is packed as itself ("zip", "gzip", ...), or "". It looks at its start.
func PackedAs(r *bufio.Reader) string { return packedAs(r) }

// BytesRead is how much of the file, as it is packed, has been read.
func (u *Unpacked) BytesRead() int64 { return u.s.read.Load() }

// Close closes what Unpack opened, not the stream.
func (u *Unpacked) Close() { u.s.close() }

// OpenFile opens a file for reading; errors are ErrInvalid and say what people can do.
func OpenFile(path string) (*os.File, error) { return openFile(path) }

// Record is one line of a text, or one object or array of a JSON text. Its bytes are good until the next.
type Record struct {
	Line   int64    // or number of the object, from 1
	Raw    []byte   // as it stands in the file
	Keys   [][]byte // names of the cells, of an object
	Cells  [][]byte
	Within []string // of JSON: the names of the objects and arrays around it
}

// Records reads the records of a text.
type Records struct {
	decoder decoder
	row     record
}

// TextRecords reads lines of cells. A cell in quotes may go on in the next lines.
func TextRecords(r *bufio.Reader, separator byte) *Records {
	return &Records{decoder: &textDecoder{lines: r, separator: separator, multiline: true}}
}

// JSONRecords reads the objects and arrays that are elements of arrays, and the objects that hold none.
func JSONRecords(r io.Reader) *Records {
	d := newJSONDecoder(r)
	d.keysMax = 4 * jsonKeysMax
	return &Records{decoder: d}
}

// Next is the next record, until io.EOF. A record of more than 64 KiB is an error.
func (r *Records) Next() (Record, error) {
	if err := r.decoder.next(&r.row); err != nil {
		return Record{}, err
	}
	return Record{r.row.line, r.row.raw, r.row.keys, r.row.cells, r.row.within}, nil
}

// SeparatorOf is what divides the cells of a text that begins so.
func SeparatorOf(head []byte) byte { return separatorOf(head) }

// ErrTooLong ends a file in which a record is longer than any bar's or fill's.
var ErrTooLong = errTooLong

// KindOf names what columns of these names hold, or what rows without names look like: "bars", "orders", "quotes", ...;
// "" is unknown.
func KindOf(cells [][]byte) string {
	if _, missing := named(cells); missing == "" {
		return "bars"
	}
	if kind := otherKind(cells); kind != "" {
		return kind
	}
	return otherRows(cells)
}

// KindWithin names what a JSON file keeps inside of objects and arrays of these names, or is "".
func KindWithin(names []string) string {
	for _, name := range names {
		if kind := otherParts[plainName([]byte(name))]; kind != "" {
			return kind
		}
	}
	return ""
}

// ParseNumber reads a number exactly as it is written, with a decimal comma if so told; name is for the error.
func ParseNumber(name, text string, comma bool) (blotter.Decimal, error) {
	return numbers{comma}.parse(name, []byte(text))
}

// IsMissing reports a cell that stands for nothing.
func IsMissing(text string) bool { return isMissing(text) }

// Stamp is a point in time as a file writes it.
type Stamp struct {
	Time    time.Time // in the zone of the cell, or as if in UTC where it has none
	Zoned   bool      // the cell says its zone, or is a Unix time
	Instant bool      // it has a time of day
}

// ParseTime reads a date, a date with a time of day, or a Unix time. dayFirst: 2/1/2006 is the second of January.
func ParseTime(text string, dayFirst bool) (Stamp, error) {
	s, err := clock{dayFirst: dayFirst}.parse([]byte(text))
	return Stamp{s.t, s.zoned, s.instant}, err
}

// Storable replaces what PostgreSQL's text cannot hold: bytes that are no UTF-8, and NUL.
func Storable(text string) string { return storable(text) }

// LoadZone is the zone of an IANA name, nil for "".
func LoadZone(name string) (*time.Location, error) { return loadZone(name) }
