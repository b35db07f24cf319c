-- +goose Up
-- Databases may have settings and locales of their own.

-- Where standard_conforming_strings was off, '\x' was read as the letter x.
ALTER TABLE shared.audit_cursor ALTER head SET DEFAULT ''::bytea;
UPDATE shared.audit_cursor SET head = DEFAULT WHERE seal = 0;

-- Where quote_all_identifiers was on, functions keep their search_path in quotes.
-- +goose StatementBegin
DO $$
DECLARE
    quoted regprocedure;
BEGIN
    FOR quoted IN SELECT oid FROM pg_proc
                   WHERE pronamespace::regnamespace::text IN ('data_ingestion', 'strategy_engine', 'execution', 'risk_management',
                         'analytics', 'logging', 'events', 'shared')
                     AND 'search_path="pg_catalog", "pg_temp"' = ANY (proconfig) LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', quoted);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- record_access writes that somebody reads, or did something else that no trigger sees. A session of one account records
-- for that account, one of all accounts for the account that it names. Words are compared as ASCII: in a Turkish locale
-- the capital of i is not I.
CREATE OR REPLACE FUNCTION shared.record_access(table_name text, operation text, key jsonb, account text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own constant text := nullif(current_setting('app.current_account_id', true), '');
BEGIN
    IF upper(record_access.operation COLLATE "C") IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'operation "%" is what triggers record', record_access.operation
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a word of your own, as read or export.';
    END IF;
    INSERT INTO shared.audit_log (account_id, table_name, operation, key)
    VALUES (CASE current_setting('role') WHEN 'trading_service' THEN nullif(account, '') ELSE own END,
            record_access.table_name, record_access.operation, record_access.key);
END $$;
-- +goose StatementEnd

-- The audit log is written where a database has row_security = off as well, also for who changes something by hand.
ALTER FUNCTION shared.audit_rows() SET row_security = on;
ALTER FUNCTION shared.audit_update() SET row_security = on;
ALTER FUNCTION shared.record_access(text, text, jsonb, text) SET row_security = on;

-- +goose Down
ALTER FUNCTION shared.audit_rows() RESET row_security;
ALTER FUNCTION shared.audit_update() RESET row_security;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.record_access(table_name text, operation text, key jsonb, account text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own constant text := nullif(current_setting('app.current_account_id', true), '');
BEGIN
    IF upper(record_access.operation) IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'operation "%" is what triggers record', record_access.operation
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a word of your own, as read or export.';
    END IF;
    INSERT INTO shared.audit_log (account_id, table_name, operation, key)
    VALUES (CASE current_setting('role') WHEN 'trading_service' THEN nullif(account, '') ELSE own END,
            record_access.table_name, record_access.operation, record_access.key);
END $$;
-- +goose StatementEnd
