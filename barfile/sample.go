package barfile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"

	"github.com/blotterdb/blotter/internal/spreadsheet"

	"github.com/blotterdb/blotter/internal/tabular"
)

// recognise finds out how to read a member of the source.
func (f *File) recognise(r *bufio.Reader) (err error) {
	f.Timeframe, f.suffix = "", "" // of the member before
	f.units, f.emptyCloses = unitFollower{}, emptyCloses{}
	if f.zone, err = tabular.LoadZone(f.opts.Zone); err != nil {
		return err
	}

	symbolBehind := ""
	if reason := f.source.PackedReason(r); reason != "" {
		return &NotBarsError{Path: f.name(), Reason: reason}
	}
	if f.decoder, symbolBehind, err = f.decode(r); err != nil {
		return err
	}

	isText := f.decoder.text != nil
	isJSON := !isText
	f.sampleErr, f.atEnd = nil, false
	sample, err := f.sample()
	if err != nil {
		return err
	}

	path := leanPath(cmp.Or(f.absolute, f.Path), f.member)
	if f.layout, f.lookahead, err = f.layoutOf(sample, isJSON, path); err != nil {
		if f.sampleErr != nil && errors.As(err, new(*NotBarsError)) {
			return cmp.Or(f.damage(), err)
		}
		return err
	}

	path.zone = leanSession(path, f.lookahead)
	if err := f.settleSymbol(path, symbolBehind); err != nil {
		return err
	}
	return f.settleTimes(path)
}

// decode returns the decoder of a stream, and the symbol that stands behind its bars, if any.
func (f *File) decode(r *bufio.Reader) (d *decoder, symbolBehind string, err error) {
	r = tabular.UTF8(r)
	head, _ := r.Peek(tabular.HeadBytes)
	start := bytes.TrimLeft(head, " \t\r\n")

	if spreadsheet.IsMarked(start) {
		return nil, "", tabular.Error(f.name(), spreadsheet.Refusal)
	}
	if kind := otherText(start); kind != "" {
		return nil, "", notBars(f.name(), kind)
	}

	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		r = bufio.NewReaderSize(r, jsonHeadMax)
		symbolBehind = symbolAtEnd(r)
		return newJSONDecoder(r), symbolBehind, nil
	}
	return newTextDecoder(r, tabular.Delimiter(head, isHeader)), "", nil
}

// isHeader reports whether cells name what a bar needs.
func isHeader(cells [][]byte) bool {
	_, missing := layoutByNames(cells)
	return missing == ""
}

// sample reads the first records.
func (f *File) sample() ([]record, error) {
	var sample []record
	for bytes := 0; len(sample) < peekRowsMax && bytes < peekBytesMax; {
		err := f.decoder.next(&f.row)
		if f.atEnd = errors.Is(err, io.EOF); f.atEnd {
			break
		}

		if err != nil {
			if len(sample) == 0 {
				return nil, f.readError(err)
			}
			f.sampleErr = err // reported after these records
			break
		}

		bytes += len(f.row.Raw)
		sample = append(sample, f.row.clone())
		if len(sample) == 2*peekBars && !startsEmpty(sample) {
			break
		}
	}

	if len(sample) == 0 {
		if d := f.decoder; d.json != nil && d.json.HasBegun() {
			return nil, unknown(f.name(), "its JSON has no rows with the prices of bars")
		}
		return nil, &NotBarsError{Path: f.name(), Reason: "it is empty"}
	}
	return sample, nil
}

// startsEmpty reports whether the last row of a sample has a date and no prices, so that the sample may have no bars.
func startsEmpty(sample []record) bool {
	last := &sample[len(sample)-1]
	filled := 0
	for _, cell := range last.Cells {
		if !tabular.IsMissing(string(cell)) {
			filled++
		}
	}
	return filled < 4
}
