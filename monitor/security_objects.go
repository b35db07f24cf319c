package monitor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/postgres"
)

// withReaders begins a query with the views and materialized views that read a relation of ours, wherever they are.
const withReaders = `
with readers as (
    select distinct v.oid, v.oid::regclass::text as name, v.relkind, v.relowner, v.relacl, coalesce(v.reloptions, '{}') as options
      from pg_class v
      join pg_rewrite w on w.ev_class = v.oid
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
      join pg_class c on c.oid = d.refobjid and c.oid <> v.oid
      join pg_namespace n on n.oid = c.relnamespace
     where v.relkind in ('v', 'm') and n.nspname in ` + ours + `
)`

const (
	sqlViews = withReaders + `
select name, pg_get_userbyid(relowner) from readers
 where relkind = 'v' and not (options && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'])
 order by 1`

	sqlMaterialized = withReaders + `
select name, string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
  from readers v, aclexplode(v.relacl) a left join pg_roles r on r.oid = a.grantee
 where v.relkind = 'm' and a.grantee <> v.relowner
 group by name order by 1`

	sqlDefinerPaths = `
select p.oid::regprocedure::text, coalesce(array_to_string(p.proconfig, ' '), 'not set')
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.prosecdef and (n.nspname in ` + ours + ` or pg_get_userbyid(p.proowner) = 'trading_owner')
   and not exists (select from unnest(p.proconfig) setting where setting = 'search_path=pg_catalog, pg_temp')
 order by 1`

	// 'public' may create nothing where names are looked up, and no temporary tables, by which a name is taken first.
	sqlPublicCreates = `
select 'schema ' || n.nspname, 'CREATE' from pg_namespace n, aclexplode(n.nspacl) a
 where n.nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE'
union all
select 'database ' || datname, string_agg(a.privilege_type, ', ')
  from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
 where datname = current_database() and a.grantee = 0 and a.privilege_type in ('CREATE', 'TEMPORARY')
 group by datname
 order by 1`
)

var objectChecks = []catalogCheck{
	{
		name: "security_view", severity: Critical, sql: sqlViews,
		message: "the view reads blotter's tables as %s and not as who asks: policies are asked about the wrong role",
		remedy:  "as its owner: ALTER VIEW %s SET (security_invoker = true)",
	},
	{
		name: "security_materialized_view", severity: Critical, sql: sqlMaterialized,
		message: "the materialized view holds rows of blotter's tables and is granted to %s: no policy reaches it",
		remedy:  "REVOKE ALL ON %s FROM all of them, or make it a view with security_invoker",
	},
	{
		name: "security_definer_path", severity: Critical, sql: sqlDefinerPaths,
		message: "a function that acts as its owner has search_path %s: the caller chooses what its names mean",
		remedy:  "ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp",
	},
	{
		name: "security_public", severity: Critical, sql: sqlPublicCreates,
		message: "PUBLIC has %s: every login can put its own objects before others'",
		remedy:  "REVOKE it ON %s FROM PUBLIC",
	},
}

const sqlDefiners = `
select p.oid::regprocedure::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.prosecdef and (n.nspname in ` + ours + ` or pg_get_userbyid(p.proowner) = 'trading_owner')
 order by 1`

// checkDefiners finds functions that act as their owner and are none of the migrations'.
func checkDefiners(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
	live, err := texts(ctx, q, sqlDefiners)
	if err != nil {
		return nil, err
	}
	known := postgres.SecurityDefiners()
	for _, name := range live {
		if !slices.Contains(known, name) {
			findings = append(findings, Finding{
				Check: "security_definer_list", Severity: Critical, Subject: name,
				Message: "a function acts as its owner and is none of blotter's: who may call it has the owner's rights within it",
				Remedy:  "DROP FUNCTION " + name + ", or ALTER FUNCTION ... SECURITY INVOKER",
			})
		}
	}
	return findings, nil
}

const sqlGrants = `
with objects as (
    select 'schema ' || nspname as object, nspacl as acl, nspowner as owner from pg_namespace where nspname in ` + ours + `
    union all
    select 'table ' || n.nspname || '.' || c.relname, c.relacl, c.relowner
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ` + ours + ` and c.relkind in ('r', 'p', 'v', 'S') and not c.relispartition
       and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'i' and d.classid = 'pg_class'::regclass and c.relacl is null)
    union all
    select 'column ' || n.nspname || '.' || c.relname || '.' || a.attname, a.attacl, c.relowner
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ` + ours + ` and a.attacl is not null and not c.relispartition
    union all
    select 'function ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ` + ours + `
)
select object || '|' || coalesce(r.rolname, 'public') || '|' || lower(a.privilege_type)
  from objects o, aclexplode(o.acl) a left join pg_roles r on r.oid = a.grantee
 where a.grantee <> o.owner and o.object not like '%.schema_version'
 order by 1`

// checkGrants finds what is granted beyond the migrations: to our roles and PUBLIC it is critical, to others a warning.
func checkGrants(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
	live, err := texts(ctx, q, sqlGrants)
	if err != nil {
		return nil, err
	}
	known := postgres.Grants()
	for _, line := range live {
		parts := strings.SplitN(line, "|", 3)
		object, grantee, privilege := parts[0], parts[1], parts[2]
		if slices.Contains(known[object], grantee+"="+privilege) {
			continue
		}
		severity := Warning
		if grantee == "public" || strings.HasPrefix(grantee, "trading_") {
			severity = Critical
		}
		what := strings.TrimPrefix(strings.TrimPrefix(object, "table "), "column ")
		findings = append(findings, Finding{
			Check: "security_grants", Severity: severity, Subject: object,
			Message: fmt.Sprintf("%s has %s, which blotter does not grant", grantee, strings.ToUpper(privilege)),
			Remedy:  fmt.Sprintf("as trading_owner: REVOKE %s ON %s FROM %s", strings.ToUpper(privilege), what, grantee),
		})
	}
	return findings, nil
}
