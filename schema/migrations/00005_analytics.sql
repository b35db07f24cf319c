-- +goose Up
-- Sums and counts are stored, rates derived: a recomputation is exact.
CREATE TABLE analytics.portfolio_summary (
    account_id     text NOT NULL CHECK (length(account_id) BETWEEN 1 AND 50),
    symbol         text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
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
    PRIMARY KEY (account_id, symbol)
);

CREATE TABLE analytics.performance_metrics (
    account_id     text NOT NULL CHECK (length(account_id) BETWEEN 1 AND 50),
    strategy       text NOT NULL CHECK (length(strategy) <= 100),
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
    PRIMARY KEY (account_id, strategy, date)
);

-- The original's totals per strategy and day, over the accounts that the reader may see.
CREATE VIEW analytics.strategy_performance WITH (security_invoker = true) AS
SELECT strategy, date, sum(total_trades)::bigint AS total_trades, sum(closing_trades)::bigint AS closing_trades,
       sum(wins)::bigint AS wins, sum(losses)::bigint AS losses,
       sum(gross_profit) AS gross_profit, sum(gross_loss) AS gross_loss,
       sum(realized_pnl) AS realized_pnl, sum(fees) AS fees,
       round(sum(wins) / nullif(sum(closing_trades), 0), 16) AS win_rate
  FROM analytics.performance_metrics
 GROUP BY strategy, date;

SELECT shared.isolate('analytics.portfolio_summary'), shared.isolate('analytics.performance_metrics');

GRANT SELECT ON analytics.portfolio_summary, analytics.performance_metrics, analytics.strategy_performance
    TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT, UPDATE, DELETE ON analytics.portfolio_summary, analytics.performance_metrics TO trading_service;

-- +goose Down
DROP VIEW analytics.strategy_performance;
DROP TABLE analytics.performance_metrics;
DROP TABLE analytics.portfolio_summary;
