package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// roleTries bounds how often making roles is repeated: they belong to the cluster, and two databases that migrate at
// once are in each other's way.
const roleTries = 50

// prepareDatabase makes the roles, lets the login act as trading_owner, and gives that role the database.
func prepareDatabase(ctx context.Context, owner *pgx.ConnConfig) error {
	cc := owner.Copy()
	delete(cc.RuntimeParams, "role")
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return translate(ctx, "migrate "+RedactURL(cc.ConnString()), err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := pin(ctx, conn, roleOwner); err != nil {
		return translate(ctx, "migrate", err)
	}

	for attempt := 0; ; attempt++ {
		err := prepareOnce(ctx, conn)
		if err == nil {
			return nil
		}
		if attempt == roleTries || !collided(err) || !pause(ctx, attempt) {
			return gaveUp(ctx, translate(ctx, "migrate: prepare roles", err))
		}
	}
}

// collided reports an error by which another session made or granted the same role at the same moment: "tuple
// concurrently updated" has no code of its own (XX000).
func collided(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "XX000" || pg.Code == "42710" || pg.Code == "23505")
}

const (
	sqlRoleExists = `select exists (select from pg_roles where rolname = $1)`
	// From 16 on, who makes a role may grant it but is no member that can act as it.
	sqlMayActAs = `select pg_has_role(session_user, $1,
		case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)`
	sqlDatabaseReady = `select has_database_privilege('trading_owner', current_database(), 'CREATE')
		and has_database_privilege('trading_app', current_database(), 'TEMP')
		and not has_database_privilege('trading_readonly', current_database(), 'TEMP')
		and to_regclass('shared.schema_version') is not null`
)

func prepareOnce(ctx context.Context, conn *pgx.Conn) error {
	for _, r := range roles {
		if err := ensureRole(ctx, conn, r); err != nil {
			return err
		}
	}
	var ready bool
	if err := conn.QueryRow(ctx, sqlDatabaseReady).Scan(&ready); err != nil || ready {
		return err
	}
	return inTransaction(ctx, conn, prepareGrants)
}

// ensureRole makes the role where it is missing, and the login a member of trading_owner, which migrations act as.
func ensureRole(ctx context.Context, conn *pgx.Conn, r role) error {
	name := pgx.Identifier{string(r)}.Sanitize()
	var exists bool
	if err := conn.QueryRow(ctx, sqlRoleExists, string(r)).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := conn.Exec(ctx, "create role "+name+" nologin"); err != nil {
			return explainCreateRole(r, err)
		}
	}
	if r == roleReporter {
		return ensureStatistics(ctx, conn)
	}
	if r != roleOwner {
		return nil
	}
	var member bool
	if err := conn.QueryRow(ctx, sqlMayActAs, string(r)).Scan(&member); err != nil || member {
		return err
	}
	_, err := conn.Exec(ctx, "grant "+name+" to session_user")
	return explainRole(ctx, "migrate", r, conn.Config().User, err)
}

const sqlSeesStatistics = `select pg_has_role('trading_reporter', 'pg_read_all_stats', 'member')`

// ensureStatistics lets trading_reporter see what other logins' sessions do, for the checks of package monitor. Where
// this login may not grant that, nothing but those checks suffers, and they say so.
func ensureStatistics(ctx context.Context, conn *pgx.Conn) error {
	var sees bool
	if err := conn.QueryRow(ctx, sqlSeesStatistics).Scan(&sees); err != nil || sees {
		return err
	}
	_, err := conn.Exec(ctx, "grant pg_read_all_stats to trading_reporter")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return nil
	}
	return err
}

func explainCreateRole(r role, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return &blotter.Error{
			Op: "migrate", Kind: blotter.ErrPermission, SQLState: pg.Code, Err: err,
			Message: fmt.Sprintf("role %s does not exist and this login may not create it; run the first migration as a login with CREATEROLE", r),
		}
	}
	return err
}

// prepareGrants gives trading_owner what migrations need: to create schemas, and the schema of the version table.
// Temporary tables are for the roles that write: a role that only reads has no use for them.
func prepareGrants(ctx context.Context, tx pgx.Tx) error {
	var database string
	if err := tx.QueryRow(ctx, "select current_database()::text").Scan(&database); err != nil {
		return err
	}
	name := pgx.Identifier{database}.Sanitize()
	for _, sql := range []string{
		"grant connect, create on database " + name + " to trading_owner",
		"grant connect on database " + name + " to trading_app, trading_service, trading_readonly, trading_reporter",
		"revoke temporary on database " + name + " from public",
		"grant temporary on database " + name + " to trading_app, trading_service, trading_owner",
		"set local role trading_owner",
		"create schema if not exists shared",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func inTransaction(ctx context.Context, conn *pgx.Conn, fn func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return fn(ctx, tx) })
}
