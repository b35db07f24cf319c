package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// server is the server of this test binary: its own, or the one of BLOTTER_TEST_URL.
type server struct {
	template string
	own      *embedded.Server // nil for the server of BLOTTER_TEST_URL
	external *url.URL

	mu     sync.Mutex
	users  int    // databases in use
	prefix string // of the logins on an external server, which exist while a database is in use
	secret string // their password
}

// staleAfter is the age at which a database that a killed run left on an external server is removed.
const staleAfter = time.Hour

func startServer(ctx context.Context) (*server, error) {
	if text := os.Getenv("BLOTTER_TEST_URL"); text != "" {
		return useServer(ctx, text)
	}

	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-pgtest-")
	if err != nil {
		return nil, err
	}

	var own *embedded.Server
	if err = copyCluster(ctx, migratedCluster, dir); err == nil {
		own, err = embedded.Start(ctx, embedded.Config{
			DataDir: dir, Temporary: true, Logger: slog.New(slog.DiscardHandler),
		})
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}

	return &server{own: own, template: embedded.Database}, nil
}

// useServer prepares the server of BLOTTER_TEST_URL.
func useServer(ctx context.Context, text string) (*server, error) {
	u, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return nil, fmt.Errorf("BLOTTER_TEST_URL: want postgres://user:password@host:port/database")
	}
	s := &server{
		external: u, secret: rand.Text(), prefix: "blotter_test_" + strings.ToLower(rand.Text()[:8]),
		template: fmt.Sprintf("blotter_test_template_%d_%s", schema.Version(), schema.Digest()[:8]),
	}
	if err := s.removeStale(ctx); err != nil {
		return nil, err
	}
	return s, s.makeTemplate(ctx)
}

// admin connects as the login that may create databases.
func (s *server) admin(ctx context.Context) (*pgx.Conn, error) {
	if s.own != nil {
		return pgx.Connect(ctx, s.own.AdminURL("postgres"))
	}
	return pgx.Connect(ctx, s.external.String())
}

func (s *server) exec(ctx context.Context, statements ...string) error {
	conn, err := s.admin(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// templateLock makes test binaries that start at once on one server wait for the first one's template.
const templateLock = 0x626c6f7474657274

// makeTemplate migrates a database to clone, unless an earlier run on the server has.
func (s *server) makeTemplate(ctx context.Context) error {
	conn, err := s.admin(ctx)
	if err != nil {
		return err
	}

	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(templateLock)); err != nil {
		return err
	}

	var ready bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1 and datistemplate)",
		s.template).Scan(&ready); err != nil || ready {
		return err
	}
	for _, sql := range []string{"drop database if exists " + s.template, "create database " + s.template} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}

	m, err := schema.NewMigrator(ctx, s.adminURL(s.template))
	if err != nil {
		return err
	}

	_, err = m.Up(ctx)
	if closing := m.Close(); err == nil {
		err = closing
	}
	if err == nil {
		_, err = conn.Exec(ctx, "alter database "+s.template+" with is_template true")
	}

	return err
}

// removeStale drops what killed runs have left on an external server.
func (s *server) removeStale(ctx context.Context) error {
	conn, err := s.admin(ctx)
	if err != nil {
		return err
	}

	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `select datname from pg_database where datname ~ '^blotter_test_[0-9]+_'
		and not datistemplate
		and split_part(datname, '_', 3)::bigint < $1`, time.Now().Add(-staleAfter).Unix())
	if err != nil {
		return err
	}

	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		if err == nil {
			_, err = conn.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)")
		}
	}

	return err
}

// enter counts a database in use; the first one makes the logins on an external server.
func (s *server) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users++; s.users > 1 || s.own != nil {
		return nil
	}
	var statements []string
	for _, login := range []string{"app", "service", "readonly", "reporter", "owner"} {
		statements = append(statements, fmt.Sprintf("create role %s_%s login password '%s' in role trading_%[2]s",
			s.prefix, login, s.secret))
	}
	return s.exec(ctx, statements...)
}

func (s *server) leave(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 || s.own != nil {
		return
	}
	for _, login := range []string{"app", "service", "readonly", "reporter", "owner"} {
		_ = s.exec(ctx, fmt.Sprintf("drop role if exists %s_%s", s.prefix, login))
	}
}

func (s *server) config(database string) postgres.Config {
	if s.own != nil {
		return s.own.ConfigFor(database)
	}
	return postgres.Config{
		URL: s.url("app", database), ServiceURL: s.url("service", database),
		ReadOnlyURL: s.url("readonly", database), ReporterURL: s.url("reporter", database),
	}
}

func (s *server) ownerURL(database string) string {
	if s.own != nil {
		return s.own.URL("owner", database)
	}
	return s.url("owner", database)
}

func (s *server) adminURL(database string) string {
	if s.own != nil {
		return s.own.AdminURL(database)
	}
	u := *s.external
	u.Path = "/" + database
	return u.String()
}

func (s *server) url(login, database string) string {
	u := *s.external
	u.User, u.Path = url.UserPassword(s.prefix+"_"+login, s.secret), "/"+database
	return u.String()
}
