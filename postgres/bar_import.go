package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// BarImport is one import: the bars of one file.
type BarImport struct {
	// File names the origin in the quarantine.
	File string
	// Bars yields the bars. An error that is a *blotter.RejectedRow puts that row into the quarantine; any other error
	// ends the import without effect. It is ranged over in a goroutine of its own, and again where the import has to
	// begin anew.
	Bars iter.Seq2[blotter.BarRow, error]
	// Once says that Bars can be ranged over once only, as a stream. Its bars go through the stage.
	Once bool
	// Prefer is a source whose bars replace another source's. Default: the bar that was there first stays.
	Prefer string
	// Strict ends the import without effect at the first rejected row.
	Strict bool
	// DryRun counts what an import would do and writes nothing.
	DryRun bool
}

// ImportResult counts what became of the rows of a file: Read is the sum of the five that follow.
type ImportResult struct {
	Read        int64         `json:"read"`
	Inserted    int64         `json:"inserted"`
	Updated     int64         `json:"updated"`      // same source, different values
	Unchanged   int64         `json:"unchanged"`    // stored already, equal
	OtherSource int64         `json:"other_source"` // stored already with different values, of another source or a later file, which stay
	Quarantined int64         `json:"quarantined"`
	LeftOut     []LeftOut     `json:"left_out,omitempty"` // among the quarantined: rows of periods that have no partition
	From        time.Time     `json:"from,omitzero"`      // timestamps of the bars read
	To          time.Time     `json:"to,omitzero"`
	Symbols     int64         `json:"symbols"`
	Elapsed     time.Duration `json:"elapsed_ns"`
}

const (
	importTimeout  = 30 * time.Minute // bound of one statement of an import
	importAttempts = 50               // that deadlocks and rows of others may cost
	// partitionWait is how long an import that has rows in the table waits for the lock to make a partition. It might
	// be what the lock's holder waits for; so it gives up, makes the partition with nothing in hand and begins anew.
	partitionWait = 3 * time.Second
)

// ImportBars stores bars in one transaction: all of the file or nothing. Bars that cannot meet any in the table are
// copied straight into it; others are copied into a stage, from which one statement moves new and changed ones. A second
// import of the same file writes nothing but what is missing: bars that differ came later, from another file. Missing partitions are made first, in transactions of their own. The newest
// prices are kept, and one market_data_updated event a symbol is written to the outbox. It acts as trading_service
// whatever the context's scope.
//
// Errors: those of Bars; ErrInvalid for a file of more than 100,000 symbols; ErrData for what the table refuses, and for
// rejected rows under Strict.
func (db *DB) ImportBars(ctx context.Context, in BarImport) (ImportResult, error) {
	select {
	case db.imports <- struct{}{}:
		defer func() { <-db.imports }()
	case <-ctx.Done():
		return ImportResult{}, translate("import "+in.File, ctx.Err())
	}
	start := time.Now()
	im := &importer{db: db, in: in, straight: !in.Once && !in.DryRun && in.Prefer == ""}
	err := im.run(ctx)
	im.result.Elapsed = time.Since(start)
	if err != nil {
		db.logFailure(ctx, "import", start, err, nil)
		return ImportResult{}, err
	}
	return im.result, nil
}

// importer is one import.
type importer struct {
	db       *DB
	in       BarImport
	straight bool // into the table, not into the stage
	screen   screen
	needs    spans
	result   ImportResult
}

// run tries until nobody else is in the way: a key that is there already sends the file through the stage, and so does a
// deadlock, after which keys are written in order.
func (im *importer) run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		err := im.attempt(ctx)
		var e *blotter.Error
		if err == nil || im.in.Once || attempt >= importAttempts || !errors.As(err, &e) {
			return err
		}
		switch {
		case e.SQLState == "23505" && im.straight:
			im.straight = false
		case errors.Is(err, blotter.ErrSerialization):
			im.straight = false
			if !pause(ctx, attempt) {
				return err
			}
		case e.SQLState == "23514" && e.Constraint == "" && attempt == 0: // no partition: the outbox's ran out
			if err := im.db.ensureAhead(ctx); err != nil {
				return err
			}
		case errors.Is(err, errPartitionBusy):
			if err := im.readNeeds(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// readNeeds reads the whole file for the years it has, so that all partitions can be made with nothing in hand.
func (im *importer) readNeeds(ctx context.Context) error {
	reader := readAhead(im.in.Bars, im.in.Strict)
	defer reader.close()
	for b := range reader.batches {
		if b.err != nil || ctx.Err() != nil {
			return cmp.Or(b.err, ctx.Err())
		}
		left := im.result.LeftOut
		if err := im.sift(b, nil); err != nil {
			return err
		}
		im.result.LeftOut = left
		coverage(nil).miss(b.bars, &im.needs)
		reader.recycle(b)
	}
	return nil
}

// attempt is one import of the whole file.
func (im *importer) attempt(ctx context.Context) (err error) {
	im.result = ImportResult{}
	reader := readAhead(im.in.Bars, im.in.Strict)
	defer reader.close()
	f := &barFile{im: im, reader: reader, content: sha256.New()}
	if err := f.lookAhead(ctx); err != nil {
		return err
	}
	loan, err := im.db.pools[roleService].acquire(ctx)
	if err != nil {
		return err
	}
	defer loan.release()
	if f.covered, err = im.coverage(ctx, loan); err != nil {
		return err
	}
	if err := im.readScreen(ctx, loan); err != nil {
		return err
	}
	for _, b := range f.ahead {
		if err := im.sift(b, f.covered); err != nil {
			return err
		}
		f.covered.miss(b.bars, &im.needs)
	}
	if !im.in.DryRun && !im.needs.empty() {
		if f.covered, err = im.makePartitions(ctx, loan, 0); err != nil {
			return err
		}
	}
	if im.straight {
		if im.straight, err = f.meetsNothing(ctx, loan); err != nil {
			return err
		}
	}
	session := &Session{loan: loan, keep: true, start: time.Now(), begin: "begin"}
	tx := &Tx{Session: session, db: im.db, savepoints: new(int)}
	limit := milliseconds(importTimeout)
	_, err = tx.Exec(ctx, "set local statement_timeout = "+limit+"; set local lock_timeout = "+limit)
	if err == nil {
		err = f.store(ctx, tx)
	}
	if f.panicked != nil {
		tx.rollback(ctx)
		panic(f.panicked)
	}
	if err != nil || im.in.DryRun {
		tx.rollback(ctx)
		return translate("", err)
	}
	return tx.commit(ctx)
}

// barFile is one reading of a file into one transaction.
type barFile struct {
	im       *importer
	reader   *barReaderAhead
	ahead    []*barBatch // read and not written yet
	whole    bool        // ahead is all there is
	seen     seriesSet
	covered  coverage
	rejected []*blotter.RejectedRow
	row      []byte // rows of COPY
	sent     int    // of row
	ended    bool   // this COPY is at its end
	err      error  // that ended the file
	panicked any
	events   []symbolChange
	content  hash.Hash // of the bars
	before   bool      // the same has been imported
	missed   int64     // rows of the stage that somebody else wrote during the last comparison
}

// lookAhead reads the beginning of the file, all of it if it is short.
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
			return translate("", ctx.Err())
		}
	}
	return nil
}

