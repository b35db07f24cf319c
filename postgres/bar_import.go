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
	// Guessed says that the symbol is a guess, as from the file's name: where its bars contradict stored ones, the import
	// ends without effect.
	Guessed bool
	// Splice stores bars beside those of another source although their prices differ by a factor. Default: such an import
	// ends without effect, because one of both is adjusted for splits and the other is not.
	Splice bool
	// Zone is that of the exchange, in which the days of bars within a day are judged. Default: the symbol's exchange, where
	// it names one.
	Zone *time.Location
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
// Errors: those of Bars; ErrInvalid for a file of more than 100,000 symbols, and for bars that contradict stored ones under
// Guessed or differ from another source's by a factor; ErrData for what the table refuses, and for
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
	straight bool // into the table, not into the stage
	screen   screen
	needs    spans
	result   ImportResult
}

// run tries until nobody else is in the way: a key that is there already sends the file through the stage, and so does a
// deadlock, after which keys are written in order.
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
		case pgerror.LacksPartition(err) && !ensured: // the outbox's ran out
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
	f := &barFile{im: im, reader: reader, content: sha256.New(), seen: seriesSet{zone: im.in.Zone}}
	if err := f.lookAhead(ctx); err != nil {
		return err
	}
	loan, err := im.db.pools[connection.Service].acquire(ctx)
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
	session := &Session{loan: loan, keep: true, start: time.Now(), begin: "begin", confirmation: &im.db.confirmation}
	tx := &Tx{Session: session, db: im.db, savepoints: new(int)}
	limit := connection.Milliseconds(importTimeout)
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
		return translate(ctx, "", err)
	}
	return tx.commit(ctx)
}
