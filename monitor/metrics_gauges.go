package monitor

import (
	"context"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Gauge is a figure of the database at one moment.
type Gauge struct {
	Name  string // of the metric, without "blotter_"
	Label string // the value of its label; "" where it has none
	Value float64
}

// gauge describes one: what it is, and what its label is. That is never "job" or "instance": Prometheus has these itself.
type gauge struct{ help, label string }

var gauges = map[string]gauge{
	"schema_version":                     {"Version of the schema.", ""},
	"database_size_bytes":                {"Size of the database on disk.", ""},
	"table_size_bytes":                   {"Size of a table on disk, with its indexes and partitions.", "table"},
	"table_rows":                         {"Estimated number of rows of a table, with its partitions.", "table"},
	"table_dead_rows":                    {"Estimated number of dead rows of a table, with its partitions.", "table"},
	"server_connections":                 {"Connections of clients to the server, all databases together.", "state"},
	"server_connections_max":             {"Connections that the server lets ordinary logins open.", ""},
	"oldest_transaction_seconds":         {"Age of the oldest open transaction of the database.", ""},
	"xid_age_transactions":               {"Transactions since the oldest unfrozen row of the database.", ""},
	"deadlocks_total":                    {"Deadlocks in the database.", ""},
	"temporary_files_bytes_total":        {"Bytes that the database wrote to temporary files.", ""},
	"block_reads_total":                  {"Reads of the database's blocks, by where they were found.", "from"},
	"transactions_total":                 {"Transactions of the database, by how they ended.", "end"},
	"outbox_lag_seconds":                 {"Age of the oldest event that a consumer has not applied.", "consumer"},
	"outbox_lag_events":                  {"Events that a consumer has not applied, counted up to 100,000.", "consumer"},
	"job_last_success_timestamp_seconds": {"When a job of maintenance last ended well for the whole database.", "task"},
	"job_last_duration_seconds":          {"Time that the last run of a job of maintenance took that ended, well or not.", "task"},
	"job_running_seconds":                {"How long a job of maintenance has been running; 0 while it does not.", "task"},
	"job_failures":                       {"Runs of a job of maintenance that failed or were killed since it last ended well.", "task"},
	"vacuum_progress_ratio":              {"Part of a table's pages that a running VACUUM has scanned; no series while none runs.", "table"},
	"replication_lag_seconds":            {"How far a replica is behind.", "replica"},
	"replication_lag_bytes":              {"WAL that a replica has not replayed.", "replica"},
}

// labelsMax bounds the values of a label: of consumers and replicas there may be any number.
const labelsMax = 100

const sqlGauges = `
select 'schema_version', '', coalesce(max(version_id) filter (where is_applied), 0)::float8 from shared.schema_version
union all
select 'database_size_bytes', '', pg_database_size(current_database())
union all
select 'server_connections_max', '', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int
union all
select 'oldest_transaction_seconds', '', coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)
  from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
union all
select 'xid_age_transactions', '', age(datfrozenxid) from pg_database where datname = current_database()
union all
(select 'server_connections', coalesce(state, 'unknown'), count(*) from pg_stat_activity where backend_type = 'client backend' group by 2)
union all
select g.name, g.label, g.value
  from pg_stat_database d
 cross join lateral (values ('deadlocks_total', '', d.deadlocks::float8), ('temporary_files_bytes_total', '', d.temp_bytes),
       ('block_reads_total', 'memory', d.blks_hit), ('block_reads_total', 'disk', d.blks_read),
       ('transactions_total', 'commit', d.xact_commit), ('transactions_total', 'rollback', d.xact_rollback)) g(name, label, value)
 where d.datname = current_database()`

// sqlTableGauges is of tables as people know them: a partitioned one with its partitions.
const sqlTableGauges = `
select coalesce(pg_partition_root(relid), relid)::regclass::text, coalesce(sum(pg_total_relation_size(relid)), 0)::float8, sum(n_live_tup)::float8, sum(n_dead_tup)::float8
  from pg_stat_user_tables
 where schemaname in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'shared', 'events')
 group by 1
 order by 1
 limit 100`

// readGauges reads all figures, as the role that reads every account's rows.
func readGauges(ctx context.Context, db *postgres.DB) (list []Gauge, err error) {
	ctx, cancel := context.WithTimeout(blotter.WithOperation(blotter.WithAllAccounts(ctx), "monitor.gauges"), checkTimeout)
	defer cancel()
	err = db.ReadOnly(ctx, func(s *postgres.Session) (err error) {
		if list, err = read[Gauge](ctx, s, sqlGauges); err != nil {
			return err
		}
		type table struct {
			Name              string
			Bytes, Rows, Dead float64
		}
		tables, err := read[table](ctx, s, sqlTableGauges)
		for _, t := range tables {
			list = append(list, Gauge{"table_size_bytes", t.Name, t.Bytes}, Gauge{"table_rows", t.Name, t.Rows}, Gauge{"table_dead_rows", t.Name, t.Dead})
		}
		if err != nil {
			return err
		}
		for _, more := range []func(context.Context, postgres.Querier) ([]Gauge, error){lagGauges, jobGauges} {
			figures, err := more(ctx, s)
			if list = append(list, figures...); err != nil {
				return err
			}
		}
		return nil
	}, postgres.Unlogged, postgres.PrimaryOnly)
	return list, err
}

// lagGauges are those of the checks of replicas and consumers, from the same queries.
func lagGauges(ctx context.Context, q postgres.Querier) (list []Gauge, err error) {
	consumers, err := read[outboxRow](ctx, q, sqlOutboxLag)
	if err != nil {
		return nil, err
	}
	for _, c := range consumers[:min(len(consumers), labelsMax)] {
		list = append(list, Gauge{"outbox_lag_seconds", c.Consumer, c.Age}, Gauge{"outbox_lag_events", c.Consumer, float64(c.Events)})
	}
	replicas, err := read[replicationRow](ctx, q, sqlReplication)
	return append(list, replicaGauges(replicas)...), err
}

// replicaGauges are of the one that is farthest behind, where several have one name and address.
func replicaGauges(replicas []replicationRow) (list []Gauge) {
	worst := map[string]replicationRow{}
	for _, r := range replicas {
		if before, seen := worst[r.Replica]; seen {
			r.Lag, r.Bytes = max(r.Lag, before.Lag), max(r.Bytes, before.Bytes)
		} else if len(worst) == labelsMax {
			continue
		}
		worst[r.Replica] = r
	}
	for name, r := range worst {
		list = append(list, Gauge{"replication_lag_seconds", name, r.Lag}, Gauge{"replication_lag_bytes", name, float64(r.Bytes)})
	}
	return list
}

// isCounter tells figures that only grow from those that come and go.
func isCounter(name string) bool { return strings.HasSuffix(name, "_total") }
