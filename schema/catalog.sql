-- One line for each object of blotter's schemas: "kind name: description". Partitions are left out, they come and go;
-- that each has its parent's policies is doctor's to check. pg_temp and what other programs made elsewhere do not count.
with schemas as (
    select oid, nspname, nspowner from pg_namespace
     where nspname in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'shared', 'events', 'dashboard')
), relations as (
    select c.*, s.nspname || '.' || c.relname as name
      from pg_class c join schemas s on s.oid = c.relnamespace
     where not c.relispartition and c.relkind in ('r', 'p', 'v', 'm') and c.relname <> 'schema_version'
), grants as (
    select object, string_agg(grantee || '=' || privileges, ' ' order by grantee) as list
      from (select object, coalesce(r.rolname, 'public') as grantee, string_agg(lower(a.privilege_type collate "C") || case when a.is_grantable then '*' else '' end, ',' order by a.privilege_type) as privileges
              from (select 'schema ' || n.nspname as object, n.nspacl as acl, n.nspowner as owner from pg_namespace n join schemas using (oid)
                    union all select 'table ' || name, relacl, relowner from relations
                    union all select 'column ' || r.name || '.' || a.attname, a.attacl, r.relowner
                      from pg_attribute a join relations r on r.oid = a.attrelid where a.attacl is not null
                    union all select 'function ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
                      from pg_proc p join schemas s on s.oid = p.pronamespace) o,
                   aclexplode(o.acl) a left join pg_roles r on r.oid = a.grantee
             where a.grantee <> o.owner
             group by object, r.rolname) g
     group by object
)
select 'schema ' || nspname || ': owner ' || pg_get_userbyid(nspowner) from schemas
union all
select 'table ' || name || ': ' || case relkind when 'v' then 'view' when 'p' then 'partitioned by ' || pg_get_partkeydef(oid) else 'table' end
       || ' owner ' || pg_get_userbyid(relowner)
       || case when relrowsecurity then ' row security' else '' end || case when relforcerowsecurity then ' forced' else '' end
       || case when relpersistence = 'u' then ' unlogged' else '' end
       || coalesce(' ' || array_to_string(reloptions, ','), '')
  from relations
union all
select 'column ' || r.name || '.' || a.attname || ': ' || format_type(a.atttypid, a.atttypmod)
       || case when a.attnotnull then ' not null' else '' end
       || case when a.attidentity <> '' then ' identity' when a.attgenerated <> '' then ' generated ' || pg_get_expr(d.adbin, d.adrelid)
               else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') end
  from pg_attribute a join relations r on r.oid = a.attrelid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attnum > 0 and not a.attisdropped
union all
select 'constraint ' || r.name || '.' || c.conname || ': ' || pg_get_constraintdef(c.oid)
       || case when exists (select from pg_trigger t where t.tgconstraint = c.oid and t.tgenabled = 'D') then ' disabled' else '' end
  from pg_constraint c join relations r on r.oid = c.conrelid where c.contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'index ' || i.indexrelid::regclass || ': ' || replace(pg_get_indexdef(i.indexrelid), ' ONLY ', ' ') || case when i.indisvalid then '' else ' invalid' end
  from pg_index i join relations r on r.oid = i.indrelid
union all
select 'policy ' || p.polname || ' of ' || r.name || ': ' || case when p.polpermissive then 'permissive' else 'restrictive' end || ' ' || p.polcmd::text
       || ' to ' || coalesce((select string_agg(rolname, ', ' order by rolname) from pg_roles where oid = any(p.polroles)), 'public')
       || ' using ' || regexp_replace(coalesce(pg_get_expr(p.polqual, p.polrelid), '-'), '[[:space:]]+', ' ', 'g') || ' check ' || regexp_replace(coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-'), '[[:space:]]+', ' ', 'g')
  from pg_policy p join relations r on r.oid = p.polrelid
union all
select 'trigger ' || t.tgname || ' of ' || r.name || ': ' || t.tgenabled::text || ' ' || md5(pg_get_triggerdef(t.oid))
  from pg_trigger t join relations r on r.oid = t.tgrelid where not t.tgisinternal
union all
select 'rule ' || w.rulename || ' of ' || r.name || ': ' || md5(pg_get_ruledef(w.oid))
  from pg_rewrite w join relations r on r.oid = w.ev_class where w.rulename <> '_RETURN'
union all
select 'view ' || name || ': ' || md5(regexp_replace(regexp_replace(pg_get_viewdef(oid), '[[:alnum:]_]+[.]', '', 'g'), '[[:space:]]+', ' ', 'g')) from relations where relkind = 'v'
union all
select 'function ' || p.oid::regprocedure || ': ' || case when p.prosecdef then 'security definer ' else '' end
       || coalesce(array_to_string(p.proconfig, ', ') || ' ', '') || md5(coalesce(p.prosrc, '') || coalesce(pg_get_function_sqlbody(p.oid), ''))
       || ' owner ' || pg_get_userbyid(p.proowner)
  from pg_proc p join schemas s on s.oid = p.pronamespace
union all
select 'domain ' || t.oid::regtype || ': ' || format_type(t.typbasetype, t.typtypmod) || ' '
       || coalesce((select string_agg(pg_get_constraintdef(c.oid), ' ' order by c.conname) from pg_constraint c where c.contypid = t.oid and c.contype = 'c'), '')
       || ' owner ' || pg_get_userbyid(t.typowner)
  from pg_type t join schemas s on s.oid = t.typnamespace where t.typtype = 'd'
union all
select 'grants on ' || object || ': ' || list from grants
