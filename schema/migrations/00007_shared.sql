-- +goose Up
-- Written by triggers and by Audit calls; no application role can change or remove a row.
CREATE TABLE shared.audit_log (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    account_id     text CHECK (length(account_id) BETWEEN 1 AND 50),
    login          text NOT NULL DEFAULT session_user,
    role           text NOT NULL DEFAULT current_setting('role'),
    user_id        text NOT NULL DEFAULT '' CHECK (length(user_id) <= 100),
    table_name     text NOT NULL CHECK (length(table_name) BETWEEN 1 AND 130),
    operation      text NOT NULL CHECK (length(operation) BETWEEN 1 AND 50),
    key            jsonb,
    old            jsonb,
    new            jsonb,
    correlation_id text NOT NULL DEFAULT '' CHECK (length(correlation_id) <= 100),
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    timestamp      timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_audit_log_account ON shared.audit_log (account_id, timestamp DESC);
CREATE INDEX idx_audit_log_xid ON shared.audit_log (xid);

CREATE TABLE shared.maintenance_runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job        text NOT NULL CHECK (length(job) BETWEEN 1 AND 50),
    service    text NOT NULL DEFAULT '' CHECK (length(service) <= 50),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    run_by     text NOT NULL CHECK (length(run_by) BETWEEN 1 AND 200),
    result     text NOT NULL DEFAULT 'running' CHECK (result IN ('running', 'ok', 'failed')),
    error      text NOT NULL DEFAULT '',
    figures    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX idx_maintenance_runs_job ON shared.maintenance_runs (job, started_at DESC);

SELECT shared.isolate('shared.audit_log');

GRANT SELECT ON shared.audit_log TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON shared.audit_log TO trading_app, trading_service;
GRANT SELECT ON shared.maintenance_runs TO trading_reporter;
GRANT SELECT, INSERT, UPDATE ON shared.maintenance_runs TO trading_service;

-- +goose Down
DROP TABLE shared.maintenance_runs;
DROP TABLE shared.audit_log;
