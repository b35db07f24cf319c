package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
)

// sqlUnguard takes the audit triggers and row-level security away, from leaves too.
const sqlUnguard = `
do $$
declare
    it record;
begin
    for it in select t.tgname, t.tgrelid::regclass as relation from pg_trigger t where t.tgname like 'audit\_%' and not t.tgisinternal loop
        execute format('drop trigger %I on %s', it.tgname, it.relation);
    end loop;
    for it in select c.oid::regclass as relation from pg_class c where c.relrowsecurity loop
        execute format('alter table %s disable row level security, no force row level security', it.relation);
    end loop;
end $$`

// What the audit log and row-level security cost those who book fills, each for one account: at least 0.8 x the fills of a
// database without.
func BenchmarkGuards(b *testing.B) {
	bare, ours := newDesk(b, 400_000), newDesk(b, 400_000)
	bare.db.Exec(b, sqlUnguard)
	for b.Loop() {
		for _, callers := range []int{1, 64} {
			var without, with []result
			bare.run(b, callers, bookWarm, bare.executeAlone)
			ours.run(b, callers, bookWarm, ours.executeAlone)
			for range *repetitions {
				without = append(without, bare.run(b, callers, bookSpan, bare.executeAlone))
				with = append(with, ours.run(b, callers, bookSpan, ours.executeAlone))
			}
			base, guarded := middle(without), middle(with)
			fmt.Printf("  ExecuteTrade, %d callers\n    %-18s %s\n    %-18s %s  %.2f x fills/s\n", callers, "without guards", base, "with", guarded, guarded.rate/base.rate)
		}
	}
}

// executeAlone books a fill as the account's own.
func (d *desk) executeAlone(ctx context.Context, t blotter.Trade) error {
	return d.execute(blotter.WithAccount(ctx, t.AccountID), t)
}
