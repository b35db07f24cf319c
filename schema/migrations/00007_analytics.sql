-- +goose Up
-- Sums and counts are stored, rates derived: a recomputation is exact. Their database may be another one than the book's, so
-- they keep all that they follow from.
CREATE SCHEMA analytics;
GRANT USAGE ON SCHEMA analytics TO trading_app, trading_service, trading_readonly, trading_reporter;

CREATE TABLE analytics.portfolio_summary (
    account_id     shared.account_id NOT NULL,
    symbol         shared.symbol NOT NULL,
    quantity       shared.exact NOT NULL DEFAULT 0,
    cost_basis     shared.exact NOT NULL DEFAULT 0,
    traded_value   shared.exact NOT NULL DEFAULT 0,
    realized_pnl   shared.exact NOT NULL DEFAULT 0,
    fees           shared.exact NOT NULL DEFAULT 0,
    market_price   shared.exact,
    total_value    shared.exact,
    unrealized_pnl shared.exact,
    event_count    bigint NOT NULL DEFAULT 0,
    last_updated   timestamptz NOT NULL DEFAULT now(),
    multiplier     shared.positive NOT NULL DEFAULT 1,
    currency       shared.currency NOT NULL DEFAULT 'USD',
    PRIMARY KEY (account_id, symbol)
);
CREATE INDEX idx_portfolio_summary_symbol ON analytics.portfolio_summary (symbol);

-- Money of two currencies is never added.
CREATE TABLE analytics.performance_metrics (
    account_id     shared.account_id NOT NULL,
    strategy       shared.strategy NOT NULL,
    date           date NOT NULL,
    total_trades   bigint NOT NULL DEFAULT 0,
    closing_trades bigint NOT NULL DEFAULT 0,
    wins           bigint NOT NULL DEFAULT 0,
    losses         bigint NOT NULL DEFAULT 0,
    gross_profit   shared.exact NOT NULL DEFAULT 0,
    gross_loss     shared.exact NOT NULL DEFAULT 0,
    realized_pnl   shared.exact NOT NULL DEFAULT 0,
    fees           shared.exact NOT NULL DEFAULT 0,
    win_rate       numeric GENERATED ALWAYS AS (round(wins::numeric / nullif(closing_trades, 0), 16)) STORED,
    last_updated   timestamptz NOT NULL DEFAULT now(),
    currency       shared.currency NOT NULL DEFAULT 'USD',
    PRIMARY KEY (account_id, strategy, date, currency)
);

-- The last price with its time and source. It values a position in its own currency only.
CREATE TABLE analytics.market_prices (
    symbol   shared.symbol PRIMARY KEY,
    price    shared.exact NOT NULL,
    at       timestamptz NOT NULL,
    source   text NOT NULL DEFAULT '' CHECK (length(source) <= 50),
    currency shared.currency NOT NULL DEFAULT 'USD'
);

-- The original's totals per strategy and day, over the accounts that the reader may see.
CREATE VIEW analytics.strategy_performance WITH (security_invoker = true) AS
SELECT strategy, date, currency, sum(total_trades)::bigint AS total_trades, sum(closing_trades)::bigint AS closing_trades,
       sum(wins)::bigint AS wins, sum(losses)::bigint AS losses,
       sum(gross_profit) AS gross_profit, sum(gross_loss) AS gross_loss,
       sum(realized_pnl) AS realized_pnl, sum(fees) AS fees,
       round(sum(wins) / nullif(sum(closing_trades), 0), 16) AS win_rate
  FROM analytics.performance_metrics
 GROUP BY strategy, date, currency;

SELECT shared.isolate('analytics.portfolio_summary'), shared.isolate('analytics.performance_metrics');

GRANT SELECT ON analytics.portfolio_summary, analytics.performance_metrics, analytics.market_prices, analytics.strategy_performance
    TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT, UPDATE, DELETE ON analytics.portfolio_summary, analytics.performance_metrics, analytics.market_prices TO trading_service;

-- +goose Down
DROP VIEW analytics.strategy_performance;
DROP TABLE analytics.market_prices, analytics.performance_metrics, analytics.portfolio_summary;
DROP SCHEMA analytics;
