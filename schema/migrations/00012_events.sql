-- +goose Up
-- Consumers: who is expired no longer keeps the outbox; a key whose events are parked may be asked to be tried again.
ALTER TABLE events.cursor ADD expired_at timestamptz;
ALTER TABLE events.dead_letter ADD asked_at timestamptz;
-- A batch that was published: its last position, so that it can go with the partition that holds it.
-- Its numbers begin again with each epoch.
ALTER TABLE events.batch ADD epoch bigint NOT NULL DEFAULT 1, ADD pos_to bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT batch_pkey, ADD PRIMARY KEY (channel, epoch, first_seq);

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
GRANT SELECT ON events.published TO trading_readonly, trading_reporter;

-- What a position's value follows from: its multiplier, and the last price with its time and source, which the analytics
-- keep themselves: their database may be another one.
ALTER TABLE analytics.portfolio_summary
    ADD multiplier shared.exact NOT NULL DEFAULT 1 CHECK (multiplier > 0),
    ADD currency   text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20);
-- Money of two currencies is never added.
DROP VIEW analytics.strategy_performance;
ALTER TABLE analytics.performance_metrics
    ADD currency text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20),
    DROP CONSTRAINT performance_metrics_pkey, ADD PRIMARY KEY (account_id, strategy, date, currency);
CREATE VIEW analytics.strategy_performance WITH (security_invoker = true) AS
SELECT strategy, date, currency, sum(total_trades)::bigint AS total_trades, sum(closing_trades)::bigint AS closing_trades,
       sum(wins)::bigint AS wins, sum(losses)::bigint AS losses,
       sum(gross_profit) AS gross_profit, sum(gross_loss) AS gross_loss,
       sum(realized_pnl) AS realized_pnl, sum(fees) AS fees,
       round(sum(wins) / nullif(sum(closing_trades), 0), 16) AS win_rate
  FROM analytics.performance_metrics
 GROUP BY strategy, date, currency;
GRANT SELECT ON analytics.strategy_performance TO trading_app, trading_service, trading_readonly, trading_reporter;
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
DROP VIEW analytics.strategy_performance;
ALTER TABLE analytics.performance_metrics DROP currency, ADD PRIMARY KEY (account_id, strategy, date);
CREATE VIEW analytics.strategy_performance WITH (security_invoker = true) AS
SELECT strategy, date, sum(total_trades)::bigint AS total_trades, sum(closing_trades)::bigint AS closing_trades,
       sum(wins)::bigint AS wins, sum(losses)::bigint AS losses,
       sum(gross_profit) AS gross_profit, sum(gross_loss) AS gross_loss,
       sum(realized_pnl) AS realized_pnl, sum(fees) AS fees,
       round(sum(wins) / nullif(sum(closing_trades), 0), 16) AS win_rate
  FROM analytics.performance_metrics
 GROUP BY strategy, date;
GRANT SELECT ON analytics.strategy_performance TO trading_app, trading_service, trading_readonly, trading_reporter;
ALTER TABLE analytics.portfolio_summary DROP multiplier, DROP currency;
DROP TABLE events.published;
DELETE FROM events.batch b WHERE EXISTS (SELECT FROM events.batch later WHERE later.channel = b.channel AND later.epoch > b.epoch);
ALTER TABLE events.batch DROP epoch, DROP pos_to, ADD PRIMARY KEY (channel, first_seq);
ALTER TABLE events.dead_letter DROP asked_at;
ALTER TABLE events.cursor DROP expired_at;
