-- +goose Up
-- What booking a fill needs: the currency of a position's money, and its present life, from which a round trip is made.
-- A trade has a position, and that an account: to look the account up with every fill cost an eighth of booking it.
ALTER TABLE execution.trades DROP CONSTRAINT trades_account_id_fkey;
ALTER TABLE execution.trades ADD currency text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20);
ALTER TABLE execution.positions
    ADD currency     text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20),
    ADD max_quantity shared.exact NOT NULL DEFAULT 0 CHECK (max_quantity >= 0),
    ADD life_pnl     shared.exact NOT NULL DEFAULT 0,
    ADD life_fees    shared.exact NOT NULL DEFAULT 0,
    ADD life_trades  bigint NOT NULL DEFAULT 0 CHECK (life_trades >= 0),
    ADD strategy     text NOT NULL DEFAULT '' CHECK (length(strategy) <= 100);

-- An account's trades by time, a page at a time. (In the order of ids instead, PostgreSQL would read it backwards for a
-- position's last trade, past all that its account traded since.)
CREATE INDEX idx_trades_account_executed_at ON execution.trades (account_id, executed_at, id);

-- Market values have more digits than a decimal keeps where price, quantity and multiplier have many.
CREATE OR REPLACE VIEW execution.position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost_basis, p.avg_price, p.realized_pnl, p.fees,
       l.price AS market_price, l.at AS price_at,
       trim_scale(round(p.quantity * l.price * p.multiplier, 19)) AS market_value,
       trim_scale(round(p.quantity * l.price * p.multiplier - sign(p.quantity) * p.cost_basis, 19)) AS unrealized_pnl,
       p.multiplier, p.currency
  FROM execution.positions p
  LEFT JOIN data_ingestion.latest_prices l USING (symbol);

-- +goose StatementBegin
-- unchanged ends the transaction where what a fill was computed from has changed meanwhile: it is computed anew. As a
-- serialization failure (40001) it is retried by whoever retries those.
CREATE FUNCTION execution.unchanged(ok boolean) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF ok THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'an order, position or trade has changed meanwhile' USING ERRCODE = 'serialization_failure';
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.unchanged(boolean) TO trading_app, trading_service;

-- +goose Down
DROP INDEX execution.idx_trades_account_executed_at;
DROP FUNCTION execution.unchanged(boolean);
DROP VIEW execution.position_values;
ALTER TABLE execution.positions DROP currency, DROP max_quantity, DROP life_pnl, DROP life_fees, DROP life_trades, DROP strategy;
ALTER TABLE execution.trades DROP currency, ADD FOREIGN KEY (account_id) REFERENCES execution.accounts;
CREATE VIEW execution.position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost_basis, p.avg_price, p.realized_pnl, p.fees,
       l.price AS market_price, l.at AS price_at,
       p.quantity * l.price * p.multiplier AS market_value,
       p.quantity * l.price * p.multiplier - sign(p.quantity) * p.cost_basis AS unrealized_pnl
  FROM execution.positions p
  LEFT JOIN data_ingestion.latest_prices l USING (symbol);
GRANT SELECT ON execution.position_values TO trading_app, trading_service, trading_readonly, trading_reporter;
