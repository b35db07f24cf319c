package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tenant is a table with rows of accounts, and how a test stores one: $1 is the account, $2 marks its rows. Both are cast,
// because columns of several types may take them.
type tenant struct{ table, insert string }

// tenants are in the order in which rows may be stored. Add a line for a new table with an account_id.
var tenants = []tenant{
	{"execution.accounts", `(account_id, name) values ($1::text, $2::text)`},
	{"execution.orders", `(account_id, order_id, symbol, side, quantity, strategy) values ($1::text, 'O-1', 'KO', 'buy', 1, $2::text)`},
	{"execution.trades", `(account_id, trade_id, order_id, symbol, side, quantity, price, position_effect, strategy, executed_at,
		quantity_after, cost_basis_after, realized_pnl_after, fees_after) values ($1::text, 'T-1', 'O-1', 'KO', 'buy', 1, 1, 'open', $2::text, now(), 1, 1, 0, 0)`},
	{"execution.positions", `(account_id, symbol, quantity, cost_basis, strategy) values ($1::text, 'KO', 1, 1, $2::text)`},
	{"execution.round_trips", `(account_id, symbol, opened_at, closed_at, max_quantity, gross, fees, strategy, trades)
		values ($1::text, 'KO', now(), now(), 1, 1, 0, $2::text, 2)`},
	{"events.outbox", `(account_id, channel, key, event_id, type, service, data)
		values ($1::text, 'trades', $1::text, gen_random_uuid(), 't', 's', jsonb_build_object('mark', $2::text))`},
	{"events.published", `(account_id, event_id, digest) select $1::text, gen_random_uuid(), sha256(convert_to($2::text, 'UTF8'))`},
	{"events.dead_letter", `(consumer, pos, account_id, key, error) select 'c', coalesce(max(pos), 0) + 1, $1::text, $1::text, $2::text from events.dead_letter`},
	{"analytics.portfolio_summary", `(account_id, symbol) values ($1::text, left($2::text, 32))`},
	{"analytics.performance_metrics", `(account_id, strategy, date) values ($1::text, $2::text, '2026-01-05')`},
	{"risk_management.risk_limits", `(account_id, limit_type, limit_value) values ($1::text, $2::text, 1)`},
	{"risk_management.risk_events", `(account_id, event_id, event_type, message) values ($1::text, 'E-1', 't', $2::text)`},
	{"shared.audit_log", `(account_id, table_name, operation, user_id) values ($1::text, 't', 'o', $2::text)`},
	{"execution.trade_fees", `(account_id, symbol, trade_id, side, currency, amount) values ($1::text, 'KO', 'T-1', 'buy', left($2::text, 20), 1)`},
	{"execution.imports", `(account_id, file, digest) values ($1::text, $2::text, sha256('x'))`},
	{"execution.import_trades", `(account_id, import_id, symbol, trade_id, side)
		values ($1::text, (select max(id) from execution.imports where account_id = $1::text and file = $2::text), 'KO', 'T-1', 'buy')`},
	{"execution.position_adjustments", `(account_id, adjustment_id, symbol, kind, effective_at, note)
		values ($1::text, 'S-1', 'KO', 'split', now(), $2::text)`},
	{"execution.trade_corrections", `(account_id, correction_id, symbol, trade_id, side, kind, note)
		values ($1::text, 'C-1', 'KO', 'T-1', 'buy', 'bust', $2::text)`},
}

// seed stores a row of the account in every tenant table, as a superuser.
func seed(t testing.TB, db *pgtest.Database, account, mark string) {
	t.Helper()
	conn := db.Connect(t, db.AdminURL)
	for _, tenant := range tenants {
		if _, err := conn.Exec(t.Context(), "insert into "+tenant.table+" "+tenant.insert, account, mark); err != nil {
			t.Fatalf("%s: %v", tenant.table, err)
		}
	}
}

// tenantRelations returns the tenant tables and their leaves, each table before its leaves.
func tenantRelations(t testing.TB, db *pgtest.Database) []string {
	t.Helper()
	found := pgtest.Value[[]string](t, db, `
		select array_agg(c.oid::regclass::text order by c.relispartition, c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		  join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped
		 where c.relkind in ('r', 'p') and n.nspname in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics',
		       'logging', 'events', 'shared')`)
	tables := slices.DeleteFunc(slices.Clone(found), func(name string) bool { return !isTenant(name) })
	if len(tables) != len(tenants) {
		t.Fatalf("the tenant tables of this test are not those of the database: %v", found)
	}
	return found
}

func isTenant(name string) bool {
	return slices.ContainsFunc(tenants, func(tenant tenant) bool { return tenant.table == name })
}

// trial tests the isolation of one relation in a transaction of a superuser that is rolled back. Every privilege is
// granted, so that only the policies protect rows. Accounts A1 and A2 have rows.
type trial struct {
	tx       pgx.Tx
	relation string
	columns  string // with which a row is copied
	faults   []string
}

