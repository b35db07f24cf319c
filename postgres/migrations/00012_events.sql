-- +goose Up
-- Consumers: who is expired no longer keeps the outbox; a key whose events are parked may be asked to be tried again.
ALTER TABLE events.cursor ADD expired_at timestamptz;
ALTER TABLE events.dead_letter ADD asked_at timestamptz;
-- A batch that was published: its last position, so that it can go with the partition that holds it.
ALTER TABLE events.batch ADD epoch bigint NOT NULL DEFAULT 1, ADD pos_to bigint NOT NULL DEFAULT 0;

-- What other services published, once each: their messages are told apart by their id.
CREATE TABLE events.published (
    account_id text NOT NULL CHECK (length(account_id) <= 50), -- '' for what is of no account
    event_id   uuid NOT NULL,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, event_id)
);
CREATE INDEX idx_published_created_at ON events.published (created_at);
SELECT shared.isolate('events.published');
GRANT SELECT, INSERT ON events.published TO trading_app;
GRANT SELECT, INSERT, DELETE ON events.published TO trading_service;
GRANT SELECT ON events.published TO trading_reporter;

-- What a position's value follows from: its multiplier, and the last price with its time and source, which the analytics
-- keep themselves: their database may be another one.
ALTER TABLE analytics.portfolio_summary
    ADD multiplier shared.exact NOT NULL DEFAULT 1 CHECK (multiplier > 0),
    ADD currency   text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20);
CREATE INDEX idx_portfolio_summary_symbol ON analytics.portfolio_summary (symbol);
CREATE TABLE analytics.market_prices (
    symbol text PRIMARY KEY CHECK (length(symbol) BETWEEN 1 AND 32),
    price  shared.exact NOT NULL,
    at     timestamptz NOT NULL,
    source text NOT NULL DEFAULT '' CHECK (length(source) <= 50)
);
GRANT SELECT ON analytics.market_prices TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT, UPDATE, DELETE ON analytics.market_prices TO trading_service;

-- +goose Down
DROP TABLE analytics.market_prices;
DROP INDEX analytics.idx_portfolio_summary_symbol;
ALTER TABLE analytics.portfolio_summary DROP multiplier, DROP currency;
DROP TABLE events.published;
ALTER TABLE events.batch DROP epoch, DROP pos_to;
ALTER TABLE events.dead_letter DROP asked_at;
ALTER TABLE events.cursor DROP expired_at;
