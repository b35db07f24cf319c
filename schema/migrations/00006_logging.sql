-- +goose Up
CREATE TABLE logging.system_logs (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    service        text NOT NULL CHECK (length(service) BETWEEN 1 AND 50),
    level          text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message        text NOT NULL,
    data           jsonb NOT NULL DEFAULT '{}',
    correlation_id text NOT NULL DEFAULT '' CHECK (length(correlation_id) <= 100),
    event_type     text NOT NULL DEFAULT '' CHECK (length(event_type) <= 50),
    timestamp      timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_system_logs_timestamp ON logging.system_logs (timestamp DESC);
CREATE INDEX idx_system_logs_service_timestamp ON logging.system_logs (service, timestamp DESC);
CREATE INDEX idx_system_logs_level_timestamp ON logging.system_logs (level, timestamp DESC);
CREATE INDEX idx_system_logs_correlation ON logging.system_logs (correlation_id);
CREATE INDEX idx_system_logs_event_type ON logging.system_logs (event_type);

CREATE TABLE logging.archived_system_logs (LIKE logging.system_logs INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES)
    PARTITION BY RANGE (timestamp);
CREATE INDEX idx_archived_system_logs_timestamp ON logging.archived_system_logs (timestamp DESC);
CREATE INDEX idx_archived_system_logs_service_timestamp ON logging.archived_system_logs (service, timestamp DESC);
CREATE INDEX idx_archived_system_logs_level_timestamp ON logging.archived_system_logs (level, timestamp DESC);
CREATE INDEX idx_archived_system_logs_correlation ON logging.archived_system_logs (correlation_id);
CREATE INDEX idx_archived_system_logs_event_type ON logging.archived_system_logs (event_type);

CREATE TABLE logging.performance_logs (
    id                bigint GENERATED ALWAYS AS IDENTITY,
    service           text NOT NULL CHECK (length(service) BETWEEN 1 AND 50),
    operation         text NOT NULL CHECK (length(operation) BETWEEN 1 AND 200),
    execution_time_ms shared.exact NOT NULL CHECK (execution_time_ms >= 0),
    rows              bigint NOT NULL DEFAULT 0,
    memory_usage_mb   shared.exact,
    timestamp         timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_performance_logs_service_timestamp ON logging.performance_logs (service, timestamp DESC);
CREATE INDEX idx_performance_logs_operation ON logging.performance_logs (operation);

GRANT INSERT ON logging.system_logs, logging.performance_logs TO trading_app;
GRANT SELECT ON logging.system_logs, logging.performance_logs, logging.archived_system_logs TO trading_reporter;
GRANT SELECT, INSERT ON logging.system_logs, logging.performance_logs, logging.archived_system_logs TO trading_service;

-- +goose Down
DROP TABLE logging.performance_logs;
DROP TABLE logging.archived_system_logs;
DROP TABLE logging.system_logs;
