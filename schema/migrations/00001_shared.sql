-- +goose Up
-- Objects belong to trading_owner, whom the migrator acts as. The roles belong to the cluster and are made before the first
-- migration (blotter roles sql). Each schema has a file of its own; schema shared holds what all of them use.
CREATE SCHEMA IF NOT EXISTS shared;
GRANT USAGE ON SCHEMA shared TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT SELECT ON shared.schema_version TO trading_app, trading_service, trading_readonly, trading_reporter;

-- A function is callable by those it is granted to, and by nobody else.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- 1. Types. A rule about one column is a domain, one for each meaning: the server keeps the rules of domains ready, but parses
-- those of a table again for each statement that writes it. The CHECKs of a table compare columns. Tables that are loaded in
-- bulk keep CHECKs, whose text is read once a COPY and which cost less a row. No domain has the name of a function: with this
-- schema in the search_path, count(x) would be a conversion to a domain "count". Limits are ranges: the server prepares each
-- function of a rule for each statement, and a range is one where two comparisons are four with their arguments.

-- A number that a blotter.Decimal holds exactly: finite, at most 19 digits after the point and 150 before it.
-- (NaN sorts above Infinity, so the upper bound refuses both.)
CREATE DOMAIN shared.exact AS numeric
    CHECK (VALUE <@ '(-1e150,1e150)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.positive AS numeric
    CHECK (VALUE <@ '(0,1e150)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.not_negative AS numeric
    CHECK (VALUE <@ '[0,1e150)'::numrange AND min_scale(VALUE) <= 19);
-- Products of a fill's numbers have room: readers of all accounts compute them.
CREATE DOMAIN shared.quantity AS numeric
    CHECK (VALUE <@ '(0,1e50)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.signed_quantity AS numeric
    CHECK (VALUE <@ '(-1e50,1e50)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.price AS numeric
    CHECK (VALUE <@ '(-1e50,1e50)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.multiplier AS numeric
    CHECK (VALUE <@ '(0,1e20)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.cost_basis AS numeric
    CHECK (VALUE <@ '(-1e130,1e130)'::numrange AND min_scale(VALUE) <= 19);
CREATE DOMAIN shared.row_count AS bigint CHECK (VALUE >= 0);

CREATE DOMAIN shared.account_id AS text CHECK (length(VALUE) <@ '[1,50]'::int4range);
CREATE DOMAIN shared.order_id AS text CHECK (length(VALUE) <@ '[1,100]'::int4range);
CREATE DOMAIN shared.trade_id AS text CHECK (length(VALUE) <@ '[1,100]'::int4range);
CREATE DOMAIN shared.symbol AS text CHECK (length(VALUE) <@ '[1,32]'::int4range);
CREATE DOMAIN shared.timeframe AS text CHECK (length(VALUE) <@ '[1,10]'::int4range);
CREATE DOMAIN shared.source AS text CHECK (length(VALUE) <@ '[1,50]'::int4range);
CREATE DOMAIN shared.currency AS text CHECK (length(VALUE) <@ '[1,20]'::int4range);
CREATE DOMAIN shared.base_currency AS text CHECK (length(VALUE) <= 20); -- '' for none
CREATE DOMAIN shared.strategy AS text CHECK (length(VALUE) <= 100); -- '' for none
CREATE DOMAIN shared.session_id AS text CHECK (length(VALUE) <= 100); -- '' for none
CREATE DOMAIN shared.side AS text CHECK (VALUE IN ('buy', 'sell'));
CREATE DOMAIN shared.order_type AS text CHECK (VALUE IN ('market', 'limit', 'stop', 'stop_limit'));
CREATE DOMAIN shared.time_in_force AS text CHECK (VALUE IN ('day', 'gtc', 'ioc', 'fok'));
CREATE DOMAIN shared.order_status AS text
    CHECK (VALUE IN ('pending', 'submitted', 'partially_filled', 'filled', 'cancelled', 'rejected', 'expired'));
CREATE DOMAIN shared.position_effect AS text CHECK (VALUE IN ('open', 'increase', 'reduce', 'close', 'flip', 'void', 'adjust'));
-- An instant that JSON can write, in years of four digits.
CREATE DOMAIN shared.instant AS timestamptz CHECK (VALUE <@ '[1677-01-01Z,9999-12-31Z)'::tstzrange);

CREATE DOMAIN shared.channel AS text CHECK (length(VALUE) <@ '[1,50]'::int4range);
CREATE DOMAIN shared.event_key AS text CHECK (length(VALUE) <@ '[1,50]'::int4range);
CREATE DOMAIN shared.event_type AS text CHECK (length(VALUE) <@ '[1,50]'::int4range);
CREATE DOMAIN shared.event_version AS smallint CHECK (VALUE > 0);
CREATE DOMAIN shared.service AS text CHECK (length(VALUE) <@ '[1,50]'::int4range);
CREATE DOMAIN shared.consumer AS text CHECK (length(VALUE) <@ '[1,100]'::int4range);
CREATE DOMAIN shared.correlation_id AS text CHECK (length(VALUE) <= 100); -- '' for none
CREATE DOMAIN shared.user_id AS text CHECK (length(VALUE) <= 100); -- '' for none
CREATE DOMAIN shared.sha256_digest AS bytea CHECK (length(VALUE) = 32);

-- JSON is measured as text, which is how it travels: 1e131071 takes 12 bytes in a table and 131,072 on its way. The text has a
-- space after each comma and colon, so that it may be longer than what was given (EventDataMax, 64 KiB), but not twice as
-- long. It is nested at most 64 levels deep: readers give up at some depth (encoding/json at 10,000), and one row would stop
-- those of all accounts.
CREATE DOMAIN shared.json_16k AS jsonb CHECK (octet_length(VALUE::text) <= 16384 AND NOT jsonb_path_exists(VALUE, '$.**{65}'));
CREATE DOMAIN shared.json_64k AS jsonb CHECK (octet_length(VALUE::text) <= 65536 AND NOT jsonb_path_exists(VALUE, '$.**{65}'));
CREATE DOMAIN shared.json_128k AS jsonb CHECK (octet_length(VALUE::text) <= 131072 AND NOT jsonb_path_exists(VALUE, '$.**{65}'));

-- 2. Isolation.

-- +goose StatementBegin
-- isolate puts a tenant table (or a leaf of one) behind row-level security. The permissive policy opens the table to
-- our roles; the restrictive one narrows app and readonly to the account of the session, and nothing can widen it
-- again: a stray permissive policy is ANDed with it. FORCE binds the owner too. The sub-select is evaluated once a
-- statement. Unset: no row is seen, no row is written.
CREATE FUNCTION shared.isolate(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own_rows constant text := $q$account_id = (SELECT nullif(current_setting('app.current_account_id', true), ''))$q$;
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY blotter_roles ON %s AS PERMISSIVE FOR ALL
        TO trading_app, trading_service, trading_readonly, trading_reporter, trading_owner
        USING (true) WITH CHECK (true)', target);
    EXECUTE format('CREATE POLICY account_isolation ON %s AS RESTRICTIVE FOR ALL
        TO trading_app, trading_readonly USING (%s) WITH CHECK (%s)', target, own_rows, own_rows);
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- may_remove reports whether the session may remove rows of the account: its own, or as the service any.
CREATE FUNCTION shared.may_remove(account text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN current_setting('role') = 'trading_service'
    OR coalesce(account = nullif(current_setting('app.current_account_id', true), ''), false);
-- +goose StatementEnd
-- +goose StatementBegin
-- uuid_v7 returns a UUID of version 7: the milliseconds of the clock, then chance.
CREATE FUNCTION shared.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
RETURN encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
-- +goose StatementEnd
-- 3. Partitions make themselves. Bounds are UTC whatever the client's time zone; the catalog is the truth, never a name.

CREATE TABLE shared.partitioned_tables (
    table_name   regclass PRIMARY KEY,
    past         text NOT NULL CHECK (past IN ('year', 'month', 'positions')),           -- size of a leaf before the current year
    ahead        text NOT NULL CHECK (ahead IN ('year', 'month', 'none', 'positions')),  -- size of the leaves made ahead
    size         bigint NOT NULL DEFAULT 0,                                              -- positions a leaf, for 'positions'
    -- A partitioned table takes no storage options, and LIKE copies none: every new leaf gets these, for example
    -- 'fillfactor=90, autovacuum_enabled=off'.
    leaf_options text NOT NULL DEFAULT ''
);
GRANT SELECT ON shared.partitioned_tables TO trading_app, trading_service, trading_readonly, trading_reporter;

-- Every leaf with its bounds; a leaf whose detaching was cut short is marked pending.
CREATE VIEW shared.partitions WITH (security_invoker = true) AS
SELECT p.table_name, c.oid::regclass AS leaf, bounds[1] AS lower, bounds[2] AS upper, i.inhdetachpending AS detach_pending
  FROM shared.partitioned_tables p
  JOIN pg_catalog.pg_inherits i ON i.inhparent = p.table_name
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid,
       regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('?([^')]+)'?\) TO \('?([^')]+)'?\)$$) bounds;
GRANT SELECT ON shared.partitions TO trading_app, trading_service, trading_readonly, trading_reporter;

-- Closed leaves that had their one VACUUM (FREEZE, ANALYZE). The statistics would tell it too, until a crash loses them.
CREATE TABLE shared.vacuumed_partitions (
    leaf regclass PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON shared.vacuumed_partitions TO trading_service, trading_reporter;

-- +goose StatementBegin
-- partitioned_table resolves "market_data" or "data_ingestion.market_data" to one of our partitioned tables.
CREATE FUNCTION shared.partitioned_table(name text) RETURNS shared.partitioned_tables
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found shared.partitioned_tables;
BEGIN
    SELECT p.* INTO found FROM shared.partitioned_tables p
      JOIN pg_class c ON c.oid = p.table_name JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE name IN (c.relname, n.nspname || '.' || c.relname);
    IF found.table_name IS NULL THEN
        RAISE EXCEPTION '"%" is not a partitioned table of blotter', name
            USING ERRCODE = 'undefined_table', HINT = 'The tables are listed in shared.partitioned_tables.';
    END IF;
    RETURN found;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- create_leaf makes one leaf and attaches it. LIKE + ATTACH locks the parent against other schema changes only;
-- PARTITION OF would stop its readers. LIKE copies neither row-level security nor policies nor grants nor storage
-- options: a leaf of a tenant table is isolated here, no leaf is granted to anybody, and it gets the options of its
-- table. INCLUDING IDENTITY would be refused from 17 on.
CREATE FUNCTION shared.create_leaf(parent regclass, leaf text, lower text, upper text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    schema text;
    isolated boolean;
    options text;
BEGIN
    SELECT n.nspname, c.relrowsecurity, p.leaf_options INTO schema, isolated, options
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN shared.partitioned_tables p ON p.table_name = c.oid
     WHERE c.oid = parent;
    IF to_regclass(format('%I.%I', schema, leaf)) IS NOT NULL THEN
        RAISE EXCEPTION 'table %.% exists and is not the partition of % from % to %', schema, leaf, parent, lower, upper
            USING ERRCODE = 'duplicate_table', HINT = 'Rename or drop that table; its name is needed for the partition.';
    END IF;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL EXCLUDING IDENTITY)', schema, leaf, parent)
        || CASE WHEN options <> '' THEN ' WITH (' || options || ')' ELSE '' END;
    IF isolated THEN
        PERFORM shared.isolate(format('%I.%I', schema, leaf)::regclass);
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', parent, schema, leaf, lower, upper);
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- cover makes one leaf for [lower, upper) unless a leaf covers it already, and says in words what it did. A range that
-- leaves cover in part is a NULL: the caller divides it.
CREATE FUNCTION shared.cover(parent regclass, grain text, leaf_from timestamptz) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    leaf_to constant timestamptz := leaf_from + ('1 ' || grain)::interval;
    leaf_name constant text := (SELECT relname FROM pg_class WHERE oid = parent) || CASE grain
        WHEN 'year' THEN '_y' || to_char(leaf_from, 'YYYY') ELSE '_' || to_char(leaf_from, 'YYYY_MM') END;
    taken record;
BEGIN
    SELECT c.relname, p.lower::timestamptz <= leaf_from AND p.upper::timestamptz >= leaf_to AS covers INTO taken
      FROM shared.partitions p JOIN pg_class c ON c.oid = p.leaf
     WHERE p.table_name = parent AND p.lower::timestamptz < leaf_to AND p.upper::timestamptz > leaf_from
     ORDER BY p.lower::timestamptz LIMIT 1;
    IF NOT FOUND THEN
        PERFORM shared.create_leaf(parent, leaf_name, leaf_from::text, leaf_to::text);
        RETURN 'created ' || leaf_name;
    ELSIF taken.covers THEN
        RETURN 'covered by ' || taken.relname;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- Partitions are made under the lock of a row that no account's login may lock. An advisory lock can be taken by anybody, who
-- then keeps the next partition from being made until there is none left to write into.
-- +goose StatementBegin
CREATE FUNCTION shared.lock_partitions(parent regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM shared.partitioned_tables t WHERE t.table_name = parent FOR UPDATE;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- partitions_until returns the first instant for which no partition is made: the end of this month, two years from now.
-- A limit at the end of a month never moves backwards. now() + '2 years' did, on 29 February.
CREATE FUNCTION shared.partitions_until() RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
RETURN date_trunc('month', now()) + interval '25 months';
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION shared.check_partition_range(range_from timestamptz, range_to timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF range_from IS NULL OR range_to IS NULL OR range_from < '1900-01-01' OR range_to > date_trunc('year', now()) + interval '3 years'
        OR range_from >= shared.partitions_until() THEN
        RAISE EXCEPTION 'partitions are made from 1900 to two years ahead, not from % to %', range_from, range_to
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- ensure_partitions makes what is missing so that every row from range_from up to and including range_to has a
-- partition, and returns how many it made. Asking twice is no error. Imports call it before they write.
CREATE FUNCTION shared.ensure_partitions(table_name text, range_from timestamptz, range_to timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target constant shared.partitioned_tables := shared.partitioned_table(ensure_partitions.table_name);
    made int := 0;
    done text;
    first timestamptz;
    month timestamptz;
BEGIN
    PERFORM shared.check_partition_range(range_from, range_to);
    PERFORM shared.lock_partitions(target.table_name);
    FOR first IN SELECT generate_series(date_trunc('year', range_from), range_to, '1 year') LOOP
        done := NULL;
        IF target.past = 'year' AND first < date_trunc('year', now()) THEN
            done := shared.cover(target.table_name, 'year', first);
            made := made + (coalesce(done, '') LIKE 'created%')::int;
        END IF;
        CONTINUE WHEN done IS NOT NULL;
        FOR month IN SELECT m FROM generate_series(first, first + interval '11 months', '1 month') m
                      WHERE m <= range_to AND m + interval '1 month' > range_from LOOP
            made := made + (coalesce(shared.cover(target.table_name, 'month', month), '') LIKE 'created%')::int;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- create_monthly_partition makes the partition of start_date's month and says what it did: "created ..." or
-- "covered by ...".
CREATE FUNCTION shared.create_monthly_partition(table_name text, start_date date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target constant shared.partitioned_tables := shared.partitioned_table(create_monthly_partition.table_name);
BEGIN
    PERFORM shared.check_partition_range(start_date, start_date);
    PERFORM shared.lock_partitions(target.table_name);
    RETURN shared.cover(target.table_name, 'month', date_trunc('month', start_date::timestamptz));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- create_yearly_partition makes the partition of start_date's year; a year that already holds a month is filled by
-- months.
CREATE FUNCTION shared.create_yearly_partition(table_name text, start_date date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target constant shared.partitioned_tables := shared.partitioned_table(create_yearly_partition.table_name);
    first constant timestamptz := date_trunc('year', start_date::timestamptz);
    done text;
BEGIN
    PERFORM shared.check_partition_range(start_date, start_date);
    PERFORM shared.lock_partitions(target.table_name);
    done := shared.cover(target.table_name, 'year', first);
    IF done IS NULL THEN
        SELECT 'filled by months: ' || string_agg(shared.cover(target.table_name, 'month', m), ', ' ORDER BY m) INTO done
          FROM generate_series(first, first + interval '11 months', '1 month') m;
    END IF;
    RETURN done;
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
-- ensure_positions keeps one whole leaf of the outbox ahead of its sequence.
CREATE FUNCTION shared.ensure_positions(target shared.partitioned_tables) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    used constant bigint := coalesce((SELECT s.last_value FROM pg_sequences s
        WHERE format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence(target.table_name::text, 'pos')), 0);
    next bigint := coalesce((SELECT max(p.upper::bigint) FROM shared.partitions p WHERE p.table_name = target.table_name), 0);
    made int := 0;
BEGIN
    WHILE next < used + target.size LOOP
        PERFORM shared.create_leaf(target.table_name, 'outbox_p' || next / target.size, next::text, (next + target.size)::text);
        next := next + target.size;
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
-- ensure_leaf makes what is due of one table at one time, and locks nothing where nothing is due: its caller may leave its
-- transaction open. What keeps it from being made becomes a warning (01B19).
CREATE FUNCTION shared.ensure_leaf(target shared.partitioned_tables, due timestamptz) RETURNS int
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
-- +goose StatementBegin
-- ensure_ahead makes what is due for all tables: this month and three ahead, or this year and the next, and the
-- outbox's next leaf. It takes no argument, so every role that writes may call it, and no fill fails because no daemon
-- ran.
CREATE FUNCTION shared.ensure_ahead() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target shared.partitioned_tables;
    due_to timestamptz;
    due timestamptz;
    made int := 0;
BEGIN
    FOR target IN SELECT * FROM shared.partitioned_tables WHERE ahead <> 'none' ORDER BY table_name::text LOOP
        IF target.ahead = 'positions' THEN
            made := made + shared.ensure_leaf(target, NULL);
            CONTINUE;
        END IF;
        due_to := CASE target.ahead WHEN 'year' THEN date_trunc('year', now()) + interval '23 months'
                                    ELSE now() + interval '3 months' END;
        FOR due IN SELECT generate_series(date_trunc('month', now()), due_to, '1 month') LOOP
            made := made + shared.ensure_leaf(target, due);
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION shared.ensure_ahead() TO trading_app, trading_service;
GRANT EXECUTE ON FUNCTION shared.ensure_partitions(text, timestamptz, timestamptz), shared.partitions_until(),
    shared.create_monthly_partition(text, date), shared.create_yearly_partition(text, date) TO trading_service;

-- 4. The audit log writes itself: triggers record what people change, a function records what they read, and a chain of seals
-- (package audit) shows afterwards what was tampered with. Nobody inserts by hand, so nobody forges an entry: the
-- functions do it as the owner. No application role can change or remove a row.
CREATE TABLE shared.audit_log (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    account_id     shared.account_id,
    login          text NOT NULL DEFAULT session_user,
    role           text NOT NULL DEFAULT current_setting('role'),
    user_id        shared.user_id NOT NULL DEFAULT left(coalesce(current_setting('app.user_id', true), ''), 100),
    table_name     text NOT NULL CHECK (length(table_name) BETWEEN 1 AND 130),
    operation      text NOT NULL CHECK (length(operation) BETWEEN 1 AND 50),
    key            shared.json_16k, -- of record_access its caller chooses it; what triggers write is bounded by their tables
    old            jsonb,
    new            jsonb,
    correlation_id shared.correlation_id NOT NULL DEFAULT left(coalesce(current_setting('app.correlation_id', true), ''), 100),
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    timestamp      timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_audit_log_account ON shared.audit_log (account_id, timestamp DESC);
CREATE INDEX idx_audit_log_xid ON shared.audit_log (xid);
-- Listings are in the order of ids, and the seals are verified by id.
CREATE INDEX idx_audit_log_id ON shared.audit_log (id);
SELECT shared.isolate('shared.audit_log');
GRANT SELECT ON shared.audit_log TO trading_app, trading_service, trading_readonly, trading_reporter;

-- Columns whose values the audit log does not keep: it could never forget them. That they changed is recorded.
CREATE TABLE shared.masked_columns (
    table_name  text NOT NULL CHECK (length(table_name) BETWEEN 3 AND 130), -- 'execution.accounts'
    column_name text NOT NULL CHECK (length(column_name) BETWEEN 1 AND 63), -- none of the table's key, which says which row it was
    PRIMARY KEY (table_name, column_name)
);
GRANT SELECT ON shared.masked_columns TO trading_service, trading_reporter;

-- +goose StatementBegin
-- masked puts *** in place of values that are not to be kept. NULL stays NULL.
CREATE FUNCTION shared.masked(name text, content jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN content || coalesce((SELECT jsonb_object_agg(m.column_name, '***') FROM shared.masked_columns m
    WHERE m.table_name = name AND coalesce(content -> m.column_name, 'null') <> 'null'), '{}');
-- +goose StatementEnd
-- The triggers write where a database has row_security = off as well, also for who changes something by hand.
-- +goose StatementBegin
-- audit_rows is the trigger of statements that insert, delete or truncate. Its arguments are the columns of the key. A
-- partition's rows are recorded under the name of its root.
CREATE FUNCTION shared.audit_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET row_security = on AS $$
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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET row_security = on AS $$
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
-- +goose StatementBegin
-- record_access writes that somebody reads, or did something else that no trigger sees. A session of one account records
-- for that account, one of all accounts for the account that it names. Who is neither the service nor the owner records what
-- nobody checks: that it reads a table which it may read, in one of a few words. Words are compared as ASCII: in a Turkish
-- locale the capital of i is not I.
CREATE FUNCTION shared.record_access(table_name text, operation text, key jsonb, account text) RETURNS void
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
    head              bytea NOT NULL DEFAULT ''::bytea,
    system_identifier text NOT NULL DEFAULT '',                 -- of the cluster whose snapshots these are
    foreign_xid       xid8,                                     -- the greatest of entries that came from other clusters
    updated_at        timestamptz NOT NULL DEFAULT now()
);
INSERT INTO shared.audit_cursor DEFAULT VALUES;
GRANT SELECT ON shared.audit_seals, shared.audit_cursor TO trading_service, trading_reporter;
GRANT INSERT ON shared.audit_seals TO trading_service;
GRANT UPDATE ON shared.audit_cursor TO trading_service;

-- 5. Operations.
CREATE TABLE shared.maintenance_runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job        text NOT NULL CHECK (length(job) BETWEEN 1 AND 50),
    service    text NOT NULL DEFAULT '' CHECK (length(service) <= 50),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    run_by     text NOT NULL CHECK (length(run_by) BETWEEN 1 AND 200),
    result     text NOT NULL DEFAULT 'running' CHECK (result IN ('running', 'ok', 'failed', 'killed')), -- killed by its runner's end
    error      text NOT NULL DEFAULT '',
    figures    jsonb NOT NULL DEFAULT '{}'
);
-- The last runs of a job are those with the highest numbers: a clock that was set back does not change that.
CREATE INDEX idx_maintenance_runs_job ON shared.maintenance_runs (job, id DESC);
GRANT SELECT ON shared.maintenance_runs TO trading_reporter;
GRANT SELECT, INSERT, UPDATE ON shared.maintenance_runs TO trading_service;

-- The primary's time, written every few seconds: a replica reads here how far it is behind. One row.
CREATE TABLE shared.heartbeat (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    at timestamptz NOT NULL
) WITH (fillfactor = 10);
GRANT SELECT ON shared.heartbeat TO trading_reporter;
GRANT SELECT, INSERT, UPDATE ON shared.heartbeat TO trading_service;

-- sequence_positions is how far blotter's sequences are used, which the server tells only to who may use them.
CREATE FUNCTION shared.sequence_positions() RETURNS TABLE (sequence text, last_value bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('%I.%I', s.schemaname, s.sequencename), s.last_value FROM pg_sequences s WHERE s.sequenceowner = 'trading_owner' $$;
GRANT EXECUTE ON FUNCTION shared.sequence_positions() TO trading_reporter;

INSERT INTO shared.partitioned_tables VALUES ('shared.audit_log', 'month', 'month', 0);
SELECT shared.ensure_ahead();

-- +goose Down
DROP FUNCTION shared.sequence_positions();
DROP TABLE shared.heartbeat, shared.maintenance_runs, shared.audit_cursor, shared.audit_seals, shared.audit_log;
DROP FUNCTION shared.record_access(text, text, jsonb, text), shared.audited(regclass, text[], boolean, text), shared.audit_update(),
    shared.audit_rows(), shared.masked(text, jsonb);
DROP TABLE shared.masked_columns;
DROP FUNCTION shared.ensure_ahead(), shared.ensure_leaf(shared.partitioned_tables, timestamptz),
    shared.ensure_positions(shared.partitioned_tables), shared.positions_are_due(shared.partitioned_tables),
    shared.create_yearly_partition(text, date), shared.create_monthly_partition(text, date),
    shared.ensure_partitions(text, timestamptz, timestamptz), shared.check_partition_range(timestamptz, timestamptz),
    shared.partitions_until(), shared.lock_partitions(regclass), shared.cover(regclass, text, timestamptz),
    shared.create_leaf(regclass, text, text, text), shared.partitioned_table(text);
DROP TABLE shared.vacuumed_partitions;
DROP VIEW shared.partitions;
DROP TABLE shared.partitioned_tables;
DROP FUNCTION shared.uuid_v7(), shared.may_remove(text), shared.isolate(regclass);
DROP DOMAIN shared.json_128k, shared.json_64k, shared.json_16k, shared.sha256_digest, shared.user_id, shared.correlation_id, shared.consumer,
    shared.service, shared.event_version, shared.event_type, shared.event_key, shared.channel, shared.instant,
    shared.position_effect, shared.order_status, shared.time_in_force, shared.order_type, shared.side, shared.session_id,
    shared.strategy, shared.base_currency, shared.currency, shared.source, shared.timeframe, shared.symbol, shared.trade_id, shared.order_id,
    shared.account_id, shared.row_count, shared.cost_basis, shared.multiplier, shared.price, shared.signed_quantity,
    shared.quantity, shared.not_negative, shared.positive, shared.exact;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
REVOKE ALL ON shared.schema_version FROM trading_app, trading_service, trading_readonly, trading_reporter;
REVOKE ALL ON SCHEMA shared FROM trading_app, trading_service, trading_readonly, trading_reporter;
