package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// fingerprint returns a digest of the contents of every table.
func fingerprint(t *testing.T, db *pgtest.Database) string {
	t.Helper()
	return pgtest.Value[string](t, db, `
		select string_agg(format('%s %s', c.oid::regclass, query_to_xml(format('select count(*), md5(string_agg(r::text, '','')) from %s r', c.oid::regclass), false, true, '')), ' ' order by c.oid)
		  from pg_class c join pg_namespace n on n.oid = c.relnamespace
		 where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('data_ingestion', 'execution', 'events', 'analytics',
		       'logging', 'shared', 'strategy_engine', 'risk_management')`)
}

// attacks try to change something from a read-only session, each with the statements that prepare it.
var attacks = [][]string{
	{`insert into execution.accounts (account_id) values ('A2')`},
	{`insert into data_ingestion.latest_prices values ('EVIL', 1, now(), 'x')`},
	{`update execution.accounts set name = 'stolen'`},
	{`delete from execution.orders`},
	{`truncate execution.orders`},
	{`with x as (delete from execution.accounts returning 1) select * from x`},
	{`create table execution.evil (i int)`},
	{`create temporary table evil (i int)`},
	{`create schema evil`},
	{`create function public.evil() returns int language sql as 'select 1'`},
	{`select * into execution.evil from execution.accounts`},
	{`select nextval(pg_get_serial_sequence('execution.orders', 'id'))`},
	{`select setval(pg_get_serial_sequence('execution.orders', 'id'), 1)`},
	{`select shared.ensure_ahead()`},
	{`select shared.create_monthly_partition('market_data', '2027-01-01')`},
	{`copy execution.accounts from program 'echo'`},
	{`lock table execution.accounts in exclusive mode`},
	{`drop table execution.orders`},
	{`alter table execution.orders disable row level security`},
	{`grant all on execution.orders to public`},
	{`set default_transaction_read_only = off`, `insert into execution.accounts (account_id) values ('A2')`},
	{`set session characteristics as transaction read write`, `update execution.accounts set name = 'stolen'`},
	{`begin read write; insert into execution.accounts (account_id) values ('A2'); commit`},
	{`set transaction read write`, `insert into execution.accounts (account_id) values ('A2')`},
	{`commit; begin read write; insert into execution.accounts (account_id) values ('A2'); commit`},
	{
		`set role none`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{
		`reset role`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{
		`set session authorization default`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{
		`set role trading_app`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{
		`set role trading_service`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{
		`set role trading_owner`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{
		`set role trading_reporter`, `set default_transaction_read_only = off`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{`do $$ begin set local role trading_app; insert into execution.accounts (account_id) values ('A2'); end $$`},
	{`select set_config('role', 'trading_owner', false)`},
	{
		`select set_config('transaction_read_only', 'off', false)`,
		`insert into execution.accounts (account_id) values ('A2')`,
	},
	{`set default_transaction_read_only = off`, `create table execution.evil (i int)`},
	{`set default_transaction_read_only = off`, `create temporary table evil (i int)`},
	{`set default_transaction_read_only = off`, `select nextval(pg_get_serial_sequence('execution.orders', 'id'))`},
	{
		`set default_transaction_read_only = off`,
		`select shared.ensure_partitions('market_data', '1901-01-01', '1901-01-02')`,
	},
	{`prepare evil as insert into execution.accounts (account_id) values ('A2')`, `execute evil`},
}

// A read-only session with a login of its own cannot change a row of any table, whatever SQL it runs.
func TestReadOnlySessionChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	order := newOrder("A1", "O-1")
	if err := db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &order) }); err != nil {
		t.Fatal(err)
	}

	before := fingerprint(t, db)
	modes := []any{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol}
	for _, attack := range attacks {
		for name, ctx := range map[string]context.Context{
			"an account": ctx, "no account": t.Context(), "all accounts": blotter.WithAllAccounts(t.Context()),
		} {
			for _, mode := range modes {
				for _, opts := range [][]postgres.ReadOption{nil, {postgres.Snapshot}} {
					failed := false
					_ = db.ReadOnly(ctx, func(s *postgres.Session) error {
						for _, sql := range attack {
							_, err := s.Exec(ctx, sql, mode)
							failed = failed || err != nil
						}
						return nil
					}, opts...)
					if !failed {
						t.Errorf("%q was allowed in a session of %s", attack, name)
					}
				}
			}
		}
	}
	if after := fingerprint(t, db); after != before {
		t.Errorf("read-only sessions have changed the database from\n%s\nto\n%s", before, after)
	}
}

// A single read is one round trip without BEGIN and COMMIT, and sees the newest data.
func TestSingleReadsSeeTheNewest(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	count := func(s *postgres.Session) (n int) {
		if err := s.QueryRow(ctx, `select count(*) from data_ingestion.instruments`).Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}

	for name, want := range map[string]int{"single": 1, "snapshot": 0} {
		db.Exec(t, `truncate data_ingestion.instruments`)
		var opts []postgres.ReadOption
		if name == "snapshot" {
			opts = append(opts, postgres.Snapshot)
		}
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			first := count(s)
			db.Exec(t, `insert into data_ingestion.instruments (symbol) values ('NEW')`)
			if second := count(s); second-first != want {
				t.Errorf("%s: the second query sees %d new rows, want %d", name, second-first, want)
			}
			return nil
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// After an error in a single read the session continues, because there is no transaction that could fail.
func TestReadOnlySessionGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, ctx := range []context.Context{t.Context(), as(t, "A1")} {
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			if _, err := s.Exec(ctx, "select 1/0"); !errors.Is(err, blotter.ErrData) {
				t.Errorf("division by zero: %v", err)
			}
			if _, err := s.Exec(ctx, "select 1; select 1/0"); !errors.Is(err, blotter.ErrData) {
				t.Errorf("division by zero in the second statement: %v", err)
			}

			var one int
			return s.QueryRow(ctx, "select 1").Scan(&one)
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	makeAccount(t, db.DB, "A2")
	for name, want := range map[string]struct {
		ctx        context.Context
		role, read string
		rows       int
	}{
		"account":      {as(t, "A1"), "trading_app", "trading_readonly", 1},
		"none":         {t.Context(), "trading_app", "trading_readonly", 0},
		"all accounts": {blotter.WithAllAccounts(t.Context()), "trading_service", "trading_reporter", 2},
	} {
		look := func(q postgres.Querier, wantRole string) error {
			var role, login string
			var rows int
			var super bool
			err := q.QueryRow(want.ctx, `select current_user::text, session_user::text, (select count(*) from execution.accounts),
				(select rolsuper or rolbypassrls from pg_roles where rolname = session_user)`).Scan(&role, &login, &rows, &super)
			if role != wantRole || rows != want.rows || super {
				t.Errorf("%s: %s (login %s, above the rules: %v) sees %d rows, want %s and %d", name, role, login,
					super, rows, wantRole, want.rows)
			}
			return err
		}
		if err := db.Transaction(want.ctx, func(tx *postgres.Tx) error { return look(tx, want.role) }); err != nil {
			t.Error(err)
		}
		if err := db.ReadOnly(want.ctx, func(s *postgres.Session) error { return look(s, want.read) }); err != nil {
			t.Error(err)
		}
	}

	for _, id := range []string{"", "x\x00y", "\xff", "123456789012345678901234567890123456789012345678901"} {
		err := db.ReadOnly(as(t, id), func(*postgres.Session) error { return nil })
		wantKind(t, "account "+id, err, blotter.ErrInvalid)
	}
}

// Account ids are data, whatever they contain and however a session sends them.
func TestAccountIDsAreData(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, id := range []string{
		`O'Neil`, `a;b--c`, `\0041`, `"quoted"`, `$1`, `日本 ünï`, `😀'); drop table x; --`,
		`U&'\0041'`, "tab\tnew\nline",
	} {
		makeAccount(t, db.DB, id)
		ctx := as(t, id)
		var simple, batched, read string
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			return tx.QueryRow(ctx, `select account_id from execution.accounts`).Scan(&batched)
		})

		if err == nil {
			err = db.Transaction(ctx, func(tx *postgres.Tx) error {
				if _, err := tx.Exec(ctx, `set local work_mem = '4MB'`); err != nil { // begins with a simple query
					return err
				}
				return tx.QueryRow(ctx, `select account_id from execution.accounts`).Scan(&simple)
			})
		}
		if err == nil {
			err = db.ReadOnly(ctx, func(s *postgres.Session) error {
				return s.QueryRow(ctx, `select account_id from execution.accounts`).Scan(&read)
			})
		}
		if err != nil || simple != id || batched != id || read != id {
			t.Errorf("account %q came back as %q, %q, %q: %v", id, simple, batched, read, err)
		}
	}
}
