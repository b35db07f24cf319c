package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// blotterSchemas are the schemas of the migrations, as an SQL list.
const blotterSchemas = `('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'events', 'shared')`

// sqlTryLocks tries every mode of LOCK TABLE that conflicts with reading or writing rows, on every table and leaf, and
// raises a notice for each lock that is granted.
const sqlTryLocks = `
do $$
declare
    target regclass;
    mode text;
begin
    for target in select c.oid from pg_class c
                   where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text in ` + blotterSchemas + ` loop
        foreach mode in array array['share update exclusive', 'share', 'share row exclusive', 'exclusive', 'access exclusive'] loop
            begin
                execute format('lock table %s in %s mode nowait', target, mode);
                raise notice 'locked % in % mode', target, mode;
            exception when insufficient_privilege then
                null;
            end;
        end loop;
    end loop;
end $$`

// No account's login can lock a table against others, neither with LOCK TABLE nor by locking rows that all accounts
// share.
func TestNobodyLocksOthersOut(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, role := range []string{"trading_app", "trading_readonly"} {
		a := &attacker{t: t, url: withUser(t, db, role+"_"+db.Name, role)}
		a.connect()
		a.try(sqlTryLocks)
		if a.seen.Len() > 0 {
			t.Errorf("%s: %s", role, a.seen.String())
		}

		for _, table := range []string{
			"data_ingestion.instruments", "data_ingestion.latest_prices", "analytics.market_prices",
			"shared.partitioned_tables",
			"events.cursor", "shared.audit_cursor", "shared.schema_version", "execution.trades",
		} {
			a.try("select from " + table + " for key share")
			if !strings.Contains(a.seen.String(), "permission denied") {
				t.Errorf("%s locks rows of %s: %q", role, table, a.seen.String())
			}
		}
	}
}

// An account's session cannot keep a partition from being made, neither with an advisory lock nor with a transaction in
// which it asked for partitions that nobody needs.
func TestNobodyHoldsPartitionsUp(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	a := newAttacker(t, db)
	a.connect()
	mustExec(t, a.conn, `select pg_advisory_lock(hashtext('blotter.partitions'), table_name::oid::bigint::bit(32)::int) from shared.partitioned_tables`)
	mustExec(t, a.conn, `begin`)
	mustExec(t, a.conn, `select shared.ensure_ahead()`)

	db.Exec(t, `select setval(pg_get_serial_sequence('events.outbox', 'pos'), (select size * 3 from shared.partitioned_tables where ahead = 'positions'))`)
	conn := login(t, db, db.Config.ServiceURL, "A1")
	mustExec(t, conn, `set lock_timeout = '1min'`)
	var made int
	if err := conn.QueryRow(t.Context(), `select shared.ensure_ahead()`).Scan(&made); err != nil || made == 0 {
		t.Errorf("%d partitions were made beside a session that holds what it can: %v", made, err)
	}
}

// A session that keeps its transaction open makes a migration wait, but not the sessions that come after the migration.
func TestMigrationsLetOthersPass(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	a := newAttacker(t, db)
	a.connect()
	mustExec(t, a.conn, `begin`)
	mustExec(t, a.conn, `select from execution.imports`)

	done := make(chan error, 1)
	go func() {
		_, err := migrator(t, db.OwnerURL).DownTo(t.Context(), 3) // drops the tables of the book
		done <- err
	}()
	waits := `select exists (select from pg_locks where not granted and relation = 'execution.imports'::regclass)`
	for deadline := time.Now().Add(time.Minute); !pgtest.Value[bool](t, db, waits); {
		if time.Now().After(deadline) {
			t.Fatal("the migration never waits")
		}
	}
	other := login(t, db, db.Config.URL, "A1")
	mustExec(t, other, `set statement_timeout = '20s'`)
	mustExec(t, other, `select from execution.imports`)

	mustExec(t, a.conn, `rollback`)
	if err := <-done; err != nil {
		t.Errorf("when the transaction has ended: %v", err)
	}
}

// The table bounds the size of an account's rows.
func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := login(t, db, db.Config.URL, "A1")
	mustExec(t, conn, `insert into execution.accounts (account_id) values ('A1')`)
	event := func(data string) string {
		return `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
			values ('A1', 'c', 'A1', gen_random_uuid(), 't', 's', ` + data + `)`
	}
	mustExec(t, conn, event(`jsonb_build_object('x', repeat('x', 65536 - 9))`))
	mustExec(t, conn, event(`'[1e131000]'`)) // 12 bytes in the table, 131,001 when it is read
	for _, data := range []string{
		`jsonb_build_object('x', repeat('x', 131072))`,
		`jsonb_build_object('x', repeat('x', 20000000))`,
		`'[1e131000, 1e131000]'`,
	} {
		wantState(t, conn, "23514", event(data))
	}
	// Compressed in a table of its own, the value is small until it is read.
	mustExec(t, conn, `create temporary table own as select jsonb_build_object('x', repeat('x', 20000000)) as data`)
	wantState(t, conn, "23514", event(`(select data from own)`))

	for _, sql := range []string{
		`insert into logging.system_logs (service, level, message) values ('s', 'info', repeat('x', 20000000))`,
		`insert into logging.system_logs (service, level, message, data) values ('s', 'info', 'x', jsonb_build_object('x', repeat('x', 20000000)))`,
		`insert into execution.imports (account_id, file, digest, options) values ('A1', 'f', sha256('x'), jsonb_build_object('x', repeat('x', 20000000)))`,
		`insert into execution.imports (account_id, file, digest, login) values ('A1', 'f', sha256('x'), repeat('x', 20000000))`,
		`insert into execution.imports (account_id, file, digest, user_id) values ('A1', 'f', sha256('x'), repeat('x', 20000000))`,
		`insert into risk_management.risk_events (account_id, event_id, event_type, message) values ('A1', 'e', 't', repeat('x', 20000000))`,
		`insert into risk_management.risk_events (account_id, event_id, event_type, message, data) values ('A1', 'e', 't', 'm', jsonb_build_object('x', repeat('x', 20000000)))`,
		`insert into strategy_engine.strategies (strategy_id, name, description) values ('s', 'n', repeat('x', 20000000))`,
		`insert into strategy_engine.strategies (strategy_id, name, parameters) values ('s', 'n', jsonb_build_object('x', repeat('x', 20000000)))`,
		`select shared.record_access('execution.orders', 'read', jsonb_build_object('x', repeat('x', 20000000)), 'A1')`,
	} {
		wantState(t, conn, "23514", sql)
	}
}

