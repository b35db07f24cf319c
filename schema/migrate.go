package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	versionTable = "shared.schema_version"
	// migrationLock is the advisory lock under which migrations run, so that two machines may start them at once.
	migrationLock = 0x626c6f74746572 // "blotter"
	// lockPeriodSeconds and lockTries bound the wait for another migrator: ten minutes.
	lockPeriodSeconds, lockTries = 1, 600

	// tableLockTimeout is how long a migration waits for the lock of a table. Everybody else who wants the table waits
	// behind it, so it then lets them pass, and tries again after tableLockPause, for at most tableLockPatience.
	tableLockTimeout  = time.Second
	tableLockPause    = 2 * time.Second
	tableLockPatience = 2 * time.Minute
)

// Migrator changes the schema of one database. Close it.
type Migrator struct {
	url      string
	provider *goose.Provider
}

// MigrationStatus is one migration and when it was applied.
type MigrationStatus struct {
	Version int64
	Name    string
	Applied time.Time // zero while it is pending
}

// NewMigrator prepares the migration of the database at url: it makes the roles and grants that migrations need, and
// acts as trading_owner from then on. The login need not be a superuser. The first time, it needs CREATEROLE, and
// CREATE on the database with the right to grant it, which the database's owner has.
func NewMigrator(ctx context.Context, url string) (*Migrator, error) {
	cc, err := connection.ParseURL("url", url)
	if err != nil {
		return nil, err
	}
	connection.Prepare(cc, connection.Settings{
		Service: "blotter migrate", StatementTimeout: -1,
		LockTimeout: tableLockTimeout, IdleInTransactionTimeout: time.Minute,
	}, connection.Owner)
	if err := prepareDatabase(ctx, cc); err != nil {
		return nil, err
	}

	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrationLock), lock.WithLockTimeout(lockPeriodSeconds, lockTries))
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, openOwner(cc), files,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, err
	}
	return &Migrator{url: url, provider: provider}, nil
}

// openOwner opens the connections of goose, with the pinned settings.
func openOwner(cc *pgx.ConnConfig) *sql.DB {
	return stdlib.OpenDB(*cc, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return connection.Pin(ctx, conn, connection.Owner)
	}))
}

// String names the database, without the password.
func (m *Migrator) String() string { return "schema.Migrator{" + connection.RedactURL(m.url) + "}" }

// GoString keeps passwords out of %#v.
func (m *Migrator) GoString() string { return m.String() }

// Close closes the migrator's connections.
func (m *Migrator) Close() error { return m.provider.Close() }

// Up applies every pending migration, each in a transaction of its own, and returns the versions that it applied. It is
// safe to run again, and from two machines at once.
func (m *Migrator) Up(ctx context.Context) ([]int64, error) {
	applied, err := patiently(ctx, func() ([]*goose.MigrationResult, error) { return m.provider.Up(ctx) })
	return applied, migrationError(ctx, "migrate up", err)
}

// DownTo undoes every migration above the version and returns the versions that it undid: 0 removes all of blotter's
// tables and their rows. Roles stay, because they belong to the cluster.
func (m *Migrator) DownTo(ctx context.Context, version int64) ([]int64, error) {
	undone, err := patiently(ctx, func() ([]*goose.MigrationResult, error) { return m.provider.DownTo(ctx, version) })
	return undone, migrationError(ctx, "migrate down", err)
}

// Status lists every migration.
func (m *Migrator) Status(ctx context.Context) ([]MigrationStatus, error) {
	list, err := m.provider.Status(ctx)
	if err != nil {
		return nil, migrationError(ctx, "migrate status", err)
	}

	var statuses []MigrationStatus
	for _, s := range list {
		name := strings.TrimSuffix(path.Base(s.Source.Path), ".sql")
		statuses = append(statuses, MigrationStatus{Version: s.Source.Version, Name: name, Applied: s.AppliedAt})
	}
	return statuses, nil
}

// Verify compares the live catalog with the one that the migrations make, and lists the differences, each as a
// sentence. An empty list means that the schema is as this version expects it.
func (m *Migrator) Verify(ctx context.Context) ([]string, error) {
	live, err := readCatalog(ctx, m.url)
	if err != nil {
		return nil, err
	}
	return compareCatalogs(expectedLines(), live), nil
}

// patiently runs migrations, and runs the remaining ones again if one did not get the lock of a table. It returns the
// versions of all that succeeded.
func patiently(ctx context.Context, run func() ([]*goose.MigrationResult, error)) (done []int64, err error) {
	for start := time.Now(); ; {
		results, err := run()
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		done = append(done, versions(results)...)

		if pgerror.ServerState(err) != pgerror.LockTimeout || time.Since(start) > tableLockPatience {
			return done, err
		}
		select {
		case <-ctx.Done():
			return done, err
		case <-time.After(tableLockPause):
		}
	}
}

func versions(results []*goose.MigrationResult) []int64 {
	var applied []int64
	for _, r := range results {
		if r.Error == nil {
			applied = append(applied, r.Source.Version)
		}
	}
	return applied
}

func migrationError(ctx context.Context, op string, err error) error {
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		err = fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err) // database/sql reports only a bad connection
	}
	return pgerror.Translate(ctx, op, err)
}
