package monitor

// ownRoles lists the roles that own and use blotter's tables.
const ownRoles = `('trading_owner', 'trading_app', 'trading_service', 'trading_readonly', 'trading_reporter')`

// mayAct is the privilege by which a role can act as another: to inherit its privileges or to SET ROLE. Before
// PostgreSQL 16 every member could do the latter; since then the creator of a role is a member that can do neither.
const mayAct = `case when current_setting('server_version_num')::int >= 160000 then 'USAGE,SET' else 'MEMBER' end`

// withLogins begins a query with the logins that can act as one of our roles. A superuser can act as any role, so it is
// listed only if it is a member of one.
const withLogins = `
with recursive granted(member, role) as (
    select member, roleid from pg_auth_members
    union select g.member, m.roleid from granted g join pg_auth_members m on m.member = g.role
), logins as (
    select l.oid, l.rolname as name, t.rolname as role, l.rolsuper, l.rolbypassrls, l.rolcreaterole, l.rolcreatedb,
           l.rolreplication
      from pg_roles l join granted g on g.member = l.oid join pg_roles t on t.oid = g.role
     where l.rolcanlogin and t.rolname in ` + ownRoles + ` and (l.rolsuper or pg_has_role(l.oid, t.oid, ` + mayAct + `))
)`

const (
	sqlRoleAttributes = `
select rolname, concat_ws(', ', case when rolsuper then 'SUPERUSER' end, case when rolbypassrls then 'BYPASSRLS' end,
       case when rolcreaterole then 'CREATEROLE' end, case when rolcreatedb then 'CREATEDB' end,
       case when rolreplication then 'REPLICATION' end, case when rolcanlogin then 'LOGIN' end)
  from pg_roles
 where rolname in ` + ownRoles + `
   and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin)
 order by 1`

	sqlMissingRoles = `
select name, ''
  from unnest(array['trading_owner', 'trading_app', 'trading_service', 'trading_readonly', 'trading_reporter']) name
 where not exists (select from pg_roles where rolname = name) order by 1`

	// Our roles need no other role, except that the reporter, which reads the rows of every account anyway, sees what
	// sessions do. (The database's owner is in pg_database_owner.)
	sqlMemberships = `
select m.rolname, string_agg(r.rolname, ', ' order by r.rolname)
  from pg_roles m join pg_roles r on r.oid <> m.oid
 where m.rolname in ` + ownRoles + ` and not m.rolsuper and pg_has_role(m.oid, r.oid, ` + mayAct + `)
   and r.rolname <> 'pg_database_owner' and not (m.rolname = 'trading_reporter' and r.rolname = 'pg_read_all_stats')
 group by m.rolname order by 1`

	// sessionSettings are the settings of a role, a database, both, or (with neither) of every role. The subject is
	// what follows ALTER.
	sessionSettings = `settings as (
    select case when s.setrole = 0 and s.setdatabase <> 0 then 'database ' || quote_ident(current_database())
                else 'role ' || case s.setrole when 0 then 'all' else quote_ident(pg_get_userbyid(s.setrole)) end
                     || case when s.setdatabase <> 0 then ' in database ' || quote_ident(current_database()) else '' end
           end as subject,
           s.setrole, split_part(setting, '=', 1) as written, lower(split_part(setting, '=', 1) collate "C") as name,
           substr(setting, strpos(setting, '=') + 1) as value
      from pg_db_role_setting s cross join unnest(s.setconfig) setting
     where s.setdatabase = 0 or s.setdatabase = (select oid from pg_database where datname = current_database())
)`

	sqlSettings = `
with ` + sessionSettings + `
select subject, written from settings
 where name in ('app.current_account_id', 'session_replication_role') order by 1, 2`

	// withOwnSettings begins a query with the settings of our logins and roles, except for the role that roles sql
	// sets. The operator may set anything for a database or for all roles, except settings by which an acknowledged
	// fill may be lost, or by which another user seems to act.
	withOwnSettings = withLogins + `, ` + sessionSettings + `, own as (
    select subject, written,
           name like 'app.%' or name in ('role', 'row_security', 'search_path', 'synchronous_commit', 'client_encoding',
               'local_preload_libraries', 'session_preload_libraries', 'standard_conforming_strings', 'backslash_quote',
               'transform_null_equals', 'default_transaction_isolation', 'default_transaction_read_only',
               'password_encryption', 'log_parameter_max_length', 'log_parameter_max_length_on_error') as undermines
      from settings s
     where name not in ('app.current_account_id', 'session_replication_role')
       and (setrole in (select oid from logins union select oid from pg_roles where rolname in ` + ownRoles + `)
            and not (name = 'role' and exists (select from logins l where l.oid = setrole and l.role = value))
            or setrole = 0 and (name like 'app.%'
                                or name = 'synchronous_commit' and value in ('off', 'local', 'remote_write')))
)`

	sqlUndermining   = withOwnSettings + ` select subject, written from own where undermines order by 1, 2`
	sqlOtherSettings = withOwnSettings + ` select subject, written from own where not undermines order by 1, 2`
)

