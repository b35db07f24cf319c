-- +goose Up
CREATE SCHEMA events;
GRANT USAGE ON SCHEMA events TO trading_app, trading_service, trading_readonly, trading_reporter;

-- Append-only, in partitions of positions: never updated, never deleted, retired by whole partitions. The identity's
-- sequence caches nothing: a cached block would hand out positions out of order.
CREATE TABLE events.outbox (
    pos            bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    account_id     shared.account_id,
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    channel        shared.channel NOT NULL,
    key            shared.event_key NOT NULL,
    event_id       uuid NOT NULL,
    type           shared.event_type NOT NULL,
    v              shared.event_version NOT NULL DEFAULT 1,
    service        shared.service NOT NULL,
    correlation_id shared.correlation_id NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    data           shared.json_128k NOT NULL
) PARTITION BY RANGE (pos);
CREATE INDEX idx_outbox_xid ON events.outbox (xid);

-- +goose StatementBegin
-- outbox_is_what_it_says checks an event. Its key is its account, or the symbol of market data. Consumers keep order and park
-- what they cannot apply by key: under another account's key, an account could stop that account's events. An event of the book
-- is of the account that its data names; prices are of none. The list of the book's types is that of blotter.IsBookEvent. A
-- trigger, because the server parses the CHECKs of a table with every statement that writes it.
CREATE FUNCTION events.outbox_is_what_it_says() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_id IS NOT NULL
        AND (NEW.key <> NEW.account_id OR NEW.channel = 'market_data' OR NEW.type = 'market_data_updated')
        OR NEW.type IN ('trade_executed', 'trade_undone', 'trades_refolded', 'trade_corrected', 'position_adjusted', 'position_updated')
        AND (NEW.data ->> 'account_id' = NEW.account_id) IS NOT TRUE THEN
        RAISE EXCEPTION 'an event "%" of account "%" has the key "%"; outbox_is_what_it_says', NEW.type, NEW.account_id, NEW.key
            USING ERRCODE = 'check_violation', SCHEMA = 'events', TABLE = 'outbox', CONSTRAINT = 'outbox_is_what_it_says';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- An event is never changed. Whoever tries all the same hears the policies first.
CREATE TRIGGER outbox_is_what_it_says BEFORE INSERT ON events.outbox
    FOR EACH ROW EXECUTE FUNCTION events.outbox_is_what_it_says();
CREATE TRIGGER outbox_stays_what_it_says AFTER UPDATE ON events.outbox
    FOR EACH ROW EXECUTE FUNCTION events.outbox_is_what_it_says();
ALTER TABLE events.outbox ENABLE ALWAYS TRIGGER outbox_is_what_it_says, ENABLE ALWAYS TRIGGER outbox_stays_what_it_says;

CREATE TABLE events.cursor (
    consumer          shared.consumer PRIMARY KEY,
    snap_done         pg_snapshot NOT NULL,
    snap_target       pg_snapshot,
    pos_done          bigint NOT NULL DEFAULT 0,
    applied           bigint NOT NULL DEFAULT 0,
    epoch             bigint NOT NULL DEFAULT 1,
    system_identifier text NOT NULL DEFAULT '',
    updated_at        timestamptz NOT NULL DEFAULT now(),
    expired_at        timestamptz, -- from then on the consumer keeps no partition of the outbox
    -- The mark of a cursor that is not with its outbox: lineage/number/token. Empty for any other.
    witness           text NOT NULL DEFAULT '' CHECK (length(witness) <= 100)
);

-- A batch that was published, with its last position, so that it can go with the partition that holds it. Its numbers begin
-- again with each epoch. A batch of no message keeps the window that the relay left, to refill a Redis that lost its tail,
-- before it could note what it had published of it.
CREATE TABLE events.batch (
    channel     shared.channel NOT NULL,
    first_seq   bigint NOT NULL,
    events      shared.row_count NOT NULL,
    snap_done   pg_snapshot NOT NULL,
    snap_target pg_snapshot NOT NULL,
    pos_from    bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    epoch       bigint NOT NULL DEFAULT 1,
    pos_to      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, epoch, first_seq)
);

CREATE TABLE events.dead_letter (
    consumer    shared.consumer NOT NULL,
    pos         bigint NOT NULL,
    account_id  shared.account_id,
    key         shared.event_key NOT NULL,
    error       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    asked_at    timestamptz, -- somebody asked to try its key again
    PRIMARY KEY (consumer, pos)
);
CREATE INDEX idx_dead_letter_parked ON events.dead_letter (consumer, key) WHERE resolved_at IS NULL;

-- What other services published, once each: their messages are told apart by their id.
CREATE TABLE events.published (
    account_id text NOT NULL CHECK (length(account_id) <= 50), -- '' for what is of no account
    event_id   uuid NOT NULL,
    digest     shared.sha256_digest NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, event_id)
);
CREATE INDEX idx_published_created_at ON events.published (created_at);

