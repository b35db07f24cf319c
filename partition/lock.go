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

// BusyError says that another runner works on the database.
type BusyError struct {
	PID         uint32    // of its server process
	Application string    // its application_name
	Since       time.Time // when it connected; zero where the server does not tell this login
}

func (e *BusyError) Error() string {
	since := ""
	if !e.Since.IsZero() {
		since = ", since " + e.Since.UTC().Format("2006-01-02 15:04:05Z")
	}
	return fmt.Sprintf("another runner works on the partitions: process %d (%s)%s", e.PID, e.Application, since)
}

// runnerLock is the advisory lock of the one runner of a database.
const runnerLock int64 = 0x626c6f7470617274 // "blotpart"

// sqlHolder runs as the login itself: the server tells who is connected since when only to the same login.
const sqlHolder = `
select l.pid, a.application_name, a.backend_start
  from pg_locks l join pg_stat_activity a using (pid)
 where l.locktype = 'advisory' and l.granted and l.objsubid = 1
   and l.database = (select oid from pg_database where datname = current_database())
   and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid`

// RunnerLock is the lock that the one runner of a database holds, on a connection that serves for nothing else.
type RunnerLock struct{ *pgx.Conn }

// Close lets the next runner work. It says so to the server, which would otherwise notice the closed connection a little
// later.
func (l *RunnerLock) Close(ctx context.Context) error {
	_ = advisory.Unlock(ctx, l.Conn, runnerLock)
	return l.Conn.Close(ctx)
}

// Lock makes the caller the one runner of the database until the lock closes, or its connection breaks. Where another is,
// the error is a *BusyError.
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

	busy := &BusyError{Application: "it has just left"} // unless the next query finds it
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
