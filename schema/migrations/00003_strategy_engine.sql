-- +goose Up
-- Strategies and signals belong to no account.
CREATE SCHEMA strategy_engine;
GRANT USAGE ON SCHEMA strategy_engine TO trading_app, trading_service, trading_readonly, trading_reporter;

CREATE TABLE strategy_engine.strategies (
    strategy_id text PRIMARY KEY CHECK (length(strategy_id) BETWEEN 1 AND 100),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CONSTRAINT strategies_description_size CHECK (octet_length(description) <= 65536),
    parameters  shared.json_128k NOT NULL DEFAULT '{}',
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'retired')),
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE strategy_engine.strategy_signals (
    signal_id   text PRIMARY KEY CHECK (length(signal_id) BETWEEN 1 AND 100),
    strategy_id text NOT NULL REFERENCES strategy_engine.strategies,
    symbol      shared.symbol NOT NULL,
    signal_type text NOT NULL CHECK (signal_type IN ('buy', 'sell', 'hold', 'close')),
    confidence  shared.exact CHECK (confidence BETWEEN 0 AND 1),
    price       shared.exact,
    quantity    shared.exact,
    timestamp   timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_strategy_signals_strategy_timestamp ON strategy_engine.strategy_signals (strategy_id, timestamp DESC);
CREATE INDEX idx_strategy_signals_symbol_timestamp ON strategy_engine.strategy_signals (symbol, timestamp DESC);

-- LOCK TABLE in a mode that stops others takes UPDATE, DELETE or TRUNCATE on the whole table. UPDATE of columns is enough to
-- update and to lock rows, but not for LOCK TABLE. A table that gets a column gets it here. DELETE cannot be granted for columns:
-- functions of the owner delete instead.
GRANT SELECT ON strategy_engine.strategies, strategy_engine.strategy_signals TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON strategy_engine.strategies, strategy_engine.strategy_signals TO trading_app, trading_service;
GRANT UPDATE, DELETE ON strategy_engine.strategies, strategy_engine.strategy_signals TO trading_service;
GRANT UPDATE (strategy_id, name, description, parameters, status, version, created_at, updated_at) ON strategy_engine.strategies
    TO trading_app;
GRANT UPDATE (signal_id, strategy_id, symbol, signal_type, confidence, price, quantity, timestamp, created_at)
    ON strategy_engine.strategy_signals TO trading_app;

-- +goose StatementBegin
-- remove_strategies deletes strategies, which belong to no account, and returns how many. One that has signals stays (23503).
CREATE FUNCTION strategy_engine.remove_strategies(ids text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM strategy_engine.strategies s WHERE s.strategy_id = ANY (ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- remove_signals deletes signals, which belong to no account, and returns how many.
CREATE FUNCTION strategy_engine.remove_signals(ids text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM strategy_engine.strategy_signals s WHERE s.signal_id = ANY (ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION strategy_engine.remove_strategies(text[]), strategy_engine.remove_signals(text[]) TO trading_app, trading_service;

-- +goose Down
DROP FUNCTION strategy_engine.remove_signals(text[]), strategy_engine.remove_strategies(text[]);
DROP TABLE strategy_engine.strategy_signals, strategy_engine.strategies;
DROP SCHEMA strategy_engine;
