-- +goose Up
-- The book. Every key of a tenant table begins with account_id: two accounts may use the same order id, and no unique or
-- foreign key tells one account what another has.
CREATE SCHEMA execution;
GRANT USAGE ON SCHEMA execution TO trading_app, trading_service, trading_readonly, trading_reporter;

CREATE TABLE execution.accounts (
    account_id shared.account_id PRIMARY KEY,
    name       text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    currency   shared.currency NOT NULL DEFAULT 'USD',
    zone       text NOT NULL DEFAULT 'UTC' CHECK (length(zone) BETWEEN 1 AND 50),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO shared.masked_columns VALUES ('execution.accounts', 'name');

-- +goose StatementBegin
-- known_zone refuses a zone that is not one of the IANA database, in which programs compute days.
CREATE FUNCTION execution.known_zone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.zone !~ '^[A-Z][A-Za-z0-9_+/-]*$' OR NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = NEW.zone) THEN
        RAISE EXCEPTION 'zone "%" is not one of the IANA database', NEW.zone USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER known_zone BEFORE INSERT OR UPDATE OF zone ON execution.accounts FOR EACH ROW WHEN (NEW.zone <> 'UTC')
    EXECUTE FUNCTION execution.known_zone();

-- Averages of money over quantity, to 16 digits. In PL/pgSQL, which keeps them ready: an expression in the table is parsed
-- with every statement that writes it.
-- +goose StatementBegin
CREATE FUNCTION execution.average_fill(notional numeric, quantity numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN round(notional / nullif(quantity, 0), 16);
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- average_cost returns NULL for a flat position, and refuses one that has costs.
CREATE FUNCTION execution.average_cost(cost numeric, quantity numeric, multiplier numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF quantity <> 0 THEN
        RETURN round(cost / abs(quantity) / multiplier, 16);
    ELSIF cost <> 0 THEN
        RAISE EXCEPTION 'a flat position has a cost basis of %', cost USING ERRCODE = 'check_violation',
            SCHEMA = 'execution', TABLE = 'positions', CONSTRAINT = 'positions_flat_costs_nothing';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.average_fill(numeric, numeric), execution.average_cost(numeric, numeric, numeric)
    TO trading_app, trading_service, trading_readonly, trading_reporter;

-- An order is updated with each of its fills. The free space of its page keeps the new version there (HOT), so that no index
-- changes; a change of status alone is in one.
CREATE TABLE execution.orders (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    account_id      shared.account_id NOT NULL REFERENCES execution.accounts,
    order_id        shared.order_id NOT NULL,
    symbol          shared.symbol NOT NULL,
    side            shared.side NOT NULL,
    order_type      shared.order_type NOT NULL DEFAULT 'market',
    quantity        shared.positive NOT NULL,
    price           shared.exact,
    stop_price      shared.exact,
    time_in_force   shared.time_in_force NOT NULL DEFAULT 'day',
    status          shared.order_status NOT NULL DEFAULT 'pending',
    filled_quantity shared.not_negative NOT NULL DEFAULT 0,
    filled_notional shared.exact NOT NULL DEFAULT 0,
    avg_fill_price  numeric GENERATED ALWAYS AS (execution.average_fill(filled_notional, filled_quantity)) STORED,
    strategy        shared.strategy NOT NULL DEFAULT '',
    session_id      shared.session_id NOT NULL DEFAULT '',
    adopted         boolean NOT NULL DEFAULT false,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, order_id)
) WITH (fillfactor = 70);
-- idx_orders_account_id of the original is served by the key. An index of open orders alone would be smaller, but any list of
-- statuses may be asked for, and a change of status is not HOT with either.
CREATE INDEX idx_orders_symbol_status ON execution.orders (symbol, status);
CREATE INDEX idx_orders_strategy ON execution.orders (strategy);
CREATE INDEX idx_orders_created_at ON execution.orders (created_at DESC);

-- A trade has a position, and that an account: to look the account up with every fill cost an eighth of booking it.
CREATE TABLE execution.trades (
    id                  bigint GENERATED ALWAYS AS IDENTITY,
    account_id          shared.account_id NOT NULL,
    trade_id            shared.trade_id NOT NULL,
    order_id            shared.order_id,
    symbol              shared.symbol NOT NULL,
    side                shared.side NOT NULL,
    quantity            shared.quantity NOT NULL,
    price               shared.price NOT NULL,
    multiplier          shared.multiplier NOT NULL DEFAULT 1,
    currency            shared.currency NOT NULL DEFAULT 'USD',
    commission          shared.exact NOT NULL DEFAULT 0,
    commission_currency shared.currency NOT NULL DEFAULT 'USD',
    realized_pnl        shared.exact NOT NULL DEFAULT 0,
    position_effect     shared.position_effect NOT NULL,
    strategy            shared.strategy NOT NULL DEFAULT '',
    executed_at         shared.instant NOT NULL,
    sequence            shared.row_count NOT NULL DEFAULT 0, -- order among trades of one time, where the source knows it
    settlement_date     date,
    created_at          timestamptz NOT NULL DEFAULT now(),
    xid                 xid8 NOT NULL DEFAULT pg_current_xact_id(),
    quantity_after      shared.signed_quantity NOT NULL,
    cost_basis_after    shared.cost_basis NOT NULL,
    realized_pnl_after  shared.exact NOT NULL,
    fees_after          shared.exact NOT NULL,
    PRIMARY KEY (account_id, trade_id, symbol, side),
    FOREIGN KEY (account_id, order_id) REFERENCES execution.orders
);
-- +goose StatementBegin
-- product_is_exact refuses a trade of which quantity x price x multiplier is not exact in a Decimal, which truncates beyond 19
-- digits. A trigger, because the server parses the CHECKs of a table with every statement that writes it: for a single fill,
-- that costs three times as much.
CREATE FUNCTION execution.product_is_exact() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF min_scale(NEW.quantity) + min_scale(NEW.price) + min_scale(NEW.multiplier) > 19 THEN
        RAISE EXCEPTION 'quantity x price x multiplier of trade "%" has more than 19 digits after the point', NEW.trade_id
            USING ERRCODE = 'check_violation', SCHEMA = 'execution', TABLE = 'trades', CONSTRAINT = 'trades_product_is_exact';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER product_is_exact BEFORE INSERT OR UPDATE OF quantity, price, multiplier ON execution.trades
    FOR EACH ROW EXECUTE FUNCTION execution.product_is_exact();
ALTER TABLE execution.trades ENABLE ALWAYS TRIGGER product_is_exact;
-- idx_trades_account_id of the original is served by the key.
CREATE INDEX idx_trades_symbol_executed_at ON execution.trades (symbol, executed_at DESC);
CREATE INDEX idx_trades_strategy ON execution.trades (strategy) WHERE strategy <> ''; -- many trades have none
-- The book's order of a position: that of execution. Arrival decides between trades of one time and one sequence.
CREATE INDEX idx_trades_position ON execution.trades (account_id, symbol, executed_at, sequence, id);
CREATE INDEX idx_trades_order ON execution.trades (account_id, order_id);
-- An account's trades in the book's order, a page at a time.
CREATE INDEX idx_trades_account_executed_at ON execution.trades (account_id, executed_at, sequence, id);
-- What a position paid in other currencies than its own. A trade whose commission is in its currency is not in it.
CREATE INDEX idx_trades_other_currency ON execution.trades (account_id, symbol)
    INCLUDE (commission_currency, commission) WHERE commission_currency <> currency;

-- A trade keeps one commission in its row. Fees in further currencies are rows of their own: few trades have any, and a
-- booking without them writes nothing here.
CREATE TABLE execution.trade_fees (
    account_id shared.account_id NOT NULL,
    symbol     shared.symbol NOT NULL,
    trade_id   shared.trade_id NOT NULL,
    side       shared.side NOT NULL,
    currency   shared.currency NOT NULL,
    amount     shared.exact NOT NULL CHECK (amount <> 0), -- negative for a rebate
    PRIMARY KEY (account_id, symbol, trade_id, side, currency),
    FOREIGN KEY (account_id, trade_id, symbol, side) REFERENCES execution.trades
);

-- A position has its money's currency, and its present life, from which a round trip is made.
CREATE TABLE execution.positions (
    account_id   shared.account_id NOT NULL REFERENCES execution.accounts,
    symbol       shared.symbol NOT NULL,
    quantity     shared.exact NOT NULL DEFAULT 0,
    cost_basis   shared.exact NOT NULL DEFAULT 0,
    avg_price    numeric GENERATED ALWAYS AS (execution.average_cost(cost_basis, quantity, multiplier)) STORED,
    realized_pnl shared.exact NOT NULL DEFAULT 0,
    fees         shared.exact NOT NULL DEFAULT 0,
    multiplier   shared.positive NOT NULL DEFAULT 1,
    version      bigint NOT NULL DEFAULT 1,
    opened_at    timestamptz,
    last_updated timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    currency     shared.currency NOT NULL DEFAULT 'USD',
    max_quantity shared.not_negative NOT NULL DEFAULT 0,
    life_pnl     shared.exact NOT NULL DEFAULT 0,
    life_fees    shared.exact NOT NULL DEFAULT 0,
    life_trades  shared.row_count NOT NULL DEFAULT 0,
    strategy     shared.strategy NOT NULL DEFAULT '',
    base_currency shared.base_currency NOT NULL DEFAULT '', -- the coin that is held; fees in it change the quantity
    -- The last entry in the book's order: a trade before it is late, and what follows is folded again.
    last_at      timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00Z',
    last_seq     bigint NOT NULL DEFAULT 0,
    stale_since  timestamptz, -- what follows from its entries is not computed yet
    PRIMARY KEY (account_id, symbol)
) WITH (fillfactor = 50); -- as an order's, for its next versions
-- idx_positions_account_id of the original is served by the key.
CREATE INDEX idx_positions_symbol ON execution.positions (symbol);

CREATE TABLE execution.round_trips (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    account_id   shared.account_id NOT NULL REFERENCES execution.accounts,
    symbol       shared.symbol NOT NULL,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz NOT NULL,
    max_quantity shared.exact NOT NULL,
    gross        shared.exact NOT NULL,
    fees         shared.exact NOT NULL,
    net          numeric NOT NULL GENERATED ALWAYS AS (gross - fees) STORED,
    strategy     shared.strategy NOT NULL DEFAULT '',
    trades       shared.row_count NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, symbol, id)
);

