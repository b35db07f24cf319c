package maintenance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/advisory"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// BusyError means that another runner is working on the database.
type BusyError struct {
	Job   string    // the job that it runs; "" between two jobs
	By    string    // the program that runs it
	Since time.Time // start of the job
}

// Error names the job, its start and its runner.
func (e *BusyError) Error() string {
	const text = "another runner of maintenance works on the database"
	if e.Job == "" {
		return text
	}
	return fmt.Sprintf("%s: %s, since %s, by %s", text, e.Job, e.Since.UTC().Format("2006-01-02 15:04:05Z"), e.By)
}

// runnerLock is the advisory lock of the only runner of a database.
const runnerLock int64 = 0x626c6f746d61696e // "blotmain"

const (
	sqlHolder = `select job, run_by, started_at from shared.maintenance_runs
		where result = 'running' order by id desc limit 1`
	// sqlKeepAlive makes the server notice within ten seconds that the machine of a runner is gone, and release its
	// lock.
	sqlKeepAlive = `select set_config('tcp_keepalives_idle', '3', false),
		set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false)`
	// sqlMarkKilled marks the runs of runners that died. The holder of the lock knows that no other runner is working.
	sqlMarkKilled = `update shared.maintenance_runs set result = 'killed', ended_at = greatest($1, started_at),
		error = 'its runner died, or lost the database, before the end' where result = 'running'`
	// sqlForget keeps the table small: a thousand rows at a time are more than are added.
	sqlForget = `delete from shared.maintenance_runs where id in
		(select id from shared.maintenance_runs where started_at < $1::timestamptz - interval '2 years'
		  order by id limit 1000)`
)

// lock takes the lock of the runner, and marks the runs of runners that died. It returns a *BusyError if another runner
// still works after patience.
func (r *Runner) lock(ctx context.Context, conn *pgx.Conn, patience time.Duration) error {
	err := r.tryLock(ctx, conn, patience)
	if err != nil {
		return pgerror.Translate(ctx, "lock maintenance", err)
	}

	now, err := r.now(ctx, conn)
	for _, sql := range []string{sqlMarkKilled, sqlForget} {
		if err == nil {
			_, err = conn.Exec(ctx, sql, now)
		}
	}

	if err != nil {
		unlock(ctx, conn)
	}

	return pgerror.Translate(ctx, "lock maintenance", err)
}

func (r *Runner) tryLock(ctx context.Context, conn *pgx.Conn, patience time.Duration) error {
	if _, err := conn.Exec(ctx, sqlKeepAlive); err != nil {
		return err
	}
	locked, err := advisory.TryLock(ctx, conn, runnerLock, patience)
	if err != nil || locked {
		return err
	}

	busy := &BusyError{}
	err = conn.QueryRow(ctx, sqlHolder).Scan(&busy.Job, &busy.By, &busy.Since)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return busy
}

// unlock releases the lock, even if the context has ended. If that fails it closes the connection, which releases the
// lock too.
func unlock(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := advisory.Unlock(ctx, conn, runnerLock); err != nil {
		_ = conn.Close(ctx)
	}
}

const (
	heartbeatEvery   = time.Second
	heartbeatTimeout = 5 * time.Second
)

// watch bounds a run. Its context ends after the limit, and when the connection that holds the lock breaks, because
// then another runner may start. Nothing else may use the connection until done is called.
func (r *Runner) watch(parent context.Context, conn *pgx.Conn, limit time.Duration) (ctx context.Context, done func()) {
	limited, stop := context.WithTimeoutCause(parent, limit, errLimit)
	ctx, cancel := context.WithCancelCause(limited)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := pingUntilDone(ctx, conn); err != nil {
			cancel(errLost)
		}
	}()

	return ctx, func() {
		cancel(nil)
		<-ended
		stop()
	}
}

// pingUntilDone checks a connection periodically. It returns the error of the check that fails, or nil when ctx ends.
func pingUntilDone(ctx context.Context, conn *pgx.Conn) error {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}

		ping, stop := context.WithTimeout(context.WithoutCancel(ctx), heartbeatTimeout)
		err := conn.Ping(ping)
		stop()
		if err != nil {
			return err
		}
	}
}
