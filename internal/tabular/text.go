package tabular

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// blankLinesMax is how many blank lines may follow each other. Some files begin with years of empty rows; a file that
// has nothing else is not read to its end.
const blankLinesMax = 1_000_000

// A cell in quotes continues on at most so many lines and bytes after its first line.
const (
	joinedLinesMax = 20
	joinedBytesMax = 8 << 10
)

// TextReader reads lines of cells (RFC 4180 with any delimiter). A cell in quotes may contain line breaks. A quote that
// is never closed is closed by the end of its line.
type TextReader struct {
	// Delimiter stands between cells.
	Delimiter byte

	lines    *bufio.Reader // of at least LineBytesMax
	line     int64
	unquoted []byte // cells of a line with quotes, without them
	joined   []byte // lines of a cell with line breaks
}

// NewTextReader returns a TextReader. The buffer of r must have LineBytesMax bytes.
func NewTextReader(r *bufio.Reader, delimiter byte) *TextReader {
	return &TextReader{lines: r, Delimiter: delimiter}
}

// Next reads the next line that is not blank.
func (t *TextReader) Next(r *Record) error {
	for blank := 0; blank <= blankLinesMax; blank++ {
		line, err := t.lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			t.line++
			return ErrTooLong
		case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
			return err
		}

		t.line++
		first := t.line
		if bytes.Count(line, []byte{'"'})%2 == 1 && t.endsInQuotes(line) {
			line = t.join(line)
		}

		line = bytes.TrimRight(line, "\r\n")
		if !IsBlank(line) {
			r.Line = first
			r.Raw = line
			r.Keys = nil
			r.Cells = t.split(line, r.Cells[:0])
			return nil
		}
	}

	return fmt.Errorf("more than %d blank lines in a row, up to line %d; remove them", blankLinesMax, t.line)
}

// endsInQuotes reports whether the last cell of a line opens a quote and does not close it.
func (t *TextReader) endsInQuotes(line []byte) bool {
	quoted, blank := false, true // blank: the cell has begun with blanks at most
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"' && quoted && i+1 < len(line) && line[i+1] == '"':
			i++
		case c == '"' && (quoted || blank):
			quoted = !quoted
		case c == t.Delimiter && !quoted:
			blank = true
			continue
		}

		blank = blank && (line[i] == ' ' || line[i] == '\t' || line[i] == '"')
	}
	return quoted
}

// join appends to a line with an open quote the lines up to the one that closes it, if there is one.
func (t *TextReader) join(line []byte) []byte {
	t.joined = append(t.joined[:0], line...) // Peek moves the buffer below the line
	ahead, _ := t.lines.Peek(joinedBytesMax)
	quotes, end := 1, 0

	for range joinedLinesMax {
		n := bytes.IndexByte(ahead[end:], '\n') + 1
		if n == 0 {
			n = len(ahead) - end
		}

		quotes += bytes.Count(ahead[end:end+n], []byte{'"'})
		end += n
		if quotes%2 == 0 || end == len(ahead) {
			break
		}
	}

	if quotes%2 == 1 {
		return t.joined
	}

	t.joined = append(t.joined, ahead[:end]...)
	t.line += int64(bytes.Count(ahead[:end], []byte{'\n'}))
	_, _ = t.lines.Discard(end)
	return t.joined
}

// IsBlank reports whether a line has delimiters and blanks only.
func IsBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != ',' && c != ';' {
			return false
		}
	}
	return true
}

// split divides a line into cells. Quotes are rare.
func (t *TextReader) split(line []byte, cells [][]byte) [][]byte {
	if bytes.IndexByte(line, '"') >= 0 {
		return t.splitQuoted(line, cells)
	}
	for {
		i := bytes.IndexByte(line, t.Delimiter)
		if i < 0 {
			return append(cells, line)
		}
		cells = append(cells, line[:i])
		line = line[i+1:]
	}
}

// splitQuoted divides a line that has cells in quotes.
func (t *TextReader) splitQuoted(line []byte, cells [][]byte) [][]byte {
	out := t.unquoted[:0]
	if cap(out) < len(line)+1 {
		out = make([]byte, 0, 2*len(line)+64)
	}

	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"' && quoted && i+1 < len(line) && line[i+1] == '"':
			out = append(out, '"')
			i++
		case c == '"' && (quoted || len(bytes.TrimSpace(out[start:])) == 0):
			quoted = !quoted
		case c == t.Delimiter && !quoted:
			cells = append(cells, out[start:])
			start = len(out)
		default:
			out = append(out, c)
		}
	}

	t.unquoted = out
	return append(cells, out[start:])
}

// delimiters are the bytes that may stand between cells.
const delimiters = ",;\t|"

const (
	headerLines = 5  // among which Delimiter looks for the header
	sampleLines = 50 // that Delimiter compares
)

// Delimiter returns the byte between the cells of a text that begins with head. The one that divides a line into the
// names of a header wins. Without a header, it is the one that the first lines have most of, outside of quotes, and
// agree on.
func Delimiter(head []byte, isHeader func(cells [][]byte) bool) byte {
	lines := bytes.Split(head, []byte("\n"))
	if len(lines) > 1 {
		lines = lines[:len(lines)-1] // the last one may be cut short
	}
	lines = lines[:min(len(lines), sampleLines)]

	for _, line := range lines[:min(len(lines), headerLines)] {
		for _, delimiter := range []byte(delimiters) {
			t := TextReader{Delimiter: delimiter}
			if isHeader(t.split(bytes.TrimRight(line, "\r"), nil)) {
				return delimiter
			}
		}
	}

	for _, least := range []int{3, 1} { // fewer are decimal commas, unless there is nothing else
		if delimiter, found := mostRegular(lines, least); found {
			return delimiter
		}
	}
	return ','
}

// mostRegular returns the delimiter that most lines have the same number of, at least the given one.
func mostRegular(lines [][]byte, least int) (best byte, found bool) {
	most := 0
	for _, delimiter := range []byte(delimiters) {
		counts := map[int]int{}
		for _, line := range lines {
			if n := countOutside(line, delimiter); n >= least {
				counts[n]++
			}
		}

		for n, lines := range counts {
			if weight := lines * min(n, 20); weight > most {
				best, most = delimiter, weight
			}
		}
	}
	return best, most > 0
}

// countOutside counts a delimiter outside of quotes.
func countOutside(line []byte, delimiter byte) (n int) {
	quoted := false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == delimiter && !quoted:
			n++
		}
	}
	return n
}
