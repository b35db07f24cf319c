package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	versionTable = "shared.schema_version"
	// migrationLock is the advisory lock under which migrations run, so that two machines may start them at once.
	migrationLock = 0x626c6f74746572 // "blotter"
	// lockPeriodSeconds and lockTries bound the wait for another migrator: ten minutes.
	lockPeriodSeconds, lockTries = 1, 600

	// tableLockTimeout is how long a migration waits for the lock of a table: meanwhile everybody else who wants the table
	// waits behind it. Then it lets them pass, and tries again after tableLockPause, for tableLockPatience.
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
	Applied time.Time // zero where pending
}

// NewMigrator prepares the migration of the database at url: it makes the roles and grants that migrations need, and
// acts as trading_owner from then on. The login needs no superuser, but the first time CREATEROLE, and CREATE on the
// database with the right to grant it (its owner has both).
func NewMigrator(ctx context.Context, url string) (*Migrator, error) {
	cfg := Config{URL: url, Service: "blotter migrate", StatementTimeout: -1, LockTimeout: tableLockTimeout}.withDefaults()
	cc, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, blotter.Invalid("url", RedactURL(url), "a database URL that parses: "+withoutURL(err))
	}
	prepareConfig(cc, cfg, roleOwner)
	if err := prepareDatabase(ctx, cc); err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(lockPeriodSeconds, lockTries))
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

// openOwner makes the connections of goose, with the pinned settings.
func openOwner(cc *pgx.ConnConfig) *sql.DB {
	return stdlib.OpenDB(*cc, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return pin(ctx, conn, roleOwner)
	}))
}

// String says which database, without the password.
func (m *Migrator) String() string { return "postgres.Migrator{" + RedactURL(m.url) + "}" }

// GoString keeps passwords out of %#v.
func (m *Migrator) GoString() string { return m.String() }

// Close ends the migrator's connections.
func (m *Migrator) Close() error { return m.provider.Close() }

// Up applies every pending migration, each in a transaction of its own, and returns the versions that it applied.
// Running it again, or from two machines at once, is no error.
func (m *Migrator) Up(ctx context.Context) ([]int64, error) {
	applied, err := patiently(ctx, func() ([]*goose.MigrationResult, error) { return m.provider.Up(ctx) })
	return applied, migrationError(ctx, "migrate up", err)
}

// DownTo undoes every migration above the version: 0 removes all of blotter's tables and their rows. Roles stay: they
// belong to the cluster.
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
		name := s.Source.Path[strings.LastIndex(s.Source.Path, "/")+1:]
		statuses = append(statuses, MigrationStatus{Version: s.Source.Version, Name: strings.TrimSuffix(name, ".sql"), Applied: s.AppliedAt})
	}
	return statuses, nil
}

// patiently runs migrations, and runs those that are left again where one did not get the lock of a table. It returns the
// versions of all that ended well.
func patiently(ctx context.Context, run func() ([]*goose.MigrationResult, error)) (done []int64, err error) {
	for start := time.Now(); ; {
		results, err := run()
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		done = append(done, versions(results)...)

		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != lockTimeout || time.Since(start) > tableLockPatience {
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
		err = fmt.Errorf("%w: %w", cause, err) // the connection that a context ended is only bad to database/sql
	}
	return translate(ctx, op, err)
}

// SchemaVersion is the version of the schema that this version of the library works with.
func SchemaVersion() int64 {
	files, _ := fs.Glob(migrationFiles, "migrations/*.sql")
	newest, _ := goose.NumericComponent(slices.Max(files))
	return newest
}

const sqlSchemaVersion = `select coalesce(max(version_id) filter (where is_applied), 0) from shared.schema_version`

// checkVersion refuses a schema that is older or newer than the one this version works with.
func checkVersion(ctx context.Context, conn *pgx.Conn) error {
	var version int64
	if err := conn.QueryRow(ctx, sqlSchemaVersion).Scan(&version); err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "42501" || pg.Code == "42703") { // the grants came with the first migration, or it is another's table
			return schemaError("the database holds no blotter schema", "run blotter migrate up")
		}
		return translate(ctx, "open", err)
	}
	want := SchemaVersion()
	switch {
	case version < want:
		return schemaError(fmt.Sprintf("the database's schema is version %d and this blotter needs %d", version, want), "run blotter migrate up")
	case version > want:
		return schemaError(fmt.Sprintf("the database's schema is version %d and this blotter knows only %d", version, want), "install a newer blotter")
	}
	return nil
}

// SchemaDigest identifies the text of the migrations, in hexadecimal.
func SchemaDigest() string {
	digest := sha256.New()
	files, _ := fs.Glob(migrationFiles, "migrations/*.sql")
	for _, name := range files {
		text, _ := migrationFiles.ReadFile(name)
		digest.Write(text)
	}
	return hex.EncodeToString(digest.Sum(nil))
}
