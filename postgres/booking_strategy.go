package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5/pgconn"
)

// book books trades together and returns a receipt for each. Where the server refuses a row that Go let pass, it finds
// the trade by halves, so that one bad trade fails alone. The error of AllOrNothing comes with its receipts.
func (db *DB) book(ctx context.Context, b *booking) ([]Receipt, error) {
	receipts, err := db.bookTogether(ctx, b)
	switch {
	case err == nil, len(b.trades) == 1, b.allOrNothing:
		return receipts, err
	case pgerror.State(err) == pgerror.LockTimeout:
		return db.bookByAccount(ctx, b, err)
	case refusedRow(err):
		return db.bookByHalves(ctx, b)
	}
	return nil, err
}

// bookTogether books trades in one transaction: optimistically, which is one round trip, unless somebody else works on
// the same rows; with locks where that does not succeed.
func (db *DB) bookTogether(ctx context.Context, b *booking) ([]Receipt, error) {
	if len(b.trades) == 0 {
		return nil, nil
	}

	positions := db.books.positionKeys(b.trades)
	giveBack, err := db.books.turns.take(ctx, positions, db.turnPatience())
	if err != nil {
		return nil, err
	}
	defer giveBack()

	if !db.books.turns.isContended(positions) {
		start := time.Now()
		d, err := db.bookOptimistically(ctx, b)
		if err == nil {
			db.logCommit(ctx, start)
			return d.receipts, nil
		}
		if !needsLocks(err) {
			db.logFailure(ctx, "execute trades", start, err, nil)
			return nil, err
		}
	}

	d, err := db.bookWithLocks(ctx, b)
	if errors.Is(err, errNotAll) {
		return d.receipts, firstError(d.receipts)
	}
	if err != nil {
		return nil, err
	}
	if d.allNew() { // so the optimistic attempt met another session, not a trade that cannot be booked
		db.books.turns.contend(positions)
	}
	return d.receipts, nil
}

// turnPatience returns how long a booking waits for others of its position in this process, as it would wait for a lock.
func (db *DB) turnPatience() time.Duration {
	if db.cfg.LockTimeout > 0 {
		return db.cfg.LockTimeout
	}
	return lockTimeoutDefault
}

// errNeedsLocks ends an optimistic attempt that found a trade which cannot be booked on the rows that it has. These may
// be old.
var errNeedsLocks = errors.New("a trade has to be decided on with locks")

