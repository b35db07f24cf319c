package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The tests of the pitfalls of row-level security carry their numbers. Number 2 (a superuser or BYPASSRLS login) is
// found by doctor: see TestPitfall02 in packages monitor and cmd/blotter.

// login opens a plain connection of a production login, a member of one role, with the account set for the session.
func login(t *testing.T, db *pgtest.Database, url, account string) *pgx.Conn {
	t.Helper()
	conn := db.Connect(t, url)
	if account != "" {
		mustExec(t, conn, `select set_config('app.current_account_id', $1, false)`, account)
	}
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, sql string, args ...any) pgconn.CommandTag {
	t.Helper()
	tag, err := conn.Exec(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return tag
}

// ask reads one value.
func ask[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (value T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// wantState expects that the server refuses the statement with this SQLSTATE.
func wantState(t *testing.T, conn *pgx.Conn, state, sql string, args ...any) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, args...)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != state {
		t.Errorf("%s: got %v, want %s", sql, err, state)
	}
}

func TestPitfall01ForceIsOnEverywhere(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	owner := db.Connect(t, db.OwnerURL)
	for _, relation := range usedRelations(t, db) {
		if n := ask[int](t, owner, "select count(*) from "+relation); n == 0 {
			t.Errorf("with its policy the owner sees no row of %s", relation)
		}
		mustExec(t, owner, "drop policy blotter_roles on "+relation)
		if n := ask[int](t, owner, "select count(*) from "+relation); n != 0 {
			t.Errorf("without its policy the owner sees %d rows of %s", n, relation)
		}
	}
}

func TestPitfall03UnsetSeesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = 1, 1 })
	seed(t, db, "A1", "mine")
	conn := db.Connect(t, db.Config.URL)
	for _, used := range []string{"fresh", "used", "used for a whole session"} {
		if n := ask[int](t, conn, "select count(*) from execution.orders"); n != 0 {
			t.Errorf("a %s connection without an account sees %d orders", used, n)
		}
		wantState(t, conn, "42501", `insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('A1', 'O-9', 'KO', 'buy', 1)`)
		wantState(t, conn, "23514", `insert into execution.accounts (account_id) values ('')`) // before its policy
		mustExec(t, conn,
			`begin; select set_config('app.current_account_id', 'A1', true); select 1 from execution.orders; commit`)
		if used == "used" {
			mustExec(t, conn, `set app.current_account_id = 'A1'; reset app.current_account_id`)
		}
	}

	ctx := t.Context()
	for _, used := range []string{"fresh", "used"} {
		var n int
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			return s.QueryRow(ctx, "select count(*) from execution.orders").Scan(&n)
		})
		if err != nil || n != 0 {
			t.Errorf("a %s session without an account sees %d orders, %v", used, n, err)
		}
		if n := countOrders(t, db.DB, "A1"); n != 1 {
			t.Errorf("A1 sees %d orders, want 1", n)
		}
		order := newOrder("A1", "O-9")
		err = db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &order) })
		wantKind(t, "an order without an account on a "+used+" connection", err, blotter.ErrPermission)
	}
}

// One connection serves every kind of session of an account, and each session ends in a different way. The next user of
// the connection has no account.
func TestPitfall04SettingDoesNotSurviveRelease(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = 1, 1 })
	seed(t, db, "A1", "mine")
	boom := errors.New("boom")
	statements := []string{
		"select 1", "set local work_mem = '5MB'", "set app.current_account_id = 'A1'", "do $$ begin end $$",
		"select 1 / 0",
		"select set_config('app.current_account_id', 'A1', false)",
		"do $$ begin perform set_config('app.current_account_id', 'A1', false); end $$",
		"savepoint s; set app.current_account_id = 'A1'; release savepoint s",
		"update pg_settings set setting = 'A1' where name = 'app.current_account_id'",
		`select U&"\0073et_config"('app.current_account_id', 'A1', false)`,
		"select query_to_xml('select set_config(''app.current_account_id'', ''A1'', false)', true, true, '')",
	}

	for _, sql := range statements {
		for how, leave := range map[string]func(ctx context.Context) error{
			"commit":    func(context.Context) error { return nil },
			"error":     func(context.Context) error { return boom },
			"panic":     func(context.Context) error { panic(boom) },
			"cancelled": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		} {
			for _, readOnly := range []bool{false, true} {
				leaveWith(t, db.DB, sql, leave, how == "cancelled", readOnly)
				if got := accountSeen(t, db.DB, readOnly); got != "|0" {
					t.Fatalf("after %q and %s (read-only: %v) the next user has account and orders %q", sql, how,
						readOnly, got)
				}
			}
		}
	}
}

// leaveWith runs the statement in a session of A1 that ends as leave does.
func leaveWith(t *testing.T, db *postgres.DB, sql string, leave func(context.Context) error, cancelled, readOnly bool) {
	ctx, cancel := context.WithCancel(as(t, "A1"))
	defer cancel()
	defer func() { _ = recover() }()
	use := func(q postgres.Querier) error {
		_, _ = q.Exec(ctx, sql)
		if cancelled {
			cancel()
		}
		return leave(ctx)
	}
	if readOnly {
		_ = db.ReadOnly(ctx, func(s *postgres.Session) error { return use(s) })
		return
	}

	_ = db.Transaction(ctx, func(tx *postgres.Tx) error { return use(tx) })
}

// accountSeen returns the account of the next user of the connection, and how many orders it sees.
func accountSeen(t *testing.T, db *postgres.DB, readOnly bool) (got string) {
	t.Helper()
	ctx := t.Context()
	read := func(q postgres.Querier) error {
		var account string
		var orders int
		err := q.QueryRow(ctx, `select coalesce(current_setting('app.current_account_id', true), ''), (select count(*) from execution.orders)`).Scan(&account, &orders)
		got = fmt.Sprintf("%s|%d", account, orders)
		return err
	}

	var err error
	if readOnly {
		err = db.ReadOnly(ctx, func(s *postgres.Session) error { return read(s) })
	} else {
		err = db.Transaction(ctx, func(tx *postgres.Tx) error { return read(tx) })
	}
	if err != nil {
		t.Error(err)
	}

	return got
}
