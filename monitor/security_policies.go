package monitor

const (
	sqlRowSecurityOff = withTenants + `
select name, '' from tenants where not relrowsecurity order by 1`

	sqlNotForced = withTenants + `
select name, '' from tenants where relrowsecurity and not relforcerowsecurity order by 1`

	sqlLeafGrants = withTenants + `
select name, string_agg(distinct ` + grantee + `, ', ')
  from tenants t, aclexplode(t.relacl) a
 where t.relispartition and a.grantee <> t.relowner
 group by name order by 1`
)

var rowSecurityChecks = []catalogCheck{
	{
		name: "security_rls", severity: Critical, sql: sqlRowSecurityOff,
		message: "row-level security is off: every login that may read the table sees every account's rows",
		remedy:  "as trading_owner: ALTER TABLE {subject} ENABLE ROW LEVEL SECURITY",
	},
	{
		name: "security_force", severity: Critical, sql: sqlNotForced,
		message: "row-level security is not forced: it does not bind the table's owner",
		remedy:  "as trading_owner: ALTER TABLE {subject} FORCE ROW LEVEL SECURITY",
	},
	{
		name: "security_leaf_grants", severity: Critical, sql: sqlLeafGrants,
		message: "the partition is granted to {detail}: it is reached by its parent, whose grants are enough",
		remedy:  "as trading_owner: REVOKE ALL ON {subject} FROM {detail}",
	},
}

// withPolicies begins a query with the two policies that every tenant table and leaf must have, as shared.isolate makes
// them, beside those that there are.
const withPolicies = withTenants + `, wanted(polname, permissive, roles, condition) as (values
    ('blotter_roles', true, 'trading_app trading_owner trading_readonly trading_reporter trading_service', 'true'),
    ('account_isolation', false, 'trading_app trading_readonly',
     '(account_id = ( SELECT NULLIF(current_setting(''app.current_account_id''::text, true), ''''::text) AS "nullif"))')
), live as (
    select p.polrelid, p.polname::text, p.polpermissive, p.polcmd,
           coalesce((select string_agg(rolname, ' ' order by rolname) from pg_roles where oid = any (p.polroles)), 'public') as roles,
           replace(coalesce(pg_get_expr(p.polqual, p.polrelid), ''), '(account_id)::text', 'account_id') as condition, -- a domain's column is cast
           replace(coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''), '(account_id)::text', 'account_id') as written
      from pg_policy p
), compared as (
    select t.name, t.relispartition, w.polname,
           case when l.polname is null then 'missing'
                when l.polpermissive <> w.permissive or l.polcmd <> '*' then 'of another kind'
                when l.roles <> w.roles then 'for other roles (' || l.roles || ')'
                when l.condition <> w.condition then 'changed, for reading to ' || l.condition
                when l.written <> w.condition then 'changed, for writing to ' || l.written end as fault
      from tenants t cross join wanted w
      left join live l on l.polrelid = t.oid and l.polname = w.polname
)`

const (
	sqlPolicies = withPolicies + `
select name, polname || ' is ' || fault from compared where fault is not null and not relispartition order by 1, 2`

	sqlLeafPolicies = withPolicies + `
select name, polname || ' is ' || fault from compared where fault is not null and relispartition order by 1, 2`

	sqlStrayPolicies = withPolicies + `
select t.name, quote_ident(l.polname) from tenants t join live l on l.polrelid = t.oid
 where l.polname not in (select polname from wanted) and (t.name, l.polname) <> ('events.outbox', 'book_events_are_proved') order by 1, 2`

	// What the policy says is compared by schema_drift.
	sqlProofPolicy = withPolicies + `
select 'events.outbox', 'book_events_are_proved'
 where not exists (select from live l where l.polrelid = 'events.outbox'::regclass and l.polname = 'book_events_are_proved'
                      and not l.polpermissive and l.polcmd = 'a' and l.roles = 'trading_app')`
)

const isolateAnew = "as trading_owner: DROP POLICY IF EXISTS blotter_roles ON {subject}; DROP POLICY IF EXISTS account_isolation ON {subject}; SELECT shared.isolate('{subject}');"

var policyChecks = []catalogCheck{
	{
		name: "security_policy", severity: Critical, sql: sqlPolicies,
		message: "policy {detail}: accounts are not apart as they were made to be", remedy: isolateAnew,
	},
	{
		name: "security_leaf_policy", severity: Critical, sql: sqlLeafPolicies,
		message: "policy {detail}: who reaches the partition directly is not held to one account", remedy: isolateAnew,
	},
	{
		name: "security_book_events", severity: Critical, sql: sqlProofPolicy,
		message: "policy {detail} is missing or changed: an account can write events of trades that it never stored",
		remedy:  "as trading_owner: DROP POLICY IF EXISTS {detail} ON {subject}; then CREATE POLICY {detail} as migration 00006_events.sql has it",
	},
	{
		name: "security_stray_policy", severity: Warning, sql: sqlStrayPolicies,
		message: "there is another policy than blotter's: {detail}; it cannot widen what an account sees, it can narrow it",
		remedy:  "as trading_owner: DROP POLICY {detail} ON {subject}; or keep it, and know that it is there",
	},
}
