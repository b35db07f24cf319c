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
CREATE INDEX idx_trades_position ON execution.trades (account_id, symbol, id);
CREATE INDEX idx_trades_order ON execution.trades (account_id, order_id);
-- An account's trades by time, a page at a time. (In the order of ids instead, PostgreSQL would read it backwards for a
-- position's last trade, past all that its account traded since.)
CREATE INDEX idx_trades_account_executed_at ON execution.trades (account_id, executed_at, id);
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
    trades       bigint NOT NULL CHECK (trades > 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, symbol, id)
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
    'execution.positions', 'execution.round_trips', 'execution.imports', 'execution.import_trades']::regclass[]) t;

GRANT SELECT ON execution.accounts, execution.orders, execution.trades, execution.trade_fees, execution.positions,
    execution.round_trips, execution.position_values, execution.imports, execution.import_trades
    TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON execution.accounts, execution.orders, execution.trade_fees, execution.positions, execution.round_trips, execution.imports
    TO trading_app, trading_service;
GRANT INSERT ON execution.trades TO trading_service;
GRANT UPDATE ON execution.accounts, execution.orders, execution.positions, execution.imports TO trading_service;
GRANT DELETE ON execution.orders TO trading_service;
GRANT INSERT (account_id, import_id, symbol, trade_id, side) ON execution.import_trades TO trading_app, trading_service;
-- Number, transaction and time of a trade are the server's to say. An event is proved by a trade of its own transaction, so
-- nobody gives a trade another one's.
GRANT INSERT (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
    realized_pnl, position_effect, strategy, executed_at, settlement_date, quantity_after, cost_basis_after, realized_pnl_after,
    fees_after) ON execution.trades TO trading_app;
-- LOCK TABLE in a mode that stops others takes UPDATE, DELETE or TRUNCATE on the whole table. UPDATE of columns is enough to
-- update and to lock one's own rows, but not for LOCK TABLE. A table that gets a column gets it here.
GRANT UPDATE (account_id, name, currency, zone, created_at) ON execution.accounts TO trading_app;
GRANT UPDATE (account_id, order_id, symbol, side, order_type, quantity, price, stop_price, time_in_force, status, filled_quantity,
    filled_notional, strategy, session_id, adopted, version, created_at, updated_at) ON execution.orders TO trading_app;
