package barfile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"

	"github.com/blotterdb/blotter/internal/spreadsheet"
)

// recognise finds out how the stream is to be read.
func (f *File) recognise(r *bufio.Reader) (err error) {
	f.Timeframe, f.suffix = "", "" // what the member before told holds for it alone
	f.units, f.emptied = unitFollower{}, emptied{}
	if f.zone, err = loadZone(f.opts.Zone); err != nil {
		return err
	}
	symbolBehind := ""
	if kind := packedAs(r); kind != "" && f.source.isArchive() {
		return &NotBarsError{Path: f.name(), Reason: "it is packed itself (" + kind + "); " +
			"unpack the archive around it first"}
	}
	if f.decoder, symbolBehind, err = f.decode(r); err != nil {
		return err
	}
	_, isText := f.decoder.(*textDecoder)
	isJSON := !isText
	f.broken, f.ended = nil, false
	sample, err := f.sample()
	if err != nil {
		return err
	}
	path := leanPath(cmp.Or(f.absolute, f.Path), f.member)
	if f.layout, f.peeked, err = f.layoutOf(sample, isJSON, path); err != nil {
		if f.broken != nil && errors.As(err, new(*NotBarsError)) {
			return cmp.Or(f.damage(), err)
		}
		return err
	}
	path.zone = leanSession(path, f.peeked)
	if err := f.settleSymbol(path, symbolBehind); err != nil {
		return err
	}
	return f.settleTimes(path)
}

// decode is the decoder of a stream, and a symbol that stands behind its bars.
func (f *File) decode(r *bufio.Reader) (d decoder, symbolBehind string, err error) {
	r = plainText(r)
	head, _ := r.Peek(peekHead)
	start := bytes.TrimLeft(head, " \t\r\n")
	if spreadsheet.IsMarked(start) {
		return nil, "", fileError(f.name(), spreadsheet.Refusal)
	}
	if kind := otherText(start); kind != "" {
		return nil, "", notBars(f.name(), kind)
	}
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		r = bufio.NewReaderSize(r, jsonHeadMax)
		symbolBehind = symbolAtEnd(r)
		return newJSONDecoder(r), symbolBehind, nil
	}
	return &textDecoder{lines: r, separator: separatorOf(head)}, "", nil
}

// peekHead is how much of a file is looked at before it is read.
const peekHead = 16 << 10

// sample reads the first records.
func (f *File) sample() ([]record, error) {
	var sample []record
	for bytes := 0; len(sample) < peekRowsMax && bytes < peekBytesMax; {
		err := f.decoder.next(&f.row)
		if f.ended = errors.Is(err, io.EOF); f.ended {
			break
		}
		if err != nil {
			if len(sample) == 0 {
				return nil, f.readError(err)
			}
			f.broken = err // after the records that there are
			break
		}
		bytes += len(f.row.raw)
		sample = append(sample, f.row.clone())
		if len(sample) == 2*peekBars && !startsEmpty(sample) {
			break
		}
	}
	if len(sample) == 0 {
		if d, isJSON := f.decoder.(*jsonDecoder); isJSON && d.json.InputOffset() > 2 {
			return nil, unknown(f.name(), "its JSON has no rows with the prices of bars")
		}
		return nil, &NotBarsError{Path: f.name(), Reason: "it is empty"}
	}
	return sample, nil
}

// startsEmpty reports a sample that may have no bar in it: rows of a date and nothing else.
func startsEmpty(sample []record) bool {
	last := &sample[len(sample)-1]
	filled := 0
	for _, cell := range last.cells {
		if !isMissing(string(cell)) {
			filled++
		}
	}
	return filled < 4
}
