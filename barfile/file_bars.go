package barfile

import (
	"errors"
	"io"
	"iter"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Bars yields the bars in the order of the file, and a *blotter.RejectedRow for each row that is not a valid bar. Any
// other error ends the file. A regular file that Open opened can be ranged over again, which opens it again; a stream
// or a pipe cannot.
func (f *File) Bars() iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		if !f.isRead {
			f.isRead = true
			f.bars(yield)
			return
		}
		if f.Once() {
			yield(blotter.BarRow{}, tabular.Error(f.Path, "a stream or a pipe cannot be read twice"))
			return
		}

		reopened, err := Open(f.Path, f.opts)
		if err != nil {
			yield(blotter.BarRow{}, err)
			return
		}
		defer reopened.Close()
		reopened.bars(yield)
		f.Skipped, f.Remarks = reopened.Skipped, reopened.Remarks
	}
}

func (f *File) bars(yield func(blotter.BarRow, error) bool) {
	for {
		for {
			r, err := f.nextRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				yield(blotter.BarRow{}, f.readError(err))
				return
			}
			if !yield(f.bar(r)) {
				return
			}
		}

		f.remarkEmptyCloses()

		if err := f.nextMember(); err != nil {
			if !errors.Is(err, io.EOF) {
				yield(blotter.BarRow{}, err)
			}
			return
		}
	}
}

// bar reads a bar, and follows a change of the unit of time.
func (f *File) bar(r *record) (blotter.BarRow, error) {
	if !f.unitFits(r) {
		own := r.clone() // looking ahead writes over r
		r = &own
		if err := f.followUnit(r); err != nil {
			return blotter.BarRow{}, f.rejectedRow(r, "", err)
		}
	}
	return f.parse(r)
}

// nextRecord returns the next record, which is valid until the next call.
func (f *File) nextRecord() (*record, error) {
	if len(f.lookahead) > 0 {
		r := &f.lookahead[0]
		f.lookahead = f.lookahead[1:]
		return r, nil
	}
	switch {
	case f.sampleErr != nil:
		return nil, f.sampleErr
	case f.atEnd:
		return nil, io.EOF
	}
	err := f.decoder.next(&f.row)
	return &f.row, err
}

// peekNext adds the next record to those that have been read ahead. It returns false at the end of the file.
func (f *File) peekNext() bool {
	if f.sampleErr != nil || f.atEnd {
		return false
	}
	err := f.decoder.next(&f.row)
	if f.atEnd = errors.Is(err, io.EOF); f.atEnd {
		return false
	}
	if f.sampleErr = err; err != nil {
		return false
	}
	f.lookahead = append(f.lookahead, f.row.clone())
	return true
}
