package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var errNoRows = fmt.Errorf("blotter: %w", pgx.ErrNoRows)

// sessionRow is the single row of QueryRow.
type sessionRow struct{ rows *sessionRows }

func (r sessionRow) Scan(dest ...any) error {
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return translate(context.Background(), "", errNoRows)
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// sessionRows are rows whose errors are translated. Closing them ends the batch in which their statement was sent.
type sessionRows struct {
	pgx.Rows
	ctx     context.Context // of the query: its end may be why the rows failed
	session *Session
	batch   pgx.BatchResults
	err     error
	closed  bool
}

// rows returns the rows of a query, which closes batch at their end unless it is nil.
func (s *Session) rows(ctx context.Context, rows pgx.Rows, batch pgx.BatchResults, err error) (pgx.Rows, error) {
	r := &sessionRows{ctx: ctx, Rows: rows, session: s, batch: batch}
	if batch != nil {
		s.led()
	}

	if err != nil {
		if rows == nil {
			r.Rows = nil
		}
		r.err = err
		r.Close()
		return r, r.err
	}
	s.reading = r
	return r, nil
}

func (r *sessionRows) Next() bool {
	if r.closed {
		return false
	}
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *sessionRows) Scan(dest ...any) error {
	if r.closed {
		return programming("the rows are closed")
	}
	if err := r.Rows.Scan(dest...); err != nil {
		r.Close()
		return r.err
	}
	return nil
}

func (r *sessionRows) Close() {
	if r.closed {
		return
	}
	r.closed = true

	if r.Rows != nil {
		r.Rows.Close()
		if r.err == nil {
			r.err = r.Rows.Err()
		}
	}
	if r.batch != nil {
		if err := r.batch.Close(); r.err == nil {
			r.err = err
		}
	}

	r.err = r.session.fail(r.ctx, r.session.settle(r.ctx, r.err))
	r.session.reading = nil
}

func (r *sessionRows) Err() error { return r.err }

// Conn returns nil: the connection belongs to the session, not to the caller.
func (r *sessionRows) Conn() *pgx.Conn { return nil }

// CommandTag returns the tag of the finished statement, empty if it failed before it began.
func (r *sessionRows) CommandTag() pgconn.CommandTag {
	if r.Rows == nil {
		return pgconn.CommandTag{}
	}
	return r.Rows.CommandTag()
}

// sessionBatch skips the results of the leading statements and translates errors.
type sessionBatch struct {
	pgx.BatchResults
	ctx     context.Context // of the batch: its end may be why it failed
	session *Session
	lead    int
	closed  bool
	err     error
}

func (b *sessionBatch) skipLead() error {
	for ; b.lead > 0; b.lead-- {
		if _, err := b.BatchResults.Exec(); err != nil {
			return b.session.fail(b.ctx, err)
		}
	}
	return nil
}

func (b *sessionBatch) Exec() (pgconn.CommandTag, error) {
	if err := b.skipLead(); err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := b.BatchResults.Exec()
	return tag, b.session.fail(b.ctx, err)
}

func (b *sessionBatch) Query() (pgx.Rows, error) {
	if err := b.skipLead(); err != nil {
		return &sessionRows{err: err, closed: true}, err
	}
	rows, err := b.BatchResults.Query()
	if err != nil {
		err = b.session.fail(b.ctx, err)
		return &sessionRows{err: err, closed: true}, err
	}
	return &sessionRows{ctx: b.ctx, Rows: rows, session: b.session}, nil
}

func (b *sessionBatch) QueryRow() pgx.Row {
	rows, _ := b.Query()
	return sessionRow{rows.(*sessionRows)}
}

// Close reads the results that were not read. It runs the callbacks queued with the caller's statements.
func (b *sessionBatch) Close() error {
	if b.closed {
		return b.err
	}
	b.closed = true

	b.err = b.skipLead()
	closing := b.BatchResults.Close()
	if b.err == nil {
		b.err = b.session.fail(b.ctx, closing)
	}
	return b.err
}

// FieldDescriptions returns the columns, none if the statement failed before it had rows.
func (r *sessionRows) FieldDescriptions() []pgconn.FieldDescription {
	if r.Rows == nil {
		return nil
	}
	return r.Rows.FieldDescriptions()
}

// Values returns the values of the present row.
func (r *sessionRows) Values() ([]any, error) {
	if r.Rows == nil || r.closed {
		return nil, programming("the rows are closed")
	}
	return r.Rows.Values()
}

// RawValues returns the values of the present row as the server sent them.
func (r *sessionRows) RawValues() [][]byte {
	if r.Rows == nil || r.closed {
		return nil
	}
	return r.Rows.RawValues()
}
