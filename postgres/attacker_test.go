package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// victimMark is in a column of every row of the account VICTIM, and in no statement.
const victimMark = "mark7f3a1c"

// vehicles run a query Q of a table T where its rows would become visible.
var vehicles = []string{
	"Q",
	"with q as materialized (Q) select * from q",
	"select * from (Q) q left join lateral (select version()) v on true",
	"prepare p as Q; execute p; deallocate p",
	"declare c cursor for Q; fetch all from c",
	"declare held cursor with hold for Q; fetch all from held; close held",
	"do $$ declare row record; begin for row in Q loop raise notice '%', row; end loop; end $$",
	"do $$ begin set local role none; perform 1; end $$; Q",
	"create temporary view v as Q; select * from v; drop view v",
	"create temporary view v with (security_barrier = false) as select * from T; select * from v r where r::text like '%a%'; drop view v",
	"create temporary table copied as Q; select * from copied; drop table copied",
	"explain (analyze, verbose) Q",
	"select query_to_xml($q$Q$q$, true, true, '')",
	"select table_to_xml('T', true, true, '')",
	"set local row_security = off; Q",
	"set role none; Q",
	"set role trading_app; Q",
	"set role trading_service; Q",
	"set session authorization default; Q",
	"reset all; Q",
	"savepoint s; set local row_security = off; rollback to s; Q",
	"rollback; Q",
	"create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001 as $$ begin raise notice 'leak %', $1; return true; end $$; select 1 from T r where pg_temp.leak(r::text)",
	"create function pg_temp.all() returns setof T language sql security definer as $$ select * from T $$; select * from pg_temp.all()",
	"select r::text from T r where 1 / (case when account_id = 'VICTIM' then 0 else 1 end) = 1",
	"select r::text from T r where account_id = 'VICTIM' for update",
	"select r::text from T r tablesample system (100)",
	"select r::text from only T r where ctid = any (array(select format('(0,%s)', n)::tid from generate_series(1, 20) n))",
	"select ts_stat($q$select to_tsvector(r::text) from T r$q$)",
	"update T set account_id = account_id returning *",
	"update T set account_id = 'ATTACKER' where account_id = 'VICTIM' returning *",
	"delete from T where account_id = 'VICTIM' returning *",
	"with gone as (delete from T returning *) select * from gone",
	"merge into T using (select 1) s on account_id = 'VICTIM' when matched then delete",
	"insert into T overriding system value select * from T where account_id = 'VICTIM' returning *",
	"truncate T",
	"alter table T disable row level security; Q",
	"create policy mine on T using (true); Q",
	"create trigger spy before insert on T for each row execute function suppress_redundant_updates_trigger()",
	"create rule spy as on insert to T do also notify spy",
	"grant select on T to public",
	"comment on table T is 'mine'; analyze T",
}