var roleChecks = []catalogCheck{
	{
		name: "security_missing_role", severity: Critical, sql: sqlMissingRoles,
		message: "the role does not exist, so its policies and grants have no effect",
		remedy:  "run blotter migrate up as a login with CREATEROLE",
	},
	{
		name: "security_role_attributes", severity: Critical, sql: sqlRoleAttributes,
		message: "the role has {detail}; it needs none of the role attributes",
		remedy: "as a superuser: ALTER ROLE {subject} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB " +
			"NOREPLICATION",
	},
	{
		name: "security_membership", severity: Critical, sql: sqlMemberships,
		message: "the role is a member of {detail}, and has the privileges and policies of that role too",
		remedy:  "as a superuser: REVOKE {detail} FROM {subject}; only logins are members of roles",
	},
	{
		name: "security_settings", severity: Critical, sql: sqlSettings,
		message: "{detail} is set for every session: a session gets an account that it did not name, or skips triggers",
		remedy:  "as a superuser: ALTER {subject} RESET {detail}",
	},
	{
		name: "security_login_settings", severity: Critical, sql: sqlUndermining,
		message: "{detail} is set, and a guarantee depends on it: sessions of blotter ignore it, " +
			"those of other programs do not; a login may set it for itself",
		remedy: "as a superuser: ALTER {subject} RESET {detail}; then find out who used that login, and change " +
			"its password",
	},
	{
		name: "security_login_preferences", severity: Warning, sql: sqlOtherSettings,
		message: "{detail} is set, but not by blotter roles sql: sessions of blotter ignore it, " +
			"those of other programs do not; a login may set it for itself",
		remedy: "as a superuser: ALTER {subject} RESET {detail}; put settings for blotter's sessions into their URLs",
	},
}

const (
	sqlSuperusers = withLogins + `
select name, string_agg(why, ' and ' order by why) from (
    select name, 'is a member of ' || role as why from logins where rolsuper or rolbypassrls
    union select rolname, 'is the login of this session'
      from pg_roles where rolname = session_user and (rolsuper or rolbypassrls)
    union select r.rolname, 'has sessions named ' || a.application_name
      from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
     where a.datname = current_database() and a.application_name = current_setting('application_name')
       and a.application_name <> '' and (r.rolsuper or r.rolbypassrls)) s
 group by name order by 1`

	// sqlPowers lists attributes and memberships by which a login gets around policies, ends the sessions of others,
	// passes on rights, or switches triggers off. Our roles have checks of their own.
	sqlPowers = withLogins + `, restricted as (
    select oid, name from logins where role <> 'trading_owner' and not rolsuper
)
select name, string_agg(distinct power, ', ') from (
    select name, unnest(array[case when rolcreaterole then 'CREATEROLE' end,
                              case when rolreplication then 'REPLICATION' end]) as power
      from logins where role <> 'trading_owner' and not rolsuper
    union all
    select h.name, 'membership in ' || p.rolname from restricted h
      join pg_roles p on p.oid <> h.oid and p.rolname not in ` + ownRoles + `
       and (p.rolsuper or p.rolbypassrls or p.rolcreaterole or p.rolreplication
            or p.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                             'pg_execute_server_program', 'pg_signal_backend', 'pg_create_subscription', 'pg_maintain'))
     where pg_has_role(h.oid, p.oid, ` + mayAct + `)
    union all
    select m.rolname, 'ADMIN OPTION on ' || r.rolname
      from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid
     where a.admin_option and (m.oid in (select oid from restricted) or m.rolname in ` + ownRoles + `)
    union all
    select g.name, g.privilege || ' on parameter ' || g.parname
      from (select p.parname, a.privilege_type as privilege, ` + grantee + ` as name
              from pg_parameter_acl p, aclexplode(p.paracl) a) g
     where (g.parname = 'session_replication_role' or g.privilege = 'ALTER SYSTEM')
       and (g.name = 'PUBLIC' or g.name in ` + ownRoles + `
            or g.name in (select name from logins where not rolsuper))) p
 where power is not null
 group by name order by 1`

	// The login of embedded for programs on its own machine does not count: its socket lets every login in.
	sqlSeveralRoles = withLogins + `
select name, string_agg(distinct role, ', ')
  from logins
 where not rolsuper and shobj_description(oid, 'pg_authid') is distinct from 'blotter: programs on this machine'
 group by name having count(distinct role) > 1 order by 1`

	// Only a role with pg_read_all_stats sees the addresses of other sessions, so the own session is checked
	// separately.
	sqlPlainText = withLogins + `
select login, string_agg(distinct host(address), ', ') from (
    select a.usename::text as login, a.client_addr as address
      from pg_stat_activity a join pg_stat_ssl s on s.pid = a.pid
     where a.datname = current_database() and not s.ssl and a.usename in (select name from logins)
    union
    select session_user::text, inet_client_addr() from pg_stat_ssl where pid = pg_backend_pid() and not ssl) plain
 where not address <<= inet '127.0.0.0/8' and address <> inet '::1'
 group by login order by 1`
)

