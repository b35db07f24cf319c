package monitor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
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
select name, string_agg(distinct ` + grantee + `, ', ')
  from readers v, aclexplode(v.relacl) a
 where v.relkind = 'm' and a.grantee <> v.relowner
 group by name order by 1`

	// $1 are the migrations' own. Those of extensions are not ours to judge, nor are those that nobody of ours can call.
	sqlDefiners = withLogins + `, callers as (
    select oid from pg_roles where rolname in ` + trading + ` and not rolsuper
    union select oid from logins where not rolsuper
)
select p.oid::regprocedure::text, pg_get_userbyid(p.proowner)::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.prosecdef and p.oid <> all (array(select coalesce(to_regprocedure(known), 0)::oid from unnest($1::text[]) known))
   and (n.nspname in ` + ours + ` or pg_get_userbyid(p.proowner) = 'trading_owner'
        or n.nspname not in ('pg_catalog', 'information_schema')
           and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
           and exists (select from callers c where has_function_privilege(c.oid, p.oid, 'EXECUTE') and has_schema_privilege(c.oid, n.oid, 'USAGE')))
 order by 1`

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
		message: "the view reads blotter's tables as {detail} and not as who asks: policies are asked about the wrong role",
		remedy:  "as its owner: ALTER VIEW {subject} SET (security_invoker = true)",
	},
	{
		name: "security_materialized_view", severity: Critical, sql: sqlMaterialized,
		message: "the materialized view holds rows of blotter's tables and is granted to {detail}: no policy reaches it",
		remedy:  "as its owner: REVOKE ALL ON {subject} FROM {detail}; or make it a view with security_invoker",
	},
	{
		name: "security_definer_list", severity: Critical, sql: sqlDefiners, args: []any{schema.SecurityDefiners()},
		message: "a function acts as its owner {detail} and is none of blotter's: who may call it has the owner's rights within it",
		remedy:  "as its owner: DROP FUNCTION {subject}; or ALTER FUNCTION {subject} SECURITY INVOKER; or REVOKE EXECUTE ON FUNCTION {subject} FROM PUBLIC, and from who else may call it",
	},
	{
		name: "security_definer_path", severity: Critical, sql: sqlDefinerPaths,
		message: "a function that acts as its owner has search_path {detail}: the caller chooses what its names mean",
		remedy:  "as its owner: ALTER FUNCTION {subject} SET search_path = pg_catalog, pg_temp",
	},
	{
		name: "security_public", severity: Critical, sql: sqlPublicCreates,
		message: "PUBLIC has {detail}: every login can put its own objects before others'",
		remedy:  "as a superuser or the owner: REVOKE {detail} ON {subject} FROM PUBLIC",
	},
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
select object, ` + grantee + `, a.privilege_type, a.is_grantable
  from objects o, aclexplode(o.acl) a
 where a.grantee <> o.owner and o.object not like '%.schema_version'
 order by 1, 2, 3`

type grantRow struct {
	Object, Grantee, Privilege string
	Grantable                  bool
}

// checkGrants finds what is granted beyond the migrations: to our roles and PUBLIC it is critical, to others a warning.
func checkGrants(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
	live, err := connection.QueryCatalog(ctx, q, pgx.RowToStructByPos[grantRow], sqlGrants)
	known := schema.Grants()
	for _, r := range live {
		granted := slices.Contains(known[r.Object], strings.ToLower(r.Grantee+"="+r.Privilege))
		if !granted || r.Grantable {
			findings = append(findings, r.finding(granted))
		}
	}
	return findings, err
}

// finding is about a grant that is not the migrations', or, where it is, about the option to pass it on.
func (r grantRow) finding(granted bool) Finding {
	f := Finding{Check: "security_grants", Severity: Warning, Subject: r.Object}
	if r.Grantee == "PUBLIC" || strings.HasPrefix(r.Grantee, "trading_") {
		f.Severity = Critical
	}
	has, revoke := r.Privilege, r.Privilege
	if r.Grantable {
		has += " WITH GRANT OPTION"
	}
	if granted {
		revoke = "GRANT OPTION FOR " + r.Privilege
	}
	what := r.Object
	if column, isColumn := strings.CutPrefix(what, "column "); isColumn {
		dot := strings.LastIndexByte(column, '.')
		revoke, what = fmt.Sprintf("%s (%s)", revoke, column[dot+1:]), "table "+column[:dot]
	}
	if r.Privilege == "USAGE" { // which tables have not
		what = strings.Replace(what, "table ", "sequence ", 1)
	}
	f.Message = fmt.Sprintf("%s has %s, which blotter does not grant", r.Grantee, has)
	f.Remedy = fmt.Sprintf("as trading_owner: REVOKE %s ON %s FROM %s", revoke, what, r.Grantee)
	return f
}
