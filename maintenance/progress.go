package maintenance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// progressEvery is how often a long VACUUM is looked at.
const progressEvery = time.Second

// sqlVacuumProgress is asked as the login itself: the server shows it only the connections of its own.
const sqlVacuumProgress = `
select phase, heap_blks_scanned, heap_blks_total from pg_stat_progress_vacuum where pid = $1`

// follow tells, from a second connection, how far a statement is, until stop is called. A statement of less than a second
// needs none.
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
	return func() { cancel(); done.Wait() }
}

// asLogin is a connection that acts as the login that it was made with, or nil where there is none: to look on is not
// worth an error.
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
		return "", errors.New("there is no connection to ask on")
	}
	var phase string
	var scanned, total int64
	err := conn.QueryRow(ctx, sqlVacuumProgress, pid).Scan(&phase, &scanned, &total)
	return fmt.Sprintf("%s, %d %% of %d pages", phase, scanned*100/max(total, 1), total), err
}
