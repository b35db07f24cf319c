-- +goose Up
-- A consumer whose cursor is in another database leaves a mark here with every window that it consumes, after the window was
-- chosen, and keeps it with its cursor. A server that lacks the mark lacks events that were consumed: it was promoted
-- while it was behind, or restored. A lineage is a chain of marks that one server wrote on one timeline, numbered from 1.
CREATE TABLE events.witness (
    lineage           uuid PRIMARY KEY,
    consumer          text NOT NULL CHECK (length(consumer) BETWEEN 1 AND 100),
    number            bigint NOT NULL CHECK (number > 0),
    token             uuid NOT NULL,
    system_identifier text NOT NULL CHECK (length(system_identifier) <= 50), -- of the server, and its timeline
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idx_witness_consumer ON events.witness (consumer, updated_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON events.witness TO trading_service;
GRANT SELECT ON events.witness TO trading_reporter;

-- The mark of a cursor that is not with its outbox: lineage/number/token. Empty for any other.
ALTER TABLE events.cursor ADD witness text NOT NULL DEFAULT '' CHECK (length(witness) <= 100);

-- +goose Down
ALTER TABLE events.cursor DROP witness;
DROP TABLE events.witness;
