-- +goose Up
-- Market data belongs to no account: everybody reads it, and the service alone writes it.
CREATE SCHEMA data_ingestion;
GRANT USAGE ON SCHEMA data_ingestion TO trading_app, trading_service, trading_readonly, trading_reporter;

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
    symbol          shared.symbol PRIMARY KEY,
    multiplier      shared.positive NOT NULL DEFAULT 1,
    currency        shared.currency NOT NULL DEFAULT 'USD',
    allows_negative boolean NOT NULL DEFAULT false,
    calendar        text NOT NULL DEFAULT 'weekdays' -- or that of its exchange, by its code
        CHECK (calendar IN ('weekdays', 'all_days') OR calendar ~ '^[A-Z]{4}$'),
    created_at      timestamptz NOT NULL DEFAULT now(),
    name            text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    asset_class     text NOT NULL DEFAULT '' CHECK (length(asset_class) <= 50),
    -- The columns that somebody stated. A default is asked for where it decides about money, a statement is taken.
    stated          text[] NOT NULL DEFAULT '{}' CONSTRAINT instruments_stated_columns CHECK (
        stated <@ ARRAY['multiplier', 'currency', 'allows_negative', 'calendar', 'asset_class', 'name'] AND array_position(stated, NULL) IS NULL)
);
-- Imports make instruments by the thousand, all of them defaults: that is not recorded. What changes in one is.
SELECT shared.audited('data_ingestion.instruments', '{symbol}', false);

CREATE TABLE data_ingestion.latest_prices (
    symbol shared.symbol PRIMARY KEY,
    price  shared.exact NOT NULL,
    at     timestamptz NOT NULL,
    source shared.source NOT NULL
);

-- The sources of the bars of a series, so that doctor looks at the few series of several sources and not at all bars.
CREATE TABLE data_ingestion.bar_sources (
    symbol    shared.symbol NOT NULL,
    timeframe shared.timeframe NOT NULL,
    source    shared.source NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(), -- of its first import
    PRIMARY KEY (symbol, timeframe, source)
);

-- What imports have stored, by the SHA-256 of their bars: imported again, it has no news, so it updates nothing that a
-- later file of the same source corrected.
CREATE TABLE data_ingestion.imported_contents (
    content shared.sha256_digest PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now()
);

-- What companies do to their shares. Holders of ratio_old shares before ex_date hold ratio_new shares from then on.
CREATE TABLE data_ingestion.corporate_actions (
    symbol      shared.symbol NOT NULL,
    ex_date     date NOT NULL CHECK (ex_date >= '1700-01-01' AND ex_date < '2201-01-01'),
    kind        text NOT NULL CHECK (kind IN ('split', 'reverse_split', 'stock_dividend', 'cash_dividend', 'symbol_change', 'merger')),
    ratio_new   bigint NOT NULL DEFAULT 0 CHECK (ratio_new BETWEEN 0 AND 1000000), -- 0 for a cash dividend
    ratio_old   bigint NOT NULL DEFAULT 0 CHECK (ratio_old BETWEEN 0 AND 1000000),
    new_symbol  text NOT NULL DEFAULT '' CHECK (length(new_symbol) <= 32), -- '' for none
    cash_amount shared.positive, -- for each share
    currency    text NOT NULL DEFAULT '' CHECK (length(currency) <= 20), -- '' is that of the instrument
    source      shared.source NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, ex_date, kind),
    CONSTRAINT corporate_actions_ratio CHECK (kind IN ('split', 'stock_dividend') AND ratio_new > ratio_old AND ratio_old > 0
        OR kind = 'reverse_split' AND ratio_new < ratio_old AND ratio_new > 0
        OR kind = 'merger' AND ratio_new > 0 AND ratio_old > 0
        OR kind = 'symbol_change' AND ratio_new = 1 AND ratio_old = 1
        OR kind = 'cash_dividend' AND ratio_new = 0 AND ratio_old = 0),
    CONSTRAINT corporate_actions_terms CHECK ((kind = 'cash_dividend' OR gcd(ratio_new, ratio_old) = 1)
        AND (kind = 'cash_dividend') = (cash_amount IS NOT NULL)
        AND (kind IN ('symbol_change', 'merger')) = (new_symbol <> '') AND new_symbol <> symbol)
);
-- One change of the number of shares a day, whatever it is called.
CREATE UNIQUE INDEX corporate_actions_shares ON data_ingestion.corporate_actions (symbol, ex_date)
    WHERE kind IN ('split', 'reverse_split', 'stock_dividend');
-- Imports make dividends by the thousand: that is not recorded, their rows say source and time. What changes is.
SELECT shared.audited('data_ingestion.corporate_actions', '{symbol,ex_date,kind}', false);

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

GRANT SELECT ON data_ingestion.market_data, data_ingestion.instruments, data_ingestion.latest_prices, data_ingestion.corporate_actions
    TO trading_app, trading_readonly, trading_reporter, trading_service;
GRANT INSERT, UPDATE, DELETE ON data_ingestion.market_data, data_ingestion.instruments, data_ingestion.latest_prices,
    data_ingestion.corporate_actions TO trading_service;
GRANT SELECT ON data_ingestion.data_quality_logs, data_ingestion.bar_sources, data_ingestion.imported_contents TO trading_reporter;
GRANT SELECT, INSERT, UPDATE, DELETE ON data_ingestion.data_quality_logs TO trading_service;
GRANT SELECT, INSERT, DELETE ON data_ingestion.bar_sources, data_ingestion.imported_contents TO trading_service;

-- +goose StatementBegin
-- analyze_bars gathers the statistics of market_data where rows that changed are a tenth of it or more, and reports
-- whether it did. Autovacuum does so for leaves alone, and later; only the owner may ANALYZE.
CREATE FUNCTION shared.analyze_bars(changed bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF changed < 1 OR changed * 10 < (SELECT sum(greatest(c.reltuples, 0)) FROM shared.partitions p JOIN pg_class c ON c.oid = p.leaf
        WHERE p.table_name = 'data_ingestion.market_data'::regclass) THEN
        RETURN false;
    END IF;
    ANALYZE (SKIP_LOCKED) data_ingestion.market_data;
    RETURN true;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION shared.analyze_bars(bigint) TO trading_service;

INSERT INTO shared.partitioned_tables VALUES ('data_ingestion.market_data', 'year', 'month', 0);
SELECT shared.ensure_ahead();

-- +goose Down
DROP FUNCTION shared.analyze_bars(bigint);
DELETE FROM shared.partitioned_tables WHERE table_name = 'data_ingestion.market_data'::regclass;
DROP TABLE data_ingestion.data_quality_logs, data_ingestion.corporate_actions, data_ingestion.imported_contents, data_ingestion.bar_sources, data_ingestion.latest_prices,
    data_ingestion.instruments, data_ingestion.market_data;
DROP SCHEMA data_ingestion;
