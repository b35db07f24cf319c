package fillfile

import (
	"bufio"
	"bytes"
	"unicode/utf8"

	"github.com/blotterdb/blotter/internal/spreadsheet"
)

const (
	sampleRows    = 64        // rows that Open reads to find out how a file is written
	sampleRowsMax = 8192      // rows among which it looks for a fill
	headerRowsMax = 40        // rows among which it looks for a header
	sampleBytes   = 256 << 10 // of a text, among which it looks for a header
)

// recognise finds out how the stream is to be read.
func (f *File) recognise(r *bufio.Reader) error {
	discardBOM(r)
	head, _ := r.Peek(peekHead)
	if !isUTF8(head) && head[0] < 0xfe {
		r = bufio.NewReaderSize(&latin{r: r}, r.Size())
		head, _ = r.Peek(peekHead)
	}
	start := bytes.TrimLeft(head, " \t\r\n")
	f.broken, f.peeked, f.layout, f.ordersOnly, f.separator = nil, nil, nil, false, 0
	f.isOther, f.seen = false, map[string]bool{}
	var err error
	switch {
	case len(start) == 0:
		return &NotFillsError{Path: f.name(), Reason: "it is empty"}
	case bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")):
		return fileError(f.name(), "it is UTF-16 text; save it as UTF-8")
	case spreadsheet.IsMarked(start):
		return fileError(f.name(), spreadsheet.Refusal)
	case start[0] == '<':
		err = f.recogniseXML(r, start)
	case start[0] == '{' || start[0] == '[':
		err = f.recogniseJSON(r)
	default:
		err = f.recogniseText(r, head)
	}
	if err != nil {
		return err
	}
	if f.layout.join != nil {
		f.rows = f.layout.join(f, f.rows)
	}
	return f.settle()
}

// isUTF8 reports UTF-8 that may be cut short in the middle of a letter.
func isUTF8(head []byte) bool {
	for range utf8.UTFMax {
		if len(head) == 0 || utf8.Valid(head) {
			return true
		}
		head = head[:len(head)-1]
	}
	return false
}

// peekHead is how much of a file is looked at before it is read.
const peekHead = 16 << 10

func discardBOM(r *bufio.Reader) {
	if start, _ := r.Peek(3); string(start) == "\xef\xbb\xbf" {
		_, _ = r.Discard(3)
	}
}
