package logs

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

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
	rows, lost := batch, s.losses.take()
	if lost.dropped > 0 {
		rows = append([]row{lost.row()}, batch...)
	}

	transaction, err := s.copy(ctx, rows)
	if pgerror.LacksPartition(err) {
		if err = s.ensurePartitions(ctx, rows); err == nil {
			transaction, err = s.copy(ctx, rows)
		}
	}
	if errors.Is(err, blotter.ErrCommitUnknown) {
		err = s.settle(parent, transaction, err)
	}
	if err != nil {
		s.losses.giveBack(lost)
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
	}, postgres.Unlogged) // the DB may log into this very handler
	return transaction, err
}

// settle finds out whether a batch was stored whose COMMIT was not answered. It takes the time that needs: storing the
// batch again would double it, and forgetting it would lose it.
func (s *store) settle(ctx context.Context, transaction string, unknown error) error {
	for pause := retryFirst; ; pause = min(pause*2, retryMost) {
		s.runner.State.Set(unknown)
		var outcome string
		bounded, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
		err := s.cfg.DB.Transaction(bounded, func(tx *postgres.Tx) error {
			return tx.QueryRow(bounded, sqlOutcome, transaction).Scan(&outcome)
		}, postgres.Unlogged)
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

// ensurePartitions makes the partitions of rows of another time than now: Transaction has made those that are due.
func (s *store) ensurePartitions(ctx context.Context, rows []row) error {
	for _, r := range rows {
		err := s.cfg.DB.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, sqlEnsureLogs, r.at, r.at)
			return err
		}, postgres.Unlogged)
		if err != nil && !refused(err) { // of a row that no partition can be made for, COPY tells
			return err
		}
	}
	return nil
}