// bookOptimistically books trades on rows that are remembered, or read without locks. They are written in one round
// trip, which is a transaction and takes effect only if the rows are still the same. The context ends it before it is
// sent, not after.
func (db *DB) bookOptimistically(ctx context.Context, b *booking) (*decision, error) {
	loan, scope, err := db.borrow(ctx, false)
	if err != nil {
		return nil, err
	}
	s := &Session{loan: loan, scope: scope, actor: actorOf(ctx), confirmation: &db.confirmation}
	defer s.end()

	d := newDecision(b, db.cfg.Clock())
	rows, err := readRows(ctx, s, &db.books, d.undecided())
	if err != nil {
		return nil, err
	}
	d.decide(rows)
	if !d.allNew() {
		return nil, errNeedsLocks
	}
	if err := ctx.Err(); err != nil {
		return nil, translate(ctx, "execute trades", err)
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	_, err = d.write(ctx, s)
	db.books.update(d, err)
	if err != nil {
		return nil, db.optimisticError(ctx, loan, err)
	}
	db.bell.ring()
	return d, nil
}

// optimisticError returns the error of a round trip that was a transaction: an error of the server is certain, all of
// it is undone. After a broken link the outcome is unknown.
func (db *DB) optimisticError(ctx context.Context, loan *loan, err error) error {
	if errors.Is(err, blotter.ErrNotReplicated) {
		db.bell.ring()
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pgerror.Severity(pg) == "ERROR" {
		return translate(ctx, "execute trades", err)
	}
	if !loan.IsClosed() {
		loan.close()
	}
	return commitError(ctx, err)
}

// needsLocks reports whether an optimistic attempt failed for a reason that locks, or a retried transaction, may
// remove.
func needsLocks(err error) bool {
	return errors.Is(err, errNeedsLocks) || stale(err) || pgerror.LacksPartition(err)
}

// stale reports whether another session has changed the rows meanwhile, or met this one in a deadlock: without locks,
// rows are locked in the order of the statements.
func stale(err error) bool {
	switch pgerror.ServerState(err) {
	case "40001", "40P01", "23505":
		return true
	}
	return false
}

// bookWithLocks books trades in a transaction that locks their rows, and is retried.
func (db *DB) bookWithLocks(ctx context.Context, b *booking) (d *decision, err error) {
	err = db.Transaction(ctx, func(tx *Tx) error {
		tx.booked = true
		d, err = tx.bookLocked(ctx, b)
		return err
	}, b.patience(db))
	if d != nil {
		db.books.update(d, err)
	}
	return d, err
}

// patience returns how often a booking may be tried again. A row that does not exist cannot be locked: each time that
// another session was first to create a position or an order of the booking, one less can be missing.
func (b *booking) patience(db *DB) TxOption {
	return MaxRetries(max(db.cfg.MaxRetries, 2*len(b.trades)))
}

// errNotAll ends a booking under AllOrNothing. The decision that comes with it says why.
var errNotAll = errors.New("not all trades can be booked")

// bookLocked books trades with their imports, orders and positions locked until the transaction ends.
func (tx *Tx) bookLocked(ctx context.Context, b *booking) (*decision, error) {
	d := newDecision(b, tx.db.cfg.Clock())
	if err := tx.lockImports(ctx, b); err != nil {
		return nil, err
	}
	rows, err := readLocked(ctx, tx, d.undecided())
	if err != nil {
		return nil, err
	}
	d.decide(rows)
	if d.withheld {
		return d, errNotAll
	}

	if err := d.refold(ctx, tx); err != nil {
		return nil, err
	}

	deferred, err := d.write(ctx, tx)
	tx.events = append(tx.events, deferred...)
	if err == nil {
		err = d.writeRefolds(ctx, tx)
	}
	return d, err
}

// part returns the booking of the trades at the given indexes.
func (b *booking) part(indexes []int) *booking {
	part := &booking{}
	for _, i := range indexes {
		part.trades = append(part.trades, b.trades[i])
		part.options = append(part.options, b.options[i])
		part.correlations = append(part.correlations, b.correlations[i])
		if b.imports != nil {
			part.imports = append(part.imports, b.imports[i])
		}
	}
	return part
}

// bookByHalves books the two halves of a booking one after the other. If the second fails as a whole, the trades of the
// first may be booked, so its error is in the receipts.
func (db *DB) bookByHalves(ctx context.Context, b *booking) ([]Receipt, error) {
	indexes := make([]int, len(b.trades))
	for i := range indexes {
		indexes[i] = i
	}
	middle := len(indexes) / 2

	receipts := make([]Receipt, 0, len(b.trades))
	var failure error // one that is not the fault of a row: nothing is tried after it
	for _, half := range [][]int{indexes[:middle], indexes[middle:]} {
		part := b.part(half)
		if failure != nil {
			receipts = append(receipts, failedAll(part.trades, failure)...)
			continue
		}
		booked, err := db.book(ctx, part)
		if err != nil {
			booked = failedAll(part.trades, err)
		}
		if !refusedRow(err) {
			failure = err
		}
		receipts = append(receipts, booked...)
	}
	if failure != nil && !slices.ContainsFunc(receipts, func(r Receipt) bool { return r.Err == nil }) {
		return nil, failure
	}
	return receipts, nil
}

// bookByAccount books the trades of each account apart, after another session held a lock of one account for too long:
// the trades of the others are booked all the same.
func (db *DB) bookByAccount(ctx context.Context, b *booking, err error) ([]Receipt, error) {
	indexes := map[string][]int{}
	var accounts []string
	for i, t := range b.trades {
		if indexes[t.AccountID] == nil {
			accounts = append(accounts, t.AccountID)
		}
		indexes[t.AccountID] = append(indexes[t.AccountID], i)
	}
	if len(accounts) == 1 {
		return nil, err
	}

	receipts := make([]Receipt, len(b.trades))
	for _, account := range accounts {
		part := b.part(indexes[account])
		booked, err := db.book(ctx, part)
		if err != nil {
			booked = failedAll(part.trades, err)
		}
		for n, i := range indexes[account] {
			receipts[i] = booked[n]
		}
	}
	return receipts, nil
}
