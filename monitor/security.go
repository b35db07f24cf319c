package monitor

import (
	"context"
	"strings"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// SecurityChecks are what keeps accounts apart and roles within their bounds, each against the live database. They read
// the system's catalogs alone, which every login may, so any session will do: the sessions of the reporter, as doctor has
// it, or a transaction. Where other logins' sessions come from is told only to who has pg_read_all_stats, as the reporter.
func SecurityChecks() []Check {
	var checks []Check
	for _, group := range [][]catalogCheck{rowSecurityChecks, ownerChecks, policyChecks, roleChecks, loginChecks, fillChecks, objectChecks} {
		for _, c := range group {
			checks = append(checks, c.check())
		}
	}
	return append(checks, Check{Name: "security_grants", Area: securityArea, Run: checkGrants})
}

const securityArea = "security"

// catalogCheck is a query of the catalogs, each of whose rows is a finding: its subject, and a detail for the message.
type catalogCheck struct {
	name     string
	severity Severity
	sql      string
	args     []any
	message  string // {detail} is replaced
	remedy   string // {subject} and {detail} are replaced: a statement to be copied, where there is one
}

func (c catalogCheck) check() Check {
	return Check{Name: c.name, Area: securityArea, Run: c.run}
}

func (c catalogCheck) run(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
	type row struct{ Subject, Detail string }
	rows, err := connection.QueryCatalog(ctx, q, pgx.RowToStructByPos[row], c.sql, c.args...)
	for _, r := range rows {
		filled := strings.NewReplacer("{subject}", r.Subject, "{detail}", r.Detail)
		findings = append(findings, Finding{
			Check: c.name, Severity: c.severity, Subject: r.Subject,
			Message: filled.Replace(c.message), Remedy: filled.Replace(c.remedy),
		})
	}
	return findings, err
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

// grantee is who has an entry of an access list, as aclexplode tells it: a name in any case, of a role that is gone too.
const grantee = `case when a.grantee = 0 then 'PUBLIC' else pg_get_userbyid(a.grantee)::text end`
