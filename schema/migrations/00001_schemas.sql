-- +goose Up
-- One schema a service. Objects belong to trading_owner, whom the migrator acts as; the roles themselves belong to the
-- cluster and are made before the first migration (postgres/roles.go).
CREATE SCHEMA data_ingestion;
CREATE SCHEMA strategy_engine;
CREATE SCHEMA execution;
CREATE SCHEMA risk_management;
CREATE SCHEMA analytics;
CREATE SCHEMA logging;
CREATE SCHEMA events;

GRANT USAGE ON SCHEMA data_ingestion, strategy_engine, execution, risk_management, analytics, logging, events, shared
    TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT SELECT ON shared.schema_version TO trading_app, trading_service, trading_readonly, trading_reporter;

-- A function is callable by those it is granted to, by nobody else.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- A number that a blotter.Decimal holds exactly: finite, at most 19 digits after the point and 150 before it.
-- (NaN sorts above Infinity, so the upper bound refuses both.)
CREATE DOMAIN shared.exact AS numeric
    CHECK (VALUE > '-1e150' AND VALUE < '1e150' AND min_scale(VALUE) <= 19);

-- +goose StatementBegin
-- isolate puts a tenant table (or a leaf of one) behind row-level security. The permissive policy opens the table to
-- our roles; the restrictive one narrows app and readonly to the account of the session, and nothing can widen it
-- again: a stray permissive policy is ANDed with it. FORCE binds the owner too. The sub-select is evaluated once a
-- statement. Unset: no row is seen, no row is written.
CREATE FUNCTION shared.isolate(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own_rows constant text := $q$account_id = (SELECT nullif(current_setting('app.current_account_id', true), ''))$q$;
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY blotter_roles ON %s AS PERMISSIVE FOR ALL
        TO trading_app, trading_service, trading_readonly, trading_reporter, trading_owner
        USING (true) WITH CHECK (true)', target);
    EXECUTE format('CREATE POLICY account_isolation ON %s AS RESTRICTIVE FOR ALL
        TO trading_app, trading_readonly USING (%s) WITH CHECK (%s)', target, own_rows, own_rows);
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION shared.isolate(regclass);
DROP DOMAIN shared.exact;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
REVOKE ALL ON shared.schema_version FROM trading_app, trading_service, trading_readonly, trading_reporter;
REVOKE ALL ON SCHEMA shared FROM trading_app, trading_service, trading_readonly, trading_reporter;
DROP SCHEMA events;
DROP SCHEMA logging;
DROP SCHEMA analytics;
DROP SCHEMA risk_management;
DROP SCHEMA execution;
DROP SCHEMA strategy_engine;
DROP SCHEMA data_ingestion;
