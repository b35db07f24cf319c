package monitor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Advice is advice about one index. blotter never runs its statements.
type Advice struct {
	Kind     string `json:"kind"`            // "invalid", "redundant", "unused", "foreign_key" or "missing"
	Table    string `json:"table"`           // the root of a partitioned table
	Index    string `json:"index,omitempty"` // "" if it is missing
	Bytes    int64  `json:"bytes"`           // of the index with its partitions, or of the table if it is missing
	Evidence string `json:"evidence"`        // the reason, with figures

	// Statements are to be run as they are, each in a transaction of its own. There are none if people must choose the
	// columns.
	Statements []string `json:"statements"`
}

// AdviseIndexes returns advice about the indexes of a database. It counts the reads of the given physical replicas too:
// without them, an index that only replicas use looks unused.
func AdviseIndexes(
	ctx context.Context, db *postgres.DB, t Thresholds, replicas ...postgres.Querier,
) (list []Advice, err error) {
	t = t.WithDefaults()
	ctx = blotter.WithOperation(blotter.WithAllAccounts(ctx), "monitor.advise")
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		for _, advise := range []func() ([]Advice, error){
			func() ([]Advice, error) { return adviseInvalid(ctx, s) },
			func() ([]Advice, error) { return adviseRedundant(ctx, s) },
			func() ([]Advice, error) { return adviseUnused(ctx, t, s, replicas...) },
			func() ([]Advice, error) { return adviseForeignKeys(ctx, s) },
			func() ([]Advice, error) { return adviseMissing(ctx, t, s) },
		} {
			more, err := advise()
			if err != nil {
				return err
			}
			list = append(list, more...)
		}

		return nil
	}, postgres.PrimaryOnly)

	return withoutDuplicates(list), err
}

// withoutDuplicates keeps the first advice about each index. An index that is redundant may be unused too.
func withoutDuplicates(list []Advice) []Advice {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(a Advice) bool {
		duplicate := a.Index != "" && seen[a.Index]
		seen[a.Index] = true
		return duplicate
	})
}

// drop returns the statements that drop an index. Dropping the index of a partitioned table locks out writers, so it
// must not wait long for its lock: writers would wait behind it.
func drop(index string, partitioned bool) []string {
	if partitioned {
		return []string{"SET lock_timeout = '2s'; DROP INDEX " + index + ";"}
	}
	return []string{"DROP INDEX CONCURRENTLY " + index + ";"}
}

// sqlInvalid leaves out indexes that are being created at this moment. For an index of a partitioned table it lists the
// partitions that lack their part.
const sqlInvalid = `
select coalesce(pg_partition_root(i.indrelid), i.indrelid)::regclass::text, i.indexrelid::regclass::text,
       c.relkind = 'I',
       case when c.relkind = 'I' then 0 else coalesce(pg_relation_size(c.oid), 0) end,
       c.relname ~ '_cc(new|old)\d*$',
       regexp_replace(pg_get_indexdef(c.oid), '^.* USING ', 'USING '),
       array(select p.inhrelid::regclass::text from pg_inherits p
              where c.relkind = 'I' and p.inhparent = i.indrelid
                and not exists (select from pg_inherits ip
                                  join pg_index li on li.indexrelid = ip.inhrelid and li.indrelid = p.inhrelid
                                 where ip.inhparent = c.oid)
              order by 1)
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not i.indisvalid and n.nspname !~ '^pg_'
   and not exists (select from pg_stat_progress_create_index p
                    where p.index_relid = c.oid or p.index_relid in (select relid from pg_partition_tree(c.oid)))
   and not (c.relkind = 'I' and exists (select from pg_stat_progress_create_index p
                                         where p.relid in (select relid from pg_partition_tree(i.indrelid))))
 order by 1, 2`

func adviseInvalid(ctx context.Context, q postgres.Querier) (list []Advice, err error) {
	type row struct {
		Table, Index string
		Partitioned  bool
		Bytes        int64
		Leftover     bool
		Definition   string
		Lacking      []string
	}

	rows, err := read[row](ctx, q, sqlInvalid)
	for _, r := range rows {
		a := Advice{
			Kind: "invalid", Table: r.Table, Index: r.Index, Bytes: r.Bytes,
			Evidence: "creating this index of " + r.Table +
				" was interrupted: every write maintains it, and no read uses it",
			Statements: []string{"REINDEX INDEX CONCURRENTLY " + r.Index + ";"},
		}
		switch {
		case r.Partitioned:
			a.Evidence = fmt.Sprintf("%d partitions of %s lack this index, so reads of them are slow and it "+
				"enforces nothing",
				len(r.Lacking), r.Table)
			a.Statements = onLeaves(r.Index, r.Definition, r.Lacking)
		case r.Leftover:
			a.Evidence = "an interrupted REINDEX of " + r.Table +
				" left this index: every write maintains it, and no read uses it"
			a.Statements = drop(r.Index, false)
		}

		list = append(list, a)
	}

	return list, err
}

// onLeaves returns the statements that create the parts of a partitioned table's index without blocking readers or
// writers.
func onLeaves(index, definition string, leaves []string) (statements []string) {
	_, name, _ := cutName(index)
	for _, leaf := range leaves {
		schema, table, _ := cutName(leaf)
		part := clipName(table + "_" + name)
		statements = append(statements,
			fmt.Sprintf("CREATE INDEX CONCURRENTLY %s ON %s %s;", part, leaf, definition),
			fmt.Sprintf("ALTER INDEX %s ATTACH PARTITION %s.%s;", index, schema, part))
	}
	return statements
}

