-- +goose Up
-- The audit log writes itself: triggers record what people change, a function records what they read, and a chain of
-- seals (package audit) shows afterwards what was tampered with.

-- Nobody inserts by hand, so nobody forges an entry: the functions below do it as the owner.
REVOKE INSERT ON shared.audit_log FROM trading_app, trading_service;
ALTER TABLE shared.audit_log
    ALTER user_id SET DEFAULT left(coalesce(current_setting('app.user_id', true), ''), 100),
    ALTER correlation_id SET DEFAULT left(coalesce(current_setting('app.correlation_id', true), ''), 100);
-- Listings are in the order of ids, and the seals are verified by id.
CREATE INDEX idx_audit_log_id ON shared.audit_log (id);

-- Columns whose values the audit log does not keep: it could never forget them. That they changed is recorded.
CREATE TABLE shared.masked_columns (
    table_name  text NOT NULL CHECK (length(table_name) BETWEEN 3 AND 130), -- 'execution.accounts'
    column_name text NOT NULL CHECK (length(column_name) BETWEEN 1 AND 63), -- none of the table's key, which says which row it was
    PRIMARY KEY (table_name, column_name)
);
INSERT INTO shared.masked_columns VALUES ('execution.accounts', 'name');
GRANT SELECT ON shared.masked_columns TO trading_service, trading_reporter;