// singles are attacks that need no table.
var singles = []string{
	"select pg_read_file('PG_VERSION')", "select pg_ls_dir('.')", "select pg_stat_file('PG_VERSION')",
	"select pg_read_binary_file('global/pg_control')",
	"copy execution.orders from '/etc/passwd'", "copy (select 1) to '/tmp/blotter-attack'",
	"copy execution.orders from program 'echo'",
	"copy (select 1) to program 'cat'", "select lo_import('/etc/passwd')",
	"select lo_export(lo_creat(-1), '/tmp/blotter-attack')",
	"select lo_get(oid) from pg_largeobject_metadata", "select data from pg_largeobject",
	"select lo_unlink(oid) from pg_largeobject_metadata",
	"select * from pg_statistic", "select most_common_vals::text from pg_stats where schemaname = 'execution'",
	"select stavalues1::text from pg_statistic",
	"select query from pg_stat_activity", "select query from pg_stat_activity where usename <> current_user",
	"select * from pg_authid", "select * from pg_shadow",
	"select * from pg_user_mappings", "select * from pg_hba_file_rules", "select * from pg_file_settings",
	"select pg_stat_reset()", "select pg_reload_conf()",
	"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
	"select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
	"select pg_create_restore_point('x')", "select pg_switch_wal()", "select pg_logical_emit_message(true, 'x', 'y')",
	"select pg_create_logical_replication_slot('x', 'test_decoding')", "create publication p for all tables",
	"create subscription s connection '' publication p",
	"create extension dblink", "create extension file_fdw", "create extension pageinspect",
	"create extension postgres_fdw", "create language plpython3u",
	"create schema mine", "create table public.mine (i int)",
	"create function public.mine() returns int language sql as 'select 1'",
	"create function execution.mine() returns int language sql as 'select 1'",
	"create or replace function execution.unchanged(ok boolean) returns boolean language sql as 'select true'",
	"create function pg_temp.f() returns text language c as 'libc', 'system'",
	"create operator execution.= (leftarg = text, rightarg = text, function = texteq)",
	"alter function shared.ensure_ahead() security invoker", "alter role trading_app bypassrls",
	"alter role session_user bypassrls", "alter role session_user superuser",
	"create role mine superuser", "grant trading_service to session_user", "grant trading_owner to session_user",
	"set role trading_owner", "set role pg_read_all_data",
	"set session_replication_role = replica", "set local session_preload_libraries = 'x'", "load 'plpgsql'",
	"alter system set row_security = off",
	"alter database current set row_security = off", "alter default privileges grant select on tables to public",
	"drop owned by trading_app", "reassign owned by trading_owner to session_user",
	"select shared.isolate('execution.orders')", "select shared.create_leaf('shared.audit_log', 'mine', '1', '2')",
	"select shared.ensure_partitions('audit_log', '1950-01-01', '1950-02-01')",
	"select shared.record_access('execution.orders', 'stolen', null, 'VICTIM')",
	"set role none; select shared.record_access('execution.orders', 'stolen', null, 'VICTIM')",
	"select execution.remove_import('VICTIM', 1)", "set role none; select execution.remove_import('VICTIM', 1)",
	"select set_config('role', 'trading_service', true); select execution.remove_import('VICTIM', 1)",
	"select set_config('role', 'trading_service', true); select shared.record_access('execution.orders', 'stolen', null, 'VICTIM')",
	"insert into shared.audit_log (account_id, table_name, operation) values ('VICTIM', 't', 'forged')",
	"select execution.by_fill(o, o) from execution.orders o",
	"select shared.audit_rows()", "select * from shared.audit_seals", "select * from shared.audit_cursor",
	"select shared.analyze_bars(1)", "select nextval(pg_get_serial_sequence('events.outbox', 'pos'))",
	"select setval(pg_get_serial_sequence('events.outbox', 'pos'), 1)",
	"select last_value from pg_sequences where schemaname = 'events'", "select * from events.cursor",
	"select * from events.batch", "select * from data_ingestion.data_quality_logs",
	"select * from logging.system_logs", "insert into data_ingestion.latest_prices values ('KO', 1, now(), 's')",
	"delete from strategy_engine.strategies where false",
	"insert into execution.accounts (account_id) values ('VICTIM')", "insert into execution.accounts (account_id) values ('VICTIM') on conflict (account_id) do update set name = 'mine' returning *",
	"insert into execution.trades select * from execution.trades", "table execution.position_values",
	"table analytics.strategy_performance",
	"select database_to_xml(true, true, '')", "select schema_to_xml('execution', true, true, '')",
	"listen spy; notify spy, 'x'", "vacuum execution.orders", "cluster execution.orders",
	"reindex table execution.orders", "import foreign schema x from server y into z",
	"security label on table execution.orders is 'x'", "set local search_path = pg_temp, execution; table orders",
	"alter role session_user set row_security = off", "alter role session_user set role = 'trading_service'",
	"alter role session_user set search_path = 'pg_temp'",
}

// forgedIdentities write, under the attacker's account, false statements about another account or the book.
var forgedIdentities = []string{
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'trades', 'ATTACKER', gen_random_uuid(), 'trade_executed', 'execution', '{"account_id": "VICTIM", "trade_id": "T-1", "symbol": "KO", "side": "buy", "quantity": "777777"}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'trades', 'ATTACKER', gen_random_uuid(), 'trade_executed', 'execution', '{"trade_id": "T-1", "symbol": "KO", "side": "buy", "quantity": "777777"}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'trades', 'ATTACKER', gen_random_uuid(), 'trade_undone', 'execution', '{"account_id": "VICTIM"}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'positions', 'ATTACKER', gen_random_uuid(), 'position_updated', 'execution', '{"account_id": "VICTIM"}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('VICTIM', 'trades', 'VICTIM', gen_random_uuid(), 'trade_executed', 'execution', '{"account_id": "VICTIM"}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'notes', 'VICTIM', gen_random_uuid(), 'noted', 's', '{}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data, created_at) values ('ATTACKER', 'notes', 'ATTACKER', gen_random_uuid(), 'noted', 's', '{}', '1999-01-01')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data, xid) values ('ATTACKER', 'notes', 'ATTACKER', gen_random_uuid(), 'noted', 's', '{}', '3')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'trades', 'ATTACKER', gen_random_uuid(), 'trade_executed', 'execution', '{"position": {"account_id": "ATTACKER"}, "account_id": "VICTIM"}')`,
	`drop trigger outbox_is_what_it_says on events.outbox`,
	`alter table events.outbox_p0 disable trigger outbox_is_what_it_says`,
	`create or replace function shared.uuid_v7() returns uuid language sql as 'select null::uuid'`,
	`select events.undone_data(t, t) from execution.trades t`,
}

// poisonedStates write to tables that all accounts share.
var poisonedStates = []string{
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'market_data', 'ATTACKER', gen_random_uuid(), 'market_data_updated', 'feed', '{"symbol": "KO", "price": "777777", "price_at": "2200-01-01T00:00:00Z"}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'market_data', 'ATTACKER', gen_random_uuid(), 'noted', 'feed', '{}')`,
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('ATTACKER', 'notes', 'ATTACKER', gen_random_uuid(), 'market_data_updated', 'feed', '{}')`,
	`insert into events.outbox (channel, key, event_id, type, service, data) values ('market_data', 'KO', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{"symbol": "KO"}')`,
	`update data_ingestion.latest_prices set price = 777777`, `delete from data_ingestion.latest_prices`,
	`insert into analytics.market_prices values ('KO', 777777, now(), 's')`,
	`update analytics.market_prices set price = 777777`, `update data_ingestion.instruments set multiplier = 777777`,
	`insert into data_ingestion.instruments (symbol) values ('FORGED')`,
	`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source) values ('KO', now(), 1, 1, 1, 1, 1, 's')`,
	`select shared.record_access('shared.audit_cursor', 'REPAIR', '{}', null)`,
	`set role none; select shared.record_access('shared.audit_cursor', 'REPAIR', '{}', null)`,
	`select shared.record_access('data_ingestion.latest_prices', 'SET PRICE', '{}', null)`,
	`select shared.record_access('execution.orders', 'UPDATED', '{}', null)`,
	`insert into events.dead_letter (consumer, pos, key, error) values ('analytics', 1, 'VICTIM', 'x')`,
	`update events.cursor set pos_done = 1`, `delete from events.published`,
}

