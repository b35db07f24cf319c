-- +goose Up
-- What the partition runner (package partition) needs: options of leaves, tables made ahead by years, and a memory of
-- what was done to closed leaves. And statistics after loads.

-- A partitioned table takes no storage options, and LIKE copies none from anywhere: they are kept here, as in
-- 'fillfactor=90, autovacuum_enabled=off', and every new leaf gets them.
ALTER TABLE shared.partitioned_tables ADD leaf_options text NOT NULL DEFAULT '';
ALTER TABLE shared.partitioned_tables DROP CONSTRAINT partitioned_tables_ahead_check;
ALTER TABLE shared.partitioned_tables ADD CONSTRAINT partitioned_tables_ahead_check
    CHECK (ahead IN ('year', 'month', 'none', 'positions'));

-- Closed leaves that had their one VACUUM (FREEZE, ANALYZE). The statistics would tell it too, until a crash loses them.
CREATE TABLE shared.vacuumed_partitions (
    leaf regclass PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON shared.vacuumed_partitions TO trading_service, trading_reporter;

-- What imports have stored, by the SHA-256 of their bars: imported again, it has no news, so it updates nothing that a
-- later file of the same source corrected.
CREATE TABLE data_ingestion.imported_contents (
    content bytea PRIMARY KEY CHECK (length(content) = 32),
    at      timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON data_ingestion.imported_contents TO trading_service;
GRANT SELECT ON data_ingestion.imported_contents TO trading_reporter;

-- +goose StatementBegin
-- create_leaf makes one leaf and attaches it. LIKE + ATTACH locks the parent against other schema changes only;
-- PARTITION OF would stop its readers. LIKE copies neither row-level security nor policies nor grants nor storage
-- options: a leaf of a tenant table is isolated here, no leaf is granted to anybody, and it gets the options of its
-- table. INCLUDING IDENTITY would be refused from 17 on.
CREATE OR REPLACE FUNCTION shared.create_leaf(parent regclass, leaf text, lower text, upper text) RETURNS void
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
-- ensure_ahead makes what is due for all tables: this month and three ahead, or this year and the next, and the
-- outbox's next leaf. It takes no argument, so every role that writes may call it, and no fill fails because no daemon
-- ran.
CREATE OR REPLACE FUNCTION shared.ensure_ahead() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target shared.partitioned_tables;
    due_to timestamptz;
    due timestamptz;
    done text;
    made int := 0;
BEGIN
    FOR target IN SELECT * FROM shared.partitioned_tables WHERE ahead <> 'none' ORDER BY table_name::text LOOP
        IF target.ahead = 'positions' THEN
            PERFORM shared.lock_partitions(target.table_name);
            made := made + shared.ensure_positions(target);
            CONTINUE;
        END IF;
        due_to := CASE target.ahead WHEN 'year' THEN date_trunc('year', now()) + interval '23 months'
                                    ELSE now() + interval '3 months' END;
        FOR due IN SELECT generate_series(date_trunc('month', now()), due_to, '1 month') LOOP
            CONTINUE WHEN EXISTS (SELECT FROM shared.partitions p WHERE p.table_name = target.table_name
                AND p.lower::timestamptz <= due AND p.upper::timestamptz > due);
            PERFORM shared.lock_partitions(target.table_name);
            done := NULL;
            IF target.ahead = 'year' THEN
                done := shared.cover(target.table_name, 'year', date_trunc('year', due));
            END IF;
            IF done IS NULL THEN -- by months, or a year that already holds one
                done := shared.cover(target.table_name, 'month', due);
            END IF;
            made := made + (coalesce(done, '') LIKE 'created%')::int;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- analyze_bars gathers the statistics of market_data where rows that changed are a tenth of it or more, and reports
-- whether it did. Autovacuum does so for leaves alone, and later; only the owner may ANALYZE.
CREATE FUNCTION shared.analyze_bars(changed bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF changed < 1 OR changed * 10 < (SELECT sum(greatest(c.reltuples, 0)) FROM shared.partitions p JOIN pg_class c ON c.oid = p.leaf
        WHERE p.table_name = 'data_ingestion.market_data'::regclass) THEN
        RETURN false;
    END IF;
    ANALYZE (SKIP_LOCKED) data_ingestion.market_data;
    RETURN true;
END $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION shared.analyze_bars(bigint) TO trading_service;

-- +goose Down
DROP FUNCTION shared.analyze_bars(bigint);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.create_leaf(parent regclass, leaf text, lower text, upper text) RETURNS void
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
CREATE OR REPLACE FUNCTION shared.ensure_ahead() RETURNS int
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

DROP TABLE data_ingestion.imported_contents;
DROP TABLE shared.vacuumed_partitions;
ALTER TABLE shared.partitioned_tables DROP CONSTRAINT partitioned_tables_ahead_check;
ALTER TABLE shared.partitioned_tables ADD CONSTRAINT partitioned_tables_ahead_check CHECK (ahead IN ('month', 'none', 'positions'));
ALTER TABLE shared.partitioned_tables DROP leaf_options;
