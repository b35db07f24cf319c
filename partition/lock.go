package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/advisory"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// BusyError means that another runner is working on the database.
type BusyError struct {
	PID         uint32    // of its server process
	Application string    // its application_name
	Since       time.Time // when it connected; zero if this login may not see it
}

// Error names the other runner.
func (e *BusyError) Error() string {
	since := ""
	if !e.Since.IsZero() {
		since = ", since " + e.Since.UTC().Format("2006-01-02 15:04:05Z")
	}
	return fmt.Sprintf("another runner works on the partitions: process %d (%s)%s", e.PID, e.Application, since)
}

// runnerLock is the advisory lock of the only runner of a database.
const runnerLock int64 = 0x626c6f7470617274 // "blotpart"

// sqlHolder must run as the login itself, because the server shows a login only the start of its own sessions.
const sqlHolder = `
select l.pid, a.application_name, a.backend_start
  from pg_locks l join pg_stat_activity a using (pid)
 where l.locktype = 'advisory' and l.granted and l.objsubid = 1
   and l.database = (select oid from pg_database where datname = current_database())
   and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid`

// RunnerLock is the lock of the only runner of a database. Its connection is used for nothing else.
type RunnerLock struct{ *pgx.Conn }

// Close releases the lock. It unlocks explicitly, because the server would notice the closed connection with a delay.
func (l *RunnerLock) Close(ctx context.Context) error {
	_ = advisory.Unlock(ctx, l.Conn, runnerLock)
	return l.Conn.Close(ctx)
}

// Lock makes the caller the only runner of the database until it closes the lock or the connection breaks. It returns a
// *BusyError if there is another runner.
func Lock(ctx context.Context, url, service string) (*RunnerLock, error) {
	conn, err := postgres.ConnectOwner(ctx, url, service)
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, conn); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, pgerror.Translate(ctx, "lock partitions", err)
	}
	return &RunnerLock{conn}, nil
}

func lock(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "set role none"); err != nil {
		return err
	}

	locked, err := advisory.TryLock(ctx, conn, runnerLock, advisory.Patience)
	if err != nil || locked {
		return err
	}

	busy := &BusyError{Application: "just ended"} // if the next query does not find it
	var since *time.Time
	err = conn.QueryRow(ctx, sqlHolder, runnerLock).Scan(&busy.PID, &busy.Application, &since)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if since != nil {
		busy.Since = *since
	}
	return busy
}
