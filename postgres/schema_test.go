package postgres_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Every SQL constant of the package is understood by the migrated schema.
func TestEveryQueryPrepares(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := db.Connect(t, db.AdminURL)
	if _, err := conn.Exec(t.Context(), "create temporary table blotter_bar_stage (line bigint, member text, symbol text, timeframe text, timestamp timestamptz, open numeric, high numeric, low numeric, close numeric, volume numeric, adj_close numeric, source text, check_type text, message text, raw_row text)"); err != nil {
		t.Fatal(err)
	}
	queries := sqlConstants(t)
	if len(queries) < 10 {
		t.Fatalf("only %d queries were found", len(queries))
	}
	for name, sql := range queries {
		if strings.Contains(sql, "create temporary table") || name == "sqlBarColumns" {
			continue
		}
		if _, err := conn.Prepare(t.Context(), name, sql); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sqlConstants are the string constants of this package whose names begin with sql; sums of them are resolved.
func sqlConstants(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	found := map[string]string{}
	var value func(ast.Expr) string
	value = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			text, _ := strconv.Unquote(e.Value)
			return text
		case *ast.BinaryExpr:
			return value(e.X) + value(e.Y)
		case *ast.Ident:
			return found[e.Name]
		}
		return ""
	}
	for range 2 { // the second time resolves what the first had not seen yet
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if ok && len(spec.Values) == 1 {
					if sql := value(spec.Values[0]); sql != "" {
						found[spec.Names[0].Name] = sql
					}
				}
				return true
			})
		}
	}
	maps.DeleteFunc(found, func(name, _ string) bool { return !strings.HasPrefix(name, "sql") }) // parts of queries
	return found
}

