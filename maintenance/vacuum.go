package maintenance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tableNeed is a table or leaf and what it needs.
type tableNeed struct {
	schema, name    string
	dead, live      int64 // rows, as the statistics have them
	vacuum, analyze bool
}

func (t tableNeed) String() string { return t.schema + "." + t.name }

func (t tableNeed) sql() string { return pgx.Identifier{t.schema, t.name}.Sanitize() }

func (t tableNeed) statement() string {
	if t.vacuum {
		return "vacuum (analyze) " + t.sql()
	}
	return "analyze " + t.sql()
}

func (t tableNeed) describe() string {
	if !t.vacuum {
		return "analyze  " + t.String()
	}
	return fmt.Sprintf("vacuum   %s  %d dead of %d rows", t, t.dead, t.dead+t.live)
}

// sqlNeeds lists tables and leaves with what they need: VACUUM for 5 % of dead rows, or 20 % of rows that are new since
// the last one, or transaction numbers that are three quarters of the way to where autovacuum is forced; ANALYZE for 5 %
// of changed rows. Where $2 is set, all of them need both. Those with the most dead rows in proportion come first.
const sqlNeeds = `
select n.nspname::text, c.relname::text, coalesce(s.n_dead_tup, 0), coalesce(s.n_live_tup, 0), w.vacuum or $2, w.vacuum or w.analyze or $2
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'trading_owner'::regrole
  left join pg_stat_all_tables s on s.relid = c.oid
 cross join lateral (select
       s.n_dead_tup > 50 + s.n_live_tup / 20
    or s.n_ins_since_vacuum > 1000 + s.n_live_tup / 5
    or age(c.relfrozenxid) > current_setting('autovacuum_freeze_max_age')::bigint * 3 / 4
    or mxid_age(c.relminmxid) > current_setting('autovacuum_multixact_freeze_max_age')::bigint * 3 / 4 as vacuum,
       s.n_mod_since_analyze > 50 + s.n_live_tup / 20 as analyze) w
 where c.relkind in ('r', 'm') and ($1 = '' or n.nspname = $1) and (w.vacuum or w.analyze or $2)
 order by coalesce(s.n_dead_tup, 0)::float8 / greatest(coalesce(s.n_dead_tup + s.n_live_tup, 0), 1) desc, 1, 2`

func readNeeds(ctx context.Context, conn *pgx.Conn, task *Task) ([]tableNeed, error) {
	rows, err := conn.Query(ctx, sqlNeeds, task.Service, task.Force)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tableNeed, err error) {
		return t, row.Scan(&t.schema, &t.name, &t.dead, &t.live, &t.vacuum, &t.analyze)
	})
}

// vacuumAnalyze vacuums and analyzes, leaf by leaf, what needs it. A leaf that fails does not stop the others.
func (r *Runner) vacuumAnalyze(ctx context.Context, task *Task) (Figures, error) {
	u, err := r.upkeep(ctx, "vacuum")
	if err != nil {
		return nil, err
	}
	defer u.close()
	needs, err := readNeeds(ctx, u.conn, task)
	if err != nil {
		return nil, pgerror.Translate(ctx, "vacuum_analyze", err)
	}
	var vacuumed, analyzed, dead int64
	for n, table := range needs {
		if task.DryRun {
			task.Say(table.describe())
		} else if !u.do(ctx, task, table, fmt.Sprintf("%d of %d", n+1, len(needs))) {
			continue
		}
		if table.vacuum {
			vacuumed, dead = vacuumed+1, dead+table.dead
		} else {
			analyzed++
		}
	}
	return Figures{"vacuumed": vacuumed, "analyzed": analyzed, "dead_rows": dead, "failed": len(u.failed)}, u.error(ctx)
}

// worthSaying is how long an ANALYZE takes that is told of on its own.
const worthSaying = time.Second

// upkeep runs VACUUM and ANALYZE, each as one statement on a connection of its own, and collects what failed.
type upkeep struct {
	runner  *Runner
	conn    *pgx.Conn
	notices []*pgconn.Notice // of the statement that runs
	failed  []string         // a sentence each
	done    int
}

func (r *Runner) upkeep(ctx context.Context, what string) (*upkeep, error) {
	u := &upkeep{runner: r}
	conn, err := r.connect(ctx, what, postgres.OwnerNotices(func(n *pgconn.Notice) { u.notices = append(u.notices, n) }))
	if err != nil {
		return nil, err
	}
	u.conn = conn
	rest := float64(max(0, r.cfg.VacuumDelay).Microseconds()) / 1000
	if _, err := conn.Exec(ctx, fmt.Sprintf("set vacuum_cost_delay = %g; set client_connection_check_interval = '5s'", min(rest, 100))); err != nil {
		u.close()
		return nil, pgerror.Translate(ctx, what, err)
	}
	return u, nil
}

func (u *upkeep) close() {
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	_ = u.conn.Close(ctx)
}

// do runs the statement of one table and reports whether all went well.
func (u *upkeep) do(ctx context.Context, task *Task, table tableNeed, place string) bool {
	if ctx.Err() != nil || u.conn.IsClosed() {
		return false
	}
	u.notices = nil
	stop := u.follow(ctx, task, table, place)
	start := time.Now()
	_, err := u.conn.Exec(ctx, table.statement()) // without arguments: one statement, outside of a transaction block
	stop()
	switch skipped := u.skipped(); {
	case err != nil:
		u.failed = append(u.failed, fmt.Sprintf("%s: %s", table, pgerror.Translate(ctx, "", err)))
		return false
	case skipped != "":
		u.failed = append(u.failed, fmt.Sprintf("%s: %s", table, skipped))
		return false
	}
	u.done++
	if took := time.Since(start); table.vacuum || took > worthSaying {
		task.Say(fmt.Sprintf("%s  in %s", table.describe(), took.Round(time.Millisecond)))
	}
	return true
}

// skipped is what the server warned of: it skips, with no more than a warning, a table that the login does not own, that
// is locked, or that went.
func (u *upkeep) skipped() string {
	for _, n := range u.notices {
		if n.SeverityUnlocalized == "WARNING" {
			return strings.TrimSpace(n.Message + " " + n.Hint)
		}
	}
	return ""
}

// error is the failures in one sentence.
func (u *upkeep) error(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return pgerror.Translate(ctx, "maintain", context.Cause(ctx))
	case len(u.failed) == 1:
		return &blotter.Error{Kind: blotter.ErrOperational, Retry: true, Message: u.failed[0]}
	case len(u.failed) > 1:
		return &blotter.Error{Kind: blotter.ErrOperational, Retry: true, Message: fmt.Sprintf("%d tables failed, %d are done; the first: %s", len(u.failed), u.done, u.failed[0])}
	}
	return nil
}
