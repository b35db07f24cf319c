package fillfile

import (
	"bufio"
	"bytes"

	"github.com/blotterdb/blotter/internal/spreadsheet"
	"github.com/blotterdb/blotter/internal/tabular"
)

const (
	sampleRows    = 64        // rows that Open reads to find out how a file is written
	sampleRowsMax = 8192      // rows among which it looks for a fill
	headerRowsMax = 40        // rows among which it looks for a header
	sampleBytes   = 256 << 10 // of a text, among which it looks for a header
)

// recognise finds out how to read a member of the source.
func (f *File) recognise(r *bufio.Reader) error {
	r = tabular.UTF8(r)
	head, _ := r.Peek(tabular.HeadBytes)

	start := bytes.TrimLeft(head, " \t\r\n")
	f.sampleErr = nil
	f.lookahead = nil
	f.layout = nil
	f.ordersOnly = false
	f.separator = 0
	f.isOther = false
	f.seen = map[string]bool{}

	var err error
	switch {
	case len(start) == 0:
		return &NotFillsError{Path: f.name(), Reason: "it is empty"}
	case spreadsheet.IsMarked(start):
		return tabular.Error(f.name(), spreadsheet.Refusal)
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
