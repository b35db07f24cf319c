-- +goose Up
-- Partitions make themselves. Bounds are UTC whatever the client's time zone; truth is the catalog, never a name.

CREATE TABLE shared.partitioned_tables (
    table_name regclass PRIMARY KEY,
    past       text NOT NULL CHECK (past IN ('year', 'month', 'positions')),   -- size of a leaf before the current year
    ahead      text NOT NULL CHECK (ahead IN ('month', 'none', 'positions')),  -- size of the leaves made ahead
    size       bigint NOT NULL DEFAULT 0                                       -- positions a leaf, for 'positions'
);
INSERT INTO shared.partitioned_tables VALUES
    ('data_ingestion.market_data', 'year', 'month', 0),
    ('logging.system_logs', 'month', 'month', 0),
    ('logging.performance_logs', 'month', 'month', 0),
    ('logging.archived_system_logs', 'month', 'none', 0),
    ('shared.audit_log', 'month', 'month', 0),
    ('events.outbox', 'positions', 'positions', 5000000);
GRANT SELECT ON shared.partitioned_tables TO trading_app, trading_service, trading_readonly, trading_reporter;

-- Every leaf with its bounds; a leaf whose detaching was cut short is marked pending.
CREATE VIEW shared.partitions WITH (security_invoker = true) AS
SELECT p.table_name, c.oid::regclass AS leaf, bounds[1] AS lower, bounds[2] AS upper, i.inhdetachpending AS detach_pending
  FROM shared.partitioned_tables p
  JOIN pg_catalog.pg_inherits i ON i.inhparent = p.table_name
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid,
       regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('?([^')]+)'?\) TO \('?([^')]+)'?\)$$) bounds;
GRANT SELECT ON shared.partitions TO trading_app, trading_service, trading_readonly, trading_reporter;

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
-- PARTITION OF would stop its readers. LIKE copies neither row-level security nor policies nor grants: a leaf of a
-- tenant table is isolated here, and no leaf is granted to anybody. INCLUDING IDENTITY would be refused from 17 on.
CREATE FUNCTION shared.create_leaf(parent regclass, leaf text, lower text, upper text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    schema text;
    isolated boolean;
BEGIN
    SELECT n.nspname, c.relrowsecurity INTO schema, isolated
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = parent;
    IF to_regclass(format('%I.%I', schema, leaf)) IS NOT NULL THEN
        RAISE EXCEPTION 'table %.% exists and is not the partition of % from % to %', schema, leaf, parent, lower, upper
            USING ERRCODE = 'duplicate_table', HINT = 'Rename or drop that table; its name is needed for the partition.';
    END IF;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL EXCLUDING IDENTITY)', schema, leaf, parent);
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

-- +goose StatementBegin
-- lock_partitions makes creators of one table's partitions queue, so that asking at once is no error.
CREATE FUNCTION shared.lock_partitions(parent regclass) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN pg_advisory_xact_lock(hashtext('blotter.partitions'), parent::oid::bigint::bit(32)::int);
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION shared.check_partition_range(range_from timestamptz, range_to timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF range_from IS NULL OR range_to IS NULL OR range_from < '1900-01-01' OR range_to > date_trunc('year', now()) + interval '3 years'
        OR range_from > now() + interval '2 years' THEN
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
-- ensure_ahead makes what is due for all tables: this month and three ahead, and the outbox's next leaf. It takes no
-- argument, so every role that writes may call it, and no fill fails because no daemon ran.
CREATE FUNCTION shared.ensure_ahead() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target shared.partitioned_tables;
    month timestamptz;
    missing boolean;
    made int := 0;
BEGIN
    FOR target IN SELECT * FROM shared.partitioned_tables WHERE ahead <> 'none' ORDER BY table_name::text LOOP
        IF target.ahead = 'positions' THEN
            PERFORM shared.lock_partitions(target.table_name);
            made := made + shared.ensure_positions(target);
            CONTINUE;
        END IF;
        FOR month IN SELECT generate_series(date_trunc('month', now()), now() + interval '3 months', '1 month') LOOP
            missing := NOT EXISTS (SELECT FROM shared.partitions p WHERE p.table_name = target.table_name
                AND p.lower::timestamptz <= month AND p.upper::timestamptz > month);
            CONTINUE WHEN NOT missing;
            PERFORM shared.lock_partitions(target.table_name);
            made := made + (coalesce(shared.cover(target.table_name, 'month', month), '') LIKE 'created%')::int;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
-- +goose StatementEnd

GRANT EXECUTE ON FUNCTION shared.ensure_ahead() TO trading_app, trading_service;
GRANT EXECUTE ON FUNCTION shared.ensure_partitions(text, timestamptz, timestamptz),
    shared.create_monthly_partition(text, date), shared.create_yearly_partition(text, date) TO trading_service;

SELECT shared.ensure_ahead();

-- +goose Down
DROP FUNCTION shared.ensure_ahead();
DROP FUNCTION shared.ensure_positions(shared.partitioned_tables);
DROP FUNCTION shared.create_yearly_partition(text, date);
DROP FUNCTION shared.create_monthly_partition(text, date);
DROP FUNCTION shared.ensure_partitions(text, timestamptz, timestamptz);
DROP FUNCTION shared.check_partition_range(timestamptz, timestamptz);
DROP FUNCTION shared.lock_partitions(regclass);
DROP FUNCTION shared.cover(regclass, text, timestamptz);
DROP FUNCTION shared.create_leaf(regclass, text, text, text);
DROP FUNCTION shared.partitioned_table(text);
DROP VIEW shared.partitions;
DROP TABLE shared.partitioned_tables;
