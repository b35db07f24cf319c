-- +goose Up
-- No account's login can stop or starve the others: rows have a size, and no table can be locked against its users.

-- 1. Sizes. What an account's session stores is bounded by its table, and so is what readers of all accounts load. Rows that
-- were stored before stay as they are (NOT VALID), and readers take them one at a time. jsonb is measured as text, which is
-- how it travels: 1e131071 takes 12 bytes in the table and 131,072 on its way. The text has a space after each comma and
-- colon, so that it may be longer than what was given (EventDataMax, 64 KiB), but not twice as long. It is nested at most 64
-- levels deep: readers give up at some depth (encoding/json at 10,000), and one row would stop those of all accounts.
ALTER TABLE events.outbox
    ADD CONSTRAINT outbox_data_size CHECK (octet_length(data::text) <= 131072 AND NOT jsonb_path_exists(data, '$.**{65}')) NOT VALID;
ALTER TABLE logging.system_logs
    ADD CONSTRAINT system_logs_message_size CHECK (octet_length(message) <= 16384) NOT VALID,
    ADD CONSTRAINT system_logs_data_size CHECK (octet_length(data::text) <= 65536 AND NOT jsonb_path_exists(data, '$.**{65}')) NOT VALID;
ALTER TABLE execution.imports
    ADD CONSTRAINT imports_options_size CHECK (octet_length(options::text) <= 16384 AND NOT jsonb_path_exists(options, '$.**{65}')) NOT VALID,
    ADD CONSTRAINT imports_login_size CHECK (length(login) <= 100) NOT VALID,
    ADD CONSTRAINT imports_user_id_size CHECK (length(user_id) <= 100) NOT VALID;
ALTER TABLE risk_management.risk_events
    ADD CONSTRAINT risk_events_message_size CHECK (octet_length(message) <= 16384) NOT VALID,
    ADD CONSTRAINT risk_events_data_size CHECK (octet_length(data::text) <= 65536 AND NOT jsonb_path_exists(data, '$.**{65}')) NOT VALID;
ALTER TABLE strategy_engine.strategies
    ADD CONSTRAINT strategies_description_size CHECK (octet_length(description) <= 65536) NOT VALID,
    ADD CONSTRAINT strategies_parameters_size CHECK (octet_length(parameters::text) <= 131072 AND NOT jsonb_path_exists(parameters, '$.**{65}')) NOT VALID;
-- The key of an entry that record_access writes is its caller's to choose. What triggers write is bounded by their tables.
ALTER TABLE shared.audit_log
    ADD CONSTRAINT audit_log_key_size CHECK (octet_length(key::text) <= 16384 AND NOT jsonb_path_exists(key, '$.**{65}')) NOT VALID;

-- 2. Locks. LOCK TABLE in a mode that stops others takes UPDATE, DELETE or TRUNCATE on the whole table. UPDATE of columns is
-- enough to update, and to lock one's own rows, but not for LOCK TABLE. A table that gets a column gets a line here.
REVOKE UPDATE ON execution.accounts, execution.imports, execution.orders, execution.positions, risk_management.risk_events,
    risk_management.risk_limits, strategy_engine.strategies, strategy_engine.strategy_signals FROM trading_app;
GRANT UPDATE (account_id, name, currency, zone, created_at) ON execution.accounts TO trading_app;
GRANT UPDATE (account_id, file, source, digest, layout, options, state, user_id, login, started_at, finished_at, undone_at, undone_by,
    rows, booked, duplicates, conflicts, rejected, left_out) ON execution.imports TO trading_app;
GRANT UPDATE (account_id, order_id, symbol, side, order_type, quantity, price, stop_price, time_in_force, status, filled_quantity,
    filled_notional, strategy, session_id, adopted, version, created_at, updated_at) ON execution.orders TO trading_app;
GRANT UPDATE (account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, version, opened_at, last_updated, created_at,
    currency, max_quantity, life_pnl, life_fees, life_trades, strategy) ON execution.positions TO trading_app;
