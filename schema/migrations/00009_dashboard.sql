-- +goose Up
-- Who may sign in to the dashboard. Passwords are hashed (argon2id), sessions are known by the SHA-256 of their token: what
-- is read here signs nobody in. The service alone writes, and reads hashes.
CREATE SCHEMA dashboard;
GRANT USAGE ON SCHEMA dashboard TO trading_service, trading_reporter;

CREATE TABLE dashboard.users (
    name         text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    accounts     text[] NOT NULL DEFAULT '{}' CHECK (cardinality(accounts) <= 1000 AND array_position(accounts, NULL) IS NULL),
    all_accounts boolean NOT NULL DEFAULT false,
    operator     boolean NOT NULL DEFAULT false,
    password     text NOT NULL CHECK (length(password) <= 300),
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_see_some_accounts CHECK (all_accounts = (accounts = '{}'))
);
INSERT INTO shared.masked_columns VALUES ('dashboard.users', 'password');
SELECT shared.audited('dashboard.users', '{name}', true);

CREATE TABLE dashboard.sessions (
    digest     shared.sha256_digest PRIMARY KEY,
    user_name  text NOT NULL REFERENCES dashboard.users,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX idx_sessions_user_name ON dashboard.sessions (user_name);

GRANT SELECT, INSERT, UPDATE, DELETE ON dashboard.users, dashboard.sessions TO trading_service;
GRANT SELECT (name, accounts, all_accounts, operator, created_at) ON dashboard.users TO trading_reporter;
GRANT SELECT ON dashboard.sessions TO trading_reporter;

-- +goose Down
DROP TABLE dashboard.sessions, dashboard.users;
DELETE FROM shared.masked_columns WHERE table_name = 'dashboard.users';
DROP SCHEMA dashboard;
