package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5/pgconn"
)

// Every class of SQLSTATE has a kind, which depends only on the code.
func TestKindsOfErrors(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for code, kind := range map[string]blotter.Kind{
		"23505": blotter.ErrIntegrity, "23503": blotter.ErrIntegrity, "23514": blotter.ErrIntegrity,
		"23502": blotter.ErrIntegrity, "44000": blotter.ErrIntegrity,
		"22012": blotter.ErrData, "22P02": blotter.ErrData, "22003": blotter.ErrData,
		"40001": blotter.ErrSerialization, "40P01": blotter.ErrSerialization,
		"42501": blotter.ErrPermission, "25006": blotter.ErrPermission,
		"42601": blotter.ErrProgramming, "42P01": blotter.ErrProgramming, "0A000": blotter.ErrProgramming,
		"25001": blotter.ErrProgramming,
		"26000": blotter.ErrProgramming, "34000": blotter.ErrProgramming, "P0001": blotter.ErrProgramming,
		"08006": blotter.ErrOperational, "28000": blotter.ErrOperational, "3D000": blotter.ErrOperational,
		"53100": blotter.ErrOperational,
		"53300": blotter.ErrOperational, "54000": blotter.ErrOperational, "55P03": blotter.ErrOperational,
		"57014": blotter.ErrOperational,
		"57P03": blotter.ErrOperational, "58030": blotter.ErrOperational, "XX000": blotter.ErrOperational,
	} {
		err := db.Transaction(t.Context(), func(tx *postgres.Tx) error { return raise(t.Context(), tx, code) },
			postgres.MaxRetries(0))
		wantKind(t, code, err, kind)

		var e *blotter.Error
		var pg *pgconn.PgError
		if !errors.As(err, &e) || e.SQLState != code || !errors.As(err, &pg) {
			t.Errorf("%s: %#v does not carry its code and cause", code, err)
		}
		for _, other := range []blotter.Kind{
			blotter.ErrIntegrity, blotter.ErrData, blotter.ErrPermission,
			blotter.ErrProgramming, blotter.ErrOperational, blotter.ErrSerialization, blotter.ErrNotFound,
			blotter.ErrConflict,
		} {
			if other != kind && errors.Is(err, other) {
				t.Errorf("%s is %q too", code, other)
			}
		}
	}
}

func TestConstraintErrors(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	insert := func(change func(*blotter.Order)) error {
		order := newOrder("A1", "O-1")
		change(&order)
		return db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &order) })
	}
	if err := insert(func(*blotter.Order) {}); err != nil {
		t.Fatal(err)
	}

	for want, err := range map[string]error{
		"execution.orders already contains this row": insert(func(*blotter.Order) {}),
		"not a valid positive (check positive_check)": insert(func(o *blotter.Order) {
			o.OrderID = "O-2"
			o.Quantity = blotter.Decimal{}
		}),
		"not a valid side (check side_check)":        insert(func(o *blotter.Order) { o.OrderID, o.Side = "O-3", "hold" }),
		"new row violates row-level security policy": insert(func(o *blotter.Order) { o.AccountID = "A2" }),
		"insert execution.orders":                    insert(func(*blotter.Order) {}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}

	var e *blotter.Error
	if err := insert(func(*blotter.Order) {}); !errors.As(err, &e) || e.Constraint != "orders_pkey" {
		t.Errorf("%v carries constraint %q, want orders_pkey", err, e.Constraint)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	d, blank := pgtest.Open(t), pgtest.Blank(t)
	missing := strings.Replace(d.Config.URL, d.Name, "no_such_database", 1)

	newer := pgtest.Open(t)
	newer.Exec(t, `insert into shared.schema_version (version_id, is_applied) values (9999, true)`)
	older := pgtest.Open(t)
	older.Exec(t, `delete from shared.schema_version where version_id > 1`)
	for name, c := range map[string]struct {
		url, want string
		kind      blotter.Kind
	}{
		"nothing":   {"", "the URL of a PostgreSQL database", blotter.ErrInvalid},
		"not a URL": {"postgres://a:secret@[broken", "a database URL that parses", blotter.ErrInvalid},
		"no server": {
			"postgres://x:secret@127.0.0.1:1/x", "no PostgreSQL server answers",
			blotter.ErrOperational,
		},
		"no such socket": {
			"postgres://x@/x?host=/no/such/folder", "no PostgreSQL server answers",
			blotter.ErrOperational,
		},
		"no such database": {missing, "create it", blotter.ErrOperational},
		"never migrated":   {blank.OwnerURL, "run blotter migrate up", blotter.ErrOperational},
		"older schema":     {older.Config.URL, "version 1 and this blotter needs", blotter.ErrOperational},
		"newer schema":     {newer.Config.URL, "install a newer blotter", blotter.ErrOperational},
		"another role":     {d.Config.ReadOnlyURL, "GRANT trading_app TO", blotter.ErrPermission},
	} {
		db, err := postgres.Open(t.Context(), postgres.Config{URL: c.url, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			db.Close()
		}
		wantKind(t, name, err, c.kind)
		if err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %q; want one line that says %q and no secret", name, err, c.want)
		}
	}
}

func TestPasswordsAreNeverShown(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"postgres://user:s3cret@host/db", "postgres://user:s3c%20ret@host/db?sslmode=disable",
		"host=h user=u password=s3cret dbname=d",
		"host=h password='s3cret with spaces' user=u", "postgres://user@host/db?password=s3cret",
		"postgres://user:s3cret/with#odd@host/db", "PASSWORD = s3cret",
	} {
		c := postgres.Config{URL: u, ReadOnlyURL: u, ServiceURL: u, ReporterURL: u}
		var logged bytes.Buffer
		slog.New(slog.NewTextHandler(&logged, nil)).Info("config", "config", c)

		for _, shown := range []string{
			c.String(), fmt.Sprintf("%v %+v %#v %s", c, c, c, c), logged.String(),
			connection.RedactURL(u),
		} {
			if strings.Contains(shown, "s3c") || strings.Contains(shown, "with spaces") {
				t.Errorf("%s shows the password: %s", u, shown)
			}
		}
	}
}

