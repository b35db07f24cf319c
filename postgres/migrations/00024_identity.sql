-- +goose Up
-- What a row says is checked against who wrote it: whose an event is, is told by its columns, which policies guard.

-- Numbers, transactions and times of rows are the server's to say. An event is proved by a trade of its own transaction, so
-- nobody gives a trade another one's.
REVOKE INSERT (created_at) ON events.outbox FROM trading_app;
REVOKE INSERT ON execution.trades, logging.system_logs, logging.performance_logs FROM trading_app;
GRANT INSERT (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
    realized_pnl, position_effect, strategy, executed_at, settlement_date, quantity_after, cost_basis_after, realized_pnl_after,
    fees_after) ON execution.trades TO trading_app;
GRANT INSERT (service, level, message, data, correlation_id, event_type, timestamp) ON logging.system_logs TO trading_app;

-- What readers of all accounts compute from a trade has room: sums of products, and years that JSON can write.
ALTER TABLE execution.trades DROP CONSTRAINT trades_product_is_exact, ADD CONSTRAINT trades_product_is_exact CHECK (
    min_scale(quantity) + min_scale(price) + min_scale(multiplier) <= 19
    AND greatest(quantity, abs(price), abs(quantity_after)) < 1e50 AND multiplier < 1e20 AND abs(cost_basis_after) < 1e130
    AND executed_at >= '1677-01-01Z' AND executed_at < '9999-12-31Z') NOT VALID;

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

-- An event of the book is of the account that its data names; prices are of none. The list of the book's types is that of
-- blotter.IsBookEvent. It is one short condition: the server reads its text with every statement, so with every fill. Events
-- that were written before are not asked by it; consumers ask each.
ALTER TABLE events.outbox ADD CONSTRAINT outbox_is_what_it_says CHECK (
    (account_id IS NULL OR channel <> 'market_data' AND type <> 'market_data_updated')
    AND (type <> ALL ('{trade_executed,trade_undone,position_updated}') OR (data ->> 'account_id' = account_id) IS TRUE)) NOT VALID;

-- +goose StatementBegin
-- uuid_v7 returns a UUID of version 7: the milliseconds of the clock, then chance.
CREATE FUNCTION shared.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
RETURN encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
-- +goose StatementEnd

-- +goose StatementBegin
-- trade_data is the data of the event trade_executed, version 1: the trade, and the position after it. Trade.EventData in Go
-- writes the same, letter for letter.
CREATE FUNCTION events.trade_data(t execution.trades) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'trade_id', t.trade_id, 'order_id', t.order_id, 'account_id', t.account_id, 'symbol', t.symbol, 'side', t.side,
    'quantity', trim_scale(t.quantity)::text, 'price', trim_scale(t.price)::text, 'multiplier', trim_scale(t.multiplier)::text,
    'currency', t.currency, 'commission', trim_scale(t.commission)::text, 'commission_currency', t.commission_currency,
    'other_fees', (SELECT jsonb_agg(jsonb_build_object('currency', f.currency, 'amount', trim_scale(f.amount)::text) ORDER BY f.currency COLLATE "C")
                     FROM execution.trade_fees f
                    WHERE f.account_id = t.account_id AND f.symbol = t.symbol AND f.trade_id = t.trade_id AND f.side = t.side),
    'realized_pnl', trim_scale(t.realized_pnl)::text, 'position_effect', t.position_effect, 'strategy', t.strategy,
    'executed_at', to_char(t.executed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'position', jsonb_build_object('quantity', trim_scale(t.quantity_after)::text, 'cost_basis', trim_scale(t.cost_basis_after)::text,
        'realized_pnl', trim_scale(t.realized_pnl_after)::text, 'fees', trim_scale(t.fees_after)::text)));
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION events.trade_data(execution.trades) TO trading_app;

-- +goose StatementBegin
-- undone_data is the data of an event trade_undone: the trade as it was booked, and the position after the trade before it,
-- which has no columns where it was the first.
CREATE FUNCTION events.undone_data(gone execution.trades, before execution.trades) RETURNS jsonb
LANGUAGE sql STABLE
RETURN events.trade_data(gone) || jsonb_build_object(
    'position_before', jsonb_build_object(
        'quantity', trim_scale(coalesce(before.quantity_after, 0))::text, 'cost_basis', trim_scale(coalesce(before.cost_basis_after, 0))::text,
        'realized_pnl', trim_scale(coalesce(before.realized_pnl_after, 0))::text, 'fees', trim_scale(coalesce(before.fees_after, 0))::text),
    'book_id', gone.id, 'xid', gone.xid::text::bigint);
-- +goose StatementEnd

-- An application writes an event of the book only as the event of a trade that its transaction has stored, letter for letter.
-- The service is trusted to say what it booked, and the owner's functions write the others. The policy is a part of the plan of
-- each statement that writes events. It sees what earlier statements stored, and nothing of its own statement.
--
-- The search has to use the primary key of trades. While the table is small, several indexes cost the same, and a session
-- keeps the plan that it made then. So the trade id is a range, and the order is that of the key, which no other index gives.
-- OFFSET 0 takes the ids out of the data first: row-level security lets no operator that may leak use an index.
CREATE POLICY book_events_are_proved ON events.outbox AS RESTRICTIVE FOR INSERT TO trading_app WITH CHECK (
    type <> ALL ('{trade_executed,trade_undone,position_updated}')
    OR type = 'trade_executed' AND channel = 'trades' AND service = 'execution' AND v = 1 AND (
        SELECT (SELECT t.xid = pg_current_xact_id() AND w.data = events.trade_data(t)
                  FROM execution.trades t
                 WHERE t.account_id = w.account_id AND t.trade_id >= w.trade_id AND t.trade_id <= w.trade_id
                   AND t.symbol = w.symbol AND t.side = w.side
                 ORDER BY t.trade_id LIMIT 1)
          FROM (SELECT outbox.account_id, outbox.data, outbox.data ->> 'trade_id' AS trade_id, outbox.data ->> 'symbol' AS symbol,
                       outbox.data ->> 'side' AS side OFFSET 0) w) IS TRUE);

