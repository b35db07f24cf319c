-- +goose Up
CREATE TABLE data_ingestion.market_data (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    symbol     text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    timeframe  text NOT NULL DEFAULT '1d' CHECK (length(timeframe) BETWEEN 1 AND 10),
    timestamp  timestamptz NOT NULL,
    open       numeric NOT NULL,
    high       numeric NOT NULL,
    low        numeric NOT NULL,
    close      numeric NOT NULL,
    volume     numeric NOT NULL,
    adj_close  numeric,
    source     text NOT NULL CHECK (length(source) BETWEEN 1 AND 50),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, timeframe, timestamp),
    -- high bounds every price from above and low from below, so these two bound all four (and refuse NaN).
    CONSTRAINT market_data_prices CHECK (high >= greatest(open, close) AND low <= least(open, close)
        AND high < '1e150' AND low > '-1e150' AND volume >= 0 AND volume < '1e150'
        AND (adj_close IS NULL OR adj_close > '-1e150' AND adj_close < '1e150')),
    CONSTRAINT market_data_digits CHECK (
        greatest(min_scale(open), min_scale(high), min_scale(low), min_scale(close), min_scale(volume), min_scale(adj_close)) <= 19)
) PARTITION BY RANGE (timestamp);
-- idx_market_data_symbol_timestamp and idx_market_data_symbol of the original are served by the key: its prefix is the
-- symbol, and with the timeframe fixed it is in timestamp order, read in either direction.
CREATE INDEX idx_market_data_timestamp ON data_ingestion.market_data (timestamp DESC);

CREATE TABLE data_ingestion.instruments (
    symbol          text PRIMARY KEY CHECK (length(symbol) BETWEEN 1 AND 32),
    multiplier      shared.exact NOT NULL DEFAULT 1 CHECK (multiplier > 0),
    currency        text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20),
    allows_negative boolean NOT NULL DEFAULT false,
    calendar        text NOT NULL DEFAULT 'weekdays' CHECK (calendar IN ('weekdays', 'all_days')),
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE data_ingestion.latest_prices (
    symbol text PRIMARY KEY CHECK (length(symbol) BETWEEN 1 AND 32),
    price  shared.exact NOT NULL,
    at     timestamptz NOT NULL,
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 50)
);

CREATE TABLE data_ingestion.data_quality_logs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol     text NOT NULL DEFAULT '',
    check_type text NOT NULL CHECK (length(check_type) BETWEEN 1 AND 50),
    status     text NOT NULL DEFAULT 'quarantined' CHECK (status IN ('quarantined', 'resolved', 'ignored')),
    message    text NOT NULL,
    file       text NOT NULL DEFAULT '',
    line       bigint NOT NULL DEFAULT 0,
    raw_row    text NOT NULL DEFAULT '',
    timestamp  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX data_quality_logs_once ON data_ingestion.data_quality_logs (file, line, md5(raw_row));
CREATE INDEX idx_data_quality_logs_timestamp ON data_ingestion.data_quality_logs (timestamp DESC);

GRANT SELECT ON data_ingestion.market_data, data_ingestion.instruments, data_ingestion.latest_prices
    TO trading_app, trading_readonly, trading_reporter, trading_service;
GRANT INSERT, UPDATE, DELETE ON data_ingestion.market_data, data_ingestion.instruments, data_ingestion.latest_prices TO trading_service;
GRANT SELECT ON data_ingestion.data_quality_logs TO trading_reporter;
GRANT SELECT, INSERT, UPDATE, DELETE ON data_ingestion.data_quality_logs TO trading_service;

-- +goose Down
DROP TABLE data_ingestion.data_quality_logs;
DROP TABLE data_ingestion.latest_prices;
DROP TABLE data_ingestion.instruments;
DROP TABLE data_ingestion.market_data;
