package barfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const lineBytesMax = 64 << 10 // a longer line is no bar

// blankLinesMax is how many lines without a value may follow each other. Some files begin with years of empty rows; a file of
// nothing else is not read to its end.
const blankLinesMax = 1_000_000

// textDecoder reads lines of cells.
type textDecoder struct {
	lines     *bufio.Reader // of lineBytesMax
	separator byte
	line      int64
	unquoted  []byte // cells of a line that has quotes, without them
	multiline bool   // a cell in quotes may have line ends in it
	joined    []byte // lines of such a cell
}

// next reads the next line that is not blank.
func (d *textDecoder) next(r *record) error {
	for blank := 0; ; blank++ {
		if blank > blankLinesMax {
			return fmt.Errorf("more than %d blank lines follow each other, the last is line %d; remove them",
				blankLinesMax, d.line)
		}
		line, err := d.lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			d.line++
			return errTooLong
		case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
			return err
		}
		d.line++
		first := d.line
		if d.multiline && bytes.Count(line, []byte{'"'})%2 == 1 {
			line = d.join(line)
		}
		if line = bytes.TrimRight(line, "\r\n"); !isBlank(line) {
			r.line, r.raw, r.keys = first, line, nil
			r.cells = d.split(line, r.cells[:0])
			return nil
		}
	}
}

// A cell in quotes has at most so much more than its first line.
const joinedLinesMax, joinedBytesMax = 20, 8 << 10

// join adds to a line with an open quote those up to the one that closes it. Where none does, the quote is text.
func (d *textDecoder) join(line []byte) []byte {
	d.joined = append(d.joined[:0], line...) // to look ahead moves the buffer below the line
	ahead, _ := d.lines.Peek(joinedBytesMax)
	quotes, end := 1, 0
	for range joinedLinesMax {
		n := bytes.IndexByte(ahead[end:], '\n') + 1
		if n == 0 {
			n = len(ahead) - end
		}
		quotes += bytes.Count(ahead[end:end+n], []byte{'"'})
		if end += n; quotes%2 == 0 || end == len(ahead) {
			break
		}
	}
	if quotes%2 == 1 {
		return d.joined
	}
	d.joined = append(d.joined, ahead[:end]...)
	d.line += int64(bytes.Count(ahead[:end], []byte{'\n'}))
	_, _ = d.lines.Discard(end)
	return d.joined
}

func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != ',' && c != ';' {
			return false
		}
	}
	return true
}

// split divides a line into cells; quotes are rare.
func (d *textDecoder) split(line []byte, cells [][]byte) [][]byte {
	if bytes.IndexByte(line, '"') >= 0 {
		return d.splitQuoted(line, cells)
	}
	for {
		i := bytes.IndexByte(line, d.separator)
		if i < 0 {
			return append(cells, line)
		}
		cells, line = append(cells, line[:i]), line[i+1:]
	}
}

// splitQuoted divides a line in which cells are in quotes (RFC 4180). A quote that is not closed ends with the line.
func (d *textDecoder) splitQuoted(line []byte, cells [][]byte) [][]byte {
	out := d.unquoted[:0]
	if cap(out) < len(line)+1 {
		out = make([]byte, 0, 2*len(line)+64)
	}
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"' && quoted && i+1 < len(line) && line[i+1] == '"':
			out, i = append(out, '"'), i+1
		case c == '"' && (quoted || len(bytes.TrimSpace(out[start:])) == 0):
			quoted = !quoted
		case c == d.separator && !quoted:
			cells, start = append(cells, out[start:]), len(out)
		default:
			out = append(out, c)
		}
	}
	d.unquoted = out
	return append(cells, out[start:])
}

// separators divide cells.
const separators = ",;\t|"

// separatorOf is what divides the cells of a text: what divides the names of its header, where it has one; else the one
// that its first lines have most of, outside of quotes, and agree on.
func separatorOf(head []byte) byte {
	lines := bytes.Split(head, []byte("\n"))
	if len(lines) > 1 {
		lines = lines[:len(lines)-1] // the last one may be cut short
	}
	lines = lines[:min(len(lines), 50)]
	for _, line := range lines[:min(len(lines), headerLines)] {
		for _, separator := range []byte(separators) {
			d := textDecoder{separator: separator}
			if cells := d.split(bytes.TrimRight(line, "\r"), nil); isHeader(cells) {
				return separator
			}
		}
	}
	for _, least := range []int{3, 1} { // fewer are decimal commas, unless there is nothing else
		best, most := byte(','), 0
		for _, separator := range []byte(separators) {
			counts := map[int]int{}
			for _, line := range lines {
				if n := countOutside(line, separator); n >= least {
					counts[n]++
				}
			}
			for n, lines := range counts {
				if weight := lines * min(n, 20); weight > most {
					best, most = separator, weight
				}
			}
		}
		if most > 0 {
			return best
		}
	}
	return ','
}

// isHeader reports cells that name what a bar needs.
func isHeader(cells [][]byte) bool {
	_, missing := named(cells)
	return missing == ""
}

// countOutside counts a separator outside of quotes.
func countOutside(line []byte, separator byte) (n int) {
	quoted := false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			n++
		}
	}
	return n
}