var loginChecks = []catalogCheck{
	{
		name: "security_superuser", severity: Critical, sql: sqlSuperusers,
		message: "the login is a superuser or has BYPASSRLS, so no policy applies to it, and {detail}",
		remedy:  "use a login of blotter roles sql instead of {subject}",
	},
	{
		name: "security_powers", severity: Critical, sql: sqlPowers,
		message: "it has {detail}, which bypasses the limits of its role",
		remedy:  "as a superuser: remove it from {subject} (ALTER ROLE ... NOCREATEROLE NOREPLICATION, REVOKE)",
	},
	{
		name: "security_several_roles", severity: Warning, sql: sqlSeveralRoles,
		message: "the login can act as {detail}: any SQL that it runs can switch between them by SET ROLE",
		remedy: "create one login for each role (blotter roles sql), and set --url, --readonly-url, " +
			"--service-url and --reporter-url",
	},
	{
		name: "security_tls", severity: Warning, sql: sqlPlainText,
		message: "its sessions from {detail} are not encrypted: password proofs and all data cross the network " +
			"in the clear",
		remedy: "add sslmode=verify-full and sslrootcert to the URL of {subject}",
	},
}

const (
	// blotter has no large objects, but every login may create some until a superuser runs roles sql.
	sqlLargeObjects = withLogins + `
select quote_ident(pg_get_userbyid(lomowner)), count(*) || ' large objects; those of this database take '
       || pg_size_pretty(pg_total_relation_size('pg_catalog.pg_largeobject'))
  from pg_largeobject_metadata
 where lomowner in (select oid from logins
                    union select oid from pg_roles where rolname in ` + ownRoles + `)
 group by lomowner order by 1`

	// If the queue is full, every transaction that notifies fails, in all databases of the server.
	sqlNotifications = `
select 'database ' || quote_ident(current_database()), round(100 * pg_notification_queue_usage()) || ' %'
 where pg_notification_queue_usage() >= 0.5`
)

var resourceChecks = []catalogCheck{
	{
		name: "security_large_objects", severity: Warning, sql: sqlLargeObjects,
		message: "it has created {detail}; blotter creates none, and only the size of the disk limits them",
		remedy: "as a superuser or as {subject}: SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = " +
			"'{subject}'::regrole; then, as a superuser, run blotter roles sql, which keeps logins from creating more",
	},
	{
		name: "security_notifications", severity: Warning, sql: sqlNotifications,
		message: "the queue of NOTIFY is {detail} full, because a listening session does not end its transaction; " +
			"NOTIFY fails when it is full",
		remedy: "as a superuser: SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
			"WHERE state LIKE 'idle in transaction%' AND xact_start < now() - interval '5 minutes'",
	},
}
