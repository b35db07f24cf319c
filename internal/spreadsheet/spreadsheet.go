package spreadsheet

import (
	"bytes"
	"encoding/csv"
	"io"
	"regexp"
	"strings"
)

// Mark is the name of a last, empty column of such files. They are not the data: imports refuse them by it.
const Mark = "safe_for_spreadsheets"

// Writer writes the rows of a CSV file, the header first.
type Writer struct {
	out    *csv.Writer
	safe   bool
	headed bool
}

// NewWriter returns a Writer; with safe, cells that a spreadsheet program would take for formulas get an apostrophe.
func NewWriter(w io.Writer, safe bool) *Writer { return &Writer{out: csv.NewWriter(w), safe: safe} }

// Write writes a row.
func (w *Writer) Write(cells []string) error {
	if !w.safe {
		return w.out.Write(cells)
	}
	row := make([]string, 0, len(cells)+1)
	for _, cell := range cells {
		row = append(row, Cell(cell))
	}
	last := ""
	if !w.headed {
		last, w.headed = Mark, true
	}
	return w.out.Write(append(row, last))
}

// Flush writes what is buffered, and returns the first error of the Writer.
func (w *Writer) Flush() error {
	w.out.Flush()
	return w.out.Error()
}

var number = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Cell returns a text as a spreadsheet program shows it: with a leading apostrophe if it begins with a character that
// makes it a formula, and is not a number.
func Cell(text string) string {
	trimmed := strings.TrimLeft(text, " \u00a0")
	if trimmed == "" || !strings.ContainsAny(firstRune(trimmed), "=+-@\t\r\n"+
		"\uff1d\uff0b\uff0d\uff20") || number.MatchString(text) {
		return text
	}
	return "'" + text
}

func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

// IsMarked reports whether a file that begins with head has the column Mark in its first line.
func IsMarked(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.Contains(line, []byte(Mark))
}

// Refusal says why a marked file is not imported.
const Refusal = "it was exported with --safe-for-spreadsheets, which changes cells; export it again without"
