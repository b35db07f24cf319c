package advisory

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Patience is how long to wait for another holder to let go. The server notices the end of a holder that was killed
// only a little later.
const Patience = 2 * time.Second

const tryEvery = Patience / 40

const (
	sqlTryLock = `select pg_try_advisory_lock($1)`
	sqlUnlock  = `select pg_advisory_unlock($1)`
)

// TryLock takes the lock for the session of conn, and waits at most patience for another holder. It reports whether the
// session has the lock, which ends with Unlock or with the connection.
func TryLock(ctx context.Context, conn *pgx.Conn, key int64, patience time.Duration) (locked bool, err error) {
	for start := time.Now(); ; {
		if err := conn.QueryRow(ctx, sqlTryLock, key).Scan(&locked); err != nil || locked {
			return locked, err
		}
		if time.Since(start) >= patience {
			return false, nil
		}

		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(tryEvery):
		}
	}
}

// Unlock releases the lock.
func Unlock(ctx context.Context, conn *pgx.Conn, key int64) error {
	_, err := conn.Exec(ctx, sqlUnlock, key)
	return err
}
