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

-- Imports of fills: which content was read for which account, how, and what became of its rows. The same content of the
-- same account is one import, under whatever name it comes, until that is undone.
CREATE TABLE execution.imports (
    account_id  text NOT NULL REFERENCES execution.accounts,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    file        text NOT NULL CHECK (length(file) <= 1000),
    source      text NOT NULL DEFAULT '' CHECK (length(source) <= 100), -- the file's own account whose fills were taken, where one was chosen
    digest      bytea NOT NULL CHECK (length(digest) = 32),             -- SHA-256 of the content
    layout      text NOT NULL DEFAULT '' CHECK (length(layout) <= 100),
    options     jsonb NOT NULL DEFAULT '{}',                            -- those that decide what is booked, by the names of their flags
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'undone')),
    user_id     text NOT NULL DEFAULT left(coalesce(current_setting('app.user_id', true), ''), 100),
    login       text NOT NULL DEFAULT session_user,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz, -- of the last run; NULL while none has finished
    undone_at   timestamptz,
    undone_by   text NOT NULL DEFAULT '' CHECK (length(undone_by) <= 100),
    rows        bigint NOT NULL DEFAULT 0 CHECK (rows >= 0), -- that the last run read: the sum of the next five
    booked      bigint NOT NULL DEFAULT 0 CHECK (booked >= 0),
    duplicates  bigint NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    conflicts   bigint NOT NULL DEFAULT 0 CHECK (conflicts >= 0),
    rejected    bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    left_out    bigint NOT NULL DEFAULT 0 CHECK (left_out >= 0),
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX imports_once ON execution.imports (account_id, digest, source) WHERE state <> 'undone';

-- The trades that an import booked. Trades themselves stay as they are. A trade is linked in the transaction that books it:
-- the two have one time, which nobody can give a link. Otherwise whoever may write links could have any trade removed, by
-- the undoing of an import that did not book it.
CREATE TABLE execution.import_trades (
    account_id text NOT NULL,
    import_id  bigint NOT NULL,
    symbol     text NOT NULL,
    trade_id   text NOT NULL,
    side       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, symbol, trade_id, side),
    FOREIGN KEY (account_id, import_id) REFERENCES execution.imports,
    FOREIGN KEY (account_id, trade_id, symbol, side) REFERENCES execution.trades
);
CREATE INDEX idx_import_trades_import ON execution.import_trades (account_id, import_id);

SELECT shared.isolate('execution.imports'), shared.isolate('execution.import_trades');
GRANT SELECT ON execution.imports, execution.import_trades TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT, UPDATE ON execution.imports TO trading_app, trading_service;
GRANT INSERT (account_id, import_id, symbol, trade_id, side) ON execution.import_trades TO trading_app, trading_service;
SELECT shared.audited('execution.imports', '{account_id,id}', true);

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
GRANT EXECUTE ON FUNCTION execution.import_is_open(boolean) TO trading_app, trading_service;

-- +goose StatementBegin
-- remove_import removes the trades of an import, their fees, links and round trips, and positions that have no trade left.
-- No role but the owner may remove trades: it acts as the owner, and so checks itself what row-level security would, and
-- that nothing follows from the trades: they are the last of their positions. What changes in rows that stay, the caller
-- writes in the same transaction, with its own rights. The audit log has every trade that was removed.
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
GRANT EXECUTE ON FUNCTION execution.remove_import(text, bigint) TO trading_app, trading_service;

-- +goose Down
DROP FUNCTION execution.remove_import(text, bigint);
DROP FUNCTION execution.import_is_open(boolean);
DROP TABLE execution.import_trades;
DROP TABLE execution.imports;
DROP INDEX execution.idx_trades_other_currency;
DROP TABLE execution.trade_fees;
