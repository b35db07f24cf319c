package postgres

import (
	"context"
	"time"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// OwnerOption changes a connection of ConnectOwner.
type OwnerOption func(*ownerOptions)

type ownerOptions struct {
	statement, lock time.Duration
	notice          func(*pgconn.Notice)
}

// OwnerTimeouts bounds the time of a statement and of a wait for a lock; negative means no limit.
func OwnerTimeouts(statement, lock time.Duration) OwnerOption {
	return func(o *ownerOptions) { o.statement, o.lock = statement, lock }
}

// OwnerNotices passes the server's notices to f, which must not use the connection.
func OwnerNotices(f func(*pgconn.Notice)) OwnerOption {
	return func(o *ownerOptions) { o.notice = f }
}

// ConnectOwner opens one connection that acts as trading_owner, for maintenance of the schema. Its application_name is
// service. Unless opts say otherwise, its statements have no time limit and wait at most a minute for a lock. Close it.
//
// Errors: ErrInvalid for a URL that does not parse, ErrPermission if the login may not act as trading_owner,
// ErrOperational if the server cannot be reached or its schema has another version.
func ConnectOwner(ctx context.Context, url, service string, opts ...OwnerOption) (*pgx.Conn, error) {
	o := ownerOptions{statement: -1, lock: time.Minute}
	for _, set := range opts {
		set(&o)
	}

	cfg := Config{URL: url, Service: service, StatementTimeout: o.statement, LockTimeout: o.lock}
	return connectAs(ctx, connection.Owner, cfg, o.notice)
}

// ConnectReporter opens one connection that acts as trading_reporter. Use it for a replica, where Open fails because it
// makes partitions. Close it. Its errors are those of ConnectOwner.
func ConnectReporter(ctx context.Context, url, service string) (*pgx.Conn, error) {
	return connectAs(ctx, connection.Reporter, Config{URL: url, Service: service}, nil)
}

// connectAs opens a connection that acts as the role and checks the version of the schema.
func connectAs(ctx context.Context, r connection.Role, cfg Config, notice func(*pgconn.Notice)) (*pgx.Conn, error) {
	cc, err := connection.ParseURL("url", cfg.URL)
	if err != nil {
		return nil, err
	}
	connection.Prepare(cc, cfg.withDefaults().settings(), r)
	cc.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) {
		noteUnreplicated(c, n)
		if notice != nil {
			notice(n)
		}
	}

	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, r.ExplainConnect(ctx, "connect as "+string(r), cc.User, err)
	}

	err = r.Check(ctx, conn)
	if err == nil {
		err = schema.CheckVersion(ctx, conn)
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, translate(ctx, "connect as "+string(r), err)
	}
	return conn, nil
}
