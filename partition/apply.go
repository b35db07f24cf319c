package partition

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lockTimeouts is how long each try of a step waits for its locks. They are short because whoever comes after a waiting
// step waits behind it, and grow because a table that is always busy has to be waited for.
var lockTimeouts = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second}

// backoff is the pause after the first try; it doubles, with jitter, so that the others get their turn.
const backoff = 200 * time.Millisecond

// Apply carries out the steps on a connection of postgres.ConnectOwner, and calls done with what each has done. Each
// step is a transaction of its own (VACUUM and DETACH CONCURRENTLY several), so that a run that is cut short leaves
// nothing half done that the next one does not end. Where a step fails, the other steps of its table are left out, those
// of other tables go on, and the error is Failures. Any other error ended the run.
//
// The caller holds Lock.
func Apply(ctx context.Context, conn *pgx.Conn, steps []Step, done func(step Step, outcome string)) error {
	var failures Failures
	failed := map[Relation]bool{}
	for _, step := range steps {
		if failed[step.Table] {
			continue
		}
		outcome, err := try(ctx, conn, step)
		switch {
		case ctx.Err() != nil:
			return pgerror.Translate(ctx, "partitions", ctx.Err())
		case err != nil && conn.IsClosed():
			return pgerror.Translate(ctx, "partitions", err)
		case err != nil:
			failed[step.Table] = true
			failures = append(failures, Failure{step.Table, explain(ctx, step, err)})
		default:
			done(step, outcome)
		}
	}
	if len(failures) > 0 {
		return failures
	}
	return nil
}

// explain says what was being done to which leaf, and what the server advises.
func explain(ctx context.Context, step Step, err error) error {
	var pg *pgconn.PgError
	text := ""
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "55P03":
			text = "; the table is in use, run again when long transactions have ended"
		case pg.Hint != "":
			text = "; " + pg.Hint
		}
	}
	return fmt.Errorf("%s %s: %w%s", step.Kind, step.Leaf.Name, pgerror.Translate(ctx, "", err), text)
}

// try runs a step until it gets its locks.
func try(ctx context.Context, conn *pgx.Conn, step Step) (outcome string, err error) {
	for n, limit := range lockTimeouts {
		if _, err := conn.Exec(ctx, `select set_config('lock_timeout', $1, false)`, fmt.Sprint(limit.Milliseconds())); err != nil {
			return "", err
		}
		outcome, err = run(ctx, conn, step)
		if err == nil || !locked(err) || !pause(ctx, backoff<<n) {
			return outcome, err
		}
	}
	return outcome, err
}

// locked reports that a step did not get its locks: lock_timeout, or a deadlock that was broken at its cost.
func locked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

// pause waits half to one and a half times d. It is false if the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func run(ctx context.Context, conn *pgx.Conn, s Step) (string, error) {
	switch s.Kind {
	case Create:
		return create(ctx, conn, s)
	case Finalize, Detach:
		return detach(ctx, conn, s)
	case Attach:
		return attach(ctx, conn, s)
	case Vacuum:
		return "vacuumed", inTurn(ctx, conn, "vacuum (freeze, analyze) "+s.Leaf.sql(),
			fmt.Sprintf("insert into shared.vacuumed_partitions (leaf) values (%s) on conflict do nothing", s.Leaf.regclass()))
	case Analyze:
		return "analyzed", inTurn(ctx, conn, "analyze "+s.Table.sql())
	case Bound:
		return "bounded", inTurn(ctx, conn, fmt.Sprintf(
			"alter table %s drop constraint if exists %s, add constraint %[2]s check (%s) not valid", s.Leaf.sql(), boundCheck, s.condition()))
	case Validate:
		return "validated", inTurn(ctx, conn, fmt.Sprintf("alter table %s validate constraint %s", s.Leaf.sql(), boundCheck))
	case Archive:
		return "archived", archive(ctx, conn, s)
	case Drop:
		return "dropped", atOnce(ctx, conn,
			"delete from shared.vacuumed_partitions where leaf = "+s.Leaf.regclass(), "drop table "+s.Leaf.sql())
	}
	return "", fmt.Errorf("there is no step %q", s.Kind)
}

// boundCheck is the CHECK that a leaf has while it is being archived.
const boundCheck = "blotter_bounds"

func (r Relation) regclass() string { return literal(r.sql()) + "::regclass" }

// condition is what the server derives from the leaf's bounds.
func (s Step) condition() string {
	key := pgx.Identifier{s.Key}.Sanitize()
	return fmt.Sprintf("%s is not null and %[1]s >= %[2]s and %[1]s < %[3]s", key, timestamp(s.From), timestamp(s.To))
}

