package schema_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// Every access path has an index, and no two indexes have the same prefix.
func TestIndexList(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	// Between two indexes that begin alike, the planner chooses by the table's contents.
	db.Exec(t, `insert into execution.accounts (account_id) select 'A' || n from generate_series(1, 10) n`)
	db.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity)
		select 'A' || n % 10 + 1, n, 'S' || n % 70, 'buy', 1 from generate_series(1, 2000) n`)
	db.Exec(t, `insert into execution.trades (account_id, trade_id, order_id, symbol, side, quantity, price,
		position_effect, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
		select account_id, order_id, order_id, symbol, side, 1, 1, 'open', now() - id * interval '1 min', 1, 1, 0, 0
		    from execution.orders`)

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
			{"account_id = 'A1' order by executed_at desc, sequence desc, id desc limit 5", "idx_trades_account_executed_at"},
			{"account_id = 'A1' and symbol = 'S10' order by executed_at desc, sequence desc, id desc limit 1", "idx_trades_position"},
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
		 where n.nspname in ('data_ingestion', 'execution', 'events', 'analytics', 'logging', 'shared',
			'strategy_engine', 'risk_management', 'dashboard')
		   and a.indpred is null and a.indexprs is null and b.indpred is null
		and b.indexprs is null -- these serve other queries
		   and not (a.indisunique
		and b.indnkeyatts > a.indnkeyatts) -- a shorter unique key forbids what the longer allows
		   and (b.indkey::int2[])[0:a.indnkeyatts - 1] = (a.indkey::int2[])[0:a.indnkeyatts - 1]`)
	if twice != "" {
		t.Errorf("an index repeats another's prefix: %s", twice)
	}
}

var (
	equals  = regexp.MustCompile(`(\w+) = `)
	orderBy = regexp.MustCompile(`order by (\w+)`)
)

// indexesServing returns the indexes that lead to exactly the rows of a condition: they begin with its columns, in any
// order, and go on with the column of its ORDER BY.
func indexesServing(t *testing.T, db *pgtest.Database, table, where string) (serving []string) {
	t.Helper()
	var asked []string
	for _, column := range equals.FindAllStringSubmatch(where, -1) {
		asked = append(asked, column[1])
	}

	slices.Sort(asked)
	order := orderBy.FindStringSubmatch(where)
	for _, line := range strings.Split(pgtest.Value[string](t, db, `
		select string_agg(i.indexrelid::regclass || ' ' || (select string_agg(coalesce(a.attname, '-'), ' '
		    order by k.n)
		         from unnest(i.indkey::int2[]) with ordinality k(attnum, n)
		         left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
		             where k.n <= i.indnkeyatts), ',')
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

// indexUsed returns the index that the plan uses, for a partition its parent's.
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
