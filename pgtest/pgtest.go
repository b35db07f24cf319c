package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// Database is a throw-away database.
type Database struct {
	*postgres.DB // nil from Blank

	Name     string
	Config   postgres.Config // with which DB was opened
	OwnerURL string          // of the login that migrates
	AdminURL string          // of the login that made the database: a superuser on a server of pgtest's own

	mu   sync.Mutex
	idle *pgx.Conn // of AdminURL, for Exec and Value
}

// Open gives the test a migrated database, which goes when the test ends. It fails the test if there is no server.
func Open(t testing.TB) *Database {
	t.Helper()
	return OpenConfig(t, nil)
}

// OpenConfig is Open with a configuration that change has changed.
func OpenConfig(t testing.TB, change func(*postgres.Config)) *Database {
	t.Helper()
	d := create(t, true)
	if change != nil {
		change(&d.Config)
	}
	var err error
	if d.DB, err = postgres.Open(t.Context(), d.Config); err != nil {
		t.Fatalf("pgtest: opening the database: %v", err)
	}
	t.Cleanup(d.Close)
	return d
}

// Blank gives the test a database without a schema, for tests of migrations.
func Blank(t testing.TB) *Database {
	t.Helper()
	return create(t, false)
}

// createTimeout bounds making a database, the first one's server and migrations included.
const createTimeout = 2 * time.Minute

func create(t testing.TB, migrated bool) *Database {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
	defer cancel()
	s, err := theServer(ctx)
	if err != nil {
		t.Fatalf("pgtest: no server to test on: %v", err)
	}

	name := fmt.Sprintf("blotter_test_%d_%s", time.Now().Unix(), strings.ToLower(rand.Text()[:8]))
	template := "template0"
	if migrated {
		template = s.template
	}
	if err := s.exec(ctx, fmt.Sprintf("create database %s template %s strategy file_copy owner trading_owner", name,
		template)); err != nil {
		t.Fatalf("pgtest: making a database: %v", err)
	}

	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
		defer cancel()
		if err := s.exec(ctx, "drop database if exists "+name+" with (force)"); err != nil {
			t.Errorf("pgtest: removing the database: %v", err)
		}
		s.leave(ctx)
	})
	if err := s.enter(ctx); err != nil {
		t.Fatalf("pgtest: making logins: %v", err)
	}

	d := &Database{Name: name, Config: s.config(name), OwnerURL: s.ownerURL(name), AdminURL: s.adminURL(name)}
	d.Config.Logger = slog.New(slog.DiscardHandler)
	if migrated {
		if err := grant(ctx, d.OwnerURL); err != nil {
			t.Fatalf("pgtest: preparing the database: %v", err)
		}
	}

	return d
}

// grant repeats the grants on the database itself, which a clone does not inherit.
func grant(ctx context.Context, ownerURL string) error {
	m, err := schema.NewMigrator(ctx, ownerURL)
	if err != nil {
		return err
	}
	return m.Close()
}

// Exec runs SQL as the login that made the database, for set-up and for looking behind the scenes. Settings of the
// session last until it returns.
func (d *Database) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	conn := d.admin(t)
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("pgtest: %s: %v", sql, err)
	}
	if _, err := conn.Exec(t.Context(), "discard all"); err == nil {
		d.giveBack(conn)
	}
}

// Connect opens a plain connection that closes when the test ends.
func (d *Database) Connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("pgtest: connecting: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Value reads one value as the login that made the database.
func Value[T any](t testing.TB, d *Database, sql string, args ...any) (value T) {
	t.Helper()
	conn := d.admin(t)
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("pgtest: %s: %v", sql, err)
	}
	d.giveBack(conn)
	return value
}

// admin returns the idle connection of the login that made the database, or a new one. It closes when the test that
// opened it ends.
func (d *Database) admin(t testing.TB) *pgx.Conn {
	t.Helper()
	d.mu.Lock()
	conn := d.idle
	d.idle = nil
	d.mu.Unlock()
	if conn != nil && conn.Ping(t.Context()) == nil { // a test may have ended it, or its server
		return conn
	}

	cfg, err := pgx.ParseConfig(d.AdminURL)
	if err != nil {
		t.Fatalf("pgtest: connecting: %v", err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tests change tables under prepared statements
	if conn, err = pgx.ConnectConfig(t.Context(), cfg); err != nil {
		t.Fatalf("pgtest: connecting: %v", err)
	}
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.idle == conn { // otherwise another test is using it
			d.idle = nil
			_ = conn.Close(context.Background())
		}
	})
	return conn
}

// giveBack keeps a connection for the next call of admin.
func (d *Database) giveBack(conn *pgx.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.idle != nil {
		_ = conn.Close(context.Background())
		return
	}
	d.idle = conn
}

var shared struct {
	sync.Mutex
	server *server
	err    error
}

// theServer is the one server of this test binary.
func theServer(ctx context.Context) (*server, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = startServer(ctx)
	}
	return shared.server, shared.err
}
