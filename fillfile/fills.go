package fillfile

import (
	"errors"
	"io"
	"iter"
	"os"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// Fills yields the fills in the order of the file, and a *blotter.RejectedRow for each row that should be a fill and
// cannot be read. Any other error ends the file. A file that Open opened can be ranged over again, which opens it
// again; a stream cannot.
func (f *File) Fills() iter.Seq2[Fill, error] {
	return func(yield func(Fill, error) bool) {
		if !f.isRead {
			f.isRead = true
			f.fills(yield)
			return
		}
		if _, isFile := f.closer.(*os.File); !isFile {
			yield(Fill{}, tabular.Error(f.Path, "a stream cannot be read twice"))
			return
		}

		reopened, err := Open(f.Path, f.opts)
		if err != nil {
			yield(Fill{}, err)
			return
		}
		defer reopened.Close()
		reopened.fills(yield)
		f.Others = reopened.Others
		f.Count = reopened.Count
		f.Rejected = reopened.Rejected
		f.Rounded = reopened.Rounded
		f.Converted = reopened.Converted
		f.Skipped = reopened.Skipped
	}
}

func (f *File) fills(yield func(Fill, error) bool) {
	for {
		if !f.memberFills(yield) {
			return
		}
		if err := f.nextMember(); err != nil {
			if !errors.Is(err, io.EOF) {
				yield(Fill{}, err)
			}
			return
		}
	}
}

// memberFills yields the fills of one member. It returns false to stop.
func (f *File) memberFills(yield func(Fill, error) bool) bool {
	f.hasYielded = false
	for {
		row, err := f.nextRow()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			yield(Fill{}, f.readError(err))
			return false
		}

		for fill, err := range f.fillsOf(row) {
			if !yield(fill, err) {
				return false
			}
		}
	}

	if !f.release(yield) {
		return false
	}
	if !f.hasYielded && !f.source.IsArchive() {
		yield(Fill{}, f.onlyOthers(f.Others))
		return false
	}
	return true
}

// nextRow returns the next row, first those of the sample.
func (f *File) nextRow() (*row, error) {
	if len(f.lookahead) > 0 {
		row := f.lookahead[0]
		f.lookahead = f.lookahead[1:]
		return row, nil
	}
	if f.sampleErr != nil {
		return nil, f.sampleErr
	}
	return f.rows.next()
}

// fillsOf yields the fills of a row, or a rejected row, or counts it as something else.
func (f *File) fillsOf(r *row) iter.Seq2[Fill, error] {
	return func(yield func(Fill, error) bool) {
		drafts, other, err := f.layout.read(f, r)
		if other != "" {
			f.countOther(other)
			return
		}
		if r.hasExtraCells && len(drafts) > 0 {
			err = errors.New("the row has more cells than the header has names")
		}
		if err != nil {
			yield(f.countRow(r, Fill{}, err))
			return
		}

		for i := range drafts {
			if !f.yieldDraft(r, &drafts[i], yield) {
				return
			}
		}
	}
}

// yieldDraft yields a fill. One whose time the clocks show twice waits for the fills after it.
func (f *File) yieldDraft(r *row, d *draft, yield func(Fill, error) bool) bool {
	fill, err := f.build(r, d)
	var at moment
	if err == nil {
		at, err = f.moment(d)
	}

	switch {
	case err != nil:
		return yield(f.countRow(r, fill, err))
	case !at.second.IsZero():
		f.pending = append(f.pending, pendingFill{row: r, fill: fill, at: at, minor: d.minor()})
		return len(f.pending) < pendingMax || f.release(yield)
	}

	if !f.release(yield) {
		return false
	}
	return f.yieldAt(pendingFill{row: r, fill: fill, minor: d.minor()}, at.first, nil, yield)
}

// yieldAt yields a fill with its instant.
func (f *File) yieldAt(h pendingFill, at time.Time, err error, yield func(Fill, error) bool) bool {
	if err == nil {
		err = f.finish(&h.fill, at)
	}
	if err == nil && h.minor != "" {
		f.Converted[h.minor]++
	}
	return yield(f.countRow(h.row, h.fill, err))
}

// countRow counts a fill, or makes it a rejected row and counts that.
func (f *File) countRow(r *row, fill Fill, err error) (Fill, error) {
	f.hasYielded = true
	if err != nil {
		f.Rejected++
		return Fill{}, f.rejectedRow(r, fill.Symbol, err)
	}
	f.Count++
	if fill.Rounded {
		f.Rounded++
	}
	return fill, nil
}
