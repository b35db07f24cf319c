package postgres

import (
	"cmp"
	"context"
	"hash"
	"io"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/sqltext"
)

// barFile reads a file into one transaction.
type barFile struct {
	im       *importer
	reader   *barReaderAhead
	ahead    []*barBatch // read but not yet written
	whole    bool        // the end of the file was read
	seen     seriesSet
	covered  coverage
	rejected []*blotter.RejectedRow
	row      []byte // encoded rows of COPY
	sent     int    // how much of row was sent
	ended    bool   // this COPY has ended
	err      error  // what ended the file
	panicked any
	events   []symbolChange
	content  hash.Hash // of the bars
	before   bool      // the same content was imported before
	missed   int64     // rows of the stage that another session wrote during the last comparison
}

// lookAhead reads the beginning of the file, or all of it if it is short.
func (f *barFile) lookAhead(ctx context.Context) error {
	for rows := 0; rows < aheadRows; {
		select {
		case b, more := <-f.reader.batches:
			if !more {
				f.whole = true
				return nil
			}
			if b.panicked != nil {
				panic(b.panicked)
			}
			if b.err != nil {
				return b.err
			}

			f.ahead = append(f.ahead, b)
			rows += len(b.bars) + len(b.rejected)
		case <-ctx.Done():
			return translate(ctx, "", ctx.Err())
		}
	}
	return nil
}

// next returns the next batch, or nil at the end of the file.
func (f *barFile) next() *barBatch {
	if len(f.ahead) > 0 {
		b := f.ahead[0]
		f.ahead = f.ahead[1:]
		return b
	}

	b, more := <-f.reader.batches
	if !more {
		return nil
	}
	f.err, f.panicked = b.err, b.panicked
	if f.err == nil {
		f.err = f.im.sift(b, f.covered)
	}
	if f.err != nil {
		return nil
	}
	return b
}

// Read returns the data of a COPY: header, rows, trailer. It ends early if a partition has to be made first, or if
// rejected rows have to be written; another COPY then continues.
func (f *barFile) Read(p []byte) (int, error) {
	for f.sent == len(f.row) {
		if f.ended {
			return 0, io.EOF
		}
		f.row = f.row[:0]
		f.sent = 0

		b := f.next()
		switch {
		case f.err != nil:
			return 0, f.err
		case b == nil:
			f.whole, f.ended = true, true
		case f.im.straight && f.covered.miss(b.bars, &f.im.needs):
			f.ahead = append([]*barBatch{b}, f.ahead...)
			f.ended = true
		default:
			if f.err = f.append(b); f.err != nil {
				return 0, f.err
			}
			f.ended = len(f.rejected) >= rejectedMax
		}
		if f.ended {
			f.row = append(f.row, copyTrailer...)
		}
	}

	n := copy(p, f.row[f.sent:])
	f.sent += n
	return n, nil
}

// append encodes a batch and counts it.
func (f *barFile) append(b *barBatch) error {
	r := &f.im.result
	r.Read += int64(len(b.bars) + len(b.rejected))
	r.Quarantined += int64(len(b.rejected))
	f.rejected = append(f.rejected, b.rejected...)

	before := r.Read - int64(len(b.bars))
	for i := range b.bars {
		bar := &b.bars[i]
		if err := f.seen.add(&bar.Bar); err != nil {
			return err
		}
		var own int // where the bar begins in row
		f.row, own = appendBar(f.row, bar, !f.im.straight, cmp.Or(bar.Line, before+int64(i)+1))
		f.content.Write(f.row[own:])
	}

	if !f.im.straight {
		f.covered.miss(b.bars, &f.im.needs)
	}
	f.reader.recycle(b)
	return nil
}

// store writes the file: first COPY, then what depends on the bars.
func (f *barFile) store(ctx context.Context, tx *Tx) error {
	into := sqlCopyBars
	if !f.im.straight {
		if _, err := tx.Exec(ctx, sqlStage); err != nil {
			return err
		}
		into = sqlCopyStage
	}

	for finished := false; !finished; {
		f.row = append(f.row[:0], copyHeader...)
		f.sent = 0
		f.ended = false
		_, err := tx.copyBinary(ctx, into, f)
		if f.err != nil {
			return f.err
		}
		if err != nil {
			return err
		}

		finished = f.whole && len(f.ahead) == 0
		if err := f.quarantine(ctx, tx); err != nil {
			return err
		}
		if f.im.straight && !f.im.needs.empty() {
			if f.covered, err = f.im.makePartitions(ctx, nil, partitionWait); err != nil {
				return err
			}
		}
	}

	f.count()
	if f.im.result.Read == f.im.result.Quarantined {
		return nil
	}
	if !f.im.straight {
		if err := f.fromStage(ctx, tx); err != nil {
			return err
		}
	}
	if err := f.checkNeighbours(ctx, tx); err != nil || f.im.in.DryRun {
		return err
	}
	return f.follow(ctx, tx)
}

// count adds up the series. All rows of a straight import are new.
func (f *barFile) count() {
	r := &f.im.result
	symbols := map[string]int{}
	for _, s := range f.seen.all {
		if r.From.IsZero() || s.from.Before(r.From) {
			r.From = s.from
		}
		if s.to.After(r.To) {
			r.To = s.to
		}
		i, known := symbols[s.symbol]
		if !known {
			i = len(f.events)
			symbols[s.symbol] = i
			f.events = append(f.events, symbolChange{symbol: s.symbol, from: s.from, to: s.to})
		}

		change := &f.events[i]
		change.inserted += s.rows
		if s.from.Before(change.from) {
			change.from = s.from
		}
		if s.to.After(change.to) {
			change.to = s.to
		}
	}

	r.Symbols = int64(len(f.events))
	r.Inserted = r.Read - r.Quarantined
}

const sqlQuarantine = `
insert into data_ingestion.data_quality_logs (symbol, check_type, message, file, line, raw_row)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
on conflict do nothing`

// quarantine writes the rejected rows read so far.
func (f *barFile) quarantine(ctx context.Context, tx *Tx) error {
	if len(f.rejected) == 0 || f.im.in.DryRun {
		f.rejected = f.rejected[:0]
		return nil
	}

	var symbols, checks, reasons, files, raws []string
	var lines []int64
	for _, r := range f.rejected {
		file := f.im.in.File
		if r.Member != "" {
			file += "/" + r.Member
		}
		symbols = append(symbols, sqltext.Storable(r.Symbol))
		checks = append(checks, r.Check)
		reasons = append(reasons, sqltext.Storable(r.Reason))
		files = append(files, sqltext.Storable(file))
		lines = append(lines, r.Line)
		raws = append(raws, sqltext.Storable(r.Raw))
	}

	f.rejected = f.rejected[:0]
	_, err := tx.Exec(ctx, sqlQuarantine, symbols, checks, reasons, files, lines, raws)
	return err
}