-- A consumer whose cursor is in another database leaves a mark here with every window that it consumes, after the window was
-- chosen, and keeps it with its cursor. A server that lacks the mark lacks events that were consumed: it was promoted
-- while it was behind, or restored. A lineage is a chain of marks that one server wrote on one timeline, numbered from 1.
CREATE TABLE events.witness (
    lineage           uuid PRIMARY KEY,
    consumer          shared.consumer NOT NULL,
    number            bigint NOT NULL CHECK (number > 0),
    token             uuid NOT NULL,
    system_identifier text NOT NULL CHECK (length(system_identifier) <= 50), -- of the server, and its timeline
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idx_witness_consumer ON events.witness (consumer, updated_at);

SELECT shared.isolate('events.outbox'), shared.isolate('events.dead_letter'), shared.isolate('events.published');

-- Position, transaction and time of an event are the server's to say: a position taken from the future collides with
-- everybody's next event, and a transaction of the past is in a window that consumers have left.
GRANT INSERT (account_id, channel, key, event_id, type, v, service, correlation_id, data) ON events.outbox TO trading_app;
GRANT INSERT ON events.outbox TO trading_service;
GRANT SELECT ON events.outbox, events.dead_letter TO trading_service, trading_readonly, trading_reporter;
GRANT INSERT, UPDATE, DELETE ON events.dead_letter TO trading_service;
GRANT SELECT ON events.cursor, events.batch, events.witness TO trading_reporter;
GRANT SELECT, INSERT, UPDATE, DELETE ON events.cursor, events.batch, events.witness TO trading_service;
GRANT SELECT ON events.published TO trading_app, trading_service, trading_readonly, trading_reporter;
GRANT INSERT ON events.published TO trading_app, trading_service;
GRANT DELETE ON events.published TO trading_service;

-- +goose StatementBegin
-- trade_data is the data of the event trade_executed, version 1: the trade, and the position after it. Trade.EventData in Go
-- writes the same, letter for letter. The fees are an argument, because the server inlines no function with a sub-select: it
-- would plan its body at each call.
CREATE FUNCTION events.trade_data(t execution.trades, other_fees jsonb) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'trade_id', t.trade_id, 'order_id', t.order_id, 'account_id', t.account_id, 'symbol', t.symbol, 'side', t.side,
    'quantity', trim_scale(t.quantity)::text, 'price', trim_scale(t.price)::text, 'multiplier', trim_scale(t.multiplier)::text,
    'currency', t.currency, 'commission', trim_scale(t.commission)::text, 'commission_currency', t.commission_currency,
    'other_fees', other_fees,
    'realized_pnl', trim_scale(t.realized_pnl)::text, 'position_effect', t.position_effect, 'strategy', t.strategy,
    'executed_at', to_char(t.executed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'position', jsonb_build_object('quantity', trim_scale(t.quantity_after)::text, 'cost_basis', trim_scale(t.cost_basis_after)::text,
        'realized_pnl', trim_scale(t.realized_pnl_after)::text, 'fees', trim_scale(t.fees_after)::text)));
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION events.trade_data(execution.trades, jsonb) TO trading_app;

-- +goose StatementBegin
-- undone_data is the data of an event trade_undone: the trade as it was booked, and the position after the trade before it,
-- which has no columns where it was the first.
CREATE FUNCTION events.undone_data(gone execution.trades, before execution.trades) RETURNS jsonb
LANGUAGE sql STABLE
RETURN events.trade_data(gone,
    (SELECT jsonb_agg(jsonb_build_object('currency', f.currency, 'amount', trim_scale(f.amount)::text) ORDER BY f.currency COLLATE "C")
       FROM execution.trade_fees f
      WHERE f.account_id = gone.account_id AND f.symbol = gone.symbol AND f.trade_id = gone.trade_id AND f.side = gone.side)) || jsonb_build_object(
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
    type <> ALL ('{trade_executed,trade_undone,trades_refolded,trade_corrected,position_adjusted,position_updated}')
    OR type = 'trade_executed' AND channel = 'trades' AND service = 'execution' AND v = 1 AND (
        SELECT (SELECT t.xid = pg_current_xact_id() AND w.data = events.trade_data(t,
                           (SELECT jsonb_agg(jsonb_build_object('currency', f.currency, 'amount', trim_scale(f.amount)::text) ORDER BY f.currency COLLATE "C")
                              FROM execution.trade_fees f
                             WHERE f.account_id = t.account_id AND f.symbol = t.symbol AND f.trade_id = t.trade_id AND f.side = t.side))
                  FROM execution.trades t
                 WHERE t.account_id = w.account_id AND t.trade_id >= w.trade_id AND t.trade_id <= w.trade_id
                   AND t.symbol = w.symbol AND t.side = w.side
                 ORDER BY t.trade_id LIMIT 1)
          FROM (SELECT outbox.account_id, outbox.data, outbox.data ->> 'trade_id' AS trade_id, outbox.data ->> 'symbol' AS symbol,
                       outbox.data ->> 'side' AS side OFFSET 0) w) IS TRUE);

INSERT INTO shared.partitioned_tables VALUES ('events.outbox', 'positions', 'positions', 5000000);
SELECT shared.ensure_ahead();

-- +goose Down
DELETE FROM shared.partitioned_tables WHERE table_name = 'events.outbox'::regclass;
DROP POLICY book_events_are_proved ON events.outbox;
DROP FUNCTION events.undone_data(execution.trades, execution.trades), events.trade_data(execution.trades, jsonb);
DROP TABLE events.witness, events.published, events.dead_letter, events.batch, events.cursor, events.outbox;
DROP FUNCTION events.outbox_is_what_it_says();
DROP SCHEMA events;
