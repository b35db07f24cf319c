-- +goose Up
CREATE SCHEMA logging;
GRANT USAGE ON SCHEMA logging TO trading_app, trading_service, trading_readonly, trading_reporter;

CREATE TABLE logging.system_logs (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    service        text NOT NULL CHECK (length(service) BETWEEN 1 AND 50),
    level          text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message        text NOT NULL CONSTRAINT system_logs_message_size CHECK (octet_length(message) <= 16384),
    data           jsonb NOT NULL DEFAULT '{}' CONSTRAINT system_logs_data_size
        CHECK (octet_length(data::text) <= 65536 AND NOT jsonb_path_exists(data, '$.**{65}')),
    correlation_id text NOT NULL DEFAULT '' CHECK (length(correlation_id) <= 100),
    event_type     text NOT NULL DEFAULT '' CHECK (length(event_type) <= 50),
    timestamp      timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (timestamp);

CREATE TABLE logging.archived_system_logs (LIKE logging.system_logs INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES)
    PARTITION BY RANGE (timestamp);
-- What was archived is there already, whatever was allowed when it was written.
ALTER TABLE logging.archived_system_logs DROP CONSTRAINT system_logs_message_size, DROP CONSTRAINT system_logs_data_size;

CREATE INDEX idx_system_logs_timestamp ON logging.system_logs (timestamp DESC);
CREATE INDEX idx_system_logs_service_timestamp ON logging.system_logs (service, timestamp DESC);
CREATE INDEX idx_system_logs_level_timestamp ON logging.system_logs (level, timestamp DESC);
CREATE INDEX idx_system_logs_correlation ON logging.system_logs (correlation_id);
CREATE INDEX idx_system_logs_event_type ON logging.system_logs (event_type);
-- Who follows the log asks for the numbers behind the last one. (A BRIN index would be smaller, but knows nothing of the
-- newest pages until a VACUUM, and those are what is asked for.)
CREATE INDEX idx_system_logs_id ON logging.system_logs (id);
CREATE INDEX idx_archived_system_logs_timestamp ON logging.archived_system_logs (timestamp DESC);
CREATE INDEX idx_archived_system_logs_service_timestamp ON logging.archived_system_logs (service, timestamp DESC);
CREATE INDEX idx_archived_system_logs_level_timestamp ON logging.archived_system_logs (level, timestamp DESC);
CREATE INDEX idx_archived_system_logs_correlation ON logging.archived_system_logs (correlation_id);
CREATE INDEX idx_archived_system_logs_event_type ON logging.archived_system_logs (event_type);

-- kind 'call' is one call, 'minute' all calls of an operation that ended in the minute before timestamp, with the mean in
-- execution_time_ms. A sum over both would count slow calls twice.
CREATE TABLE logging.performance_logs (
    id                bigint GENERATED ALWAYS AS IDENTITY,
    service           text NOT NULL CHECK (length(service) BETWEEN 1 AND 50),
    operation         text NOT NULL CHECK (length(operation) BETWEEN 1 AND 200),
    execution_time_ms shared.exact NOT NULL CHECK (execution_time_ms >= 0),
    rows              bigint NOT NULL DEFAULT 0,
    memory_usage_mb   shared.exact,
    timestamp         timestamptz NOT NULL DEFAULT now(),
    kind              text NOT NULL DEFAULT 'call' CHECK (kind IN ('call', 'minute')),
    calls             bigint NOT NULL DEFAULT 1 CHECK (calls > 0),
    errors            bigint NOT NULL DEFAULT 0 CHECK (errors >= 0),
    p50_ms            shared.exact,
    p95_ms            shared.exact,
    p99_ms            shared.exact,
    max_ms            shared.exact
) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_performance_logs_service_timestamp ON logging.performance_logs (service, timestamp DESC);
CREATE INDEX idx_performance_logs_operation ON logging.performance_logs (operation);

GRANT INSERT (service, level, message, data, correlation_id, event_type, timestamp) ON logging.system_logs TO trading_app;
GRANT SELECT ON logging.system_logs, logging.performance_logs, logging.archived_system_logs TO trading_reporter;
GRANT SELECT, INSERT ON logging.system_logs, logging.performance_logs, logging.archived_system_logs TO trading_service;

INSERT INTO shared.partitioned_tables VALUES
    ('logging.system_logs', 'month', 'month', 0),
    ('logging.performance_logs', 'month', 'month', 0),
    ('logging.archived_system_logs', 'month', 'none', 0);
SELECT shared.ensure_ahead();

-- +goose Down
DELETE FROM shared.partitioned_tables
 WHERE table_name IN ('logging.system_logs'::regclass, 'logging.performance_logs'::regclass, 'logging.archived_system_logs'::regclass);
DROP TABLE logging.performance_logs, logging.archived_system_logs, logging.system_logs;
DROP SCHEMA logging;