// The index list of the original: every access path has an index, and no two indexes have the same prefix.
func TestIndexList(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	// Between two indexes that begin alike, only the table's contents tell.
	db.Exec(t, `insert into execution.accounts (account_id) select 'A' || n from generate_series(1, 10) n`)
	db.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity) select 'A' || n % 10 + 1, n, 'S' || n % 70, 'buy', 1 from generate_series(1, 2000) n`)
	db.Exec(t, `insert into execution.trades (account_id, trade_id, order_id, symbol, side, quantity, price, position_effect, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
		select account_id, order_id, order_id, symbol, side, 1, 1, 'open', now() - id * interval '1 min', 1, 1, 0, 0 from execution.orders`)
	db.Exec(t, `analyze execution.orders, execution.trades`)
	for table, paths := range map[string][]struct{ where, index string }{
		"data_ingestion.market_data": {
			{"symbol = 'A' and timeframe = '1d' order by timestamp desc limit 5", "market_data_pkey"},
			{"timestamp > now() order by timestamp desc limit 5", "idx_market_data_timestamp"},
			{"symbol = 'A'", "market_data_pkey"},
		},
		"execution.orders": {
			{"symbol = 'A' and status = 'pending'", "idx_orders_symbol_status"},
			{"strategy = 'A'", "idx_orders_strategy"},
			{"true order by created_at desc limit 5", "idx_orders_created_at"},
			{"account_id = 'A'", "orders_pkey"},
		},
		"execution.trades": {
			{"symbol = 'A' order by executed_at desc limit 5", "idx_trades_symbol_executed_at"},
			{"strategy = 'A'", "idx_trades_strategy"},
			{"account_id = 'A1' order by executed_at desc, id desc limit 5", "idx_trades_account_executed_at"},
			{"account_id = 'A1' and symbol = 'S10' order by id desc limit 1", "idx_trades_position"},
			{"account_id = 'A1' and order_id = '10'", "idx_trades_order"},
		},
		"execution.positions": {
			{"account_id = 'A'", "positions_pkey"},
			{"symbol = 'A'", "idx_positions_symbol"},
		},
		"logging.system_logs": {
			{"true order by timestamp desc limit 5", "idx_system_logs_timestamp"},
			{"service = 'A' order by timestamp desc limit 5", "idx_system_logs_service_timestamp"},
			{"level = 'error' order by timestamp desc limit 5", "idx_system_logs_level_timestamp"},
			{"correlation_id = 'A'", "idx_system_logs_correlation"},
			{"event_type = 'A'", "idx_system_logs_event_type"},
		},
		"logging.performance_logs": {
			{"service = 'A' order by timestamp desc limit 5", "idx_performance_logs_service_timestamp"},
			{"operation = 'A'", "idx_performance_logs_operation"},
		},
	} {
		for _, path := range paths {
			plan := explain(t, db, "select * from "+table+" where "+path.where)
			if used := indexUsed(t, db, plan); !regexp.MustCompile("^(" + path.index + ")$").MatchString(used) {
				t.Errorf("%s where %s uses %q, want %s:\n%s", table, path.where, used, path.index, plan)
			}
			// The key of an account's rows begins with the account everywhere, so several serve what asks for it alone.
			if serving := indexesServing(t, db, table, path.where); len(serving) != strings.Count(path.index, "|")+1 {
				t.Errorf("%s where %s is served by %v, want %s", table, path.where, serving, path.index)
			}
		}
	}
	twice := pgtest.Value[string](t, db, `
		select coalesce(string_agg(a.indexrelid::regclass || ' is a prefix of ' || b.indexrelid::regclass, ', '), '')
		  from pg_index a join pg_index b on a.indrelid = b.indrelid and a.indexrelid <> b.indexrelid
		  join pg_class c on c.oid = a.indrelid join pg_namespace n on n.oid = c.relnamespace
		 where n.nspname in ('data_ingestion', 'execution', 'events', 'analytics', 'logging', 'shared', 'strategy_engine', 'risk_management')
		   and a.indpred is null and a.indexprs is null and b.indpred is null and b.indexprs is null -- these serve other queries
		   and not (a.indisunique and b.indnkeyatts > a.indnkeyatts) -- a shorter unique key forbids what the longer allows
		   and (b.indkey::int2[])[0:a.indnkeyatts - 1] = (a.indkey::int2[])[0:a.indnkeyatts - 1]`)
	if twice != "" {
		t.Errorf("an index repeats another's prefix: %s", twice)
	}
}

var (
	equals  = regexp.MustCompile(`(\w+) = `)
	orderBy = regexp.MustCompile(`order by (\w+)`)
)

// indexesServing are the whole indexes that lead to just the rows of a condition: they begin with its columns, in any
// order, and go on with that of its order.
func indexesServing(t *testing.T, db *pgtest.Database, table, where string) (serving []string) {
	t.Helper()
	var asked []string
	for _, column := range equals.FindAllStringSubmatch(where, -1) {
		asked = append(asked, column[1])
	}
	slices.Sort(asked)
	order := orderBy.FindStringSubmatch(where)
	for _, line := range strings.Split(pgtest.Value[string](t, db, `
		select string_agg(i.indexrelid::regclass || ' ' || (select string_agg(coalesce(a.attname, '-'), ' ' order by k.n)
		         from unnest(i.indkey::int2[]) with ordinality k(attnum, n)
		         left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum where k.n <= i.indnkeyatts), ',')
		  from pg_index i where i.indrelid = $1::text::regclass`, table), ",") {
		columns := strings.Fields(line)[1:]
		if len(columns) < len(asked) {
			continue
		}
		first := slices.Sorted(slices.Values(columns[:len(asked)]))
		rest := columns[len(asked):]
		if slices.Equal(first, asked) && (order == nil || len(rest) > 0 && rest[0] == order[1]) {
			serving = append(serving, strings.Fields(line)[0])
		}
	}
	return serving
}

func explain(t *testing.T, db *pgtest.Database, sql string) (plan string) {
	t.Helper()
	conn := db.Connect(t, db.AdminURL)
	if _, err := conn.Exec(t.Context(), "set enable_seqscan = off; set enable_sort = off"); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), "explain (costs off) "+sql)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// indexUsed is the index of the plan; a partition's index is named as its parent's.
func indexUsed(t *testing.T, db *pgtest.Database, plan string) string {
	t.Helper()
	match := regexp.MustCompile(`(?:using|Index Scan on) (\S+)`).FindStringSubmatch(plan)
	if match == nil {
		return ""
	}
	name := pgtest.Value[string](t, db, `select coalesce((select i.inhparent::regclass::text from pg_inherits i
		join pg_class c on c.oid = i.inhrelid where c.relname = $1 and c.relkind = 'i'), $1)`, match[1])
	return name[strings.LastIndex(name, ".")+1:]
}

// The natural key: the same bar does not get in twice, whatever its id.
func TestTheSameBarOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	if _, err := db.ImportBars(ctx, postgres.BarImport{Bars: barsOf("A", "yahoo", "1", 1)}); err != nil {
		t.Fatal(err)
	}
	bars, err := db.Bars(ctx, postgres.BarFilter{Symbol: "A"})
	if err != nil || len(bars) != 1 {
		t.Fatal(len(bars), err)
	}
	err = db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.MarketData.Insert(ctx, tx, &bars[0]) })
	wantKind(t, "the same bar again", err, blotter.ErrIntegrity)
}

// NaN, infinities and digits beyond what a Decimal holds are refused by the tables themselves, whoever writes.
func TestTablesRefuseWhatIsNoExactNumber(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	insert := func(sql string, value string) error {
		return pgx.BeginFunc(t.Context(), db.Connect(t, db.AdminURL), func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), fmt.Sprintf(sql, value))
			return err
		})
	}
	for _, sql := range []string{
		`insert into data_ingestion.latest_prices values ('A', %s, now(), 'x')`,
		`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source) values ('A', now(), 1, 1, 1, 1, %s, 'x')`,
		`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source) values ('A', now(), %s, 2, 0.1, 1, 1, 'x')`,
		`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, adj_close, source) values ('A', now(), 1, 1, 1, 1, 1, %s, 'x')`,
	} {
		for _, bad := range []string{"'NaN'", "'Infinity'", "'-Infinity'", "0.12345678901234567891", "1e160"} {
			if err := insert(sql, bad); err == nil {
				t.Errorf("%s with %s was stored", sql, bad)
			}
		}
		if err := insert(sql, "0.5"); err != nil {
			t.Errorf("%s with 0.5: %v", sql, err)
		}
		db.Exec(t, "truncate data_ingestion.market_data, data_ingestion.latest_prices")
	}
}

// Row-level security is on and forced, on tables, on leaves that exist and on leaves that will.
func TestEveryTenantTableIsIsolated(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `select shared.ensure_partitions('audit_log', now() - interval '3 years', now())`)
	open := pgtest.Value[string](t, db, `
		select coalesce(string_agg(c.oid::regclass::text, ', '), '')
		  from pg_class c join pg_namespace n on n.oid = c.relnamespace
		  join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id'
		 where c.relkind in ('r', 'p') and n.nspname in ('execution', 'events', 'analytics', 'shared', 'risk_management')
		   and not (c.relrowsecurity and c.relforcerowsecurity
		            and (select count(*) filter (where polname in ('account_isolation', 'blotter_roles')) = 2 and count(*) filter (where polpermissive) = 1
		                   from pg_policy where polrelid = c.oid))`)
	if open != "" {
		t.Errorf("not behind row-level security: %s", open)
	}
	makeAccount(t, db.DB, "A1")
	makeAccount(t, db.DB, "A2")
	ctx := as(t, "A1")
	foreign := newOrder("A2", "O-1")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &foreign) })
	wantKind(t, "an order for another account", err, blotter.ErrPermission)
	err = db.Transaction(t.Context(), func(tx *postgres.Tx) error { return postgres.Orders.Insert(t.Context(), tx, &foreign) })
	wantKind(t, "an order without an account", err, blotter.ErrPermission)
	// Without RETURNING, which would ask the policy a second time; and a row that moves to another account.
	for _, sql := range []string{
		`insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('A2', 'O-2', 'X', 'buy', 1)`,
		`update execution.accounts set account_id = 'A3'`,
	} {
		err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
		wantKind(t, sql, err, blotter.ErrPermission)
	}
	for _, sql := range []string{
		`update execution.trades set price = 1`, `delete from execution.trades`, `truncate execution.trades`,
		`delete from shared.audit_log`, `update shared.audit_log set operation = 'x'`, `select * from events.cursor`,
		`create table execution.mine (i int)`, `select * from events.outbox_p0`,
	} {
		for _, ctx := range []context.Context{ctx, blotter.WithAllAccounts(ctx)} {
			scope, _ := blotter.ScopeOf(ctx)
			err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
			if scope.All && strings.Contains(sql, "cursor") {
				continue
			}
			wantKind(t, fmt.Sprintf("%s (all accounts: %v)", sql, scope.All), err, blotter.ErrPermission)
		}
	}
}

func TestPartitionFunctions(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ask := func(sql string) string { return pgtest.Value[string](t, db, "select "+sql+"::text") }
	for _, step := range []struct{ sql, want string }{
		{`shared.create_yearly_partition('market_data', '2020-05-05')`, "created market_data_y2020"},
		{`shared.create_yearly_partition('market_data', '2020-01-01')`, "covered by market_data_y2020"},
		{`shared.create_monthly_partition('data_ingestion.market_data', '2020-02-29')`, "covered by market_data_y2020"},
		{`shared.create_monthly_partition('market_data', '2021-12-31')`, "created market_data_2021_12"},
		{`shared.ensure_partitions('market_data', '2021-01-01', '2021-03-31 23:59:59Z')`, "3"},
		{`shared.ensure_partitions('market_data', '2021-01-01', '2021-12-31')`, "8"},
		{`shared.ensure_partitions('market_data', '1999-12-31 23:59:59.999999Z', '2000-01-01 00:00:00Z')`, "2"},
		{`shared.ensure_partitions('market_data', '1950-01-01', '1950-01-01')`, "1"},
		{`shared.ensure_ahead()`, "0"},
	} {
		if got := ask(step.sql); got != step.want && !strings.HasPrefix(got, step.want) {
			t.Errorf("%s says %q, want %q", step.sql, got, step.want)
		}
	}
	db.Exec(t, `set timezone = 'America/New_York'; select shared.create_yearly_partition('market_data', '2010-06-01')`)
	if got := ask(`(select lower || ' to ' || upper from shared.partitions where leaf = 'data_ingestion.market_data_y2010'::regclass)`); got != "2010-01-01 00:00:00+00 to 2011-01-01 00:00:00+00" {
		t.Errorf("made from New York, the year 2010 is from %s", got)
	}
	for _, sql := range []string{
		`shared.create_monthly_partition('orders', '2020-01-01')`, `shared.ensure_partitions('market_data', '1899-12-31', '1900-01-01')`,
		`shared.ensure_partitions('market_data', now(), now() + interval '10 years')`,
	} {
		if _, err := db.Connect(t, db.AdminURL).Exec(t.Context(), "select "+sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
	db.Exec(t, `create table data_ingestion.market_data_y1990 (i int)`)
	_, err := db.Connect(t, db.AdminURL).Exec(t.Context(), `select shared.create_yearly_partition('market_data', '1990-01-01')`)
	if err == nil || !strings.Contains(err.Error(), "market_data_y1990 exists") {
		t.Errorf("a foreign table of the partition's name: %v", err)
	}
}

// A leaf has the options that its table asks for: LIKE copies none, and a partitioned table can hold none.
func TestLeavesGetTheOptionsOfTheirTable(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `update shared.partitioned_tables set leaf_options = 'fillfactor=90, autovacuum_enabled=off'
		where table_name = 'shared.audit_log'::regclass`)
	db.Exec(t, `select shared.create_monthly_partition('audit_log', '2020-01-01'), shared.create_monthly_partition('system_logs', '2020-01-01')`)
	for leaf, want := range map[string]string{"shared.audit_log_2020_01": "fillfactor=90,autovacuum_enabled=off", "logging.system_logs_2020_01": ""} {
		got := pgtest.Value[string](t, db, `select coalesce(array_to_string(reloptions, ','), '') from pg_class where oid = $1::text::regclass`, leaf)
		if got != want {
			t.Errorf("%s has options %q, want %q", leaf, got, want)
		}
	}
}

// A table that is made by years gets this year and the next, a year that holds a month already the rest by months.
func TestYearsAhead(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, table := range []string{"logging.system_logs", "logging.performance_logs"} {
		for _, leaf := range pgtest.Value[[]string](t, db, `select array_agg(leaf::text) from shared.partitions where table_name = $1::text::regclass`, table) {
			db.Exec(t, "drop table "+leaf)
		}
		db.Exec(t, `update shared.partitioned_tables set ahead = 'year' where table_name = $1::text::regclass`, table)
	}
	db.Exec(t, `select shared.create_monthly_partition('performance_logs', (now() at time zone 'UTC')::date)`)
	db.Exec(t, `select shared.ensure_ahead()`)
	const spans = `select count(*) || ' until ' || (max(upper::timestamptz) at time zone 'UTC')::date - date_trunc('year', now() at time zone 'UTC')::date from shared.partitions where table_name = $1::text::regclass`
	months := 13 - pgtest.Value[int](t, db, `select extract(month from now() at time zone 'UTC')::int`)
	days := pgtest.Value[int](t, db, `select (date_trunc('year', now() at time zone 'UTC') + interval '2 years')::date - date_trunc('year', now() at time zone 'UTC')::date`)
	for table, leaves := range map[string]int{"logging.system_logs": 2, "logging.performance_logs": months + 1} {
		if got, want := pgtest.Value[string](t, db, spans, table), fmt.Sprintf("%d until %d", leaves, days); got != want {
			t.Errorf("%s has %s days, want %s", table, got, want)
		}
	}
	if again := pgtest.Value[int](t, db, `select shared.ensure_ahead()`); again != 0 {
		t.Errorf("a second time makes %d", again)
	}
}