// isolationFaults lists the ways in which the relation does not keep accounts apart: none in a healthy database. It
// runs weaken first, in the same transaction, and leaves nothing behind.
func isolationFaults(ctx context.Context, conn *pgx.Conn, relation, weaken string) ([]string, error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	x := &trial{tx: tx, relation: relation}
	err = x.prepare(ctx, weaken)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", relation, err)
	}

	for _, role := range []string{"trading_app", "trading_readonly"} {
		x.restricted(ctx, role)
	}

	for _, role := range []string{"trading_service", "trading_reporter", "trading_owner"} {
		x.count(ctx, role, "A1", "both accounts' rows", "account_id in ('A1', 'A2')",
			func(n int) bool { return n >= 2 })
	}

	x.within(ctx, "drop policy if exists blotter_roles on "+relation, func() {
		x.count(ctx, "trading_owner", "A1", "rows without a policy that lets it", "true",
			func(n int) bool { return n == 0 })
	})

	x.within(ctx, "create policy stray on "+relation+" using (true) with check (true)", func() {
		x.count(ctx, "trading_app", "A1", "other accounts' rows by a stray policy", "account_id is distinct from 'A1'",
			func(n int) bool { return n == 0 })
	})

	return x.faults, nil
}

func (x *trial) prepare(ctx context.Context, weaken string) error {
	for _, sql := range []string{
		weaken,
		"grant select, insert, update, delete on " + x.relation + " to trading_app, trading_service, trading_readonly, trading_reporter",
		"create temporary table foreign_row on commit drop as select * from " + x.relation + " where account_id = 'A2'",
		"grant select on foreign_row to public",
	} {
		if _, err := x.tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}

	var rows int
	if err := x.tx.QueryRow(ctx, "select count(*) from foreign_row").Scan(&rows); err != nil || rows == 0 {
		return fmt.Errorf("no row of A2 to try with: %w", errors.Join(err, errors.New("seed it")))
	}

	return x.tx.QueryRow(ctx, `select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
		where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''`, x.relation).Scan(&x.columns)
}

// restricted tries everything that a role of one account must not be able to do.
func (x *trial) restricted(ctx context.Context, role string) {
	none := func(n int) bool { return n == 0 }
	x.count(ctx, role, "A1", "its own rows", "account_id = 'A1'", func(n int) bool { return n > 0 })
	x.count(ctx, role, "A1", "other accounts' rows", "account_id is distinct from 'A1'", none)
	x.count(ctx, role, "", "rows without an account", "true", none)
	x.count(ctx, role, "A1' or true --", "rows with an account that is SQL", "true", none)
	copyRow := "insert into " + x.relation + " (" + x.columns + ") overriding system value select " + x.columns + " from foreign_row"
	x.refused(ctx, role, "A1", copyRow)
	x.refused(ctx, role, "", copyRow)
	x.refused(ctx, role, "A1", "update "+x.relation+" set account_id = 'A2'")
	x.touches(ctx, role, "update "+x.relation+" set account_id = account_id where account_id = 'A2'")
	x.touches(ctx, role, "delete from "+x.relation+" where account_id = 'A2'")
}

// within runs try after sql, and undoes both.
func (x *trial) within(ctx context.Context, sql string, try func()) {
	savepoint, err := x.tx.Begin(ctx)
	if err != nil {
		x.fault("savepoint: %v", err)
		return
	}
	outer := x.tx
	defer func() { x.tx = outer; _ = savepoint.Rollback(ctx) }()
	x.tx = savepoint
	if _, err := savepoint.Exec(ctx, sql); err != nil {
		x.fault("%s: %v", sql, err)
		return
	}
	try()
}

// as runs try as the role with the account, and undoes it.
func (x *trial) as(ctx context.Context, role, account string, try func()) {
	x.within(ctx, "set local role "+role, func() {
		if account != "" {
			if _, err := x.tx.Exec(ctx, `select set_config('app.current_account_id', $1, true)`, account); err != nil {
				x.fault("set the account: %v", err)
				return
			}
		}
		try()
	})
}

func (x *trial) count(ctx context.Context, role, account, what, where string, good func(int) bool) {
	x.as(ctx, role, account, func() {
		var n int
		if err := x.tx.QueryRow(ctx, "select count(*) from "+x.relation+" where "+where).Scan(&n); err != nil || !good(n) {
			x.fault("%s of %q sees %d of %s (%v)", role, account, n, what, err)
		}
	})
}

// refused expects 42501, with which a policy refuses a row.
func (x *trial) refused(ctx context.Context, role, account, sql string) {
	x.as(ctx, role, account, func() {
		var pg *pgconn.PgError
		if _, err := x.tx.Exec(ctx, sql); !errors.As(err, &pg) || pg.Code != "42501" ||
			!strings.Contains(pg.Message, "row-level security") {
			x.fault("%s of %q: %s: got %v, want the policy's refusal", role, account, sql, err)
		}
	})
}

// touches expects that no row is changed.
func (x *trial) touches(ctx context.Context, role, sql string) {
	x.as(ctx, role, "A1", func() {
		if tag, err := x.tx.Exec(ctx, sql); err == nil && tag.RowsAffected() > 0 {
			x.fault("%s: %s changes %d rows", role, sql, tag.RowsAffected())
		}
	})
}

func (x *trial) fault(format string, args ...any) {
	x.faults = append(x.faults, x.relation+": "+fmt.Sprintf(format, args...))
}
