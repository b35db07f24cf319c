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

// BusyError says that another runner works on the database.
type BusyError struct {
	Job   string    // that it runs; "" between two jobs
	By    string    // who runs it
	Since time.Time // when that job began
}

func (e *BusyError) Error() string {
	if e.Job == "" {
		return "another runner of maintenance works on the database"
	}
	return fmt.Sprintf("another runner of maintenance works on the database: %s, since %s, by %s", e.Job, e.Since.UTC().Format("2006-01-02 15:04:05Z"), e.By)
}

// runnerLock is the advisory lock of the one runner of a database.
const runnerLock int64 = 0x626c6f746d61696e // "blotmain"

const (
	sqlHolder = `select job, run_by, started_at from shared.maintenance_runs where result = 'running' order by id desc limit 1`
	// sqlKeepAlive makes the server notice within ten seconds that the machine of a runner is gone, and its lock with it.
	sqlKeepAlive = `select set_config('tcp_keepalives_idle', '3', false), set_config('tcp_keepalives_interval', '2', false),
		set_config('tcp_keepalives_count', '3', false)`
	// sqlMarkKilled marks what runners left that died: who has the lock knows that nobody runs anything.
	sqlMarkKilled = `update shared.maintenance_runs set result = 'killed', ended_at = greatest($1, started_at),
		error = 'its runner died, or lost the database, before the end' where result = 'running'`
	// sqlForget keeps the table small: a thousand at a time is more than ever come.
	sqlForget = `delete from shared.maintenance_runs where id in
		(select id from shared.maintenance_runs where started_at < $1::timestamptz - interval '2 years' order by id limit 1000)`
)

// lock makes the connection that of the one runner, and marks runs that others left when they died. Where another works
// for longer than the patience, the error is a *BusyError.
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

// unlock lets the next runner work, also where the context has ended. If the server does not hear it, the connection
// closes, which ends the lock too.
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

// watch bounds a run: its context ends with the limit, and when the connection that holds the lock breaks, for then
// another may run. The connection is the watcher's until done.
func (r *Runner) watch(parent context.Context, conn *pgx.Conn, limit time.Duration) (ctx context.Context, done func()) {
	limited, stop := context.WithTimeoutCause(parent, limit, errLimit)
	ctx, cancel := context.WithCancelCause(limited)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(heartbeatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			ping, stopPing := context.WithTimeout(context.WithoutCancel(ctx), heartbeatTimeout)
			err := conn.Ping(ping)
			stopPing()
			if err != nil {
				cancel(errLost)
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
		stop()
	}
}