// A failure is one line in the log, written when the session ends, with what an operator needs to find it.
func TestFailuresAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	db := pgtest.OpenConfig(t, func(c *postgres.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})

	ctx := blotter.WithCorrelation(t.Context(), "C-17")
	for name, c := range map[string]struct {
		run  func() error
		want []string
	}{
		"transaction": {func() error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error { return raise(ctx, tx, "23505") })
		}, []string{
			"level=ERROR", "kind=integrity", "sqlstate=23505", "duration_ms=", "correlation_id=C-17",
			"error_test.go:",
		}},
		"read": {func() error {
			return db.ReadOnly(ctx, func(s *postgres.Session) error { _, err := s.Exec(ctx, "selekt"); return err })
		}, []string{"level=ERROR", "kind=programming", "sqlstate=42601", "error_test.go:"}},
		"panic": {func() (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return db.Transaction(ctx, func(*postgres.Tx) error { panic("boom") })
		}, []string{"level=ERROR", "boom", "stack=", "TestFailuresAreLoggedOnce"}},
		"cancelled statement": {func() error {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(20*time.Millisecond, cancel)
			return db.ReadOnly(ctx, func(s *postgres.Session) error { _, err := s.Exec(ctx, "select pg_sleep(60)"); return err })
		}, []string{"level=DEBUG", "read-only session failed", "C-17"}},
		"cancelled before": {func() error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, "select 1"); return err })
		}, []string{"level=DEBUG", "transaction failed", "C-17"}},
		"deadline": {func() error {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			return db.ReadOnly(ctx, func(s *postgres.Session) error { _, err := s.Exec(ctx, "select pg_sleep(60)"); return err })
		}, []string{"level=ERROR", "read-only session failed", "C-17"}},
		"commit": {func() error {
			_ = db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, "select 1"); return err })
			return context.Canceled
		}, []string{"level=DEBUG", "transaction committed", "C-17"}},
	} {
		logged.Reset()
		if err := c.run(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if lines := strings.Count(logged.String(), "\n"); lines != 1 {
			t.Errorf("%s: %d lines were logged, want 1:\n%s", name, lines, logged.String())
		}
		for _, want := range c.want {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("%s: the log lacks %q: %s", name, want, logged.String())
			}
		}
	}
}

// An error of the server says what to do, after the server's own message.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, "alter database "+db.Name+" set default_transaction_read_only = on")
	locker := db.Connect(t, db.AdminURL)
	if _, err := locker.Exec(t.Context(),
		"begin read write; lock table execution.accounts in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	cfg := db.Config
	cfg.LockTimeout = 10 * time.Millisecond
	cfg.LookOnly = true
	again, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	ctx := blotter.WithAllAccounts(t.Context())
	for sql, want := range map[string]string{
		"insert into data_ingestion.instruments (symbol) values ('X')": "default_transaction_read_only",
		"select from execution.accounts":                               "blotter doctor",
		"select from shared.masked_columns for update":                 "a login that may",
	} {
		err := again.Transaction(ctx, func(tx *postgres.Tx) error {
			if want == "a login that may" {
				if _, err := tx.Exec(ctx, "set transaction read write"); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, sql)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", sql, err, want)
		}
	}

	refused := func(url, want string) {
		t.Helper()
		_, err := postgres.Open(t.Context(), postgres.Config{URL: url})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", url, err, want)
		}
	}
	refused("postgres://u@there-is-no-such-host.invalid/d?connect_timeout=5", "check the host in the URL")
	refused("postgres://u@127.0.0.1:1/d", "start it or correct the URL")
}