-- Changes of a position that are not trades. They are facts, up to xid; the other columns follow from the entries before
-- them, in the order (effective_at, adjustment_id), before the trades of the instant.
CREATE TABLE execution.position_adjustments (
    id                 bigint GENERATED ALWAYS AS IDENTITY,
    account_id         shared.account_id NOT NULL,
    adjustment_id      shared.trade_id NOT NULL,
    symbol             shared.symbol NOT NULL,
    -- A position cannot move to another symbol yet: neither a symbol_change nor a merger is accepted.
    kind               text NOT NULL CHECK (kind IN ('split', 'reverse_split', 'stock_dividend', 'transfer_in', 'transfer_out', 'opening')),
    effective_at       shared.instant NOT NULL,
    ratio_new          bigint NOT NULL DEFAULT 1 CHECK (ratio_new BETWEEN 0 AND 1000000000),
    ratio_old          bigint NOT NULL DEFAULT 1 CHECK (ratio_old BETWEEN 0 AND 1000000000),
    fractions          text NOT NULL DEFAULT 'keep' CHECK (fractions IN ('keep', 'round_up', 'round_down', 'cash')),
    cash               shared.not_negative NOT NULL DEFAULT 0,
    quantity           shared.signed_quantity NOT NULL DEFAULT 0,
    cost_basis         shared.cost_basis NOT NULL DEFAULT 0,
    to_symbol          text NOT NULL DEFAULT '' CHECK (length(to_symbol) <= 32 AND to_symbol = ''),
    from_symbol        text NOT NULL DEFAULT '' CHECK (length(from_symbol) <= 32 AND from_symbol = ''),
    other_party        text NOT NULL DEFAULT '' CHECK (length(other_party) <= 50),
    currency           shared.currency NOT NULL DEFAULT 'USD',
    multiplier         shared.multiplier NOT NULL DEFAULT 1,
    note               text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    created_at         timestamptz NOT NULL DEFAULT now(),
    xid                xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position_effect    shared.position_effect NOT NULL DEFAULT 'adjust',
    strategy           shared.strategy NOT NULL DEFAULT '',
    quantity_change    shared.exact NOT NULL DEFAULT 0,
    cost_change        shared.exact NOT NULL DEFAULT 0,
    realized_pnl       shared.exact NOT NULL DEFAULT 0,
    moved_quantity     shared.exact NOT NULL DEFAULT 0,
    moved_cost         shared.exact NOT NULL DEFAULT 0,
    moved_opened_at    timestamptz,
    moved_max_quantity shared.exact NOT NULL DEFAULT 0,
    moved_pnl          shared.exact NOT NULL DEFAULT 0,
    moved_fees         shared.exact NOT NULL DEFAULT 0,
    moved_trades       shared.row_count NOT NULL DEFAULT 0,
    moved_strategy     shared.strategy NOT NULL DEFAULT '',
    quantity_after     shared.signed_quantity NOT NULL DEFAULT 0,
    cost_basis_after   shared.cost_basis NOT NULL DEFAULT 0,
    realized_pnl_after shared.exact NOT NULL DEFAULT 0,
    fees_after         shared.exact NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, adjustment_id, symbol),
    FOREIGN KEY (account_id, symbol) REFERENCES execution.positions
);
CREATE INDEX idx_position_adjustments ON execution.position_adjustments (account_id, symbol, effective_at);