GRANT UPDATE (account_id, event_id, event_type, severity, message, data, timestamp, resolved_at) ON risk_management.risk_events
    TO trading_app;
GRANT UPDATE (account_id, limit_type, limit_value, current_value, is_active, version, created_at, updated_at)
    ON risk_management.risk_limits TO trading_app;
GRANT UPDATE (strategy_id, name, description, parameters, status, version, created_at, updated_at) ON strategy_engine.strategies
    TO trading_app;
GRANT UPDATE (signal_id, strategy_id, symbol, signal_type, confidence, price, quantity, timestamp, created_at)
    ON strategy_engine.strategy_signals TO trading_app;

-- DELETE cannot be granted for columns. These functions delete instead: as the owner, who sees every account's rows, so they
-- ask for the account themselves, as its policy would.
REVOKE DELETE ON execution.orders, risk_management.risk_limits, strategy_engine.strategies, strategy_engine.strategy_signals
    FROM trading_app;

-- +goose StatementBegin
-- may_remove reports whether the session may remove rows of the account: its own, or as the service any.
CREATE FUNCTION shared.may_remove(account text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN current_setting('role') = 'trading_service'
    OR coalesce(account = nullif(current_setting('app.current_account_id', true), ''), false);
-- +goose StatementEnd

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
-- remove_limits deletes risk limits of an account and returns how many.
CREATE FUNCTION risk_management.remove_limits(account text, limit_types text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM risk_management.risk_limits l
     WHERE l.account_id = account AND l.limit_type = ANY (limit_types) AND shared.may_remove(account);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- remove_strategies deletes strategies, which belong to no account, and returns how many. One that has signals stays (23503).
CREATE FUNCTION strategy_engine.remove_strategies(ids text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM strategy_engine.strategies s WHERE s.strategy_id = ANY (ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- remove_signals deletes signals, which belong to no account, and returns how many.
CREATE FUNCTION strategy_engine.remove_signals(ids text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM strategy_engine.strategy_signals s WHERE s.signal_id = ANY (ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
-- +goose StatementEnd

GRANT EXECUTE ON FUNCTION execution.remove_orders(text, text[]), risk_management.remove_limits(text, text[]),
    strategy_engine.remove_strategies(text[]), strategy_engine.remove_signals(text[]) TO trading_app, trading_service;

-- Partitions are made under the lock of a row that no account's login may lock. An advisory lock can be taken by anybody, who
-- then keeps the next partition from being made until there is none left to write into.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.lock_partitions(parent regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM shared.partitioned_tables t WHERE t.table_name = parent FOR UPDATE;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- positions_are_due reports whether the outbox lacks a whole leaf ahead of its sequence.
CREATE FUNCTION shared.positions_are_due(target shared.partitioned_tables) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce((SELECT max(p.upper::bigint) FROM shared.partitions p WHERE p.table_name = target.table_name), 0)
     < target.size + coalesce((SELECT s.last_value FROM pg_sequences s
                                WHERE format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence(target.table_name::text, 'pos')), 0);
-- +goose StatementEnd

-- +goose StatementBegin
-- ensure_leaf makes what is due of one table at one time, and locks nothing where nothing is due: its caller may leave its
-- transaction open. What keeps it from being made becomes a warning (01B19).
CREATE OR REPLACE FUNCTION shared.ensure_leaf(target shared.partitioned_tables, due timestamptz) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    done text;
BEGIN
    IF target.ahead = 'positions' THEN
        IF NOT shared.positions_are_due(target) THEN
            RETURN 0;
        END IF;
        PERFORM shared.lock_partitions(target.table_name);
        RETURN shared.ensure_positions(target);
    ELSIF EXISTS (SELECT FROM shared.partitions p WHERE p.table_name = target.table_name
        AND p.lower::timestamptz <= due AND p.upper::timestamptz > due) THEN
        RETURN 0;
    END IF;
    PERFORM shared.lock_partitions(target.table_name);
    IF target.ahead = 'year' THEN
        done := shared.cover(target.table_name, 'year', date_trunc('year', due));
    END IF;
    IF done IS NULL THEN -- by months, or a year that already holds one
        done := shared.cover(target.table_name, 'month', due);
    END IF;
    RETURN (coalesce(done, '') LIKE 'created%')::int;
EXCEPTION
    WHEN transaction_rollback THEN
        RAISE; -- a deadlock: the caller tries again
    WHEN OTHERS THEN
        RAISE WARNING 'a partition of % cannot be made: %', target.table_name, SQLERRM
            USING ERRCODE = '01B19', HINT = 'blotter doctor says what to do.';
        RETURN 0;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.ensure_leaf(target shared.partitioned_tables, due timestamptz) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    done text;
BEGIN
    IF target.ahead = 'positions' THEN
        PERFORM shared.lock_partitions(target.table_name);
        RETURN shared.ensure_positions(target);
    ELSIF EXISTS (SELECT FROM shared.partitions p WHERE p.table_name = target.table_name
        AND p.lower::timestamptz <= due AND p.upper::timestamptz > due) THEN
        RETURN 0;
    END IF;
    PERFORM shared.lock_partitions(target.table_name);
    IF target.ahead = 'year' THEN
        done := shared.cover(target.table_name, 'year', date_trunc('year', due));
    END IF;
    IF done IS NULL THEN -- by months, or a year that already holds one
        done := shared.cover(target.table_name, 'month', due);
    END IF;
    RETURN (coalesce(done, '') LIKE 'created%')::int;
EXCEPTION
    WHEN transaction_rollback THEN
        RAISE; -- a deadlock: the caller tries again
    WHEN OTHERS THEN
        RAISE WARNING 'a partition of % cannot be made: %', target.table_name, SQLERRM
            USING ERRCODE = '01B19', HINT = 'blotter doctor says what to do.';
        RETURN 0;
END $$;
-- +goose StatementEnd
DROP FUNCTION shared.positions_are_due(shared.partitioned_tables);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.lock_partitions(parent regclass) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN pg_advisory_xact_lock(hashtext('blotter.partitions'), parent::oid::bigint::bit(32)::int);
-- +goose StatementEnd
DROP FUNCTION strategy_engine.remove_signals(text[]);
DROP FUNCTION strategy_engine.remove_strategies(text[]);
DROP FUNCTION risk_management.remove_limits(text, text[]);
DROP FUNCTION execution.remove_orders(text, text[]);
DROP FUNCTION shared.may_remove(text);
REVOKE UPDATE ON execution.accounts, execution.imports, execution.orders, execution.positions, risk_management.risk_events,
    risk_management.risk_limits, strategy_engine.strategies, strategy_engine.strategy_signals FROM trading_app;
GRANT UPDATE ON execution.accounts, execution.imports, execution.orders, execution.positions, risk_management.risk_events,
    risk_management.risk_limits, strategy_engine.strategies, strategy_engine.strategy_signals TO trading_app;
GRANT DELETE ON execution.orders, risk_management.risk_limits, strategy_engine.strategies, strategy_engine.strategy_signals
    TO trading_app;
ALTER TABLE shared.audit_log DROP CONSTRAINT audit_log_key_size;
ALTER TABLE strategy_engine.strategies DROP CONSTRAINT strategies_description_size, DROP CONSTRAINT strategies_parameters_size;
ALTER TABLE risk_management.risk_events DROP CONSTRAINT risk_events_message_size, DROP CONSTRAINT risk_events_data_size;
ALTER TABLE execution.imports DROP CONSTRAINT imports_options_size, DROP CONSTRAINT imports_login_size,
    DROP CONSTRAINT imports_user_id_size;
ALTER TABLE logging.system_logs DROP CONSTRAINT system_logs_message_size, DROP CONSTRAINT system_logs_data_size;
ALTER TABLE events.outbox DROP CONSTRAINT outbox_data_size;
