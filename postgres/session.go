package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier has the methods that Tx and Session share with pgx: code that sqlc generated, and hand-written pgx, run in
// either.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// Session is one connection in use by one goroutine, with the rows of one scope. Its errors are *blotter.Error.
type Session struct {
	loan        *loan
	scope       blotter.Scope
	actor       actor // of a session that writes
	start       time.Time
	begin       string // BEGIN with its options; "" if each statement commits on its own
	state       sessionState
	reading     *sessionRows  // rows that the caller has not read to the end
	batch       *sessionBatch // a batch whose results the caller has not closed
	failure     error         // why the transaction can no longer commit
	keep        bool          // the connection outlives the session
	quieted     bool          // a statement may have silenced the server's warnings
	autocommits bool          // the present statement may write, and commits on its own

	confirmation *confirmation // of the DB, in a session that writes
}

type sessionState int

const (
	stateIdle  sessionState = iota // BEGIN has not been sent
	stateOpen                      // inside a transaction
	stateEnded                     // committed or rolled back
)

// Exec runs a statement that returns no rows.
func (s *Session) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := s.ready(ctx, sql); err != nil {
		return pgconn.CommandTag{}, err
	}

	batch, lead := s.lead(sql, args)
	if batch == nil {
		if err := s.open(ctx); err != nil {
			return pgconn.CommandTag{}, err
		}
		tag, err := s.loan.Exec(ctx, sql, args...)
		return tag, s.fail(ctx, s.settle(ctx, err))
	}

	results := s.loan.SendBatch(ctx, batch)
	tag, err := afterLead(results, lead, results.Exec)
	if closing := results.Close(); err == nil {
		err = closing
	}
	s.led()

	return tag, s.fail(ctx, err)
}

// Query runs a statement that returns rows. The session serves nothing else until they are read or closed.
func (s *Session) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := s.ready(ctx, sql); err != nil {
		return &sessionRows{err: err, closed: true}, err
	}

	batch, lead := s.lead(sql, args)
	if batch == nil {
		if err := s.open(ctx); err != nil {
			return &sessionRows{err: err, closed: true}, err
		}
		rows, err := s.loan.Query(ctx, sql, args...)
		return s.rows(ctx, rows, nil, err)
	}

	results := s.loan.SendBatch(ctx, batch)
	rows, err := afterLead(results, lead, results.Query)
	return s.rows(ctx, rows, results, err)
}

// QueryRow runs a statement that returns at most one row. Scan returns ErrNotFound if there is none.
func (s *Session) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, _ := s.Query(ctx, sql, args...)
	return sessionRow{rows.(*sessionRows)}
}

// SendBatch sends all statements of the batch in one round trip. Close its results.
func (s *Session) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	plain := true
	for _, q := range batch.QueuedQueries {
		if err := s.ready(ctx, q.SQL); err != nil {
			return pgx.FailedBatchResults(batch, err)
		}
		plain = plain && (isPlain(q.SQL) || isSetLocal(q.SQL))
	}

	leading := s.leading()
	if len(leading.QueuedQueries) == 0 || !plain && s.begin != "" {
		if err := s.open(ctx); err != nil {
			return pgx.FailedBatchResults(batch, err)
		}
		leading = &pgx.Batch{}
	}

	lead := len(leading.QueuedQueries)
	leading.QueuedQueries = append(leading.QueuedQueries, batch.QueuedQueries...)
	s.batch = &sessionBatch{ctx: ctx, BatchResults: s.loan.SendBatch(ctx, leading), session: s, lead: lead}
	s.led()
	return s.batch
}

// CopyFrom streams rows into a table in COPY's binary format. PostgreSQL refuses that for tables with row-level
// security: copy into a temporary table and insert from there, as Table.CopyIn does.
func (s *Session) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource,
) (int64, error) {
	if err := s.ready(ctx, "insert"); err != nil {
		return 0, err
	}
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	n, err := s.loan.CopyFrom(ctx, table, columns, rows)
	return n, s.fail(ctx, s.settle(ctx, err))
}

// ready returns an error if the session cannot run a statement, and notes what the statement may leave behind.
func (s *Session) ready(ctx context.Context, sql string) error {
	switch {
	case s.state == stateEnded:
		return errEnded
	case s.reading != nil && !s.reading.closed:
		return programming("the rows of the session's last query are not closed")
	case s.batch != nil && !s.batch.closed:
		return programming("the results of the session's last batch are not closed")
	case s.failure != nil:
		return &blotter.Error{
			Kind: blotter.ErrProgramming, SQLState: "25P02", Err: s.failure,
			Message: "the transaction has failed and can only roll back: " + s.failure.Error(),
		}
	}
	if err := ctx.Err(); err != nil {
		return translate(ctx, "", err)
	}

	s.noteLeftovers(sql)
	s.autocommits = s.confirmation != nil && s.begin == "" && !reads(sql)
	return nil
}

// noteLeftovers marks the connection if the statement may leave something behind on it.
func (s *Session) noteLeftovers(sql string) {
	if isPlain(sql) {
		return
	}
	if !leavesNothing(sql) {
		s.loan.dirty = true
	}
	if s.loan.dirty || containsFold(sql, "client_min_messages") {
		s.quieted = true
	}
}