func timestamp(t time.Time) string {
	return literal(t.Format("2006-01-02 15:04:05.999999-07")) + "::timestamptz"
}

// literal quotes a text. standard_conforming_strings is on, as by default.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// inTurn runs statements outside of a transaction block, which some need.
func inTurn(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// atOnce runs statements in one transaction.
func atOnce(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return inTurn(ctx, tx.Conn(), statements...) })
}

const (
	sqlCreatePositions = `select shared.ensure_positions(p)::text from shared.partitioned_tables p where p.table_name = $1::text::regclass`
	sqlCover           = `select shared.cover($1::text::regclass, $2, $3)`
	sqlLockPartitions  = `select shared.lock_partitions($1::text::regclass)`
)

// create makes the leaf unless somebody else, as an import or an Open, was faster.
func create(ctx context.Context, conn *pgx.Conn, s Step) (outcome string, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		parent := s.Table.sql()
		if _, err := tx.Exec(ctx, sqlLockPartitions, parent); err != nil {
			return err
		}
		if s.Grain == Positions {
			if _, err := tx.Exec(ctx, sqlCreatePositions, parent); err != nil {
				return err
			}
			outcome = "created " + s.Leaf.Name
			return nil
		}
		var said *string
		if err := tx.QueryRow(ctx, sqlCover, parent, string(s.Grain), s.From).Scan(&said); err != nil {
			return err
		}
		if said == nil {
			return fmt.Errorf("other partitions came to cover a part of %s meanwhile; run again", s.Bounds)
		}
		outcome = *said
		return nil
	})
	return outcome, err
}

const sqlDetaching = `select (select inhdetachpending from pg_inherits
	where inhparent = to_regclass($1) and inhrelid = to_regclass($2))`

// detach takes a leaf out of its table beside readers and writers. DETACH CONCURRENTLY is two transactions with a wait
// for others in between: if it was cut short there, by lock_timeout or death, what remains is to finalize it.
func detach(ctx context.Context, conn *pgx.Conn, s Step) (string, error) {
	pending, err := detaching(ctx, conn, s)
	how := "concurrently"
	switch {
	case err != nil:
		return "", err
	case pending == nil:
		return "detached already", nil
	case *pending:
		how = "finalize"
	}
	return "detached", inTurn(ctx, conn, detachSQL(s, how))
}

// attach ends a detaching and takes it back, at once: no row of the leaf's time finds it gone. The server has left a
// CHECK of the bounds, so attaching scans nothing.
func attach(ctx context.Context, conn *pgx.Conn, s Step) (string, error) {
	pending, err := detaching(ctx, conn, s)
	again := attachSQL(s.Table, s.Leaf, s.Bounds)
	switch {
	case err != nil:
		return "", err
	case pending == nil: // somebody has finalized it meanwhile
		return "attached", inTurn(ctx, conn, again)
	case !*pending:
		return "attached already", nil
	}
	return "attached", atOnce(ctx, conn, detachSQL(s, "finalize"), again)
}

// detaching is whether the leaf's detaching is pending; nil where it is no leaf of the table.
func detaching(ctx context.Context, conn *pgx.Conn, s Step) (pending *bool, err error) {
	err = conn.QueryRow(ctx, sqlDetaching, s.Table.sql(), s.Leaf.sql()).Scan(&pending)
	return pending, err
}

func detachSQL(s Step, how string) string {
	return fmt.Sprintf("alter table %s detach partition %s %s", s.Table.sql(), s.Leaf.sql(), how)
}

func attachSQL(table, leaf Relation, b Bounds) string {
	from, to := fmt.Sprint(b.FromPos), fmt.Sprint(b.ToPos)
	if !b.To.IsZero() {
		from, to = timestamp(b.From), timestamp(b.To)
	}
	return fmt.Sprintf("alter table %s attach partition %s for values from (%s) to (%s)", table.sql(), leaf.sql(), from, to)
}

// archive moves the leaf and gives it the name of its new table. Its CHECK saves the scan, and goes.
func archive(ctx context.Context, conn *pgx.Conn, s Step) error {
	leaf := Relation{s.Leaf.Schema, archivePrefix + s.Leaf.Name}
	return atOnce(ctx, conn,
		detachSQL(s, ""),
		attachSQL(s.Archive, s.Leaf, s.Bounds),
		fmt.Sprintf("alter table %s drop constraint %s", s.Leaf.sql(), boundCheck),
		fmt.Sprintf("alter table %s rename to %s", s.Leaf.sql(), pgx.Identifier{leaf.Name}.Sanitize()),
	)
}