// next is the next batch; nil at the end of the file.
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

// Read is COPY's source: header, rows, trailer. It ends early where a partition has to be made first, or the rejected
// rows written; copy begins anew then.
func (f *barFile) Read(p []byte) (int, error) {
	for f.sent == len(f.row) {
		if f.ended {
			return 0, io.EOF
		}
		f.row, f.sent = f.row[:0], 0
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
		var own int // where the row's own part begins
		f.row, own = appendBar(f.row, bar, !f.im.straight, cmp.Or(bar.Line, before+int64(i)+1))
		f.content.Write(f.row[own:])
	}
	if !f.im.straight {
		f.covered.miss(b.bars, &f.im.needs)
	}
	f.reader.recycle(b)
	return nil
}

// store writes the file: COPY, then what depends on it.
func (f *barFile) store(ctx context.Context, tx *Tx) error {
	into := sqlCopyBars
	if !f.im.straight {
		if _, err := tx.Exec(ctx, sqlStage); err != nil {
			return err
		}
		into = sqlCopyStage
	}
	for finished := false; !finished; {
		f.row, f.sent, f.ended = append(f.row[:0], copyHeader...), 0, false
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
		if err := f.fromStage(ctx, tx); err != nil || f.im.in.DryRun {
			return err
		}
	}
	return f.follow(ctx, tx)
}

// count sums up the series. All rows of a straight import are new.
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

// storable is text as PostgreSQL can hold it: what is not UTF-8, or a NUL, becomes a replacement character.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// quarantine writes the rejected rows that have been read so far.
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
		symbols, checks, reasons = append(symbols, storable(r.Symbol)), append(checks, r.Check), append(reasons, storable(r.Reason))
		files, lines, raws = append(files, storable(file)), append(lines, r.Line), append(raws, storable(r.Raw))
	}
	f.rejected = f.rejected[:0]
	_, err := tx.Exec(ctx, sqlQuarantine, symbols, checks, reasons, files, lines, raws)
	return err
}

// fromStage moves the stage into the table.
func (f *barFile) fromStage(ctx context.Context, tx *Tx) (err error) {
	r := &f.im.result
	if f.seen.disordered() {
		contradictions, err := f.contradictions(ctx, tx)
		if err != nil {
			return err
		}
		r.Quarantined += contradictions
		if f.im.in.Strict && contradictions > 0 {
			return &blotter.Error{Op: "import " + f.im.in.File, Kind: blotter.ErrData, Message: fmt.Sprintf(
				"%d rows contradict an earlier row of the same bar; import without --strict to quarantine them", contradictions)}
		}
	}
	if _, err := tx.Exec(ctx, "analyze blotter_bar_stage"); err != nil { // what follows is planned by its size
		return err
	}
	if !f.im.in.DryRun && !f.im.needs.empty() {
		if _, err := f.im.makePartitions(ctx, nil, partitionWait); err != nil {
			return err
		}
	}
	// The symbols are a parameter so that the plan reads them by the key even while a new partition has no statistics.
	var symbols []string
	for _, e := range f.events {
		symbols = append(symbols, e.symbol)
	}
	sql := sqlStore
	if f.im.in.DryRun {
		sql = sqlCompare
	}
	if err := tx.QueryRow(ctx, sqlImportedBefore, f.content.Sum(nil)).Scan(&f.before); err != nil {
		return err
	}
	changes := map[string]*symbolChange{}
	r.Inserted = 0
	f.events = nil
	// What somebody else wrote meanwhile is compared again: another statement sees it.
	for round := 0; round == 0 || round < 3 && f.missed > 0; round++ {
		if err := f.compare(ctx, tx, sql, symbols, changes); err != nil {
			return err
		}
	}
	for _, c := range changes {
		f.events = append(f.events, *c)
	}
	r.Unchanged = r.Read - r.Inserted - r.Updated - r.OtherSource - r.Quarantined
	return nil
}
