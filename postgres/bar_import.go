package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/internal/retry"
)

// BarImport says what to import: the bars of one file.
type BarImport struct {
	// File names the origin of the bars in the quarantine.
	File string
	// Bars yields the bars. An error that is a *blotter.RejectedRow quarantines that row; any other error ends the
	// import without effect. The import ranges over Bars in a goroutine of its own, and again if it has to start over.
	Bars iter.Seq2[blotter.BarRow, error]
	// Once says that Bars is a stream that can be read only once. Its bars go through the stage.
	Once bool
	// Prefer is a source whose bars replace those of other sources. Default: the bar that was stored first stays.
	Prefer string
	// Guessed says that the symbol is a guess, for example from the file's name: if its bars contradict stored ones,
	// the import ends without effect.
	Guessed bool
	// Splice stores bars beside those of another source even if their prices differ by a factor. Default: such an
	// import ends without effect, because only one of the two is adjusted for splits.
	Splice bool
	// Zone is the time zone of the exchange, in which intraday bars are assigned to days. Default: that of the exchange
	// that the symbol names, if any.
	Zone *time.Location
	// Strict ends the import without effect at the first rejected row.
	Strict bool
	// DryRun counts what an import would do and writes nothing.
	DryRun bool
}

// ImportResult counts the rows of a file: Read is the sum of the five counts that follow.
type ImportResult struct {
	Read        int64         `json:"read"`
	Inserted    int64         `json:"inserted"`
	Updated     int64         `json:"updated"`      // same source, different values
	Unchanged   int64         `json:"unchanged"`    // already stored, equal
	OtherSource int64         `json:"other_source"` // stored with other values, of another source or a later file
	Quarantined int64         `json:"quarantined"`
	LeftOut     []LeftOut     `json:"left_out,omitempty"` // among the quarantined: rows of periods without a partition
	From        time.Time     `json:"from,omitzero"`      // timestamps of the bars read
	To          time.Time     `json:"to,omitzero"`
	Symbols     int64         `json:"symbols"`
	Elapsed     time.Duration `json:"elapsed_ns"`
}

const (
	importTimeout  = 30 * time.Minute // of one statement of an import
	importAttempts = 50               // attempts in spite of deadlocks and rows of other sessions
	// partitionWait is how long an import that has rows in the table waits for the lock to make a partition. The holder
	// of the lock may be waiting for the import, so it then rolls back, makes the partition, and starts over.
	partitionWait = 3 * time.Second
)

// ImportBars stores bars in one transaction: all of the file or nothing. Bars that cannot meet any in the table are
// copied straight into it. Others are copied into a stage, from which one statement moves those that are new or
// changed. A second import of the same file writes only what is missing: stored bars that differ came later, from
// another file.
//
// Missing partitions are made first, in transactions of their own. The import updates the newest prices and writes one
// market_data_updated event for each symbol. It acts as trading_service, whatever the scope of the context.
//
// Errors: those of Bars; ErrInvalid for a file of more than 100,000 series, for bars that contradict stored ones under
// Guessed, and for bars that differ from another source's by a factor; ErrData for rows that the table refuses, and for
// rejected rows under Strict.
func (db *DB) ImportBars(ctx context.Context, in BarImport) (ImportResult, error) {
	if in.Bars == nil {
		return ImportResult{}, blotter.Invalid("BarImport.Bars", nil, "the bars to import")
	}
	select {
	case db.imports <- struct{}{}:
		defer func() { <-db.imports }()
	case <-ctx.Done():
		return ImportResult{}, translate(ctx, "import "+in.File, ctx.Err())
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
	straight bool // copies into the table, not into the stage
	screen   screen
	needs    spans
	result   ImportResult
}

// run repeats the import until no other session is in the way. After a key that is already stored, or a deadlock, the
// file goes through the stage, which writes keys in order.
func (im *importer) run(ctx context.Context) error {
	ensured := false
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
			if !retry.Pause(ctx, attempt) {
				return pgerror.GaveUp(ctx, err)
			}
		case pgerror.LacksPartition(err) && !ensured: // of the outbox
			ensured = true
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

// readNeeds reads the whole file for its years, so that the next attempt makes all partitions before it writes a row.
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

// attempt imports the whole file once.
func (im *importer) attempt(ctx context.Context) error {
	im.result = ImportResult{}
	reader := readAhead(im.in.Bars, im.in.Strict)
	defer reader.close()

	f := &barFile{im: im, reader: reader, content: sha256.New(), seen: seriesSet{zone: im.in.Zone}}
	if err := f.lookAhead(ctx); err != nil {
		return err
	}

	loan, err := im.db.pools[connection.Service].acquire(ctx)
	if err != nil {
		return err
	}
	defer loan.release()

	if err := f.plan(ctx, loan); err != nil {
		return err
	}
	return f.write(ctx, loan)
}

// plan makes the partitions that the beginning of the file needs, and decides whether it can be copied straight into
// the table.
func (f *barFile) plan(ctx context.Context, loan *loan) (err error) {
	im := f.im
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
		im.straight, err = f.meetsNothing(ctx, loan)
	}
	return err
}

// write stores the file in one transaction, which a dry run rolls back.
func (f *barFile) write(ctx context.Context, loan *loan) error {
	im := f.im
	session := &Session{loan: loan, keep: true, start: time.Now(), begin: "begin", confirmation: &im.db.confirmation}
	tx := &Tx{Session: session, db: im.db, savepoints: new(int)}

	limit := connection.Milliseconds(importTimeout)
	_, err := tx.Exec(ctx, "set local statement_timeout = "+limit+"; set local lock_timeout = "+limit)
	if err == nil {
		err = f.store(ctx, tx)
	}

	if f.panicked != nil {
		tx.rollback(ctx)
		panic(f.panicked)
	}
	if err != nil || im.in.DryRun {
		tx.rollback(ctx)
		return translate(ctx, "", err)
	}
	return tx.commit(ctx)
}