// attackTexts returns every vehicle with every tenant table and leaf, and the singles.
func attackTexts(t *testing.T, relations []string) (texts []string) {
	t.Helper()
	for _, relation := range relations {
		for _, vehicle := range vehicles {
			text := strings.ReplaceAll(vehicle, "Q", "select r::text from T r")
			texts = append(texts, strings.ReplaceAll(text, " T", " "+relation))
			texts[len(texts)-1] = strings.ReplaceAll(texts[len(texts)-1], "'T'", "'"+relation+"'")
		}
	}

	texts = append(texts, singles...)
	texts = append(texts, forgedIdentities...)
	texts = append(texts, poisonedStates...)
	for _, text := range texts {
		for _, forbidden := range []string{"current_account_id", "commit", victimMark} {
			if strings.Contains(strings.ToLower(strings.ReplaceAll(text, "on commit", "")),
				strings.ToLower(forbidden)) {
				t.Fatalf("%s: an attack may not have %q", text, forbidden)
			}
		}
	}

	return texts
}

// attacker is a connection of a login that is a member of trading_app only.
type attacker struct {
	t    *testing.T
	url  string
	conn *pgx.Conn
	seen bytes.Buffer // everything that the server sent
}

func newAttacker(t *testing.T, db *pgtest.Database) *attacker {
	t.Helper()
	return &attacker{t: t, url: withUser(t, db, "attacker_"+db.Name, "trading_app")}
}

func (a *attacker) connect() {
	a.t.Helper()
	if a.conn != nil {
		_ = a.conn.Close(context.Background())
	}
	cfg, err := pgx.ParseConfig(a.url)
	if err != nil {
		a.t.Fatal(err)
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { fmt.Fprintln(&a.seen, n.Message, n.Detail, n.Hint) }
	if a.conn, err = pgx.ConnectConfig(a.t.Context(), cfg); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = a.conn.Close(context.Background()) })
}

// try runs the attack in a transaction of the account ATTACKER, commits it if possible, and keeps what the server
// sends: rows, notices and errors.
func (a *attacker) try(text string) {
	a.t.Helper()
	ctx := a.t.Context()
	a.seen.Reset()
	mustExec(a.t, a.conn, "begin")
	mustExec(a.t, a.conn, "select set_config('app.current_account_id', 'ATTACKER', true)")
	results, err := a.conn.PgConn().Exec(ctx, text).ReadAll()
	for _, result := range results {
		for _, row := range result.Rows {
			a.seen.Write(bytes.Join(row, []byte("|")))
		}
	}

	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		fmt.Fprintln(&a.seen, pg.Message, pg.Detail, pg.Hint, pg.Where)
		if pg.Code == "22012" {
			a.t.Errorf("%s: a condition was asked of a row of another account", text)
		}
	}
	if a.conn.IsClosed() {
		a.connect()
		return
	}

	_, _ = a.conn.Exec(ctx, "commit")
	if len(text) < 200 && strings.HasPrefix(text, "select r::text") {
		a.copyOut(text)
	}

	mustExec(a.t, a.conn, "discard all")
}

