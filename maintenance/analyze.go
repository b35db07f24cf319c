package maintenance

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// sqlAnalyzable lists partitioned tables, which autovacuum never analyzes and whose ANALYZE covers their leaves, and the
// tables that are no leaf. Tables that never had a row are left out: once it was told that a table is empty, the server
// plans to read it whole, and prepared statements keep that plan while the table grows.
const sqlAnalyzable = `
select n.nspname::text, c.relname::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'trading_owner'::regrole
 where c.relkind in ('r', 'm', 'p') and not c.relispartition and ($1 = '' or n.nspname = $1)
   and exists (select from pg_partition_tree(c.oid) t where pg_relation_size(t.relid) > 0
               union all select where pg_relation_size(c.oid) > 0)
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
		return nil, postgres.Translate("analyze", err)
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tableNeed, err error) {
		return t, row.Scan(&t.schema, &t.name)
	})
	if err != nil {
		return nil, postgres.Translate("analyze", err)
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
