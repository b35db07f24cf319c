-- +goose Up
-- A batch of no message keeps the window that the relay left, to refill a Redis that lost its tail, before it could note
-- what it had published of it.
ALTER TABLE events.batch DROP CONSTRAINT batch_events_check;
ALTER TABLE events.batch ADD CONSTRAINT batch_events_check CHECK (events >= 0);

-- +goose Down
DELETE FROM events.batch WHERE events = 0;
ALTER TABLE events.batch DROP CONSTRAINT batch_events_check;
ALTER TABLE events.batch ADD CONSTRAINT batch_events_check CHECK (events > 0);