-- +goose StatementBegin
-- masked puts *** in place of values that are not to be kept. NULL stays NULL.
CREATE FUNCTION shared.masked(name text, content jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN content || coalesce((SELECT jsonb_object_agg(m.column_name, '***') FROM shared.masked_columns m
    WHERE m.table_name = name AND coalesce(content -> m.column_name, 'null') <> 'null'), '{}');
-- +goose StatementEnd

-- +goose StatementBegin
-- audit_rows is the trigger of statements that insert, delete or truncate. Its arguments are the columns of the key. A
-- partition's rows are recorded under the name of its root.
CREATE FUNCTION shared.audit_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    root constant text := coalesce(pg_partition_root(TG_RELID), TG_RELID)::regclass;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO shared.audit_log (account_id, table_name, operation, key, new)
        SELECT r.content ->> 'account_id', root, TG_OP, (SELECT jsonb_object_agg(k, r.content -> k) FROM unnest(TG_ARGV) k), shared.masked(root, r.content)
          FROM (SELECT to_jsonb(n) FROM new_rows n) r(content);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO shared.audit_log (account_id, table_name, operation, key, old)
        SELECT r.content ->> 'account_id', root, TG_OP, (SELECT jsonb_object_agg(k, r.content -> k) FROM unnest(TG_ARGV) k), shared.masked(root, r.content)
          FROM (SELECT to_jsonb(o) FROM old_rows o) r(content);
    ELSE
        INSERT INTO shared.audit_log (table_name, operation) VALUES (root, TG_OP);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- audit_update is the trigger of rows that change: it records the columns that did. Rows, not statements: the server pairs
-- old and new even where the key changes, and WHEN sorts fills out at less than half of what a statement's trigger costs.
CREATE FUNCTION shared.audit_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    root constant text := coalesce(pg_partition_root(TG_RELID), TG_RELID)::regclass;
    before constant jsonb := to_jsonb(OLD);
    after constant jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO shared.audit_log (account_id, table_name, operation, key, old, new)
    SELECT before ->> 'account_id', root, TG_OP, (SELECT jsonb_object_agg(k, before -> k) FROM unnest(TG_ARGV) k),
           shared.masked(root, jsonb_object_agg(key, b.value)), shared.masked(root, jsonb_object_agg(key, a.value))
      FROM jsonb_each(before) b JOIN jsonb_each(after) a USING (key)
     WHERE a.value <> b.value
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- audited makes the triggers of a table: of changes for which the condition unless does not hold, of deletions, of
-- TRUNCATE, and where asked of insertions. They fire whatever session_replication_role says.
CREATE FUNCTION shared.audited(target regclass, key text[], inserts boolean, unless text DEFAULT 'false') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    args constant text := (SELECT string_agg(quote_literal(k), ', ') FROM unnest(key) k);
BEGIN
    IF inserts THEN
        EXECUTE format('CREATE TRIGGER audit_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION shared.audit_rows(%s)', target, args);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_insert', target);
    END IF;
    EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE ON %s
        FOR EACH ROW WHEN ((%s) IS NOT TRUE) EXECUTE FUNCTION shared.audit_update(%s)', target, unless, args);
    EXECUTE format('CREATE TRIGGER audit_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION shared.audit_rows(%s)', target, args);
    EXECUTE format('CREATE TRIGGER audit_truncate AFTER TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION shared.audit_rows(%s)', target, args);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_update, ENABLE ALWAYS TRIGGER audit_delete,
        ENABLE ALWAYS TRIGGER audit_truncate', target);
END $$;
-- +goose StatementEnd

SELECT shared.audited('execution.accounts', '{account_id}', true),
       shared.audited('risk_management.risk_limits', '{account_id,limit_type}', true),
       shared.audited('risk_management.risk_events', '{account_id,event_id}', true),
       -- Trades are proved by nothing else: whoever may change one is recorded. That they come is told by the book. The number
       -- of its transaction is no fact of a trade: after a restore into another cluster it is made anew, of all of them.
       shared.audited('execution.trades', '{account_id,trade_id,symbol,side}', false, $$to_jsonb(OLD) - 'xid' = to_jsonb(NEW) - 'xid'$$),
       -- What the application's roles make of a position is proved by its trades (blotter verify): they alone book fills.
       shared.audited('execution.positions', '{account_id,symbol}', false, $$current_user IN ('trading_app', 'trading_service')$$);

-- +goose StatementBegin
-- by_fill reports whether a change of an order is a fill's, which its trades prove: more is filled than before, and nothing
-- else changed but what follows from that: the status, and the quantity of an order that is known by its fills alone. In
-- PL/pgSQL, which keeps the condition ready: written into the trigger, the server would parse it with every fill (29 us).
CREATE FUNCTION execution.by_fill(was execution.orders, becomes execution.orders) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN becomes.filled_quantity > was.filled_quantity
       AND (becomes.status = was.status
            OR becomes.status IN ('partially_filled', 'filled') AND was.status IN ('pending', 'submitted', 'partially_filled', 'filled'))
       AND (becomes.quantity = was.quantity
            OR was.adopted AND becomes.quantity > was.quantity AND becomes.quantity <= becomes.filled_quantity)
       AND becomes.id = was.id AND becomes.account_id = was.account_id AND becomes.order_id = was.order_id
       AND becomes.symbol = was.symbol AND becomes.side = was.side AND becomes.order_type = was.order_type
       AND becomes.price IS NOT DISTINCT FROM was.price AND becomes.stop_price IS NOT DISTINCT FROM was.stop_price
       AND becomes.time_in_force = was.time_in_force AND becomes.strategy = was.strategy AND becomes.session_id = was.session_id
       AND becomes.adopted = was.adopted AND becomes.created_at = was.created_at;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION execution.by_fill(execution.orders, execution.orders) TO trading_app, trading_service;
SELECT shared.audited('execution.orders', '{account_id,order_id}', true, 'execution.by_fill(OLD, NEW)');

-- +goose StatementBegin
-- record_access writes that somebody reads, or did something else that no trigger sees. A session of one account records
-- for that account, one of all accounts for the account that it names.
CREATE FUNCTION shared.record_access(table_name text, operation text, key jsonb, account text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own constant text := nullif(current_setting('app.current_account_id', true), '');
BEGIN
    IF upper(record_access.operation) IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'operation "%" is what triggers record', record_access.operation
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a word of your own, as read or export.';
    END IF;
    INSERT INTO shared.audit_log (account_id, table_name, operation, key)
    VALUES (CASE current_setting('role') WHEN 'trading_service' THEN nullif(account, '') ELSE own END,
            record_access.table_name, record_access.operation, record_access.key);
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION shared.record_access(text, text, jsonb, text) TO trading_app, trading_service;

-- A seal is a batch of rows of the audit log, numbered from 1 without a gap, and one link of a chain: its head is a
-- SHA-256 over all its columns and the head before it (audit/digest.go).
CREATE TABLE shared.audit_seals (
    seal              bigint PRIMARY KEY CHECK (seal > 0),
    first_number      bigint NOT NULL CHECK (first_number > 0), -- of its first row
    ids               bigint[] NOT NULL,                        -- of its rows, in the order of their numbers
    times             timestamptz[] NOT NULL,
    digests           bytea NOT NULL,                           -- of its rows, 32 bytes each
    after             pg_snapshot NOT NULL,                     -- its rows became visible after this snapshot,
    after_at          timestamptz,                              -- which was taken at this time; NULL where none was
    system_identifier text NOT NULL,                            -- of the cluster, whose transaction ids its rows have
    sealed_at         timestamptz NOT NULL,
    head              bytea NOT NULL CHECK (length(head) = 32),
    CHECK (cardinality(ids) >= 1 AND cardinality(ids) <= 100000 AND cardinality(times) = cardinality(ids) AND length(digests) = 32 * cardinality(ids))
);
-- Which seals may have an entry, by its id.
CREATE INDEX idx_audit_seals_ids ON shared.audit_seals USING gist (int8range(ids[1], ids[array_upper(ids, 1)], '[]'));

-- How far the sealer has come: a snapshot window as that of events.cursor. Whoever locks the row leads.
CREATE TABLE shared.audit_cursor (
    only_one          boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    snap_done         pg_snapshot NOT NULL DEFAULT '1:1:',
    done_at           timestamptz,                              -- when snap_done was taken; NULL where it was not in this cluster
    snap_target       pg_snapshot,
    target_at         timestamptz,
    id_done           bigint NOT NULL DEFAULT 0,                -- of the window being sealed
    seal              bigint NOT NULL DEFAULT 0,                -- the last one,
    number            bigint NOT NULL DEFAULT 0,                -- its last row's number
    head              bytea NOT NULL DEFAULT '\x',
    system_identifier text NOT NULL DEFAULT '',                 -- of the cluster whose snapshots these are
    foreign_xid       xid8,                                     -- the greatest of entries that came from other clusters
    updated_at        timestamptz NOT NULL DEFAULT now()
);
INSERT INTO shared.audit_cursor DEFAULT VALUES;

GRANT SELECT ON shared.audit_seals, shared.audit_cursor TO trading_service, trading_reporter;
GRANT INSERT ON shared.audit_seals TO trading_service;
GRANT UPDATE ON shared.audit_cursor TO trading_service;

-- +goose Down
DROP TABLE shared.audit_cursor;
DROP TABLE shared.audit_seals;
DROP FUNCTION shared.record_access(text, text, jsonb, text);
-- +goose StatementBegin
DO $$
DECLARE
    made record;
BEGIN
    FOR made IN SELECT tgname, tgrelid::regclass AS target FROM pg_trigger
                 WHERE tgfoid IN ('shared.audit_rows()'::regprocedure, 'shared.audit_update()'::regprocedure) AND tgparentid = 0 LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', made.tgname, made.target);
    END LOOP;
END $$;
-- +goose StatementEnd
DROP FUNCTION execution.by_fill(execution.orders, execution.orders);
DROP FUNCTION shared.audited(regclass, text[], boolean, text);
DROP FUNCTION shared.audit_update();
DROP FUNCTION shared.audit_rows();
DROP FUNCTION shared.masked(text, jsonb);
DROP TABLE shared.masked_columns;
DROP INDEX shared.idx_audit_log_id;
ALTER TABLE shared.audit_log ALTER user_id SET DEFAULT '', ALTER correlation_id SET DEFAULT '';
GRANT INSERT ON shared.audit_log TO trading_app, trading_service;