-- Trades that the broker cancelled or restated. The trade stays, without effect; a restated one is replaced by another trade.
CREATE TABLE execution.trade_corrections (
    account_id    shared.account_id NOT NULL,
    correction_id shared.trade_id NOT NULL,
    symbol        shared.symbol NOT NULL,
    trade_id      shared.trade_id NOT NULL,
    side          shared.side NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('bust', 'correct')),
    replaced_by   text NOT NULL DEFAULT '' CHECK (length(replaced_by) <= 100), -- the trade id of the restated trade
    note          text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, correction_id),
    UNIQUE (account_id, trade_id, symbol, side), -- a trade is cancelled once
    FOREIGN KEY (account_id, trade_id, symbol, side) REFERENCES execution.trades
);

-- Positions at the last known price, in their own currency: the price of another listing does not count. Market values have
-- more digits than a decimal keeps where price, quantity and multiplier have many. security_invoker: row-level security
-- applies to the reader, not to the owner.
CREATE VIEW execution.position_values WITH (security_invoker = true) AS
SELECT p.account_id, p.symbol, p.quantity, p.cost_basis, p.avg_price, p.realized_pnl, p.fees,
       l.price AS market_price, l.at AS price_at,
       trim_scale(round(p.quantity * l.price * p.multiplier, 19)) AS market_value,
       trim_scale(round(p.quantity * l.price * p.multiplier - sign(p.quantity) * p.cost_basis, 19)) AS unrealized_pnl,
       p.multiplier, p.currency
  FROM execution.positions p
  LEFT JOIN data_ingestion.instruments i USING (symbol)
  LEFT JOIN data_ingestion.latest_prices l ON l.symbol = p.symbol AND p.currency = coalesce(i.currency, 'USD');

