package monitor

import (
	"context"
	"strings"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// SecurityChecks returns the checks of the isolation of accounts and the privileges of roles. They read only the
// system catalogs, which every login may read, so any session can run them. Only a role with pg_read_all_stats, for
// example the reporter, sees the addresses of other logins' sessions.
func SecurityChecks() []Check {
	var checks []Check
	for _, group := range [][]catalogCheck{
		rowSecurityChecks, ownerChecks, policyChecks, roleChecks, loginChecks, resourceChecks, objectChecks,
	} {
		for _, c := range group {
			checks = append(checks, c.check())
		}
	}
	return append(checks, Check{Name: "security_grants", Area: securityArea, Run: checkGrants})
}

const securityArea = "security"

// catalogCheck is a query of the catalogs. Each of its rows is a finding: the subject, and a detail for the message.
type catalogCheck struct {
	name     string
	severity Severity
	sql      string
	args     []any
	message  string // {detail} is replaced
	remedy   string // {subject} and {detail} are replaced; if possible a statement to copy
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

// schemas lists the schemas of blotter, for conditions on pg_namespace.nspname.
const schemas = `('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'events',
    'shared', 'dashboard')`

// withTenants begins a query with the tables that have an account_id, including partitions and detached partitions.
const withTenants = `
with tenants as (
    select c.oid, c.oid::regclass::text as name, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
           c.relowner, c.relacl
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'p') and n.nspname in ` + schemas + `
)`

// grantee is the name of the grantee a.grantee of aclexplode, even if the role is gone.
const grantee = `case when a.grantee = 0 then 'PUBLIC' else pg_get_userbyid(a.grantee)::text end`
