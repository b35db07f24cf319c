-- +goose Up
-- One series, one meaning: which sources the bars of a series came from, so that doctor looks at the few series of several
-- sources and not at all bars.
CREATE TABLE data_ingestion.bar_sources (
    symbol    text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    timeframe text NOT NULL CHECK (length(timeframe) BETWEEN 1 AND 10),
    source    text NOT NULL CHECK (length(source) BETWEEN 1 AND 50),
    since     timestamptz NOT NULL DEFAULT now(), -- of its first import
    PRIMARY KEY (symbol, timeframe, source)
);
INSERT INTO data_ingestion.bar_sources (symbol, timeframe, source)
SELECT DISTINCT symbol, timeframe, source FROM data_ingestion.market_data;
GRANT SELECT ON data_ingestion.bar_sources TO trading_reporter;
GRANT SELECT, INSERT, DELETE ON data_ingestion.bar_sources TO trading_service;

-- The calendar of an instrument may be that of its exchange.
ALTER TABLE data_ingestion.instruments DROP CONSTRAINT instruments_calendar_check,
    ADD CONSTRAINT instruments_calendar_check CHECK (calendar IN ('weekdays', 'all_days') OR calendar ~ '^[A-Z]{4}$');

-- A price values a position in its own currency only: that of another listing is no price.
ALTER TABLE analytics.market_prices ADD currency text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20);
UPDATE analytics.market_prices p SET currency = i.currency FROM data_ingestion.instruments i WHERE i.symbol = p.symbol;

CREATE OR REPLACE VIEW execution.position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost_basis, p.avg_price, p.realized_pnl, p.fees,
       l.price AS market_price, l.at AS price_at,
       trim_scale(round(p.quantity * l.price * p.multiplier, 19)) AS market_value,
       trim_scale(round(p.quantity * l.price * p.multiplier - sign(p.quantity) * p.cost_basis, 19)) AS unrealized_pnl,
       p.multiplier, p.currency
  FROM execution.positions p
  LEFT JOIN data_ingestion.instruments i USING (symbol)
  LEFT JOIN data_ingestion.latest_prices l ON l.symbol = p.symbol AND p.currency = coalesce(i.currency, 'USD');

-- +goose Down
CREATE OR REPLACE VIEW execution.position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost_basis, p.avg_price, p.realized_pnl, p.fees,
       l.price AS market_price, l.at AS price_at,
       trim_scale(round(p.quantity * l.price * p.multiplier, 19)) AS market_value,
       trim_scale(round(p.quantity * l.price * p.multiplier - sign(p.quantity) * p.cost_basis, 19)) AS unrealized_pnl,
       p.multiplier, p.currency
  FROM execution.positions p
  LEFT JOIN data_ingestion.latest_prices l USING (symbol);
ALTER TABLE analytics.market_prices DROP currency;
UPDATE data_ingestion.instruments SET calendar = 'weekdays' WHERE calendar NOT IN ('weekdays', 'all_days');
ALTER TABLE data_ingestion.instruments DROP CONSTRAINT instruments_calendar_check,
    ADD CONSTRAINT instruments_calendar_check CHECK (calendar IN ('weekdays', 'all_days'));
DROP TABLE data_ingestion.bar_sources;
