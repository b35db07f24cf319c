-- +goose Up
CREATE TABLE strategy_engine.strategies (
    strategy_id text PRIMARY KEY CHECK (length(strategy_id) BETWEEN 1 AND 100),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '',
    parameters  jsonb NOT NULL DEFAULT '{}',
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'retired')),
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE strategy_engine.strategy_signals (
    signal_id   text PRIMARY KEY CHECK (length(signal_id) BETWEEN 1 AND 100),
    strategy_id text NOT NULL REFERENCES strategy_engine.strategies,
    symbol      text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    signal_type text NOT NULL CHECK (signal_type IN ('buy', 'sell', 'hold', 'close')),
    confidence  shared.exact CHECK (confidence BETWEEN 0 AND 1),
    price       shared.exact,
    quantity    shared.exact,
    timestamp   timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_strategy_signals_strategy_timestamp ON strategy_engine.strategy_signals (strategy_id, timestamp DESC);
CREATE INDEX idx_strategy_signals_symbol_timestamp ON strategy_engine.strategy_signals (symbol, timestamp DESC);

CREATE TABLE risk_management.risk_limits (
    account_id    text NOT NULL REFERENCES execution.accounts,
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
    account_id  text NOT NULL REFERENCES execution.accounts,
    event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 100),
    event_type  text NOT NULL CHECK (length(event_type) BETWEEN 1 AND 50),
    severity    text NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'warning', 'critical')),
    message     text NOT NULL,
    data        jsonb NOT NULL DEFAULT '{}',
    timestamp   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (account_id, event_id)
);
CREATE INDEX idx_risk_events_timestamp ON risk_management.risk_events (account_id, timestamp DESC);

SELECT shared.isolate('risk_management.risk_limits'), shared.isolate('risk_management.risk_events');

GRANT SELECT ON strategy_engine.strategies, strategy_engine.strategy_signals,
    risk_management.risk_limits, risk_management.risk_events TO trading_readonly, trading_reporter;
GRANT SELECT, INSERT, UPDATE, DELETE ON strategy_engine.strategies, strategy_engine.strategy_signals,
    risk_management.risk_limits TO trading_app, trading_service;
GRANT SELECT, INSERT, UPDATE ON risk_management.risk_events TO trading_app, trading_service;

-- +goose Down
DROP TABLE risk_management.risk_events;
DROP TABLE risk_management.risk_limits;
DROP TABLE strategy_engine.strategy_signals;
DROP TABLE strategy_engine.strategies;