-- Imports of fills: which content was read for which account, how, and what became of its rows. The same content of the
-- same account is one import, under whatever name it comes, until that is undone.
CREATE TABLE execution.imports (
    account_id  shared.account_id NOT NULL REFERENCES execution.accounts,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    file        text NOT NULL CHECK (length(file) <= 1000),
    source      text NOT NULL DEFAULT '' CHECK (length(source) <= 100), -- the file's own account whose fills were taken, where one was chosen
    digest      shared.sha256_digest NOT NULL,                                 -- of the content
    layout      text NOT NULL DEFAULT '' CHECK (length(layout) <= 100),
    options     shared.json_16k NOT NULL DEFAULT '{}',                  -- those that decide what is booked, by the names of their flags
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'undone')),
    user_id     shared.user_id NOT NULL DEFAULT left(coalesce(current_setting('app.user_id', true), ''), 100),
    login       text NOT NULL DEFAULT session_user CONSTRAINT imports_login_size CHECK (length(login) <= 100),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz, -- of the last run; NULL while none has finished
    undone_at   timestamptz,
    undone_by   shared.user_id NOT NULL DEFAULT '',
    rows        shared.row_count NOT NULL DEFAULT 0, -- that the last run read: the sum of the next five
    booked      shared.row_count NOT NULL DEFAULT 0,
    duplicates  shared.row_count NOT NULL DEFAULT 0,
    conflicts   shared.row_count NOT NULL DEFAULT 0,
    rejected    shared.row_count NOT NULL DEFAULT 0,
    left_out    shared.row_count NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX imports_once ON execution.imports (account_id, digest, source) WHERE state <> 'undone';

-- The trades that an import booked. Trades themselves stay as they are. A trade is linked in the transaction that books it:
-- the two have one time, which nobody can give a link. Otherwise whoever may write links could have any trade removed, by
-- the undoing of an import that did not book it.
CREATE TABLE execution.import_trades (
    account_id shared.account_id NOT NULL,
    import_id  bigint NOT NULL,
    symbol     shared.symbol NOT NULL,
    trade_id   shared.trade_id NOT NULL,
    side       shared.side NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, symbol, trade_id, side),
    FOREIGN KEY (account_id, import_id) REFERENCES execution.imports,
    FOREIGN KEY (account_id, trade_id, symbol, side) REFERENCES execution.trades
);
CREATE INDEX idx_import_trades_import ON execution.import_trades (account_id, import_id);

SELECT shared.isolate(t) FROM unnest(ARRAY['execution.accounts', 'execution.orders', 'execution.trades', 'execution.trade_fees',
    'execution.positions', 'execution.round_trips', 'execution.imports', 'execution.import_trades', 'execution.position_adjustments',
    'execution.trade_corrections']::regclass[]) t;

GRANT SELECT ON execution.accounts, execution.orders, execution.trades, execution.trade_fees, execution.positions,
    execution.round_trips, execution.position_values, execution.imports, execution.import_trades, execution.position_adjustments,
    execution.trade_corrections TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON execution.accounts, execution.orders, execution.trade_fees, execution.positions, execution.round_trips, execution.imports
    TO trading_app, trading_service;
GRANT INSERT ON execution.trades TO trading_service;
-- Of an adjustment only the facts: execution.refold sets what follows from them.
GRANT INSERT (account_id, adjustment_id, symbol, kind, effective_at, ratio_new, ratio_old, fractions, cash, quantity, cost_basis, to_symbol,
    from_symbol, other_party, currency, multiplier, note) ON execution.position_adjustments TO trading_app, trading_service;
GRANT INSERT (account_id, correction_id, symbol, trade_id, side, kind, replaced_by, note) ON execution.trade_corrections
    TO trading_app, trading_service;
GRANT UPDATE ON execution.accounts, execution.orders, execution.positions, execution.imports TO trading_service;
GRANT DELETE ON execution.orders TO trading_service;
GRANT INSERT (account_id, import_id, symbol, trade_id, side) ON execution.import_trades TO trading_app, trading_service;
-- Number, transaction and time of a trade are the server's to say. An event is proved by a trade of its own transaction, so
-- nobody gives a trade another one's.
GRANT INSERT (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
    realized_pnl, position_effect, strategy, executed_at, sequence, settlement_date, quantity_after, cost_basis_after, realized_pnl_after,
    fees_after) ON execution.trades TO trading_app;
-- LOCK TABLE in a mode that stops others takes UPDATE, DELETE or TRUNCATE on the whole table. UPDATE of columns is enough to
-- update and to lock one's own rows, but not for LOCK TABLE. A table that gets a column gets it here.
GRANT UPDATE (account_id, name, currency, zone, created_at) ON execution.accounts TO trading_app;
GRANT UPDATE (account_id, order_id, symbol, side, order_type, quantity, price, stop_price, time_in_force, status, filled_quantity,
    filled_notional, strategy, session_id, adopted, version, created_at, updated_at) ON execution.orders TO trading_app;
GRANT UPDATE (account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, version, opened_at, last_updated, created_at,
    currency, max_quantity, life_pnl, life_fees, life_trades, strategy, base_currency, last_at, last_seq, stale_since)
    ON execution.positions TO trading_app;
GRANT UPDATE (account_id, file, source, digest, layout, options, state, user_id, login, started_at, finished_at, undone_at, undone_by,
    rows, booked, duplicates, conflicts, rejected, left_out) ON execution.imports TO trading_app;