GRANT UPDATE (account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, version, opened_at, last_updated, created_at,
    currency, max_quantity, life_pnl, life_fees, life_trades, strategy) ON execution.positions TO trading_app;
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
       shared.audited('execution.trades', '{account_id,trade_id,symbol,side}', false, $$to_jsonb(OLD) - 'xid' = to_jsonb(NEW) - 'xid'$$),
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
-- No role but the owner may remove trades: it acts as the owner, and so checks itself what row-level security would, and
-- that nothing follows from the trades: they are the last of their positions. What changes in rows that stay, the caller
-- writes in the same transaction, with its own rights. The audit log has every trade that was removed, and an event tells of
-- it: nobody else may write one. The events of a position come after its lock, so before those of later fills.
CREATE FUNCTION execution.remove_import(account text, import bigint, OUT trades bigint, OUT round_trips bigint, OUT positions bigint)
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
    round_trips := 0;
    positions := 0;
    FOR held IN
        SELECT l.symbol, min(t.id) AS first, bool_and(t.created_at = l.created_at) AS own, count(*) FILTER (WHERE t.position_effect IN ('close', 'flip')) AS ended
          FROM execution.import_trades l
          JOIN execution.trades t ON t.account_id = l.account_id AND t.trade_id = l.trade_id AND t.symbol = l.symbol AND t.side = l.side
         WHERE l.account_id = account AND l.import_id = import
         GROUP BY l.symbol ORDER BY l.symbol
    LOOP
        IF NOT held.own THEN
            RAISE EXCEPTION 'import % did not book all trades of % that are linked to it', import, held.symbol USING ERRCODE = 'insufficient_privilege';
        END IF;
        PERFORM FROM execution.positions p WHERE p.account_id = account AND p.symbol = held.symbol FOR UPDATE;
        IF EXISTS (SELECT FROM execution.trades t
                    WHERE t.account_id = account AND t.symbol = held.symbol AND t.id >= held.first
                      AND NOT EXISTS (SELECT FROM execution.import_trades l WHERE l.account_id = account AND l.import_id = import
                                         AND l.symbol = t.symbol AND l.trade_id = t.trade_id AND l.side = t.side)) THEN
            RAISE EXCEPTION 'later trades of % follow from those of import %', held.symbol, import USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        -- A position's round trips are in the order of the trades that ended them, one for each.
        WITH ended AS (
            SELECT r.id FROM execution.round_trips r WHERE r.account_id = account AND r.symbol = held.symbol ORDER BY r.id DESC LIMIT held.ended
        ), gone AS (
            DELETE FROM execution.round_trips r USING ended e WHERE r.account_id = account AND r.symbol = held.symbol AND r.id = e.id RETURNING 1
        )
        SELECT round_trips + count(*) INTO round_trips FROM gone;
    END LOOP;

    SELECT coalesce(array_agg(l.symbol), '{}'), coalesce(array_agg(l.trade_id), '{}'), coalesce(array_agg(l.side), '{}') INTO symbols, ids, sides
      FROM execution.import_trades l WHERE l.account_id = account AND l.import_id = import;
    INSERT INTO events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
    SELECT account, 'trades', account, shared.uuid_v7(), 'trade_undone', 'execution',
           left(coalesce(current_setting('app.correlation_id', true), ''), 100), events.undone_data(gone, p.before)
      FROM unnest(symbols, ids, sides) u(symbol, trade_id, side)
      JOIN execution.trades gone ON gone.account_id = account AND gone.trade_id = u.trade_id AND gone.symbol = u.symbol AND gone.side = u.side
      LEFT JOIN LATERAL (SELECT b AS before FROM execution.trades b WHERE b.account_id = account AND b.symbol = gone.symbol AND b.id < gone.id
                          ORDER BY b.id DESC LIMIT 1) p ON true
     ORDER BY gone.id DESC;
    DELETE FROM execution.import_trades l WHERE l.account_id = account AND l.import_id = import;
    DELETE FROM execution.trade_fees f USING unnest(symbols, ids, sides) u(symbol, trade_id, side)
     WHERE f.account_id = account AND f.symbol = u.symbol AND f.trade_id = u.trade_id AND f.side = u.side;
    DELETE FROM execution.trades t USING unnest(symbols, ids, sides) u(symbol, trade_id, side)
     WHERE t.account_id = account AND t.trade_id = u.trade_id AND t.symbol = u.symbol AND t.side = u.side;
    GET DIAGNOSTICS trades = ROW_COUNT;
    DELETE FROM execution.positions p
     WHERE p.account_id = account AND p.symbol = ANY (symbols)
       AND NOT EXISTS (SELECT FROM execution.trades t WHERE t.account_id = account AND t.symbol = p.symbol);
    GET DIAGNOSTICS positions = ROW_COUNT;
    UPDATE execution.imports i
       SET state = 'undone', undone_at = now(), undone_by = left(coalesce(current_setting('app.user_id', true), ''), 100)
     WHERE i.account_id = account AND i.id = import;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.remove_orders(text, text[]), execution.remove_import(text, bigint) TO trading_app, trading_service;

-- +goose Down
DROP FUNCTION execution.remove_import(text, bigint), execution.remove_orders(text, text[]), execution.import_is_open(boolean),
    execution.unchanged(boolean);
DROP VIEW execution.position_values;
DROP TABLE execution.import_trades, execution.imports, execution.round_trips, execution.positions, execution.trade_fees, execution.trades;
DROP TRIGGER audit_update ON execution.orders;
DROP FUNCTION execution.by_fill(execution.orders, execution.orders);
DROP TABLE execution.orders, execution.accounts;
DROP FUNCTION execution.known_zone(), execution.average_fill(numeric, numeric), execution.average_cost(numeric, numeric, numeric),
    execution.product_is_exact();
DELETE FROM shared.masked_columns WHERE table_name = 'execution.accounts';
DROP SCHEMA execution;
