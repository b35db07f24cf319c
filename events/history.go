package events

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
)

const (
	// sqlIdentity names the cluster and its timeline, which changes when a replica takes over or a backup is rolled
	// forward to an earlier time; and the first transaction that has not begun. The name of the current WAL file has
	// the new timeline at once, pg_control_checkpoint() only after the first checkpoint. On a replica it is an error.
	sqlIdentity = `
select s.system_identifier || '/' || ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  from pg_control_system() s`
	// sqlNewCursor does not try to insert if there is a cursor: it would wait for a leader that is moving the row.
	sqlNewCursor = `
insert into events.cursor (consumer, snap_done, system_identifier, witness)
select $1::text, $2::text::pg_snapshot, $3, $4 where not exists (select from events.cursor where consumer = $1::text)
on conflict (consumer) do nothing`
	sqlAdopt = `
update events.cursor set system_identifier = $2, expired_at = null
 where consumer = $1 and (system_identifier <> $2 or expired_at is not null)`
)

// prepare creates the cursor if there is none, and refuses one that belongs to another history than the outbox.
func (c *Consumer) prepare(ctx context.Context) error {
	here, err := c.readHistory(ctx)
	if err != nil {
		return err
	}
	begin := window.Until(firstXID).String()
	mark := ""
	if c.cfg.FromNow {
		begin = here.now
		if mark, err = c.firstMark(ctx, here.identity); err != nil {
			return err
		}
	}

	return c.cfg.Target.AutoCommit(ctx, func(s *postgres.Session) error {
		if _, err := s.Exec(ctx, sqlNewCursor, c.cfg.Name, begin, here.identity, mark); err != nil {
			return err
		}
		at, found, err := readCursor(ctx, s, c.cfg.Name, "")
		if err != nil || !found {
			return err
		}
		return c.adoptCursor(ctx, s, &at)
	})
}

// adoptCursor checks a cursor and gives it the identity of the cluster. Another instance may move the cursor meanwhile:
// it is compared with the transactions that have begun since it was read.
func (c *Consumer) adoptCursor(ctx context.Context, s *postgres.Session, at *cursor) error {
	here, err := c.readHistory(ctx)
	if err != nil {
		return err
	}
	if err := at.checkHistory(here.identity, here.next); err != nil {
		return err
	}

	if err := c.checkRemoteSource(ctx, at); err != nil {
		return err
	}

	if c.onStart != nil {
		if err := c.onStart(ctx, s, at, here.identity); err != nil {
			return err
		}
	}
	_, err = s.Exec(ctx, sqlAdopt, c.cfg.Name, here.identity)
	return err
}

// history is where the outbox stands at this moment.
type history struct {
	identity string // of the cluster and its timeline
	next     int64  // the first transaction that has not begun
	now      string // snapshot
}

func (c *Consumer) readHistory(ctx context.Context) (h history, err error) {
	err = c.cfg.Source.AutoCommit(ctx, func(s *postgres.Session) error {
		if err := s.QueryRow(ctx, sqlIdentity).Scan(&h.identity, &h.next); err != nil {
			return err
		}
		var own int64
		return s.QueryRow(ctx, sqlTarget).Scan(&h.now, &own)
	})
	return h, err
}

// checkHistory refuses a cursor of another history. A logical restore numbers transactions again from below what the
// cursor has seen: without the check it would wait in silence until they are past it.
func (at *cursor) checkHistory(identity string, next int64) error {
	stored, _, _ := strings.Cut(at.identity, "/")
	current, _, _ := strings.Cut(identity, "/")
	if at.identity != "" && stored != current {
		return at.restoredError(fmt.Sprintf("it was made in cluster %s and this is %s", stored, current))
	}
	if at.done.Xmax > uint64(next) {
		reason := fmt.Sprintf("it has seen transactions up to %d and this database is at %d", at.done.Xmax, next)
		return at.restoredError(reason)
	}
	return nil
}

func (at *cursor) restoredError(reason string) error {
	return &blotter.Error{
		Op: "consume", Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("the database was restored: consumer %s does not fit its outbox (%s); "+
			"run blotter events rebase", at.consumer, reason),
	}
}

const (
	sqlRestart = `
update events.cursor
   set snap_done = $2::text::pg_snapshot, snap_target = null, pos_done = 0, system_identifier = $3, witness = $4,
       updated_at = clock_timestamp(), expired_at = null
 where consumer = $1`
	sqlResolveAll = `
update events.dead_letter set resolved_at = clock_timestamp() where consumer = $1 and resolved_at is null`
	// sqlAllowTime raises the timeouts of the transaction: fn may take as long as reading everything does.
	sqlAllowTime = `
select set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true),
       set_config('lock_timeout', '60s', true)`
)

// Restart lets the consumer start over from a state that fn computes. fn runs in the transaction that holds the
// cursor's lock, so that nobody consumes meanwhile. It returns the snapshot of that state, as pg_current_snapshot()
// writes it: of a transaction of the source that began after the cursor was locked. Events visible in it, and parked
// events, count as consumed; all others come as usual. limit bounds the time that this may take.
func (c *Consumer) Restart(
	ctx context.Context, limit time.Duration, fn func(ctx context.Context, tx *postgres.Tx) (seen string, err error),
) error {
	ctx = blotter.WithAllAccounts(ctx)
	here, err := c.readHistory(ctx)
	if err != nil {
		return err
	}

	return c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.Exec(ctx, sqlAllowTime, fmt.Sprint(limit.Milliseconds())); err != nil {
			return err
		}
		begin := window.Until(firstXID).String()
		if _, err := tx.Exec(ctx, sqlNewCursor, c.cfg.Name, begin, here.identity, ""); err != nil {
			return err
		}
		if _, _, err := readCursor(ctx, tx, c.cfg.Name, forOwner); err != nil {
			return err
		}

		seen, err := fn(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := window.Parse(seen); err != nil {
			return err
		}

		mark, err := c.firstMark(ctx, here.identity)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlRestart, c.cfg.Name, seen, here.identity, mark); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlResolveAll, c.cfg.Name)
		return err
	})
}
