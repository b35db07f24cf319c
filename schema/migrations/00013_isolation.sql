-- +goose Up
-- An event's key is its account, or the symbol of market data. Consumers keep order and park what they cannot apply by
-- key: under another account's key, an account could stop that account's events.
ALTER TABLE events.outbox ADD CONSTRAINT outbox_key_is_the_account CHECK (account_id IS NULL OR key = account_id);

-- The position and the transaction of an event are the server's to say: a position taken from the future collides with
-- everybody's next event, and a transaction of the past is in a window that consumers have left.
REVOKE INSERT ON events.outbox FROM trading_app;
GRANT INSERT (account_id, channel, key, event_id, type, v, service, correlation_id, created_at, data) ON events.outbox
    TO trading_app;

-- +goose Down
REVOKE INSERT (account_id, channel, key, event_id, type, v, service, correlation_id, created_at, data) ON events.outbox
    FROM trading_app;
GRANT INSERT ON events.outbox TO trading_app;
ALTER TABLE events.outbox DROP CONSTRAINT outbox_key_is_the_account;
