package maintenance

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// sqlAnalyzable lists partitioned tables, which autovacuum never analyzes and whose ANALYZE covers their leaves, and the
// tables that are no leaf. Tables of fewer than ten pages that were never analyzed are left to autovacuum: the server assumes
// ten pages for them. Told that a table has a few rows, it plans to read it whole, and prepared statements keep that plan
// while the table grows.
const sqlAnalyzable = `
select n.nspname::text, c.relname::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'trading_owner'::regrole
 where c.relkind in ('r', 'm', 'p') and not c.relispartition and ($1 = '' or n.nspname = $1)
   and (c.reltuples >= 0 or pg_relation_size(c.oid) +
        (select coalesce(sum(pg_relation_size(relid)), 0) from pg_partition_tree(c.oid) where isleaf and relid <> c.oid)
        >= 10 * current_setting('block_size')::bigint)
 order by c.relkind = 'p' desc, 1, 2`

// analyze gathers the statistics of every table.
func (r *Runner) analyze(ctx context.Context, task *Task) (Figures, error) {
	u, err := r.upkeep(ctx, "analyze")
	if err != nil {
		return nil, err
	}
	defer u.close()
	rows, err := u.conn.Query(ctx, sqlAnalyzable, task.Service)
	if err != nil {
		return nil, pgerror.Translate(ctx, "analyze", err)
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tableNeed, err error) {
		return t, row.Scan(&t.schema, &t.name)
	})
	if err != nil {
		return nil, pgerror.Translate(ctx, "analyze", err)
	}
	for n, table := range tables {
		if task.DryRun {
			task.Say(table.describe())
			u.done++
			continue
		}
		u.do(ctx, task, table, fmt.Sprintf("%d of %d", n+1, len(tables)))
	}
	return Figures{"analyzed": u.done, "failed": len(u.failed)}, u.error(ctx)
}
