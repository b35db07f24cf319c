package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// The tables themselves refuse NaN, infinities and digits beyond those of a Decimal.
func TestTablesRefuseInexactNumbers(t *testing.T) {
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
		`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source)
			values ('A', now(), 1, 1, 1, 1, %s, 'x')`,
		`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source)
			values ('A', now(), %s, 2, 0.1, 1, 1, 'x')`,
		`insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, adj_close, source)
			values ('A', now(), 1, 1, 1, 1, 1, %s, 'x')`,
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
	got := ask(`(select lower || ' to ' || upper from shared.partitions
		where leaf = 'data_ingestion.market_data_y2010'::regclass)`)
	if got != "2010-01-01 00:00:00+00 to 2011-01-01 00:00:00+00" {
		t.Errorf("made from New York, the year 2010 is from %s", got)
	}

	for _, sql := range []string{
		`shared.create_monthly_partition('orders', '2020-01-01')`,
		`shared.ensure_partitions('market_data', '1899-12-31', '1900-01-01')`,
		`shared.ensure_partitions('market_data', now(), now() + interval '10 years')`,
	} {
		if _, err := db.Connect(t, db.AdminURL).Exec(t.Context(), "select "+sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}

	db.Exec(t, `create table data_ingestion.market_data_y1990 (i int)`)
	_, err := db.Connect(t, db.AdminURL).Exec(t.Context(),
		`select shared.create_yearly_partition('market_data', '1990-01-01')`)
	if err == nil || !strings.Contains(err.Error(), "market_data_y1990 exists") {
		t.Errorf("a foreign table of the partition's name: %v", err)
	}
}

// A leaf has the options that are stated for its table: LIKE copies none, and a partitioned table can hold none.
func TestLeavesGetTheOptionsOfTheirTable(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `update shared.partitioned_tables set leaf_options = 'fillfactor=90, autovacuum_enabled=off'
		where table_name = 'shared.audit_log'::regclass`)
	db.Exec(t, `select shared.create_monthly_partition('audit_log', '2020-01-01'),
		shared.create_monthly_partition('system_logs', '2020-01-01')`)
	for leaf, want := range map[string]string{
		"shared.audit_log_2020_01":    "fillfactor=90,autovacuum_enabled=off",
		"logging.system_logs_2020_01": "",
	} {
		got := pgtest.Value[string](t, db,
			`select coalesce(array_to_string(reloptions, ','), '') from pg_class where oid = $1::text::regclass`, leaf)
		if got != want {
			t.Errorf("%s has options %q, want %q", leaf, got, want)
		}
	}
}

// A table with partitions by years gets this year and the next; a year that has a month already gets the rest by
// months.
func TestYearsAhead(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, table := range []string{"logging.system_logs", "logging.performance_logs"} {
		for _, leaf := range pgtest.Value[[]string](t, db,
			`select array_agg(leaf::text) from shared.partitions where table_name = $1::text::regclass`, table) {
			db.Exec(t, "drop table "+leaf)
		}
		db.Exec(t, `update shared.partitioned_tables set ahead = 'year' where table_name = $1::text::regclass`, table)
	}

	db.Exec(t, `select shared.create_monthly_partition('performance_logs', (now() at time zone 'UTC')::date)`)
	db.Exec(t, `select shared.ensure_ahead()`)
	const spans = `select count(*) || ' until ' || (max(upper::timestamptz) at time zone 'UTC')::date
		- date_trunc('year', now() at time zone 'UTC')::date
		from shared.partitions where table_name = $1::text::regclass`
	months := 13 - pgtest.Value[int](t, db, `select extract(month from now() at time zone 'UTC')::int`)
	days := pgtest.Value[int](t, db, `select (date_trunc('year',
		now() at time zone 'UTC') + interval '2 years')::date - date_trunc('year', now() at time zone 'UTC')::date`)
	for table, leaves := range map[string]int{"logging.system_logs": 2, "logging.performance_logs": months + 1} {
		if got, want := pgtest.Value[string](t, db, spans, table), fmt.Sprintf("%d until %d", leaves,
			days); got != want {
			t.Errorf("%s has %s days, want %s", table, got, want)
		}
	}
	if again := pgtest.Value[int](t, db, `select shared.ensure_ahead()`); again != 0 {
		t.Errorf("a second time makes %d", again)
	}
}
