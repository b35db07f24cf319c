-- +goose Up
-- Append-only, in partitions of positions: never updated, never deleted, retired by whole partitions. The identity's
-- sequence caches nothing: a cached block would hand out positions out of order.
CREATE TABLE events.outbox (
    pos            bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    account_id     text CHECK (length(account_id) BETWEEN 1 AND 50),
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    channel        text NOT NULL CHECK (length(channel) BETWEEN 1 AND 50),
    key            text NOT NULL CHECK (length(key) BETWEEN 1 AND 50),
    event_id       uuid NOT NULL,
    type           text NOT NULL CHECK (length(type) BETWEEN 1 AND 50),
    v              smallint NOT NULL DEFAULT 1 CHECK (v > 0),
    service        text NOT NULL CHECK (length(service) BETWEEN 1 AND 50),
    correlation_id text NOT NULL DEFAULT '' CHECK (length(correlation_id) <= 100),
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    data           jsonb NOT NULL
) PARTITION BY RANGE (pos);
CREATE INDEX idx_outbox_xid ON events.outbox (xid);

CREATE TABLE events.cursor (
    consumer          text PRIMARY KEY CHECK (length(consumer) BETWEEN 1 AND 100),
    snap_done         pg_snapshot NOT NULL,
    snap_target       pg_snapshot,
    pos_done          bigint NOT NULL DEFAULT 0,
    applied           bigint NOT NULL DEFAULT 0,
    epoch             bigint NOT NULL DEFAULT 1,
    system_identifier text NOT NULL DEFAULT '',
    updated_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE events.batch (
    channel     text NOT NULL CHECK (length(channel) BETWEEN 1 AND 50),
    first_seq   bigint NOT NULL,
    events      bigint NOT NULL CHECK (events > 0),
    snap_done   pg_snapshot NOT NULL,
    snap_target pg_snapshot NOT NULL,
    pos_from    bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (channel, first_seq)
);

CREATE TABLE events.dead_letter (
    consumer    text NOT NULL CHECK (length(consumer) BETWEEN 1 AND 100),
    pos         bigint NOT NULL,
    account_id  text CHECK (length(account_id) BETWEEN 1 AND 50),
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 50),
    error       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (consumer, pos)
);
CREATE INDEX idx_dead_letter_parked ON events.dead_letter (consumer, key) WHERE resolved_at IS NULL;

SELECT shared.isolate('events.outbox'), shared.isolate('events.dead_letter');

GRANT SELECT ON events.outbox, events.dead_letter TO trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON events.outbox TO trading_app, trading_service;
GRANT SELECT ON events.cursor, events.batch TO trading_reporter;
GRANT SELECT, INSERT, UPDATE, DELETE ON events.cursor, events.batch TO trading_service;
GRANT INSERT, UPDATE, DELETE ON events.dead_letter TO trading_service;

-- +goose Down
DROP TABLE events.dead_letter;
DROP TABLE events.batch;
DROP TABLE events.cursor;
DROP TABLE events.outbox;