var errEnded = programming("the session has ended: use it only in the function that received it")

// leading returns the statements that must precede the caller's: BEGIN, before the first statement of a transaction,
// and the settings of the account and the actor.
func (s *Session) leading() *pgx.Batch {
	batch := &pgx.Batch{}
	if s.state != stateIdle {
		return batch
	}

	if s.begin != "" {
		batch.Queue(s.begin)
	}
	if s.scope.Account != "" {
		batch.Queue(sqlSetAccount, s.scope.Account)
	}
	if s.actor != (actor{}) {
		batch.Queue(sqlSetActor, s.actor.user, s.actor.correlation)
	}
	return batch
}

// hasSettings reports whether the session's statements need the account or the actor.
func (s *Session) hasSettings() bool { return s.scope.Account != "" || s.actor != (actor{}) }

// lead returns a batch of the leading statements and the caller's, and the number of the former. It returns nil if
// nothing has to lead or the statement cannot be in a batch.
func (s *Session) lead(sql string, args []any) (*pgx.Batch, int) {
	if s.state == stateOpen || s.begin == "" && !s.hasSettings() {
		return nil, 0
	}
	if !isPlain(sql) || takesOption(args) {
		return nil, 0
	}

	batch := s.leading()
	lead := len(batch.QueuedQueries)
	batch.Queue(sql, args...)
	return batch, lead
}

// takesOption reports whether pgx would read the first argument as an option of the query, which batches do not
// support.
func takesOption(args []any) bool {
	if len(args) == 0 {
		return false
	}
	switch args[0].(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return true
	}
	return false
}

// led notes that the leading statements have been sent.
func (s *Session) led() {
	if s.begin != "" {
		s.state = stateOpen
	}
}

// afterLead reads the results of the leading statements, then gets the caller's.
func afterLead[T any](results pgx.BatchResults, lead int, get func() (T, error)) (T, error) {
	for range lead {
		if _, err := results.Exec(); err != nil {
			var none T
			return none, err
		}
	}
	return get()
}

// open begins the transaction in a round trip of its own: one simple query, in which the account is written as code
// points so that nothing in it is SQL. SET LOCAL takes no snapshot, so the caller may still set the isolation level.
func (s *Session) open(ctx context.Context) error {
	if s.state != stateIdle {
		return nil
	}

	switch {
	case s.begin != "":
		_, err := s.loan.Exec(ctx, s.begin+s.settings())
		s.led()
		return s.fail(ctx, err)
	case s.hasSettings():
		// A statement that cannot be in a batch gets a transaction of its own, which settle ends.
		s.loan.dirty = true
		s.state = stateOpen
		_, err := s.loan.Exec(ctx, "begin"+s.settings())
		return s.fail(ctx, err)
	}
	return nil
}

// settle ends the transaction that open began for a single statement. err is the statement's error; settle returns it,
// or that of the commit.
func (s *Session) settle(ctx context.Context, err error) error {
	if s.begin != "" || s.state != stateOpen {
		return err
	}

	s.state = stateIdle
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	_, failed := s.loan.Exec(ctx, "commit") // rolls a failed transaction back
	if failed == nil {
		return err
	}

	s.loan.close()
	if err == nil {
		return commitError(ctx, failed)
	}
	return err
}

// fail translates an error and, inside a transaction, remembers the first one, after which the transaction cannot
// commit.
func (s *Session) fail(ctx context.Context, err error) error {
	if err == nil {
		return s.unconfirmed()
	}

	// A row that is missing or does not fit its variable does not harm the transaction.
	var pg *pgconn.PgError
	refused := errors.As(err, &pg)
	if s.autocommits && s.loan.IsClosed() && !refused {
		return commitError(ctx, err)
	}

	err = translate(ctx, "", err)
	if (refused || s.loan.IsClosed()) && s.begin != "" && s.failure == nil {
		s.failure = err
	}
	return err
}

// unconfirmed returns the error of a commit that no synchronous replica confirmed, or nil.
func (s *Session) unconfirmed() error {
	err := takeUnreplicated(s.loan.Conn)
	if err != nil && s.confirmation != nil {
		s.confirmation.miss()
	}
	return err
}

// closeResults closes rows and batches that the caller left open.
func (s *Session) closeResults() {
	if s.reading != nil {
		s.reading.Close()
	}
	if s.batch != nil {
		_ = s.batch.Close()
	}
}

// end closes what the caller left open and returns the connection to its pool.
func (s *Session) end() {
	s.closeResults()
	s.state = stateEnded
	if !s.keep {
		s.loan.release()
	}
}

// rollback ends the transaction even if the caller's context is cancelled. If the server does not answer, it closes the
// connection, which ends the transaction too.
func (s *Session) rollback(ctx context.Context) {
	s.closeResults()
	if s.state == stateOpen && !s.loan.IsClosed() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		if _, err := s.loan.Exec(ctx, "rollback"); err != nil {
			s.loan.close()
		}
	}
	s.end()
}
