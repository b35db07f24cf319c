package monitor

// sqlOwners lists the objects that trading_owner should own and does not. The sequence of a column has the owner of
// its table. The database may belong to whoever created it, except to a login that is restricted to one of our roles:
// the owner of a database can take everything away.
const sqlOwners = withLogins + `, restricted as (
    select oid from pg_roles where rolname in ` + ownRoles + ` and rolname <> 'trading_owner'
    union select oid from logins
    except select oid from logins where role = 'trading_owner' or rolsuper
), objects(name, owner) as (
    select 'schema ' || quote_ident(nspname), nspowner from pg_namespace where nspname in ` + schemas + `
    union all
    select case c.relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'S' then 'sequence '
                          when 'c' then 'type ' when 'f' then 'foreign table ' else 'table ' end || c.oid::regclass,
           c.relowner
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ` + schemas + ` and c.relkind in ('r', 'p', 'v', 'm', 'S', 'c', 'f')
       and not (c.relkind = 'S' and exists (
                select from pg_depend d
                 where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
                   and d.refobjsubid > 0 and d.deptype in ('a', 'i')))
    union all
    select case p.prokind when 'p' then 'procedure ' when 'a' then 'aggregate ' else 'function ' end
           || p.oid::regprocedure, p.proowner
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ` + schemas + `
    union all
    select 'type ' || t.oid::regtype, t.typowner
      from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where n.nspname in ` + schemas + ` and t.typrelid = 0 and t.typtype <> 'm'
       and t.oid not in (select typarray from pg_type)
    union all
    select 'database ' || quote_ident(d.datname), d.datdba
      from pg_database d
     where d.datname = current_database()
       and exists (select from restricted where pg_has_role(restricted.oid, d.datdba, ` + mayAct + `))
)
select name, pg_get_userbyid(owner)::text from objects where pg_get_userbyid(owner) <> 'trading_owner' order by 1`

var ownerChecks = []catalogCheck{{
	name: "security_owner", severity: Critical, sql: sqlOwners,
	message: "it belongs to {detail}, who can drop it, replace it, or remove its policies",
	remedy:  "as a superuser: ALTER {subject} OWNER TO trading_owner",
}}
