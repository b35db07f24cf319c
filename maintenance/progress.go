package maintenance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// progressEvery is how often the progress of a VACUUM is read.
const progressEvery = time.Second

// sqlVacuumProgress must run as the login itself, because the server shows a login only the progress of its own
// sessions.
const sqlVacuumProgress = `
select phase, heap_blks_scanned, heap_blks_total from pg_stat_progress_vacuum where pid = $1`

// follow reports the progress of a statement from a second connection until stop is called. Nothing is reported of a
// statement that takes less than a second.
func (u *upkeep) follow(ctx context.Context, task *Task, table tableNeed, place string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	pid := u.conn.PgConn().PID()
	done.Go(func() {
		var conn *pgx.Conn
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()

		for {
			select {
			case <-ctx.Done():
				if conn != nil {
					_ = conn.Close(context.WithoutCancel(ctx))
				}
				return
			case <-ticker.C:
			}

			if conn == nil || conn.IsClosed() {
				conn = u.runner.asLogin(ctx)
			}
			if text, err := vacuumProgress(ctx, conn, pid); err == nil {
				task.Progress(fmt.Sprintf("%s, %s: %s", table, place, text))
			}
		}
	})

	return func() {
		cancel()
		done.Wait()
	}
}

// asLogin returns a connection that acts as its own login and not as trading_owner, or nil if connecting fails:
// progress is not worth an error.
func (r *Runner) asLogin(ctx context.Context) *pgx.Conn {
	conn, err := r.connect(ctx, "progress")
	if err != nil {
		return nil
	}
	if _, err = conn.Exec(ctx, "set role none"); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil
	}
	return conn
}

func vacuumProgress(ctx context.Context, conn *pgx.Conn, pid uint32) (string, error) {
	if conn == nil {
		return "", errors.New("no connection")
	}
	var phase string
	var scanned, total int64
	err := conn.QueryRow(ctx, sqlVacuumProgress, pid).Scan(&phase, &scanned, &total)
	return fmt.Sprintf("%s, %d %% of %d pages", phase, scanned*100/max(total, 1), total), err
}
