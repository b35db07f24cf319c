-- +goose Up
CREATE SCHEMA risk_management;
GRANT USAGE ON SCHEMA risk_management TO trading_app, trading_service, trading_readonly, trading_reporter;

CREATE TABLE risk_management.risk_limits (
    account_id    shared.account_id NOT NULL REFERENCES execution.accounts,
    limit_type    text NOT NULL CHECK (length(limit_type) BETWEEN 1 AND 50),
    limit_value   shared.exact NOT NULL,
    current_value shared.exact NOT NULL DEFAULT 0,
    is_active     boolean NOT NULL DEFAULT true,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, limit_type)
);

CREATE TABLE risk_management.risk_events (
    account_id  shared.account_id NOT NULL REFERENCES execution.accounts,
    event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 100),
    event_type  shared.event_type NOT NULL,
    severity    text NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'warning', 'critical')),
    message     text NOT NULL CONSTRAINT risk_events_message_size CHECK (octet_length(message) <= 16384),
    data        shared.json_64k NOT NULL DEFAULT '{}',
    timestamp   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (account_id, event_id)
);
CREATE INDEX idx_risk_events_timestamp ON risk_management.risk_events (account_id, timestamp DESC);

SELECT shared.isolate('risk_management.risk_limits'), shared.isolate('risk_management.risk_events');

-- Why columns and not whole tables are granted is said with the grants of schema execution.
GRANT SELECT ON risk_management.risk_limits, risk_management.risk_events TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON risk_management.risk_limits, risk_management.risk_events TO trading_app, trading_service;
GRANT UPDATE, DELETE ON risk_management.risk_limits TO trading_service;
GRANT UPDATE ON risk_management.risk_events TO trading_service;
GRANT UPDATE (account_id, limit_type, limit_value, current_value, is_active, version, created_at, updated_at)
    ON risk_management.risk_limits TO trading_app;
GRANT UPDATE (account_id, event_id, event_type, severity, message, data, timestamp, resolved_at) ON risk_management.risk_events
    TO trading_app;

SELECT shared.audited('risk_management.risk_limits', '{account_id,limit_type}', true),
       shared.audited('risk_management.risk_events', '{account_id,event_id}', true);

-- +goose StatementBegin
-- remove_limits deletes risk limits of an account and returns how many.
CREATE FUNCTION risk_management.remove_limits(account text, limit_types text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM risk_management.risk_limits l
     WHERE l.account_id = account AND l.limit_type = ANY (limit_types) AND shared.may_remove(account);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION risk_management.remove_limits(text, text[]) TO trading_app, trading_service;

-- +goose Down
DROP FUNCTION risk_management.remove_limits(text, text[]);
DROP TABLE risk_management.risk_events, risk_management.risk_limits;
DROP SCHEMA risk_management;
