-- +goose Up
-- What package monitor needs: figures of a minute's calls beside those of a single one, the primary's heartbeat, and the
-- right to see how far sequences are used. (That trading_reporter may see other logins' sessions, the migrator grants
-- where it may: it is a right of the cluster.)

-- kind 'call' is one call, 'minute' all calls of an operation that ended in the minute before timestamp, with the mean in
-- execution_time_ms. A sum over both would count slow calls twice.
ALTER TABLE logging.performance_logs
    ADD kind   text NOT NULL DEFAULT 'call' CHECK (kind IN ('call', 'minute')),
    ADD calls  bigint NOT NULL DEFAULT 1 CHECK (calls > 0),
    ADD errors bigint NOT NULL DEFAULT 0 CHECK (errors >= 0),
    ADD p50_ms shared.exact,
    ADD p95_ms shared.exact,
    ADD p99_ms shared.exact,
    ADD max_ms shared.exact;

-- The primary's time, written every few seconds: how far a replica is behind, it reads here. One row.
CREATE TABLE shared.heartbeat (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    at timestamptz NOT NULL
) WITH (fillfactor = 10);
GRANT SELECT ON shared.heartbeat TO trading_reporter;
GRANT SELECT, INSERT, UPDATE ON shared.heartbeat TO trading_service;

-- sequence_positions is how far blotter's sequences are used, which the server tells only to who may use them.
CREATE FUNCTION shared.sequence_positions() RETURNS TABLE (sequence text, last_value bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('%I.%I', s.schemaname, s.sequencename), s.last_value FROM pg_sequences s WHERE s.sequenceowner = 'trading_owner' $$;
GRANT EXECUTE ON FUNCTION shared.sequence_positions() TO trading_reporter;

-- +goose Down
DROP FUNCTION shared.sequence_positions();
DROP TABLE shared.heartbeat;
ALTER TABLE logging.performance_logs DROP kind, DROP calls, DROP errors, DROP p50_ms, DROP p95_ms, DROP p99_ms, DROP max_ms;
