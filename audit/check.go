package audit

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Checks returns the checks of doctor and the daemon that the audit log is written, and that masked values stay out of
// it.
func Checks() []monitor.Check {
	return []monitor.Check{
		{Name: "audit_triggers", Area: "audit", Run: checkTriggers},
		{Name: "audit_masked_columns", Area: "audit", Run: checkMasked},
	}
}

// sqlTriggers lists the triggers that should be there, as table and name, and are not or do not fire always.
const sqlTriggers = `
select w.relation, w.name, coalesce(t.tgenabled::text, '') from (
    select relation, name from unnest(array['execution.accounts', 'execution.orders', 'risk_management.risk_limits',
        'risk_management.risk_events',
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
		what, remedy := "is not there", "Run blotter migrate verify to see what else was changed, and make it again "+
			"with shared.audited."
		if enabled != "" {
			what, remedy = "does not always fire",
				fmt.Sprintf("Run as the owner: ALTER TABLE %s ENABLE ALWAYS TRIGGER %s.", relation, name)
		}
		findings = append(findings, monitor.Finding{
			Check: "audit_triggers", Severity: monitor.Critical, Subject: relation,
			Message: fmt.Sprintf("trigger %s of %s %s: changes go unrecorded", name, relation, what), Remedy: remedy,
		})
		return nil
	})
	return findings, err
}

// sqlUnmasked lists the columns that the migrations mask and this database does not. One may mask more.
const sqlUnmasked = `
select w.relation, w.name from (values ('execution.accounts', 'name')) w(relation, name)
 where not exists (select from shared.masked_columns m where m.table_name = w.relation and m.column_name = w.name)
     order by 1, 2`

func checkMasked(ctx context.Context, q postgres.Querier) ([]monitor.Finding, error) {
	rows, err := q.Query(ctx, sqlUnmasked)
	if err != nil {
		return nil, err
	}

	var findings []monitor.Finding
	var relation, name string
	_, err = pgx.ForEachRow(rows, []any{&relation, &name}, func() error {
		findings = append(findings, monitor.Finding{
			Check: "audit_masked_columns", Severity: monitor.Critical, Subject: relation,
			Message: fmt.Sprintf(
				"column %s is not masked any more: the audit log keeps its values, and cannot forget them", name),
			Remedy: fmt.Sprintf("Run as the owner: INSERT INTO shared.masked_columns VALUES ('%s', '%s').", relation,
				name),
		})
		return nil
	})
	return findings, err
}