-- +goose StatementBegin
-- remove_import removes the trades of an import, their fees, links and round trips, and positions that have no trade left.
-- No role but the owner may remove trades: it acts as the owner, and so checks itself what row-level security would, and
-- that nothing follows from the trades: they are the last of their positions. What changes in rows that stay, the caller
-- writes in the same transaction, with its own rights. The audit log has every trade that was removed, and an event tells of
-- it: nobody else may write one. The events of a position come after its lock, so before those of later fills.
CREATE OR REPLACE FUNCTION execution.remove_import(account text, import bigint, OUT trades bigint, OUT round_trips bigint, OUT positions bigint)
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

-- +goose StatementBegin
-- record_access writes that somebody reads, or did something else that no trigger sees. A session of one account records
-- for that account, one of all accounts for the account that it names. Who is neither the service nor the owner records what
-- nobody checks: that it reads a table which it may read, in one of a few words. Words are compared as ASCII: in a Turkish
-- locale the capital of i is not I.
CREATE OR REPLACE FUNCTION shared.record_access(table_name text, operation text, key jsonb, account text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    own constant text := nullif(current_setting('app.current_account_id', true), '');
    reader constant text := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
BEGIN
    IF upper(record_access.operation COLLATE "C") IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'operation "%" is what triggers record', record_access.operation
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a word of your own, as read or export.';
    END IF;
    IF NOT pg_has_role(reader, 'trading_service', 'USAGE') AND NOT pg_has_role(reader, 'trading_owner', 'USAGE') THEN
        IF record_access.operation NOT IN ('read', 'list', 'view', 'search', 'export', 'print', 'share') THEN
            RAISE EXCEPTION 'operation "%" is not one that an account records', record_access.operation
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Use read, list, view, search, export, print or share.';
        END IF;
        IF NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname || '.' || c.relname = record_access.table_name AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
                          AND n.nspname IN ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'events', 'shared')
                          AND has_table_privilege(reader, c.oid, 'SELECT')) THEN
            RAISE EXCEPTION '"%" is not a table that % may read', record_access.table_name, reader
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Name a table with its schema, as execution.trades.';
        END IF;
    END IF;
    INSERT INTO shared.audit_log (account_id, table_name, operation, key)
    VALUES (CASE current_setting('role') WHEN 'trading_service' THEN nullif(account, '') ELSE own END,
            record_access.table_name, record_access.operation, record_access.key);
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
-- record_access writes that somebody reads, or did something else that no trigger sees. A session of one account records
-- for that account, one of all accounts for the account that it names. Words are compared as ASCII: in a Turkish locale
-- the capital of i is not I.
CREATE OR REPLACE FUNCTION shared.record_access(table_name text, operation text, key jsonb, account text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own constant text := nullif(current_setting('app.current_account_id', true), '');
BEGIN
    IF upper(record_access.operation COLLATE "C") IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'operation "%" is what triggers record', record_access.operation
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a word of your own, as read or export.';
    END IF;
    INSERT INTO shared.audit_log (account_id, table_name, operation, key)
    VALUES (CASE current_setting('role') WHEN 'trading_service' THEN nullif(account, '') ELSE own END,
            record_access.table_name, record_access.operation, record_access.key);
END $$;
-- +goose StatementEnd
ALTER FUNCTION shared.record_access(text, text, jsonb, text) SET row_security = on;

-- +goose StatementBegin
-- remove_import removes the trades of an import, their fees, links and round trips, and positions that have no trade left.
-- No role but the owner may remove trades: it acts as the owner, and so checks itself what row-level security would, and
-- that nothing follows from the trades: they are the last of their positions. What changes in rows that stay, the caller
-- writes in the same transaction, with its own rights. The audit log has every trade that was removed.
CREATE OR REPLACE FUNCTION execution.remove_import(account text, import bigint, OUT trades bigint, OUT round_trips bigint, OUT positions bigint)
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

DROP TRIGGER known_zone ON execution.accounts;
DROP FUNCTION execution.known_zone();
ALTER TABLE execution.trades DROP CONSTRAINT trades_product_is_exact, ADD CONSTRAINT trades_product_is_exact CHECK (
    min_scale(quantity) + min_scale(price) + min_scale(multiplier) <= 19);
REVOKE INSERT (service, level, message, data, correlation_id, event_type, timestamp) ON logging.system_logs FROM trading_app;
REVOKE INSERT (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
    realized_pnl, position_effect, strategy, executed_at, settlement_date, quantity_after, cost_basis_after, realized_pnl_after,
    fees_after) ON execution.trades FROM trading_app;
GRANT INSERT ON execution.trades, logging.system_logs, logging.performance_logs TO trading_app;
DROP POLICY book_events_are_proved ON events.outbox;
DROP FUNCTION events.undone_data(execution.trades, execution.trades);
DROP FUNCTION events.trade_data(execution.trades);
DROP FUNCTION shared.uuid_v7();
ALTER TABLE events.outbox DROP CONSTRAINT outbox_is_what_it_says;
GRANT INSERT (created_at) ON events.outbox TO trading_app;