// An event that is too large is refused before it is sent. One of the largest size is stored.
func TestEmitBoundsData(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	emit := func(data string) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			return tx.Emit(ctx, blotter.Event{Channel: "c", Type: "t", Data: []byte(data)})
		})
	}

	list := "[" + strings.Repeat("1,", blotter.EventDataMax/2-2) + "1]" // the server adds the most spaces to this
	if err := emit(list); err != nil {
		t.Errorf("%d bytes: %v", len(list), err)
	}
	if err := emit(list + "  "); err == nil || !strings.Contains(err.Error(), "65536") {
		t.Errorf("%d bytes: %v", len(list)+1, err)
	}
}

// unbounded lists the columns that an account's session may write without a bound, each with the reason. Today there
// are none.
var unbounded = map[string]string{}

// Every column that accounts write has a bound on the size of its values.
func TestColumnsOfAccountsAreBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	rows, err := db.Connect(t, db.AdminURL).Query(t.Context(), `
select c.oid::regclass || '.' || a.attname
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  join pg_type y on y.oid = a.atttypid and y.typtype <> 'd'
 where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace::regnamespace::text in `+blotterSchemas+`
   and (y.oid::regtype::text in ('text', 'jsonb', 'json', 'bytea', 'character varying', 'numeric', 'xml') or y.typcategory = 'A')
   and exists (select from unnest(array['trading_app', 'trading_readonly']) role, unnest(array['INSERT', 'UPDATE']) privilege
                where has_column_privilege(role, c.oid, a.attnum, privilege))
   and not exists (select from pg_constraint k
                    where k.conrelid = c.oid and a.attnum = any (k.conkey)
                      and (k.contype = 'f' or k.contype = 'c' and pg_get_constraintdef(k.oid)
                           ~ ('(length|cardinality)\(\(?' || a.attname || '|\(' || a.attname || ' = ANY \(ARRAY')))
 order by 1`)
	if err != nil {
		t.Fatal(err)
	}

	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}

	for _, column := range found {
		if unbounded[column] == "" {
			t.Errorf("%s may be written by accounts and has no bound: add a CHECK (octet_length(...) <= n), or a reason here", column)
		}
	}

	for column := range unbounded {
		if !slices.Contains(found, column) {
			t.Errorf("%s is bounded, or not there: take it off the list", column)
		}
	}
}

// Table.Delete uses the functions of the owner for tables on which an account's session has no DELETE.
func TestDeleteByFunction(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, account := range []string{"A1", "A2"} {
		seed(t, db, account, "mine")
		db.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity) values ($1, 'O-2', 'KO', 'buy', 1)`, account)
	}

	ctx := as(t, "A1")
	remove := func(ctx context.Context, account string) (failed [2]error) {
		_ = db.Transaction(ctx, func(tx *postgres.Tx) error {
			failed[0] = postgres.Orders.Delete(ctx, tx, account, "O-2")
			failed[1] = postgres.RiskLimits.Delete(ctx, tx, account, "mine")
			return nil
		})
		return failed
	}

	for _, err := range remove(ctx, "A2") {
		if !errors.Is(err, blotter.ErrNotFound) {
			t.Errorf("another account's row: %v", err)
		}
	}

	for _, err := range remove(ctx, "A1") {
		if err != nil {
			t.Errorf("its own row: %v", err)
		}
	}

	for _, err := range remove(blotter.WithAllAccounts(t.Context()), "A2") {
		if err != nil {
			t.Errorf("a row of any account, as the service: %v", err)
		}
	}

	left := pgtest.Value[string](t, db,
		`select coalesce(string_agg(account_id, ','), '') from execution.orders where order_id = 'O-2'`)
	if left != "" {
		t.Error("left:", left)
	}

	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := postgres.Strategies.Insert(ctx, tx, &blotter.Strategy{StrategyID: "S", Name: "s"}); err != nil {
			return err
		}
		if err := postgres.Strategies.Delete(ctx, tx, "S"); err != nil {
			return err
		}
		if err := postgres.StrategySignals.Delete(ctx, tx, "none"); !errors.Is(err, blotter.ErrNotFound) {
			return fmt.Errorf("a signal that there is not: %w", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
