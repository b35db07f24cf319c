package events

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// collectPositions reads a column of positions.
func collectPositions(rows pgx.Rows) ([]int64, error) { return pgx.CollectRows(rows, pgx.RowTo[int64]) }

const (
	// sqlIdentity names the cluster and its timeline, which changes when a replica takes over or a backup is rolled forward
	// to an earlier time; and the first transaction that has not begun. The name of the file that is written to tells the
	// timeline at once, pg_control_checkpoint() only after the first checkpoint. On a replica it is an error.
	sqlIdentity = `
select s.system_identifier || '/' || ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  from pg_control_system() s`
	// sqlNewCursor does not try where there is one: to meet a row that its leader is moving would be to wait for that.
	sqlNewCursor = `
insert into events.cursor (consumer, snap_done, system_identifier, witness)
select $1::text, $2::text::pg_snapshot, $3, $4 where not exists (select from events.cursor where consumer = $1::text)
on conflict (consumer) do nothing`
	sqlAdopt = `update events.cursor set system_identifier = $2, expired_at = null where consumer = $1 and (system_identifier <> $2 or expired_at is not null)`
)

// prepare makes the cursor the first time, and refuses one that is of another history than the outbox.
func (c *Consumer) prepare(ctx context.Context) error {
	here, err := c.identify(ctx)
	if err != nil {
		return err
	}
	begin, mark := nothing, ""
	if c.cfg.FromNow {
		begin = here.now
		if mark, err = c.mark(ctx, here.identity); err != nil {
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
		// The cursor moves while others consume: what it has seen is compared with what has begun since it was read.
		if here, err = c.identify(ctx); err != nil {
			return err
		}
		if err := at.belongs(here.identity, here.next); err != nil {
			return err
		}
		if err := c.verifySource(ctx, &at); err != nil {
			return err
		}
		if c.arrived != nil {
			if err := c.arrived(ctx, s, &at, here.identity); err != nil {
				return err
			}
		}
		_, err = s.Exec(ctx, sqlAdopt, c.cfg.Name, here.identity)
		return err
	})
}

// history is where the outbox is, at this moment.
type history struct {
	identity string // of the cluster, and its timeline
	next     int64  // the first transaction that has not begun
	now      string // snapshot
}

func (c *Consumer) identify(ctx context.Context) (h history, err error) {
	err = c.cfg.Source.AutoCommit(ctx, func(s *postgres.Session) error {
		if err := s.QueryRow(ctx, sqlIdentity).Scan(&h.identity, &h.next); err != nil {
			return err
		}
		var own int64
		return s.QueryRow(ctx, sqlTarget).Scan(&h.now, &own)
	})
	return h, err
}

// belongs refuses a cursor of another history. After a logical restore transactions are numbered anew, from below what the
// cursor has seen: it would wait in silence for as long as that takes.
func (at *cursor) belongs(identity string, next int64) error {
	stored, _, _ := strings.Cut(at.identity, "/")
	current, _, _ := strings.Cut(identity, "/")
	if at.identity != "" && stored != current {
		return at.foreign(fmt.Sprintf("it was made in cluster %s and this is %s", stored, current))
	}
	if at.done.xmax > uint64(next) {
		return at.foreign(fmt.Sprintf("it has seen transactions up to %d and this database is at %d", at.done.xmax, next))
	}
	return nil
}

func (at *cursor) foreign(why string) error {
	return &blotter.Error{
		Op: "consume", Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("the database was restored: consumer %s does not fit its outbox (%s); run blotter events rebase", at.consumer, why),
	}
}

const (
	sqlRestart = `
update events.cursor set snap_done = $2::text::pg_snapshot, snap_target = null, pos_done = 0, system_identifier = $3, witness = $4, updated_at = clock_timestamp(), expired_at = null
 where consumer = $1`
	sqlResolveAll = `update events.dead_letter set resolved_at = clock_timestamp() where consumer = $1 and resolved_at is null`
	// sqlTakeTime: what is done under the lock may take as long as reading everything does.
	sqlTakeTime = `
select set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true), set_config('lock_timeout', '60s', true)`
)

// Restart has the consumer begin anew from a state that fn computes, in the transaction that it is given: with the cursor
// locked, so that nobody consumes meanwhile. fn returns the snapshot (as pg_current_snapshot() writes it) that the state is
// of: of a transaction of the source that began after the cursor was locked. What is visible in it counts as consumed, what
// is not comes as usual; parked events count as consumed too. limit bounds how long that may take.
func (c *Consumer) Restart(ctx context.Context, limit time.Duration, fn func(ctx context.Context, tx *postgres.Tx) (seen string, err error)) error {
	ctx = blotter.WithAllAccounts(ctx)
	here, err := c.identify(ctx)
	if err != nil {
		return err
	}
	identity := here.identity
	return c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.Exec(ctx, sqlTakeTime, fmt.Sprint(limit.Milliseconds())); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlNewCursor, c.cfg.Name, nothing, identity, ""); err != nil {
			return err
		}
		if _, _, err := readCursor(ctx, tx, c.cfg.Name, forOwner); err != nil {
			return err
		}
		seen, err := fn(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := parseSnapshot(seen); err != nil {
			return err
		}
		mark, err := c.mark(ctx, identity)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlRestart, c.cfg.Name, seen, identity, mark); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlResolveAll, c.cfg.Name)
		return err
	})
}