// copyOut runs the query with COPY, in a transaction of its own.
func (a *attacker) copyOut(query string) {
	mustExec(a.t, a.conn, "begin")
	mustExec(a.t, a.conn, "select set_config('app.current_account_id', 'ATTACKER', true)")
	_, _ = a.conn.PgConn().CopyTo(a.t.Context(), &a.seen, "copy ("+query+") to stdout")
	_, _ = a.conn.Exec(a.t.Context(), "rollback")
}

// An application's login neither sees nor changes anything of another account, whatever SQL it runs, as long as that
// SQL does not set the account or end its transaction with COMMIT.
func TestAttacker(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seed(t, db, "ATTACKER", "own")
	seed(t, db, "VICTIM", victimMark)
	db.Exec(t, `insert into data_ingestion.latest_prices values ('KO', 1, now(), 's')`)
	db.Exec(t, `insert into data_ingestion.data_quality_logs (check_type, message) values ('x', $1)`, victimMark)
	db.Exec(t, `insert into logging.system_logs (service, level, message) values ('s', 'info', $1)`, victimMark)
	db.Exec(t, `analyze`)
	relations := usedRelations(t, db)
	texts := attackTexts(t, relations)
	if len(texts) < 200 {
		t.Fatalf("only %d attacks", len(texts))
	}

	for _, kind := range [][]string{forgedIdentities, poisonedStates} {
		if len(kind) < 12 {
			t.Fatalf("only %d attacks of a kind", len(kind))
		}
	}

	before, shared := accountRows(t, db, "VICTIM"), pgtest.Value[string](t, db, sqlShared)
	a := newAttacker(t, db)
	a.connect()
	for _, text := range texts {
		a.try(text)
		if strings.Contains(a.seen.String(), victimMark) {
			t.Errorf("%s\nsees %s", text, a.seen.String())
		}
	}

	a.connect() // which shows what the attacks left for the next connection
	a.try("select r::text from execution.orders r")
	if strings.Contains(a.seen.String(), victimMark) {
		t.Errorf("its next connection sees %s", a.seen.String())
	}
	if after := accountRows(t, db, "VICTIM"); after != before {
		t.Errorf("the victim's rows were\n%s\nand are\n%s", before, after)
	}

	attackByLibrary(t, db, texts)
	if after := accountRows(t, db, "VICTIM"); after != before {
		t.Errorf("the victim's rows were\n%s\nand are\n%s after attacks through the library", before, after)
	}
	if after := pgtest.Value[string](t, db, sqlShared); after != shared {
		t.Errorf("the shared rows were\n%s\nand are\n%s", shared, after)
	}
	if drift, err := migrator(t, db.OwnerURL).Verify(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("the attacks changed the schema: %v, %v", drift, err)
	}

	t.Logf("%d attacks", len(texts))
}

// sqlShared reads rows that no account may change: prices, instruments and bars; events without an account, of the
// book, or in the name of another account; and entries of the audit log that look like an operator's.
const sqlShared = `
select concat_ws(E'\n', (select string_agg(l::text, ',' order by symbol) from data_ingestion.latest_prices l),
    (select string_agg(m::text, ',' order by symbol) from analytics.market_prices m),
    (select string_agg(i::text, ',' order by symbol) from data_ingestion.instruments i), (select count(*) from data_ingestion.market_data),
    (select string_agg(o::text, ',' order by pos) from events.outbox o
      where account_id is null or channel = 'market_data' or created_at < '2000-01-01'
         or type in ('trade_executed', 'trade_undone', 'position_updated', 'market_data_updated')),
    (select string_agg(a::text, ',' order by id) from shared.audit_log a where operation in ('REPAIR', 'SET PRICE', 'UPDATED') or operation = 'stolen'),
    (select count(*) from events.cursor), (select count(*) from events.dead_letter), (select count(*) from events.published where account_id <> 'ATTACKER'))`

// attackByLibrary runs the same attacks in sessions of the library, whose connections then serve the victim, who must
// see exactly its own rows.
func attackByLibrary(t *testing.T, db *pgtest.Database, texts []string) {
	t.Helper()
	ctx := as(t, "ATTACKER")
	for _, text := range texts {
		if strings.HasPrefix(text, "alter role session_user") {
			continue // all tests share this login
		}
		_ = db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol)
			return err
		})
		if got := accountSeen(t, db.DB, false); got != "|0" {
			t.Fatalf("after %s the next user of the connection has %q", text, got)
		}
	}

	victim := as(t, "VICTIM")
	err := db.Transaction(victim, func(tx *postgres.Tx) error {
		orders, err := postgres.Orders.Find(victim, tx)
		if len(orders) != 1 || orders[0].AccountID != "VICTIM" {
			t.Errorf("the victim sees %v", orders)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
