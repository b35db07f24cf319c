package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// stage is a durable server of the test's own, with a migrated database, and a schema for what the oracle compares.
type stage struct {
	t      *testing.T
	db     *pgtest.Database
	cfg    embedded.Config
	server *embedded.Server
}

// The tables of the test. Numbers are given out under the lock of a key's row, so that they are the order of events
// that the writers can vouch for.
const sqlStage = `
create schema chaos;
grant usage on schema chaos to trading_service;
create table chaos.number (key text primary key, account_id text, last bigint not null default 0)
    with (fillfactor = 50);
create table chaos.early (n int);
create table chaos.applied (n bigint generated always as identity, pos bigint, key text, number bigint);
create table chaos.chain (key text primary key, last bigint not null, events bigint not null, hash bytea not null)
    with (fillfactor = 50);
grant all on all tables in schema chaos to trading_service`

const (
	accounts = 30 // with numbered events
	keys     = 10 // of no account, with numbered events
	free     = 6  // accounts whose fills are not numbered: the order of a position's is that of its trades
)

const (
	sqlAccounts = `insert into execution.accounts (account_id) select 'A' || n from generate_series(1, $1) n union all
		select 'F' || n from generate_series(1, $2) n`
	sqlNumbers = `insert into chaos.number (key, account_id) select 'A' || n, 'A' || n from generate_series(1, $1) n
		union all select 'K' || n, null from generate_series(1, $2) n`
)

// newStage makes a stage, whose server has these settings besides the usual ones.
func newStage(t *testing.T, settings ...string) *stage {
	t.Helper()
	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-chaos-")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &stage{t: t, cfg: embedded.Config{DataDir: filepath.Join(dir, "data"), Logger: slog.New(slog.DiscardHandler)}}
	s.start()
	t.Cleanup(func() { _ = s.server.Kill() })
	if len(settings) > 0 {
		s.set(settings)
	}

	m, err := schema.NewMigrator(t.Context(), s.server.OwnerURL())
	if err == nil {
		_, err = m.Up(t.Context())
		err = errors.Join(err, m.Close())
	}
	if err != nil {
		t.Fatal(err)
	}

	s.db = &pgtest.Database{
		Name: embedded.Database, Config: s.server.Config(), OwnerURL: s.server.OwnerURL(),
		AdminURL: s.server.AdminURL(embedded.Database),
	}
	s.db.Config.Logger, s.db.Config.MaxConns = slog.New(slog.DiscardHandler), 24
	if s.db.DB, err = postgres.Open(t.Context(), s.db.Config); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(s.db.Close)
	s.db.Exec(t, sqlStage)
	s.db.Exec(t, sqlAccounts, accounts, free)
	s.db.Exec(t, sqlNumbers, accounts, keys)
	return s
}

// set changes settings of the server that need a start.
func (s *stage) set(settings []string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.server.AdminURL(embedded.Database))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, setting := range settings {
		if _, err := conn.Exec(s.t.Context(), "alter system set "+setting); err != nil {
			s.t.Error(err)
		}
	}
	if err := errors.Join(conn.Close(s.t.Context()), s.server.Stop()); err != nil {
		s.t.Error(err)
	}

	s.start()
}

func (s *stage) start() {
	s.t.Helper()
	server, err := embedded.Start(s.t.Context(), s.cfg)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.cfg.DataDir, "postgres.log"))
		s.t.Fatalf("%v\n%s", err, log[max(0, len(log)-4000):])
	}
	s.server = server
}

// crash kills PostgreSQL: every other time its postmaster, which the next start recovers from, otherwise one of its
// processes, which makes it recover by itself.
func (s *stage) crash(n int) {
	s.t.Helper()
	if n%2 == 1 {
		s.killBackend()
		return
	}
	if err := errors.Join(syscall.Kill(s.server.PID, syscall.SIGKILL), s.server.Stop()); err != nil {
		s.t.Error(err)
	}
	s.start()
}

func (s *stage) killBackend() {
	s.t.Helper()
	var pid int
	err := s.db.AutoCommit(s.ctx(), func(q *postgres.Session) error {
		return q.QueryRow(s.ctx(), `select pid from pg_stat_activity where pid <> pg_backend_pid()
			and application_name like 'blotter%' order by state = 'idle', random() limit 1`).Scan(&pid)
	})
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		s.t.Error(fmt.Errorf("kill a process of PostgreSQL: %w", err))
	}
	until(s.t, "PostgreSQL has recovered", time.Minute, s.up)
}

// up reports whether the server answers.
func (s *stage) up() bool {
	return s.db.AutoCommit(s.ctx(), func(q *postgres.Session) error {
		_, err := q.Exec(s.ctx(), `select 1`)
		return err
	}) == nil
}

func (s *stage) ctx() context.Context { return blotter.WithAllAccounts(s.t.Context()) }
