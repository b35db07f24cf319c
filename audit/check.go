package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

const (
	// behindWarning and behindCritical are how long an entry may wait for its seal.
	behindWarning  = 5 * time.Minute
	behindCritical = time.Hour
)

// Checks are what doctor and the daemon ask about the audit log: that it is being sealed, and that its triggers are there.
// They are asked as a role that sees all accounts.
func Checks() []monitor.Check {
	return []monitor.Check{
		{Name: "audit_seal_behind", Area: "audit", Run: checkBehind},
		{Name: "audit_triggers", Area: "audit", Run: checkTriggers},
	}
}

// sqlBehind is the age of the oldest entry behind the last that is sealed, by its id, in seconds.
const sqlBehind = `
select extract(epoch from clock_timestamp() - timestamp)::bigint from shared.audit_log
 where id > coalesce((select ids[array_upper(ids, 1)] from shared.audit_seals order by seal desc limit 1), 0)
 order by id limit 1`

func checkBehind(ctx context.Context, q postgres.Querier) ([]monitor.Finding, error) {
	rows, err := q.Query(ctx, sqlBehind)
	if err != nil {
		return nil, err
	}
	ages, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ages) == 0 {
		return nil, err
	}
	age := time.Duration(ages[0]) * time.Second
	severity := monitor.Warning
	switch {
	case age < behindWarning:
		return nil, nil
	case age >= behindCritical:
		severity = monitor.Critical
	}
	return []monitor.Finding{{
		Check: "audit_seal_behind", Severity: severity, Subject: "shared.audit_log",
		Message: fmt.Sprintf("entries of the audit log have waited for their seal for %s, and can be tampered with until then", age),
		Remedy:  "Run blotter serve, which seals all the time, or blotter audit seal; its log says what keeps it from that.",
	}}, nil
}

// sqlTriggers lists the triggers that should be there, as table and name, and are not or do not fire always.
const sqlTriggers = `
select w.relation, w.name, coalesce(t.tgenabled::text, '') from (
    select relation, name from unnest(array['execution.accounts', 'execution.orders', 'risk_management.risk_limits', 'risk_management.risk_events',
                                            'execution.trades', 'execution.positions']) relation,
           unnest(array['audit_insert', 'audit_update', 'audit_delete', 'audit_truncate']) name
     where name <> 'audit_insert' or relation not in ('execution.trades', 'execution.positions')) w
  left join pg_trigger t on t.tgrelid = to_regclass(w.relation) and t.tgname = w.name
 where t.tgenabled is distinct from 'A' order by 1, 2`

func checkTriggers(ctx context.Context, q postgres.Querier) ([]monitor.Finding, error) {
	rows, err := q.Query(ctx, sqlTriggers)
	if err != nil {
		return nil, err
	}
	var findings []monitor.Finding
	var relation, name, enabled string
	_, err = pgx.ForEachRow(rows, []any{&relation, &name, &enabled}, func() error {
		what, remedy := "is not there", "Run blotter migrate verify to see what else was changed, and make it again with shared.audited."
		if enabled != "" {
			what, remedy = "does not always fire", fmt.Sprintf("Run as the owner: ALTER TABLE %s ENABLE ALWAYS TRIGGER %s.", relation, name)
		}
		findings = append(findings, monitor.Finding{
			Check: "audit_triggers", Severity: monitor.Critical, Subject: relation,
			Message: fmt.Sprintf("trigger %s of %s %s: changes go unrecorded", name, relation, what), Remedy: remedy,
		})
		return nil
	})
	return findings, err
}
