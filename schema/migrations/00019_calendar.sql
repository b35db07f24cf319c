-- +goose Up
-- How far ahead partitions are made is said in one place, which the importer reads too.

-- +goose StatementBegin
-- partitions_until returns the first instant for which no partition is made: the end of this month, two years from now.
-- A limit at the end of a month never moves backwards. now() + '2 years' did, on 29 February.
CREATE FUNCTION shared.partitions_until() RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
RETURN date_trunc('month', now()) + interval '25 months';
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION shared.partitions_until() TO trading_service;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.check_partition_range(range_from timestamptz, range_to timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF range_from IS NULL OR range_to IS NULL OR range_from < '1900-01-01' OR range_to > date_trunc('year', now()) + interval '3 years'
        OR range_from >= shared.partitions_until() THEN
        RAISE EXCEPTION 'partitions are made from 1900 to two years ahead, not from % to %', range_from, range_to
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION shared.check_partition_range(range_from timestamptz, range_to timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF range_from IS NULL OR range_to IS NULL OR range_from < '1900-01-01' OR range_to > date_trunc('year', now()) + interval '3 years'
        OR range_from > now() + interval '2 years' THEN
        RAISE EXCEPTION 'partitions are made from 1900 to two years ahead, not from % to %', range_from, range_to
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;
-- +goose StatementEnd

DROP FUNCTION shared.partitions_until();
