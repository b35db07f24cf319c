package monitor

import (
	"context"
	"strings"

	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// SecurityChecks are what keeps accounts apart and roles within their bounds, each against the live database. They read
// the system's catalogs alone, which every login may, so any session will do: the sessions of the reporter, as doctor has
// it, or a transaction.
func SecurityChecks() []Check {
	var checks []Check
	for _, group := range [][]catalogCheck{rowSecurityChecks, policyChecks, roleChecks, loginChecks, objectChecks} {
		for _, c := range group {
			checks = append(checks, c.check())
		}
	}
	return append(checks, Check{Name: "security_grants", Area: "security", Run: checkGrants}, Check{
		Name: "security_definer_list", Area: "security", Run: checkDefiners,
	})
}

// catalogCheck is a query of the catalogs, each of whose rows is a finding: its subject, and a detail for the message.
type catalogCheck struct {
	name     string
	severity Severity
	sql      string
	message  string // may hold %s once, for the detail
	remedy   string // may hold %s once, for the subject
}

func (c catalogCheck) check() Check {
	return Check{Name: c.name, Area: "security", Run: c.run}
}

func (c catalogCheck) run(ctx context.Context, q postgres.Querier) ([]Finding, error) {
	rows, err := q.Query(ctx, c.sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var findings []Finding
	for rows.Next() {
		var subject, detail string
		if err := rows.Scan(&subject, &detail); err != nil {
			return nil, err
		}
		findings = append(findings, Finding{
			Check: c.name, Severity: c.severity, Subject: subject, Message: strings.Replace(c.message, "%s", detail, 1), Remedy: strings.Replace(c.remedy, "%s", subject, 1),
		})
	}
	return findings, rows.Err()
}

// ours are the schemas of blotter, as a condition on pg_class, pg_proc or pg_namespace's nspname.
const ours = `('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'events', 'shared')`

// withTenants begins a query with the tables that have an account, their leaves included, wherever a leaf was detached to.
const withTenants = `
with tenants as (
    select c.oid, c.oid::regclass::text as name, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'p') and n.nspname in ` + ours + `
)`

// texts collects a column of text.
func texts(ctx context.Context, q postgres.Querier, sql string) ([]string, error) {
	rows, err := q.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