-- +goose StatementBegin
-- by_fill reports whether a change of an order is a fill's, which its trades prove: more is filled than before, and nothing
-- else changed but what follows from that: the status, and the quantity of an order that is known by its fills alone. In
-- PL/pgSQL, which keeps the condition ready: written into the trigger, the server would parse it with every fill (29 us).
CREATE FUNCTION execution.by_fill(was execution.orders, becomes execution.orders) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    -- *= compares all columns in one call, byte by byte.
    IF becomes.filled_quantity <= was.filled_quantity OR NOT
        ROW(becomes.id, becomes.account_id, becomes.order_id, becomes.symbol, becomes.side, becomes.order_type, becomes.price,
            becomes.stop_price, becomes.time_in_force, becomes.strategy, becomes.session_id, becomes.adopted, becomes.created_at)::record
        *= ROW(was.id, was.account_id, was.order_id, was.symbol, was.side, was.order_type, was.price,
            was.stop_price, was.time_in_force, was.strategy, was.session_id, was.adopted, was.created_at)::record THEN
        RETURN false;
    END IF;
    IF becomes.status = was.status AND becomes.quantity = was.quantity THEN
        RETURN true; -- most fills
    END IF;
    RETURN (becomes.status = was.status
            OR becomes.status IN ('partially_filled', 'filled') AND was.status IN ('pending', 'submitted', 'partially_filled', 'filled'))
       AND (becomes.quantity = was.quantity
            OR was.adopted AND becomes.quantity > was.quantity AND becomes.quantity <= becomes.filled_quantity);
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.by_fill(execution.orders, execution.orders) TO trading_app, trading_service;

SELECT shared.audited('execution.accounts', '{account_id}', true),
       shared.audited('execution.orders', '{account_id,order_id}', true, 'execution.by_fill(OLD, NEW)'),
       -- Trades are proved by nothing else: whoever may change one is recorded. That they come is told by the book. The number
       -- of its transaction is no fact of a trade: after a restore into another cluster all of them get new ones.
       -- The application's roles change of a trade only what execution.refold lets them, which blotter verify proves.
       shared.audited('execution.trades', '{account_id,trade_id,symbol,side}', false,
           $$current_setting('role') IN ('trading_app', 'trading_service') OR to_jsonb(OLD) - 'xid' = to_jsonb(NEW) - 'xid'$$),
       shared.audited('execution.position_adjustments', '{account_id,adjustment_id,symbol}', true,
           $$current_setting('role') IN ('trading_app', 'trading_service') OR to_jsonb(OLD) - 'xid' = to_jsonb(NEW) - 'xid'$$),
       shared.audited('execution.trade_corrections', '{account_id,correction_id}', true),
       shared.audited('execution.trade_fees', '{account_id,symbol,trade_id,side,currency}', false),
       -- What the application's roles make of a position is proved by its trades (blotter verify): they alone book fills. (As
       -- text: the server parses the condition with each statement, and a name in it is 64 bytes long.)
       shared.audited('execution.positions', '{account_id,symbol}', false, $$current_user::text IN ('trading_app', 'trading_service')$$),
       shared.audited('execution.imports', '{account_id,id}', true);

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
-- +goose StatementBegin
-- import_is_open ends the transaction where an import whose trades it books was undone or finished meanwhile.
CREATE FUNCTION execution.import_is_open(ok boolean) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF ok THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'the import was undone meanwhile; nothing more of it is booked' USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.unchanged(boolean), execution.import_is_open(boolean) TO trading_app, trading_service;

