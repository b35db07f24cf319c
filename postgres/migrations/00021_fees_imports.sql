-- +goose Up
-- A trade keeps one commission in its row. Fees in further currencies are rows of their own: few trades have any, and a
-- booking without them writes nothing here.
CREATE TABLE execution.trade_fees (
    account_id text NOT NULL,
    symbol     text NOT NULL,
    trade_id   text NOT NULL,
    side       text NOT NULL,
    currency   text NOT NULL CHECK (length(currency) BETWEEN 1 AND 20),
    amount     shared.exact NOT NULL CHECK (amount <> 0), -- negative for a rebate
    PRIMARY KEY (account_id, symbol, trade_id, side, currency),
    FOREIGN KEY (account_id, trade_id, symbol, side) REFERENCES execution.trades
);
SELECT shared.isolate('execution.trade_fees');
GRANT SELECT ON execution.trade_fees TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON execution.trade_fees TO trading_app, trading_service;
SELECT shared.audited('execution.trade_fees', '{account_id,symbol,trade_id,side,currency}', false);

-- What a position paid in other currencies than its own. A trade whose commission is in its currency is not in it.
CREATE INDEX idx_trades_other_currency ON execution.trades (account_id, symbol)
    INCLUDE (commission_currency, commission) WHERE commission_currency <> currency;

-- +goose Down
DROP INDEX execution.idx_trades_other_currency;
DROP TABLE execution.trade_fees;
