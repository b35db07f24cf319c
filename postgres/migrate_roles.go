package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// prepareOnce does all of it in one transaction: what fails leaves nothing behind, no role either.
func prepareOnce(ctx context.Context, conn *pgx.Conn) error {
	if err := refuseForeign(ctx, conn); err != nil {
		return err
	}

	login := conn.Config().User
	return inTransaction(ctx, conn, func(ctx context.Context, tx pgx.Tx) error {
		for _, r := range roles {
			if err := ensureRole(ctx, tx, r, login); err != nil {
				return err
			}
		}

		var ready bool
		if err := tx.QueryRow(ctx, sqlDatabaseReady).Scan(&ready); err != nil || ready {
			return err
		}
		return prepareGrants(ctx, tx)
	})
}

// sqlForeign lists schemas that have the names of ours and are somebody else's: not of trading_owner, or there although
// no migration has begun. An empty schema shared is what prepareGrants made.
const sqlForeign = `
select n.nspname::text, pg_get_userbyid(n.nspowner)::text
  from pg_namespace n
 where n.nspname = any($1)
   and (pg_get_userbyid(n.nspowner) <> 'trading_owner'
        or not exists (select from pg_class v join pg_namespace s on s.oid = v.relnamespace
                        where s.nspname = 'shared' and v.relname = 'schema_version'
                          and pg_get_userbyid(v.relowner) = 'trading_owner')
           and (n.nspname <> 'shared'
                or exists (select from pg_class c where c.relnamespace = n.oid)
                or exists (select from pg_proc p where p.pronamespace = n.oid)
                or exists (select from pg_type t where t.typnamespace = n.oid)))
 order by 1`

// refuseForeign refuses a database in which somebody else's schemas have the names of ours, before anything is made.
func refuseForeign(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, sqlForeign, Schemas())
	if err != nil {
		return err
	}
	var name, owner string
	var foreign, renames []string
	_, err = pgx.ForEachRow(rows, []any{&name, &owner}, func() error {
		foreign = append(foreign, fmt.Sprintf("%s (owner %s)", name, owner))
		renames = append(renames, fmt.Sprintf("ALTER SCHEMA %s RENAME TO %[1]s_other", name))
		return nil
	})
	if err != nil || len(foreign) == 0 {
		return err
	}

	return &blotter.Error{
		Op: "migrate", Kind: blotter.ErrOperational,
		Message: fmt.Sprintf("the database has schemas that are not blotter's and have the names of its own: %s; "+
			"nothing was created. Give blotter a database of its own, or rename them first: %s",
			strings.Join(foreign, ", "), strings.Join(renames, "; ")),
	}
}

// ensureRole makes the role where it is missing, and the login a member of trading_owner, which migrations act as.
func ensureRole(ctx context.Context, tx pgx.Tx, r role, login string) error {
	name := pgx.Identifier{string(r)}.Sanitize()
	var exists bool
	if err := tx.QueryRow(ctx, sqlRoleExists, string(r)).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := tx.Exec(ctx, "create role "+name+" nologin"); err != nil {
			return explainCreateRole(r, err)
		}
	}
	if r == roleReporter {
		return ensureStatistics(ctx, tx)
	}
	if r != roleOwner {
		return nil
	}
	var member bool
	if err := tx.QueryRow(ctx, sqlMayActAs, string(r)).Scan(&member); err != nil || member {
		return err
	}
	_, err := tx.Exec(ctx, "grant "+name+" to session_user")
	return explainRole(ctx, "migrate", r, login, err)
}

const sqlSeesStatistics = `select pg_has_role('trading_reporter', 'pg_read_all_stats', 'member')`

// ensureStatistics lets trading_reporter see what other logins' sessions do, for the checks of package monitor. Where
// this login may not grant that, nothing but those checks suffers, and they say so.
func ensureStatistics(ctx context.Context, tx pgx.Tx) error {
	var sees bool
	if err := tx.QueryRow(ctx, sqlSeesStatistics).Scan(&sees); err != nil || sees {
		return err
	}

	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { // a savepoint
		_, err := tx.Exec(ctx, "grant pg_read_all_stats to trading_reporter")
		return err
	})
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
			return explainGrants(database, err)
		}
	}
	return nil
}

func explainGrants(database string, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return &blotter.Error{
			Op: "migrate", Kind: blotter.ErrPermission, SQLState: pg.Code, Err: err,
			Message: fmt.Sprintf("this login may not give out rights on database %s (%s); run the first migration as its owner",
				database, pg.Message),
		}
	}
	return err
}

func inTransaction(ctx context.Context, conn *pgx.Conn, fn func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return fn(ctx, tx) })
}