-- DELETE cannot be granted for columns. These functions delete instead: as the owner, who sees every account's rows, so they
-- ask for the account themselves, as its policy would.
-- +goose StatementBegin
-- remove_orders deletes orders of an account and returns how many. An order that has trades stays (23503).
CREATE FUNCTION execution.remove_orders(account text, ids text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM execution.orders o WHERE o.account_id = account AND o.order_id = ANY (ids) AND shared.may_remove(account);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- remove_import removes the trades of an import, their fees, links and round trips, and positions that have no trade left.
-- No role but the owner may remove trades: it acts as the owner, and so checks itself what row-level security would. The caller
-- computes the positions that stay again (execution.refold). The audit log has every trade that was removed, and an event tells
-- of it: nobody else may write one. A trade that a correction had cancelled has none: it did not count. The events of a
-- position come after its lock, so before those of later fills.
CREATE FUNCTION execution.remove_import(account text, import bigint, OUT trades bigint, OUT positions bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    state_now text;
    held record;
    symbols text[];
    ids text[];
    sides text[];
BEGIN
    IF current_setting('role') <> 'trading_service'
        AND account IS DISTINCT FROM nullif(current_setting('app.current_account_id', true), '') THEN
        RAISE EXCEPTION 'import % is not one of the account of this session', import USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT i.state INTO state_now FROM execution.imports i WHERE i.account_id = account AND i.id = import FOR UPDATE;
    IF state_now IS NULL OR state_now = 'undone' THEN
        RAISE EXCEPTION 'account % has no import % that could be undone', account, import USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    trades := 0;
    positions := 0;
    FOR held IN
        SELECT l.symbol, bool_and(t.created_at = l.created_at) AS own
          FROM execution.import_trades l
          JOIN execution.trades t ON t.account_id = l.account_id AND t.trade_id = l.trade_id AND t.symbol = l.symbol AND t.side = l.side
         WHERE l.account_id = account AND l.import_id = import
         GROUP BY l.symbol ORDER BY l.symbol
    LOOP
        IF NOT held.own THEN
            RAISE EXCEPTION 'import % did not book all trades of % that are linked to it', import, held.symbol USING ERRCODE = 'insufficient_privilege';
        END IF;
        PERFORM FROM execution.positions p WHERE p.account_id = account AND p.symbol = held.symbol FOR UPDATE;
    END LOOP;

    SELECT coalesce(array_agg(l.symbol), '{}'), coalesce(array_agg(l.trade_id), '{}'), coalesce(array_agg(l.side), '{}') INTO symbols, ids, sides
      FROM execution.import_trades l WHERE l.account_id = account AND l.import_id = import;
    INSERT INTO events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
    SELECT account, 'trades', account, shared.uuid_v7(), 'trade_undone', 'execution',
           left(coalesce(current_setting('app.correlation_id', true), ''), 100), events.undone_data(gone, p.before)
      FROM unnest(symbols, ids, sides) u(symbol, trade_id, side)
      JOIN execution.trades gone ON gone.account_id = account AND gone.trade_id = u.trade_id AND gone.symbol = u.symbol AND gone.side = u.side
      LEFT JOIN LATERAL (SELECT b AS before FROM execution.trades b
                          WHERE b.account_id = account AND b.symbol = gone.symbol
                            AND (b.executed_at, b.sequence, b.id) < (gone.executed_at, gone.sequence, gone.id)
                          ORDER BY b.executed_at DESC, b.sequence DESC, b.id DESC LIMIT 1) p ON true
     WHERE gone.position_effect <> 'void'
     ORDER BY gone.executed_at DESC, gone.sequence DESC, gone.id DESC;
    DELETE FROM execution.trade_corrections c USING unnest(symbols, ids, sides) u(symbol, trade_id, side)
     WHERE c.account_id = account AND c.symbol = u.symbol AND c.trade_id = u.trade_id AND c.side = u.side;
    DELETE FROM execution.import_trades l WHERE l.account_id = account AND l.import_id = import;
    DELETE FROM execution.trade_fees f USING unnest(symbols, ids, sides) u(symbol, trade_id, side)
     WHERE f.account_id = account AND f.symbol = u.symbol AND f.trade_id = u.trade_id AND f.side = u.side;
    DELETE FROM execution.trades t USING unnest(symbols, ids, sides) u(symbol, trade_id, side)
     WHERE t.account_id = account AND t.trade_id = u.trade_id AND t.symbol = u.symbol AND t.side = u.side;
    GET DIAGNOSTICS trades = ROW_COUNT;
    DELETE FROM execution.positions p
     WHERE p.account_id = account AND p.symbol = ANY (symbols)
       AND NOT EXISTS (SELECT FROM execution.trades t WHERE t.account_id = account AND t.symbol = p.symbol)
       AND NOT EXISTS (SELECT FROM execution.position_adjustments j WHERE j.account_id = account AND j.symbol = p.symbol);
    GET DIAGNOSTICS positions = ROW_COUNT;
    DELETE FROM execution.round_trips r
     WHERE r.account_id = account AND r.symbol = ANY (symbols)
       AND NOT EXISTS (SELECT FROM execution.positions p WHERE p.account_id = account AND p.symbol = r.symbol);
    UPDATE execution.imports i
       SET state = 'undone', undone_at = now(), undone_by = left(coalesce(current_setting('app.user_id', true), ''), 100)
     WHERE i.account_id = account AND i.id = import;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.remove_orders(text, text[]), execution.remove_import(text, bigint) TO trading_app, trading_service;

-- +goose StatementBegin
-- base_fee returns the fees of a trade in the coin that its position holds: they reduce what the account has.
CREATE FUNCTION execution.base_fee(t execution.trades, base text) RETURNS numeric
LANGUAGE sql STABLE
RETURN CASE WHEN base = '' OR base = t.currency THEN 0
    ELSE CASE WHEN t.commission_currency = base THEN t.commission ELSE 0 END
       + coalesce((SELECT sum(f.amount) FROM execution.trade_fees f
                    WHERE f.account_id = t.account_id AND f.symbol = t.symbol AND f.trade_id = t.trade_id AND f.side = t.side AND f.currency = base), 0) END;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.base_fee(execution.trades, text) TO trading_app, trading_service, trading_readonly, trading_reporter;
-- +goose StatementBegin
-- refold writes what follows from the entries of a position from a time on, after one of them came late, was cancelled or
-- corrected, or an adjustment was made. It sets derived columns only: facts stay as they are. It replaces the round trips that
-- ended since then, and writes the event trades_refolded with the differences, which it computes itself: nobody else may write
-- one. Trades that arrived with this refold are not among the given ones; their own events tell of them.
CREATE FUNCTION execution.refold(account text, held text, since timestamptz, cause jsonb,
    at timestamptz[], sequences bigint[], ids bigint[], effects text[], pnls numeric[],
    quantities numeric[], costs numeric[], realized numeric[], fees numeric[], adjustments jsonb,
    opened timestamptz[], closed timestamptz[], most numeric[], gross numeric[], trip_fees numeric[], strategies text[], trades bigint[])
    RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
#variable_conflict use_column
DECLARE
    p execution.positions;
    zone_now text;
    difference jsonb;
    performance jsonb[];
    parts int;
BEGIN
    IF NOT shared.may_remove(account) THEN
        RAISE EXCEPTION 'position % of account % is not one of this session', held, account USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT * INTO p FROM execution.positions x WHERE x.account_id = account AND x.symbol = held FOR UPDATE;
    SELECT a.zone INTO zone_now FROM execution.accounts a WHERE a.account_id = account;
    IF p.account_id IS NULL THEN
        RAISE EXCEPTION 'account % has no position in %', account, held USING ERRCODE = 'no_data_found';
    END IF;
    IF EXISTS (SELECT FROM unnest(at, sequences, ids, effects) u(at, sequence, id, effect)
                 JOIN execution.trades t ON t.account_id = account AND t.symbol = held AND t.executed_at = u.at AND t.sequence = u.sequence AND t.id = u.id
                 LEFT JOIN execution.trade_corrections c ON c.account_id = t.account_id AND c.trade_id = t.trade_id AND c.symbol = t.symbol AND c.side = t.side
                WHERE (u.effect = 'void') <> (c.correction_id IS NOT NULL)) THEN
        RAISE EXCEPTION 'a trade of % is without effect exactly if a correction says so', held USING ERRCODE = 'check_violation';
    END IF;

    WITH entries AS (
        SELECT t.strategy, t.executed_at AS at, t.currency, c.sign, f.effect, f.pnl, 1 AS trades,
               CASE t.side WHEN 'buy' THEN t.quantity ELSE -t.quantity END - execution.base_fee(t, p.base_currency) AS quantity,
               CASE t.side WHEN 'buy' THEN 1 ELSE -1 END * t.quantity * t.price * t.multiplier + f.pnl AS cost,
               t.quantity * t.price * t.multiplier AS value,
               CASE WHEN t.commission_currency = t.currency THEN t.commission ELSE 0 END AS fee
          FROM unnest(at, sequences, ids, effects, pnls) u(at, sequence, id, effect, pnl)
          JOIN execution.trades t ON t.account_id = account AND t.symbol = held AND t.executed_at = u.at AND t.sequence = u.sequence AND t.id = u.id
         CROSS JOIN (VALUES (1), (-1)) c(sign)
         CROSS JOIN LATERAL (SELECT CASE c.sign WHEN 1 THEN u.effect ELSE t.position_effect END AS effect,
                                    CASE c.sign WHEN 1 THEN u.pnl ELSE t.realized_pnl END AS pnl) f
         WHERE f.effect <> 'void' AND (u.effect, u.pnl) IS DISTINCT FROM (t.position_effect::text, t.realized_pnl::numeric)
        UNION ALL
        SELECT f.strategy, t.effective_at, t.currency, c.sign, 'adjust', f.pnl, 0, f.quantity, f.cost, 0, 0
          FROM jsonb_to_recordset(adjustments) u(adjustment_id text, strategy text, realized_pnl numeric, quantity_change numeric, cost_change numeric)
          JOIN execution.position_adjustments t ON t.account_id = account AND t.symbol = held AND t.adjustment_id = u.adjustment_id
         CROSS JOIN (VALUES (1), (-1)) c(sign)
         CROSS JOIN LATERAL (SELECT CASE c.sign WHEN 1 THEN u.strategy ELSE t.strategy END AS strategy,
                                    CASE c.sign WHEN 1 THEN u.realized_pnl ELSE t.realized_pnl END AS pnl,
                                    CASE c.sign WHEN 1 THEN u.quantity_change ELSE t.quantity_change END AS quantity,
                                    CASE c.sign WHEN 1 THEN u.cost_change ELSE t.cost_change END AS cost) f
    ), counted AS (
        SELECT *, effect IN ('reduce', 'close', 'flip') AS closing, to_char(e.at AT TIME ZONE zone_now, 'YYYY-MM-DD') AS date FROM entries e
    ), days AS (
        SELECT strategy, date, currency, sum(sign * trades) AS total_trades,
               coalesce(sum(sign) FILTER (WHERE closing), 0) AS closing_trades,
               coalesce(sum(sign) FILTER (WHERE closing AND pnl > 0), 0) AS wins,
               coalesce(sum(sign) FILTER (WHERE closing AND pnl < 0), 0) AS losses,
               coalesce(sum(sign * pnl) FILTER (WHERE pnl > 0), 0) AS gross_profit,
               coalesce(-sum(sign * pnl) FILTER (WHERE pnl < 0), 0) AS gross_loss,
               sum(sign * pnl) AS realized_pnl, sum(sign * fee) AS fees
          FROM counted GROUP BY strategy, date, currency
    )
    SELECT jsonb_build_object(
               'trades', coalesce(sum(sign * e.trades), 0), 'quantity', trim_scale(coalesce(sum(sign * quantity), 0))::text,
               'cost_basis', trim_scale(coalesce(sum(sign * cost), 0))::text, 'traded_value', trim_scale(coalesce(sum(sign * value), 0))::text,
               'realized_pnl', trim_scale(coalesce(sum(sign * pnl), 0))::text, 'fees', trim_scale(coalesce(sum(sign * fee), 0))::text),
           (SELECT array_agg(jsonb_build_object('strategy', d.strategy, 'date', d.date, 'currency', d.currency, 'total_trades', d.total_trades,
                       'closing_trades', d.closing_trades, 'wins', d.wins, 'losses', d.losses,
                       'gross_profit', trim_scale(d.gross_profit)::text, 'gross_loss', trim_scale(d.gross_loss)::text,
                       'realized_pnl', trim_scale(d.realized_pnl)::text, 'fees', trim_scale(d.fees)::text)
                       ORDER BY d.strategy COLLATE "C", d.date, d.currency COLLATE "C")
              FROM days d
             WHERE (d.total_trades, d.closing_trades, d.wins, d.losses) <> (0, 0, 0, 0)
                OR (d.gross_profit, d.gross_loss, d.realized_pnl, d.fees) <> (0, 0, 0, 0))
      INTO difference, performance
      FROM counted e;

    UPDATE execution.trades t
       SET position_effect = u.effect, realized_pnl = u.pnl, quantity_after = u.quantity, cost_basis_after = u.cost,
           realized_pnl_after = u.realized, fees_after = u.fees
      FROM unnest(at, sequences, ids, effects, pnls, quantities, costs, realized, fees)
           u(at, sequence, id, effect, pnl, quantity, cost, realized, fees)
     WHERE t.account_id = account AND t.symbol = held AND t.executed_at = u.at AND t.sequence = u.sequence AND t.id = u.id;
    UPDATE execution.position_adjustments t
       SET position_effect = u.position_effect, strategy = u.strategy, quantity_change = u.quantity_change, cost_change = u.cost_change,
           realized_pnl = u.realized_pnl, moved_quantity = u.moved_quantity, moved_cost = u.moved_cost, moved_opened_at = u.moved_opened_at,
           moved_max_quantity = u.moved_max_quantity, moved_pnl = u.moved_pnl, moved_fees = u.moved_fees, moved_trades = u.moved_trades,
           moved_strategy = u.moved_strategy, quantity_after = u.quantity_after, cost_basis_after = u.cost_basis_after,
           realized_pnl_after = u.realized_pnl_after, fees_after = u.fees_after
      FROM jsonb_to_recordset(adjustments) u(adjustment_id text, position_effect text, strategy text, quantity_change numeric, cost_change numeric,
           realized_pnl numeric, moved_quantity numeric, moved_cost numeric, moved_opened_at timestamptz, moved_max_quantity numeric, moved_pnl numeric,
           moved_fees numeric, moved_trades bigint, moved_strategy text, quantity_after numeric, cost_basis_after numeric, realized_pnl_after numeric,
           fees_after numeric)
     WHERE t.account_id = account AND t.symbol = held AND t.adjustment_id = u.adjustment_id;

    DELETE FROM execution.round_trips r WHERE r.account_id = account AND r.symbol = held AND r.closed_at >= since;
    INSERT INTO execution.round_trips (account_id, symbol, opened_at, closed_at, max_quantity, gross, fees, strategy, trades)
    SELECT account, held, u.* FROM unnest(opened, closed, most, gross, trip_fees, strategies, trades)
           u(opened_at, closed_at, max_quantity, gross, fees, strategy, trades);

    -- An event has a limited size: a long history is told in parts. Only the first has the differences of the position.
    parts := greatest(1, ceil(coalesce(cardinality(performance), 0) / 150.0));
    INSERT INTO events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
    SELECT account, 'trades', account, shared.uuid_v7(), 'trades_refolded', 'execution',
           left(coalesce(current_setting('app.correlation_id', true), ''), 100),
           jsonb_build_object('account_id', account, 'symbol', held, 'currency', p.currency, 'multiplier', trim_scale(p.multiplier)::text,
               'cause', cause, 'since', to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'entries', cardinality(ids) + jsonb_array_length(adjustments), 'part', part, 'parts', parts,
               'position', jsonb_build_object('quantity', trim_scale(p.quantity)::text, 'cost_basis', trim_scale(p.cost_basis)::text,
                   'realized_pnl', trim_scale(p.realized_pnl)::text, 'fees', trim_scale(p.fees)::text),
               'difference', CASE part WHEN 1 THEN difference
                   ELSE '{"trades": 0, "quantity": "0", "cost_basis": "0", "traded_value": "0", "realized_pnl": "0", "fees": "0"}' END,
               'performance', coalesce(to_jsonb(performance[150 * (part - 1) + 1 : 150 * part]), '[]'))
      FROM generate_series(1, parts) part ORDER BY part;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.refold(text, text, timestamptz, jsonb, timestamptz[], bigint[], bigint[], text[], numeric[], numeric[], numeric[],
    numeric[], numeric[], jsonb, timestamptz[], timestamptz[], numeric[], numeric[], numeric[], text[], bigint[]) TO trading_app, trading_service;

-- +goose Down
DROP FUNCTION execution.refold(text, text, timestamptz, jsonb, timestamptz[], bigint[], bigint[], text[], numeric[], numeric[], numeric[],
    numeric[], numeric[], jsonb, timestamptz[], timestamptz[], numeric[], numeric[], numeric[], text[], bigint[]);
DROP FUNCTION execution.base_fee(execution.trades, text);
DROP FUNCTION execution.remove_import(text, bigint), execution.remove_orders(text, text[]), execution.import_is_open(boolean),
    execution.unchanged(boolean);
DROP VIEW execution.position_values;
DROP TABLE execution.trade_corrections, execution.position_adjustments, execution.import_trades, execution.imports, execution.round_trips,
    execution.positions, execution.trade_fees, execution.trades;
DROP TRIGGER audit_update ON execution.orders;
DROP FUNCTION execution.by_fill(execution.orders, execution.orders);
DROP TABLE execution.orders, execution.accounts;
DROP FUNCTION execution.known_zone(), execution.average_fill(numeric, numeric), execution.average_cost(numeric, numeric, numeric),
    execution.product_is_exact();
DELETE FROM shared.masked_columns WHERE table_name = 'execution.accounts';
DROP SCHEMA execution;
