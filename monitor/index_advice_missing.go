package monitor

import (
	"context"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter/postgres"
)

// sqlForeignKeys lists the foreign keys without a valid index that begins with their columns, in any order.
const sqlForeignKeys = `
select f.conrelid::regclass::text, f.conname::text, f.confrelid::regclass::text, c.relkind = 'p',
       case when c.relkind = 'p'
            then coalesce((select sum(pg_table_size(relid)) from pg_partition_tree(c.oid) where isleaf), 0)
            else coalesce(pg_table_size(c.oid), 0) end::bigint,
       array(select quote_ident(a.attname) from unnest(f.conkey) with ordinality k(num, place)
               join pg_attribute a on a.attrelid = c.oid and a.attnum = k.num order by k.place),
       array(select relid::regclass::text from pg_partition_tree(c.oid) where c.relkind = 'p' and isleaf order by 1)
  from pg_constraint f
  join pg_class c on c.oid = f.conrelid
  join pg_namespace n on n.oid = c.relnamespace
 where f.contype = 'f' and f.conparentid = 0 and n.nspname !~ '^pg_'
   and not exists (select from pg_index i
                    where i.indrelid = f.conrelid and i.indisvalid and i.indpred is null
                      and i.indnkeyatts >= cardinality(f.conkey)
                      and (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)
 order by 1, 2`

func adviseForeignKeys(ctx context.Context, q postgres.Querier) (list []Advice, err error) {
	type row struct {
		Table, Key, Of  string
		Partitioned     bool
		Bytes           int64
		Columns, Leaves []string
	}

	rows, err := read[row](ctx, q, sqlForeignKeys)
	for _, r := range rows {
		list = append(list, Advice{
			Kind: "foreign_key", Table: r.Table, Bytes: r.Bytes,
			Evidence: fmt.Sprintf("foreign key %s has no index on (%s): changing a key of %s reads all %s of %s",
				r.Key, strings.Join(r.Columns, ", "), r.Of, size(r.Bytes), r.Table),
			Statements: makeIndex(r.Table, r.Columns, r.Partitioned, r.Leaves),
		})
	}

	return list, err
}

// makeIndex returns the statements that create an index without blocking readers or writers.
func makeIndex(table string, columns []string, partitioned bool, leaves []string) []string {
	schema, name, _ := cutName(table)
	index := clipName("idx_" + name + "_" + strings.ReplaceAll(strings.Join(columns, "_"), `"`, ""))
	list := "(" + strings.Join(columns, ", ") + ")"
	if !partitioned {
		return []string{fmt.Sprintf("CREATE INDEX CONCURRENTLY %s ON %s %s;", index, table, list)}
	}
	statements := []string{fmt.Sprintf("CREATE INDEX %s ON ONLY %s %s;", index, table, list)}
	return append(statements, onLeaves(schema+"."+index, list, leaves)...)
}

// sqlWholeReads counts how often sequential scans have read a whole table, by the number of rows read: the server
// counts a scan once for each parallel worker, and also counts scans from when the table was still small.
const sqlWholeReads = `
select coalesce(pg_partition_root(relid), relid)::regclass::text,
       coalesce(sum(pg_table_size(relid)), 0)::bigint, sum(n_live_tup)::bigint,
       (sum(seq_tup_read) / greatest(sum(n_live_tup), 1))::bigint, coalesce(max(idx_scan), 0)::bigint
  from pg_stat_user_tables
 group by 1
 order by 1`

func adviseMissing(ctx context.Context, t Thresholds, q postgres.Querier) (list []Advice, err error) {
	type row struct {
		Table             string
		Bytes, Rows       int64
		Whole, IndexReads int64
	}

	rows, err := read[row](ctx, q, sqlWholeReads)
	for _, r := range rows {
		if r.Rows < t.MissingIndexRows || r.Whole < t.MissingIndexScans ||
			100*r.IndexReads >= int64(t.MissingIndexPercent)*(r.IndexReads+r.Whole) {
			continue
		}
		list = append(list, Advice{
			Kind: "missing", Table: r.Table, Bytes: r.Bytes, Statements: []string{},
			Evidence: fmt.Sprintf("%s has %d rows; statements read the whole table %d times "+
				"and used an index %d times, so they filter by columns without an index",
				r.Table, r.Rows, r.Whole, r.IndexReads),
		})
	}

	return list, err
}
