package barfile

import (
	"errors"
	"io"
	"iter"

	"github.com/blotterdb/blotter"
)

// Bars yields the file's bars in its order, and a *blotter.RejectedRow for each row that is none. A file that Open
// opened may be read again, unless it is a pipe: it is opened anew. A stream cannot.
func (f *File) Bars() iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		if !f.used {
			f.used = true
			f.bars(yield)
			return
		}
		if f.Once() {
			yield(blotter.BarRow{}, fileError(f.Path, "a stream or a pipe cannot be read twice"))
			return
		}
		again, err := Open(f.Path, f.opts)
		if err != nil {
			yield(blotter.BarRow{}, err)
			return
		}
		defer again.Close()
		again.bars(yield)
		f.Skipped = again.Skipped
	}
}

func (f *File) bars(yield func(blotter.BarRow, error) bool) {
	for {
		for i := range f.peeked {
			if !yield(f.parse(&f.peeked[i])) {
				return
			}
		}
		f.peeked = nil
		for {
			err := f.broken
			if err == nil && f.ended {
				err = io.EOF
			} else if err == nil {
				err = f.decoder.next(&f.row)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				yield(blotter.BarRow{}, f.readError(err))
				return
			}
			if !yield(f.parse(&f.row)) {
				return
			}
		}
		if err := f.nextMember(); err != nil {
			if !errors.Is(err, io.EOF) {
				yield(blotter.BarRow{}, err)
			}
			return
		}
	}
}
