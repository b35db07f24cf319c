-- +goose Up
-- One partition that cannot be made, as where a detached table has its name, keeps no other from being made and no
-- program from opening the database: ensure_ahead warns of it and goes on.

-- +goose StatementBegin
-- ensure_leaf makes what is due of one table at one time. What keeps it from being made becomes a warning (01B19).
CREATE FUNCTION shared.ensure_leaf(target shared.partitioned_tables, due timestamptz) RETURNS int
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

-- +goose Down
-- +goose StatementBegin
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

DROP FUNCTION shared.ensure_leaf(shared.partitioned_tables, timestamptz);
