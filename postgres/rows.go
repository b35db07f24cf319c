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

// sessionRows translate the errors of rows, and end the batch in which their statement was sent.
type sessionRows struct {
	pgx.Rows
	ctx     context.Context // of the query: whether it has ended tells why rows failed
	session *Session
	batch   pgx.BatchResults
	err     error
	closed  bool
}

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

// Conn is nil: the connection is the session's, not the caller's.
func (r *sessionRows) Conn() *pgx.Conn { return nil }

// CommandTag is that of the finished statement; empty where it failed before it began.
func (r *sessionRows) CommandTag() pgconn.CommandTag {
	if r.Rows == nil {
		return pgconn.CommandTag{}
	}
	return r.Rows.CommandTag()
}

// sessionBatch passes over the results of what went first and translates errors.
type sessionBatch struct {
	pgx.BatchResults
	ctx     context.Context // of the batch: whether it has ended tells why it failed
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

// Close reads what was not read. Callbacks queued with the statements run here, on the caller's results only.
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

// FieldDescriptions, Values and RawValues are empty where the statement failed before it had rows.
func (r *sessionRows) FieldDescriptions() []pgconn.FieldDescription {
	if r.Rows == nil {
		return nil
	}
	return r.Rows.FieldDescriptions()
}

// Values are those of the present row.
func (r *sessionRows) Values() ([]any, error) {
	if r.Rows == nil || r.closed {
		return nil, programming("the rows are closed")
	}
	return r.Rows.Values()
}

// RawValues are those of the present row, as the server sent them.
func (r *sessionRows) RawValues() [][]byte {
	if r.Rows == nil || r.closed {
		return nil
	}
	return r.Rows.RawValues()
}
