package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// sqlUnguard takes the audit triggers and row-level security away, from leaves too.
const sqlUnguard = `
do $$
declare
    it record;
begin
    for it in
        select t.tgname, t.tgrelid::regclass as relation
          from pg_trigger t
         where t.tgname like 'audit\_%' and not t.tgisinternal
    loop
        execute format('drop trigger %I on %s', it.tgname, it.relation);
    end loop;
    for it in select c.oid::regclass as relation from pg_class c where c.relrowsecurity loop
        execute format('alter table %s disable row level security, no force row level security', it.relation);
    end loop;
end $$`

// With the audit log and row-level security, callers that each book for one account reach at least 0.8 x the fills of a
// database without them. The server's processor time is printed as well (Linux): it is the same on a shared machine,
// where fills by the clock are not.
func BenchmarkGuards(b *testing.B) {
	keep := func(c *postgres.Config) { c.KeepConns = c.MaxConns } // a backend that ends takes its figure with it
	bare, ours := newDesk(b, 400_000, keep), newDesk(b, 400_000, keep)
	bare.db.Exec(b, sqlUnguard)

	for b.Loop() {
		for _, callers := range []int{1, 64} {
			var without, with []result
			var bareTime, ourTime []time.Duration

			bare.run(b, callers, bookWarm, bare.executeAlone)
			ours.run(b, callers, bookWarm, ours.executeAlone)
			for range *repetitions {
				r, spent := bare.timed(b, callers)
				without, bareTime = append(without, r), append(bareTime, spent)
				r, spent = ours.timed(b, callers)
				with, ourTime = append(with, r), append(ourTime, spent)
			}

			base, guarded := middle(without), middle(with)
			slices.Sort(bareTime)
			slices.Sort(ourTime)
			before, after := bareTime[len(bareTime)/2], ourTime[len(ourTime)/2]

			fmt.Printf("  ExecuteTrade, %d callers\n", callers)
			fmt.Printf("    %-15s %s  server %s a fill\n", "without guards", base, before)
			fmt.Printf("    %-15s %s  server %s a fill\n", "with", guarded, after)
			fmt.Printf("    %.2f x fills/s, %.2f x the server's time\n", guarded.rate/base.rate,
				float64(after)/float64(before))
		}
	}
}

// executeAlone books a fill as the account's own.
func (d *desk) executeAlone(ctx context.Context, t blotter.Trade) error {
	return d.execute(blotter.WithAccount(ctx, t.AccountID), t)
}

// timed measures a round, and the processor time that a fill cost the server.
func (d *desk) timed(b *testing.B, callers int) (result, time.Duration) {
	before := d.spent(b)
	r := d.run(b, callers, bookSpan, d.executeAlone)
	return r, ((d.spent(b) - before) / time.Duration(r.rate*bookSpan.Seconds()+1)).Round(time.Microsecond)
}

// spent returns the processor time of the backends of the app pool.
func (d *desk) spent(b *testing.B) (total time.Duration) {
	conn := d.db.Connect(b, d.db.AdminURL)
	defer conn.Close(context.Background())

	rows, _ := conn.Query(b.Context(), `select pid from pg_stat_activity
		where datname = current_database() and application_name = 'blotter'`)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}

	for _, pid := range pids {
		var nanoseconds int64
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		_, _ = fmt.Sscan(string(text), &nanoseconds)
		total += time.Duration(nanoseconds)
	}

	return total
}
