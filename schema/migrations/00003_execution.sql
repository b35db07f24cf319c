-- +goose Up
-- Every key of a tenant table begins with account_id: two accounts may use the same order id, and no unique or foreign
-- key tells one account what another has.
CREATE TABLE execution.accounts (
    account_id text PRIMARY KEY CHECK (length(account_id) BETWEEN 1 AND 50),
    name       text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    currency   text NOT NULL DEFAULT 'USD' CHECK (length(currency) BETWEEN 1 AND 20),
    zone       text NOT NULL DEFAULT 'UTC' CHECK (length(zone) BETWEEN 1 AND 50),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE execution.orders (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    account_id      text NOT NULL REFERENCES execution.accounts,
    order_id        text NOT NULL CHECK (length(order_id) BETWEEN 1 AND 100),
    symbol          text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    side            text NOT NULL CHECK (side IN ('buy', 'sell')),
    order_type      text NOT NULL DEFAULT 'market' CHECK (order_type IN ('market', 'limit', 'stop', 'stop_limit')),
    quantity        shared.exact NOT NULL CHECK (quantity > 0),
    price           shared.exact,
    stop_price      shared.exact,
    time_in_force   text NOT NULL DEFAULT 'day' CHECK (time_in_force IN ('day', 'gtc', 'ioc', 'fok')),
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'submitted', 'partially_filled', 'filled',
                                                                      'cancelled', 'rejected', 'expired')),
    filled_quantity shared.exact NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0),
    filled_notional shared.exact NOT NULL DEFAULT 0,
    avg_fill_price  numeric GENERATED ALWAYS AS (round(filled_notional / nullif(filled_quantity, 0), 16)) STORED,
    strategy        text NOT NULL DEFAULT '' CHECK (length(strategy) <= 100),
    session_id      text NOT NULL DEFAULT '' CHECK (length(session_id) <= 100),
    adopted         boolean NOT NULL DEFAULT false,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, order_id)
);
-- idx_orders_account_id of the original is served by the key.
CREATE INDEX idx_orders_symbol_status ON execution.orders (symbol, status);
CREATE INDEX idx_orders_strategy ON execution.orders (strategy);
CREATE INDEX idx_orders_created_at ON execution.orders (created_at DESC);

CREATE TABLE execution.trades (
    id                  bigint GENERATED ALWAYS AS IDENTITY,
    account_id          text NOT NULL REFERENCES execution.accounts,
    trade_id            text NOT NULL CHECK (length(trade_id) BETWEEN 1 AND 100),
    order_id            text,
    symbol              text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    side                text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity            shared.exact NOT NULL CHECK (quantity > 0),
    price               shared.exact NOT NULL,
    multiplier          shared.exact NOT NULL DEFAULT 1 CHECK (multiplier > 0),
    commission          shared.exact NOT NULL DEFAULT 0,
    commission_currency text NOT NULL DEFAULT 'USD' CHECK (length(commission_currency) BETWEEN 1 AND 20),
    realized_pnl        shared.exact NOT NULL DEFAULT 0,
    position_effect     text NOT NULL CHECK (position_effect IN ('open', 'increase', 'reduce', 'close', 'flip')),
    strategy            text NOT NULL DEFAULT '' CHECK (length(strategy) <= 100),
    executed_at         timestamptz NOT NULL,
    settlement_date     date,
    created_at          timestamptz NOT NULL DEFAULT now(),
    xid                 xid8 NOT NULL DEFAULT pg_current_xact_id(),
    quantity_after      shared.exact NOT NULL,
    cost_basis_after    shared.exact NOT NULL,
    realized_pnl_after  shared.exact NOT NULL,
    fees_after          shared.exact NOT NULL,
    PRIMARY KEY (account_id, trade_id, symbol, side),
    FOREIGN KEY (account_id, order_id) REFERENCES execution.orders,
    -- quantity x price x multiplier must be exact in a Decimal, which truncates beyond 19 digits
    CONSTRAINT trades_product_is_exact CHECK (min_scale(quantity) + min_scale(price) + min_scale(multiplier) <= 19)
);
-- idx_trades_account_id of the original is served by the key.
CREATE INDEX idx_trades_symbol_executed_at ON execution.trades (symbol, executed_at DESC);
CREATE INDEX idx_trades_strategy ON execution.trades (strategy);
CREATE INDEX idx_trades_position ON execution.trades (account_id, symbol, id);
CREATE INDEX idx_trades_order ON execution.trades (account_id, order_id);

CREATE TABLE execution.positions (
    account_id   text NOT NULL REFERENCES execution.accounts,
    symbol       text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    quantity     shared.exact NOT NULL DEFAULT 0,
    cost_basis   shared.exact NOT NULL DEFAULT 0,
    avg_price    numeric GENERATED ALWAYS AS (round(cost_basis / nullif(abs(quantity), 0) / multiplier, 16)) STORED,
    realized_pnl shared.exact NOT NULL DEFAULT 0,
    fees         shared.exact NOT NULL DEFAULT 0,
    multiplier   shared.exact NOT NULL DEFAULT 1 CHECK (multiplier > 0),
    version      bigint NOT NULL DEFAULT 1,
    opened_at    timestamptz,
    last_updated timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, symbol),
    CONSTRAINT positions_flat_costs_nothing CHECK (quantity <> 0 OR cost_basis = 0)
);
-- idx_positions_account_id of the original is served by the key.
CREATE INDEX idx_positions_symbol ON execution.positions (symbol);

CREATE TABLE execution.round_trips (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    account_id   text NOT NULL REFERENCES execution.accounts,
    symbol       text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz NOT NULL,
    max_quantity shared.exact NOT NULL,
    gross        shared.exact NOT NULL,
    fees         shared.exact NOT NULL,
    net          numeric NOT NULL GENERATED ALWAYS AS (gross - fees) STORED,
    strategy     text NOT NULL DEFAULT '' CHECK (length(strategy) <= 100),
    trades       bigint NOT NULL CHECK (trades > 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, symbol, id)
);

-- Positions at the last known price. security_invoker: row-level security applies to who asks, not to the owner.
CREATE VIEW execution.position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost_basis, p.avg_price, p.realized_pnl, p.fees,
       l.price AS market_price, l.at AS price_at,
       p.quantity * l.price * p.multiplier AS market_value,
       p.quantity * l.price * p.multiplier - sign(p.quantity) * p.cost_basis AS unrealized_pnl
  FROM execution.positions p
  LEFT JOIN data_ingestion.latest_prices l USING (symbol);

SELECT shared.isolate(t) FROM unnest(ARRAY['execution.accounts', 'execution.orders', 'execution.trades',
    'execution.positions', 'execution.round_trips']::regclass[]) t;

GRANT SELECT ON execution.accounts, execution.orders, execution.trades, execution.positions, execution.round_trips,
    execution.position_values TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT, UPDATE, DELETE ON execution.orders TO trading_app, trading_service;
GRANT INSERT, UPDATE ON execution.accounts, execution.positions TO trading_app, trading_service;
GRANT INSERT ON execution.trades, execution.round_trips TO trading_app, trading_service;

-- +goose Down
DROP VIEW execution.position_values;
DROP TABLE execution.round_trips;
DROP TABLE execution.positions;
DROP TABLE execution.trades;
DROP TABLE execution.orders;
DROP TABLE execution.accounts;
