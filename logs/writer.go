package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Use gives the database that Config did not. It has no effect after Start.
func (s *store) Use(db *postgres.DB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.cfg.DB = db
	}
}

// Start begins to store what is queued, and returns. A database that cannot be reached is no error: Health tells it. The
// context's end does not stop it; Stop does.
func (s *store) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return nil
	}
	if s.cfg.DB == nil {
		return blotter.Invalid("Config.DB", "nil", "an open database, or one by Use")
	}
	if s.isClosed() {
		return &blotter.Error{Op: "start logs", Kind: blotter.ErrProgramming, Message: "the handler was stopped; make another one"}
	}
	ctx, s.cancel = context.WithCancel(context.WithValue(blotter.WithAllAccounts(context.WithoutCancel(ctx)), ownKey{}, true))
	s.started = true
	go s.write(ctx)
	return nil
}

// Stop takes no more records, stores what is queued, and waits. When ctx ends first, what is left is counted as dropped
// and the error says how much that is. Records that come later go to the next handler alone.
func (s *store) Stop(ctx context.Context) error {
	s.closing.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.closing.Unlock()
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	if !started {
		return nil
	}
	defer s.cancel()
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cancel()
		<-s.done
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return &blotter.Error{Op: "stop logs", Kind: blotter.ErrOperational, Err: s.err, Message: fmt.Sprintf("%d log rows of this program were not stored: %v", s.dropped.Load(), s.err)}
	}
	return nil
}

// Health is nil while rows are stored as they come.
func (s *store) Health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return &blotter.Error{Op: "logs", Kind: blotter.ErrOperational, Message: "the log writer was not started"}
	}
	return s.err
}

func (s *store) isClosed() bool {
	s.closing.RLock()
	defer s.closing.RUnlock()
	return s.closed
}

