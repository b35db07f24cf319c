package monitor

import (
	"context"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Gauge is a value of the database at one moment.
type Gauge struct {
	Name  string // of the metric, without "blotter_"
	Label string // value of its label; "" if it has none
	Value float64
}

// gauge describes a Gauge. The name of its label is never "job" or "instance", because Prometheus uses these itself.
type gauge struct{ help, label string }

var gauges = map[string]gauge{
	"schema_version":              {"Version of the schema.", ""},
	"database_size_bytes":         {"Size of the database on disk.", ""},
	"table_size_bytes":            {"Size of a table on disk, with its indexes and partitions.", "table"},
	"table_rows":                  {"Estimated number of rows of a table, with its partitions.", "table"},
	"table_dead_rows":             {"Estimated number of dead rows of a table, with its partitions.", "table"},
	"server_connections":          {"Connections of clients to the server, all databases together.", "state"},
	"server_connections_max":      {"Connections that ordinary logins may open.", ""},
	"oldest_transaction_seconds":  {"Age of the oldest open transaction of the database.", ""},
	"xid_age_transactions":        {"Transactions since the oldest unfrozen row of the database.", ""},
	"deadlocks_total":             {"Deadlocks in the database.", ""},
	"temporary_files_bytes_total": {"Bytes that the database wrote to temporary files.", ""},
	"block_reads_total":           {"Reads of the database's blocks, by where they were found.", "from"},
	"transactions_total":          {"Transactions of the database, by how they ended.", "end"},
	"outbox_lag_seconds":          {"Age of the oldest event that a consumer has not applied.", "consumer"},
	"outbox_lag_events": {
		"Events that a consumer has not applied, counted up to 100,000.", "consumer",
	},
	"job_last_success_timestamp_seconds": {
		"Time when a maintenance job last succeeded for the whole database.", "task",
	},
	"job_last_duration_seconds": {"Duration of the last run of a maintenance job that ended.", "task"},
	"job_running_seconds": {
		"Time for which a maintenance job has been running; 0 if it is not.", "task",
	},
	"job_failures": {
		"Runs of a maintenance job that failed or were killed since its last success.", "task",
	},
	"vacuum_progress_ratio": {
		"Part of a table's pages that a running VACUUM has scanned; absent if none runs.", "table",
	},
	"replication_lag_seconds": {"Lag of a replica.", "replica"},
	"replication_lag_bytes":   {"WAL that a replica has not replayed.", "replica"},
}

// labelsMax bounds the number of values of a label, because there may be any number of consumers and replicas.
const labelsMax = 100

const sqlGauges = `
select 'schema_version', '', coalesce(max(version_id) filter (where is_applied), 0)::float8 from shared.schema_version
union all
select 'database_size_bytes', '', pg_database_size(current_database())
union all
select 'server_connections_max', '',
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int
union all
select 'oldest_transaction_seconds', '', coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)
  from pg_stat_activity
 where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
union all
select 'xid_age_transactions', '', age(datfrozenxid) from pg_database where datname = current_database()
union all
(select 'server_connections', coalesce(state, 'unknown'), count(*)
   from pg_stat_activity where backend_type = 'client backend' group by 2)
union all
select g.name, g.label, g.value
  from pg_stat_database d
 cross join lateral (values
       ('deadlocks_total', '', d.deadlocks::float8), ('temporary_files_bytes_total', '', d.temp_bytes),
       ('block_reads_total', 'memory', d.blks_hit), ('block_reads_total', 'disk', d.blks_read),
       ('transactions_total', 'commit', d.xact_commit), ('transactions_total', 'rollback', d.xact_rollback)
       ) g(name, label, value)
 where d.datname = current_database()`

// sqlTableGauges counts a partitioned table with its partitions.
const sqlTableGauges = `
select coalesce(pg_partition_root(relid), relid)::regclass::text,
       coalesce(sum(pg_total_relation_size(relid)), 0)::float8, sum(n_live_tup)::float8, sum(n_dead_tup)::float8
  from pg_stat_user_tables
 where schemaname in ` + schemas + `
 group by 1
 order by 1
 limit 100`

// readGauges returns all gauges, as the role that reads the rows of every account.
func readGauges(ctx context.Context, db *postgres.DB) (list []Gauge, err error) {
	ctx = blotter.WithOperation(blotter.WithAllAccounts(ctx), "monitor.gauges")
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	err = db.ReadOnly(ctx, func(s *postgres.Session) (err error) {
		for _, group := range []func(context.Context, postgres.Querier) ([]Gauge, error){
			databaseGauges, tableGauges, lagGauges, jobGauges,
		} {
			gauges, err := group(ctx, s)
			list = append(list, gauges...)
			if err != nil {
				return err
			}
		}

		return nil
	}, postgres.Unlogged, postgres.PrimaryOnly)

	return list, err
}

func databaseGauges(ctx context.Context, q postgres.Querier) ([]Gauge, error) {
	return read[Gauge](ctx, q, sqlGauges)
}

func tableGauges(ctx context.Context, q postgres.Querier) (list []Gauge, err error) {
	type table struct {
		Name              string
		Bytes, Rows, Dead float64
	}

	tables, err := read[table](ctx, q, sqlTableGauges)
	for _, t := range tables {
		list = append(list,
			Gauge{"table_size_bytes", t.Name, t.Bytes},
			Gauge{"table_rows", t.Name, t.Rows},
			Gauge{"table_dead_rows", t.Name, t.Dead})
	}

	return list, err
}

// lagGauges returns the lag of consumers and replicas, by the queries of their checks.
func lagGauges(ctx context.Context, q postgres.Querier) (list []Gauge, err error) {
	consumers, err := read[outboxRow](ctx, q, sqlOutboxLag)
	if err != nil {
		return nil, err
	}

	for _, c := range consumers[:min(len(consumers), labelsMax)] {
		list = append(list,
			Gauge{"outbox_lag_seconds", c.Consumer, c.Age},
			Gauge{"outbox_lag_events", c.Consumer, float64(c.Events)})
	}

	replicas, err := read[replicationRow](ctx, q, sqlReplication)
	return append(list, replicaGauges(replicas)...), err
}

// replicaGauges returns the lag of each replica. If several have the same name and address, the one that is farthest
// behind counts.
func replicaGauges(replicas []replicationRow) (list []Gauge) {
	worst := map[string]replicationRow{}
	for _, r := range replicas {
		if before, seen := worst[r.Replica]; seen {
			r.Lag = max(r.Lag, before.Lag)
			r.Bytes = max(r.Bytes, before.Bytes)
		} else if len(worst) == labelsMax {
			continue
		}
		worst[r.Replica] = r
	}

	for name, r := range worst {
		list = append(list,
			Gauge{"replication_lag_seconds", name, r.Lag},
			Gauge{"replication_lag_bytes", name, float64(r.Bytes)})
	}

	return list
}

// isCounter reports whether a value only grows.
func isCounter(name string) bool { return strings.HasSuffix(name, "_total") }
