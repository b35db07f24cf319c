-- Roles and logins of blotter in database {{database}}, each with no more than it needs.
--
-- Run it once, before the first migration, connected to {{database}}, as the
-- login that owns the database and has CREATEROLE (the master user of a managed
-- PostgreSQL; no superuser is needed), for example
--
--     blotter roles sql --database {{name}} | psql "$ADMIN_URL" -v ON_ERROR_STOP=1
--
-- It may be run again. Then give each login a password, which belongs into no
-- file, as psql's \password does: it sends a proof, not the password.
--
--     \password {{prefix}}app      (and service, readonly, reporter, owner)
--
-- and go on as {{prefix}}owner: blotter migrate up --url ...

BEGIN;
SET LOCAL client_min_messages = warning;

-- 0. Grants are on the database that is named, settings on the one that this is run in: they must be the same.
DO $same$
BEGIN
    IF current_database() <> {{database_text}} THEN
        RAISE EXCEPTION 'this is for the database %, and you are connected to %: nothing was done', {{database_text}}, current_database();
    END IF;
END $same$;

-- Nor is anything done where schemas of others have the names of blotter's.
DO $foreign$
DECLARE
    foreign_schema text;
BEGIN
    SELECT nspname INTO foreign_schema FROM pg_namespace
     WHERE nspname IN ({{schemas}}) AND pg_get_userbyid(nspowner) <> 'trading_owner' ORDER BY nspname LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'schema % is not blotter''s and has the name of one of its own: nothing was done', foreign_schema
            USING HINT = format('Give blotter a database of its own, or first: ALTER SCHEMA %I RENAME TO %I;', foreign_schema, foreign_schema || '_other');
    END IF;
END $foreign$;

-- 1. What may be done is granted to roles that nobody logs in as.
DO $roles$
DECLARE
    missing text;
BEGIN
    FOR missing IN SELECT name FROM unnest(ARRAY['trading_owner', 'trading_app', 'trading_service', 'trading_readonly',
            'trading_reporter']) name WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) LOOP
        EXECUTE format('CREATE ROLE %I NOLOGIN', missing);
    END LOOP;
END $roles$;

-- 2. One login for each, a member of that role alone: SET ROLE leads nowhere. It acts as the role from the start, behind
--    poolers too that drop the start-up parameter.
DO $logins$
DECLARE
    login record;
BEGIN
    FOR login IN SELECT {{prefix_text}} || name AS name, 'trading_' || name AS role
                   FROM unnest(ARRAY['owner', 'app', 'service', 'readonly', 'reporter']) name LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login.name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOCREATEDB NOCREATEROLE', login.name);
        END IF;
        EXECUTE format('GRANT %I TO %I', login.role, login.name);
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET role = %L', login.name, current_database(), login.role);
    END LOOP;
END $logins$;

-- 3. The database is these roles' alone. Temporary tables are for those who write; only the owner makes schemas.
REVOKE ALL ON DATABASE {{database}} FROM PUBLIC;
GRANT CONNECT ON DATABASE {{database}}
    TO trading_owner, trading_app, trading_service, trading_readonly, trading_reporter;
GRANT TEMPORARY ON DATABASE {{database}} TO trading_owner, trading_app, trading_service;
GRANT CREATE ON DATABASE {{database}} TO trading_owner;

-- 4. Nobody puts objects where names are looked up. (So it is from PostgreSQL 15 on, but not where it was upgraded.)
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- 5. The reporter, which reads every account's rows, sees what other logins' sessions do: blotter doctor looks as it. From
--    PostgreSQL 16 on that takes a login with ADMIN on pg_read_all_stats; without it doctor says what it cannot see.
DO $statistics$
BEGIN
    GRANT pg_read_all_stats TO trading_reporter;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'trading_reporter lacks pg_read_all_stats: blotter doctor will not see sessions of other logins';
END $statistics$;

-- 6. Large objects, which blotter does not use, fill the disk by any login, a read-only one too. Who may revoke that is a
--    superuser; without one they are watched by blotter doctor --security (security_large_objects).
DO $large$
DECLARE
    maker record;
BEGIN
    FOR maker IN SELECT oid::regprocedure AS name, pg_has_role(proowner, 'USAGE') AS mine FROM pg_proc
                  WHERE pronamespace = 'pg_catalog'::regnamespace
                    AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_truncate', 'lo_truncate64') LOOP
        IF maker.mine THEN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', maker.name);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO trading_owner', maker.name);
        ELSE
            RAISE NOTICE 'logins may make large objects: only a superuser can revoke %', maker.name;
        END IF;
    END LOOP;
END $large$;

COMMIT;

-- The migrations grant the tables, views and functions; nothing is left to grant by hand. Check it with
--     blotter doctor --security --strict --url ... --service-url ... --readonly-url ... --reporter-url ...