func (s *store) remember(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// write is the writer: it lives until the queue is closed and empty.
func (s *store) write(ctx context.Context) {
	defer close(s.done)
	batch := make([]row, 0, batchMax)
	for {
		var more bool
		if batch, more = s.gather(batch[:0]); len(batch) > 0 {
			s.deliver(ctx, batch)
		}
		if !more {
			s.deliver(ctx, nil) // what was dropped is told
			return
		}
	}
}

// gather waits for rows: for Batch of them, or Every long for fewer, and takes along what else is there. more is false
// when the queue is closed and empty.
func (s *store) gather(batch []row) (_ []row, more bool) {
	first, open := <-s.queue
	if !open {
		return batch, false
	}
	batch = append(batch, first)
	timer := time.NewTimer(s.cfg.Every)
	defer timer.Stop()
	for len(batch) < s.cfg.Batch {
		select {
		case r, open := <-s.queue:
			if !open {
				return batch, false
			}
			batch = append(batch, r)
		case <-timer.C:
			return batch, true
		}
	}
	for len(batch) < batchMax {
		select {
		case r, open := <-s.queue:
			if !open {
				return batch, false
			}
			batch = append(batch, r)
		default:
			return batch, true
		}
	}
	return batch, true
}

const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// deliver stores a batch, however long the database is gone, unless Stop cuts it short. Rows that the database cannot
// hold are found by halves and dropped.
func (s *store) deliver(ctx context.Context, batch []row) {
	if len(batch) == 0 && s.losses.count().dropped == 0 {
		return
	}
	for pause := retryFirst; ; pause = min(pause*2, retryMost) {
		err := s.store(ctx, batch)
		s.remember(err)
		switch {
		case err == nil:
			s.written.Add(int64(len(batch)))
			return
		case ctx.Err() != nil:
			s.lose(ctx, batch, err)
			return
		case refused(err) && len(batch) > 1:
			s.deliver(ctx, batch[:len(batch)/2])
			s.deliver(ctx, batch[len(batch)/2:])
			return
		case refused(err):
			s.lose(ctx, batch, err)
			s.remember(nil)
			return
		case s.isClosed() && !errors.Is(err, blotter.ErrOperational): // nothing to wait for: the DB was closed before
			s.lose(ctx, batch, err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

func (s *store) lose(ctx context.Context, batch []row, err error) {
	for _, r := range batch {
		s.drop(1, r.at)
	}
	if len(batch) > 0 {
		record := slog.NewRecord(time.Now(), slog.LevelError, "log rows cannot be stored", 0)
		record.AddAttrs(slog.Int("rows", len(batch)), slog.String("error", err.Error()))
		_ = s.cfg.Next.Handle(ctx, record)
	}
}

// refused reports that the database is there and will never take the rows.
func refused(err error) bool {
	return errors.Is(err, blotter.ErrData) || errors.Is(err, blotter.ErrIntegrity) || errors.Is(err, blotter.ErrInvalid)
}

var (
	logTable   = pgx.Identifier{"logging", "system_logs"}
	logColumns = []string{"service", "level", "message", "data", "correlation_id", "event_type", "timestamp"}
)

// sqlTransaction numbers the transaction of a batch, by which sqlOutcome tells whether it took place.
const (
	sqlTransaction = `select pg_current_xact_id()::text`
	sqlOutcome     = `select coalesce(pg_xact_status($1::text::xid8), 'unknown')`
	sqlEnsureLogs  = `select shared.ensure_partitions('system_logs', $1, $2)`
)

// store stores a batch, with what was dropped before it, in one transaction.
func (s *store) store(parent context.Context, batch []row) error {
	ctx, cancel := context.WithTimeout(parent, s.cfg.WriteTimeout)
	defer cancel()
	rows, lost := batch, s.losses.count()
	if lost.dropped > 0 {
		rows = append([]row{lost.row()}, batch...)
	}
	transaction, err := s.copy(ctx, rows)
	if lacksPartition(err) {
		if err = s.ensurePartitions(ctx, rows); err == nil {
			transaction, err = s.copy(ctx, rows)
		}
	}
	if errors.Is(err, blotter.ErrCommitUnknown) {
		err = s.settle(parent, transaction, err)
	}
	if err == nil {
		s.losses.told(lost)
	}
	return err
}

func (s *store) copy(ctx context.Context, rows []row) (transaction string, err error) {
	err = s.cfg.DB.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := tx.QueryRow(ctx, sqlTransaction).Scan(&transaction); err != nil {
			return err
		}
		_, err := tx.CopyFrom(ctx, logTable, logColumns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := &rows[i]
			return []any{s.cfg.Service, r.level, r.message, r.data, r.correlationID, r.eventType, r.at}, nil
		}))
		return err
	})
	return transaction, err
}

// settle finds out whether a batch was stored whose COMMIT was not answered, however long that takes: to store it again
// would double it, to forget it would lose it.
func (s *store) settle(ctx context.Context, transaction string, unknown error) error {
	for pause := retryFirst; ; pause = min(pause*2, retryMost) {
		s.remember(unknown)
		var outcome string
		bounded, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
		err := s.cfg.DB.Transaction(bounded, func(tx *postgres.Tx) error {
			return tx.QueryRow(bounded, sqlOutcome, transaction).Scan(&outcome)
		})
		cancel()
		switch {
		case err == nil && outcome == "committed":
			return nil
		case err == nil && outcome != "in progress":
			return unknown // it was not: it is stored again
		case ctx.Err() != nil:
			return unknown
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// lacksPartition reports rows of a time for which there is no partition: nobody has run for months, or they are old.
func lacksPartition(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23514" && pg.ConstraintName == "" && pg.TableName == logTable[1]
}

func (s *store) ensurePartitions(ctx context.Context, rows []row) error {
	for _, r := range rows {
		err := s.cfg.DB.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, sqlEnsureLogs, r.at, r.at)
			return err
		})
		if err != nil && !refused(err) { // of a row that no partition can be made for, COPY tells
			return err
		}
	}
	return nil
}