// sqlRedundant compares the columns or expressions of indexes, with operator class, collation and order. An index
// that is the beginning of another B-tree on the same rows is redundant, unless it keeps rows unique.
const sqlRedundant = `
with made as (
    select i.indexrelid, i.indrelid, c.relam, c.relkind = 'I' as partitioned, c.relispartition, i.indisunique,
           i.indisreplident, i.indnatts = i.indnkeyatts as bare,
           coalesce(pg_get_expr(i.indpred, i.indrelid), '') as rows,
           array(select pg_get_indexdef(i.indexrelid, k, true)
                        || ' ' || i.indclass[k - 1] || ' ' || i.indcollation[k - 1] || ' ' || i.indoption[k - 1]
                   from generate_series(1, i.indnkeyatts) k) as keys
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
      join pg_namespace n on n.oid = c.relnamespace
     where i.indisvalid and n.nspname !~ '^pg_'
)
select distinct on (a.indexrelid::regclass::text)
       coalesce(pg_partition_root(a.indrelid), a.indrelid)::regclass::text, a.indexrelid::regclass::text, a.partitioned,
       (select coalesce(sum(pg_relation_size(t.relid)), 0) from (select a.indexrelid as relid where not a.partitioned
           union all select relid from pg_partition_tree(a.indexrelid) where a.partitioned and isleaf) t)::bigint,
       b.indexrelid::regclass::text
  from made a
  join made b on b.indrelid = a.indrelid and b.indexrelid <> a.indexrelid and b.relam = a.relam and b.rows = a.rows
   and (b.keys = a.keys
        or b.keys[1:cardinality(a.keys)] = a.keys and a.relam = (select oid from pg_am where amname = 'btree'))
 where not a.indisunique and not a.indisreplident and not a.relispartition and a.bare
   and (b.keys <> a.keys or b.indisunique or not b.bare or b.indexrelid < a.indexrelid)
 order by a.indexrelid::regclass::text, cardinality(b.keys)`

func adviseRedundant(ctx context.Context, q postgres.Querier) (list []Advice, err error) {
	type row struct {
		Table, Index string
		Partitioned  bool
		Bytes        int64
		By           string
	}

	rows, err := read[row](ctx, q, sqlRedundant)
	for _, r := range rows {
		list = append(list, Advice{
			Kind: "redundant", Table: r.Table, Index: r.Index, Bytes: r.Bytes,
			Evidence: r.By + ", which begins with the same columns, serves every read of it; it takes " +
				size(r.Bytes),
			Statements: drop(r.Index, r.Partitioned),
		})
	}

	return list, err
}

// sqlUsage sums up the scans of an index over its partitions. The server counts since the last reset of its
// statistics, or since its start if it reports no reset.
const sqlUsage = `
select coalesce(pg_partition_root(i.indrelid), i.indrelid)::regclass::text, i.indexrelid::regclass::text,
       c.relkind = 'I',
       coalesce(u.bytes, 0)::bigint, coalesce(u.scans, 0)::bigint,
       i.indisunique or i.indisreplident,
       (select coalesce(stats_reset, pg_postmaster_start_time())
          from pg_stat_database where datname = current_database())
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
 cross join lateral (
       select sum(pg_relation_size(t.relid)) as bytes, sum(pg_stat_get_numscans(t.relid)) as scans
          from (select c.oid as relid where c.relkind = 'i'
                union all
                select relid from pg_partition_tree(c.oid) where c.relkind = 'I' and isleaf) t) u
 where not c.relispartition and i.indisvalid and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1, 2`

type indexUsage struct {
	Table, Index string
	Partitioned  bool
	Bytes, Scans int64
	Needed       bool
	Since        time.Time
}

func adviseUnused(
	ctx context.Context, t Thresholds, q postgres.Querier, replicas ...postgres.Querier,
) (list []Advice, err error) {
	usage, err := read[indexUsage](ctx, q, sqlUsage)
	if err != nil {
		return nil, err
	}

	for _, replica := range replicas {
		there, err := read[indexUsage](ctx, replica, sqlUsage)
		if err != nil {
			return nil, err
		}
		usage = addUsage(usage, there)
	}

	for _, u := range usage {
		days := int(time.Since(u.Since) / day)
		if u.Needed || u.Bytes < t.UnusedIndexBytes || u.Scans > t.UnusedIndexScans || days < t.UnusedIndexDays {
			continue
		}

		where := "on this server; replicas were not asked"
		if len(replicas) > 0 {
			where = fmt.Sprintf("on this server and %d replicas", len(replicas))
		}

		list = append(list, Advice{
			Kind: "unused", Table: u.Table, Index: u.Index, Bytes: u.Bytes,
			Evidence: fmt.Sprintf("it takes %s and was read %d times in %d days %s", size(u.Bytes), u.Scans, days,
				where),
			Statements: drop(u.Index, u.Partitioned),
		})
	}

	return list, nil
}

// addUsage adds a replica's reads. What is counted counts from the later of the two starts.
func addUsage(here, there []indexUsage) []indexUsage {
	for i := range here {
		for _, u := range there {
			if u.Index == here[i].Index {
				here[i].Scans += u.Scans
				if u.Since.After(here[i].Since) {
					here[i].Since = u.Since
				}
			}
		}
	}

	return here
}

// cutName divides "schema.table", as regclass writes it.
func cutName(name string) (schema, table string, quoted bool) {
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '"':
			quoted = !quoted
		case name[i] == '.' && !quoted:
			return name[:i], trimQuotes(name[i+1:]), false
		}
	}
	return "public", trimQuotes(name), false
}

func trimQuotes(name string) string {
	if len(name) > 2 && name[0] == '"' {
		return name[1 : len(name)-1]
	}
	return name
}

// clipName returns a name that the server does not truncate: at most 63 bytes, quoted if necessary.
func clipName(name string) string {
	return pgx.Identifier{name[:min(len(name), 63)]}.Sanitize()
}
