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

// book books trades together. Where the server refuses a row that Go let pass, it finds the trade by halves, so that one
// bad trade fails alone. Should another half then fail, its trades' receipts say so: those of the first may be booked.
func (db *DB) book(ctx context.Context, b *booking) error {
	err := db.bookTogether(ctx, b)
	if len(b.given) == 1 || b.together {
		return err
	}
	if pgerror.State(err) == pgerror.LockTimeout {
		return db.bookByAccounts(ctx, b, err)
	}
	if !refusedRow(err) {
		return err
	}
	receipts := make([]Receipt, 0, len(b.given))
	var failed error // of what is no fault of a row: nothing is tried after it
	for _, half := range b.halves() {
		err := failed
		if err == nil {
			err = db.book(ctx, half)
		}
		if err != nil {
			half.refuseAll(err)
		}
		if !refusedRow(err) {
			failed = err
		}
		receipts = append(receipts, half.receipts...)
	}
	b.receipts = receipts
	if failed != nil && !slices.ContainsFunc(receipts, func(r Receipt) bool { return r.Err == nil }) {
		return failed
	}
	return nil
}

// bookByAccounts books each account's trades apart, after somebody held a lock of one of them for too long: the others' are
// booked all the same.
func (db *DB) bookByAccounts(ctx context.Context, b *booking, err error) error {
	places := map[string][]int{}
	var accounts []string
	for i, t := range b.given {
		if places[t.AccountID] == nil {
			accounts = append(accounts, t.AccountID)
		}
		places[t.AccountID] = append(places[t.AccountID], i)
	}
	if len(accounts) == 1 {
		return err
	}
	receipts := make([]Receipt, len(b.given))
	for _, account := range accounts {
		part := &booking{}
		for _, i := range places[account] {
			part.given, part.opts, part.ids = append(part.given, b.given[i]), append(part.opts, b.opts[i]), append(part.ids, b.ids[i])
			if b.imports != nil {
				part.imports = append(part.imports, b.imports[i])
			}
		}
		if err := db.book(ctx, part); err != nil {
			part.refuseAll(err)
		}
		for n, i := range places[account] {
			receipts[i] = part.receipts[n]
		}
	}
	b.receipts = receipts
	return nil
}

// refuseAll gives every trade the error.
func (b *booking) refuseAll(err error) {
	b.receipts = make([]Receipt, len(b.given))
	for i := range b.given {
		b.receipts[i] = failed(b.given[i], err)
	}
}

// refusedRow reports a row that breaks a rule of the database: a retry would fail again.
func refusedRow(err error) bool {
	return errors.Is(err, blotter.ErrIntegrity) || errors.Is(err, blotter.ErrData)
}

// bookTogether books trades in one transaction: at first on what is remembered or read without a lock, written in one
// round trip that takes effect only if that is still so; where it is not, with locks, in a transaction that is retried.
func (db *DB) bookTogether(ctx context.Context, b *booking) error {
	if len(b.given) == 0 {
		return nil
	}
	if !db.books.contended() {
		start := time.Now()
		err := db.bookAtOnce(ctx, b)
		if err == nil {
			db.logCommit(ctx, start)
			return nil
		}
		if !stale(err) && !pgerror.LacksPartition(err) {
			db.logFailure(ctx, "execute trades", start, err, nil)
			return err
		}
	}
	err := db.Transaction(ctx, func(tx *Tx) error {
		tx.booked = true
		return tx.bookLocked(ctx, b)
	}, b.patience(db))
	if err != nil {
		db.books.forget(b)
		return err
	}
	if !b.needsLook() { // then it was not for a trade that cannot be booked
		db.books.contend()
	}
	db.books.remember(b)
	return nil
}

// patience is how often a booking is tried again. What does not exist yet cannot be locked: each time that somebody else was
// first to make a position or an order of the booking, there is one less that can be missing.
func (b *booking) patience(db *DB) TxOption {
	return MaxRetries(max(db.cfg.MaxRetries, 2*len(b.given)))
}

// bookLocked books trades with their orders and positions locked.
func (tx *Tx) bookLocked(ctx context.Context, b *booking) error {
	b.begin(tx.db.cfg.Clock())
	if err := b.lockImports(ctx, tx); err != nil {
		return err
	}
	if err := b.resolve(ctx, tx, nil); err != nil {
		return err
	}
	if err := (&bookReader{booking: b}).read(ctx, tx); err != nil {
		return err
	}
	if err := b.fold(); err != nil {
		return err
	}
	return b.write(ctx, tx)
}

// bookAtOnce books trades in one transaction that is one round trip, if nobody else is in the way. The context ends it
// before it is sent, not after.
func (db *DB) bookAtOnce(ctx context.Context, b *booking) error {
	loan, scope, err := db.borrow(ctx, false)
	if err != nil {
		return err
	}
	s := &Session{loan: loan, scope: scope, actor: actorOf(ctx), confirmation: &db.confirmation}
	defer s.end()
	b.begin(db.cfg.Clock())
	if err := b.resolve(ctx, s, &db.books); err != nil {
		return err
	}
	if err := (&bookReader{booking: b, cache: &db.books}).read(ctx, s); err != nil {
		return err
	}
	if err := b.fold(); err != nil || b.needsLook() {
		return errLook
	}
	if err := ctx.Err(); err != nil {
		return translate(ctx, "execute trades", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err = b.write(ctx, s)
	if err == nil {
		db.books.remember(b)
		db.bell.ring()
		return nil
	}
	db.books.forget(b)
	if errors.Is(err, blotter.ErrNotReplicated) {
		db.bell.ring()
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pgerror.Severity(pg) == "ERROR" {
		return translate(ctx, "execute trades", err) // all of the round trip is undone
	}
	if !loan.IsClosed() {
		loan.close()
	}
	return commitError(ctx, err)
}

// errLook: a trade cannot be booked on what is remembered, which may be old, or it is booked already. It is looked at
// with locks.
var errLook = &blotter.Error{Kind: blotter.ErrSerialization, Message: "looked at again", Err: &pgconn.PgError{Code: "40001"}}

// needsLook reports that a trade was refused, or found in the book.
func (b *booking) needsLook() bool {
	return len(b.stored) > 0 || slices.ContainsFunc(b.receipts, func(r Receipt) bool { return r.Outcome != Applied && r.Outcome != Duplicate })
}
