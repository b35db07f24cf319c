package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/internal/retry"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// roleTries bounds how often making the roles is repeated. Roles belong to the cluster, so two databases that migrate
// at once disturb each other.
const roleTries = 50

// prepareDatabase makes the roles, lets the login act as trading_owner, and grants that role the database.
func prepareDatabase(ctx context.Context, owner *pgx.ConnConfig) error {
	cc := owner.Copy()
	delete(cc.RuntimeParams, "role")
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return pgerror.Translate(ctx, "migrate "+connection.RedactURL(cc.ConnString()), err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	if err := connection.Pin(ctx, conn, connection.Owner); err != nil {
		return pgerror.Translate(ctx, "migrate", err)
	}

	for attempt := 0; ; attempt++ {
		err := prepareOnce(ctx, conn)
		if err == nil {
			return nil
		}
		if attempt == roleTries || !collided(err) || !retry.Pause(ctx, attempt) {
			return pgerror.GaveUp(ctx, pgerror.Translate(ctx, "migrate: prepare roles", err))
		}
	}
}

// collided reports whether another session made or granted the same role at the same moment: "tuple concurrently
// updated" has no code of its own (XX000).
func collided(err error) bool {
	switch pgerror.ServerState(err) {
	case "XX000", "42710", "23505":
		return true
	}
	return false
}

const (
	sqlRoleExists = `select exists (select from pg_roles where rolname = $1)`
	// From version 16 on, the login that makes a role may grant it, but is not a member that can act as it.
	sqlMayActAs = `select pg_has_role(session_user, $1,
		case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)`
	sqlDatabaseReady = `select has_database_privilege('trading_owner', current_database(), 'CREATE')
		and has_database_privilege('trading_app', current_database(), 'TEMP')
		and not has_database_privilege('trading_readonly', current_database(), 'TEMP')
		and to_regclass('shared.schema_version') is not null`
)

// prepareOnce does all of it in one transaction: a failure leaves nothing behind, not even a role.
func prepareOnce(ctx context.Context, conn *pgx.Conn) error {
	if err := refuseForeign(ctx, conn); err != nil {
		return err
	}

	login := conn.Config().User
	return inTransaction(ctx, conn, func(ctx context.Context, tx pgx.Tx) error {
		for _, r := range connection.Roles() {
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

// sqlForeign lists schemas that have the name of one of blotter's and are another program's: trading_owner does not own
// them, or they exist although no migration has begun. (An empty schema shared is one that prepareGrants made.) Once
// the first migration is applied, Verify reports what differs.
const sqlForeign = `
select n.nspname::text, pg_get_userbyid(n.nspowner)::text
  from pg_namespace n
 where n.nspname = any($1)
   and not exists (select from pg_type t join pg_namespace s on s.oid = t.typnamespace
                    where s.nspname = 'shared' and t.typname = 'exact'
                      and pg_get_userbyid(t.typowner) = 'trading_owner')
   and (pg_get_userbyid(n.nspowner) <> 'trading_owner'
        or not exists (select from pg_class v join pg_namespace s on s.oid = v.relnamespace
                        where s.nspname = 'shared' and v.relname = 'schema_version'
                          and pg_get_userbyid(v.relowner) = 'trading_owner')
           and (n.nspname <> 'shared'
                or exists (select from pg_class c where c.relnamespace = n.oid)
                or exists (select from pg_proc p where p.pronamespace = n.oid)
                or exists (select from pg_type t where t.typnamespace = n.oid)))
 order by 1`

// refuseForeign refuses a database in which another program's schemas have the names of blotter's, before anything is
// made.
func refuseForeign(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, sqlForeign, Names())
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
		Message: fmt.Sprintf("the database has schemas of another program with the names of blotter's: %s; "+
			"nothing was created. Give blotter a database of its own, or rename them first: %s",
			strings.Join(foreign, ", "), strings.Join(renames, "; ")),
	}
}

// ensureRole makes the role if it is missing, and the login a member of trading_owner, as which migrations act.
func ensureRole(ctx context.Context, tx pgx.Tx, r connection.Role, login string) error {
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

	switch r {
	case connection.Reporter:
		return ensureStatistics(ctx, tx)
	case connection.Owner:
		return ensureMember(ctx, tx, r, login)
	}
	return nil
}

// ensureMember lets the login act as the role.
func ensureMember(ctx context.Context, tx pgx.Tx, r connection.Role, login string) error {
	var member bool
	if err := tx.QueryRow(ctx, sqlMayActAs, string(r)).Scan(&member); err != nil || member {
		return err
	}

	_, err := tx.Exec(ctx, "grant "+pgx.Identifier{string(r)}.Sanitize()+" to session_user")
	return r.Explain(ctx, "migrate", login, err)
}

const sqlSeesStatistics = `select pg_has_role('trading_reporter', 'pg_read_all_stats', 'member')`

// ensureStatistics lets trading_reporter see the sessions of other logins, for the checks of package monitor. If this
// login may not grant that, only those checks suffer, and they say so.
func ensureStatistics(ctx context.Context, tx pgx.Tx) error {
	var sees bool
	if err := tx.QueryRow(ctx, sqlSeesStatistics).Scan(&sees); err != nil || sees {
		return err
	}

	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { // a savepoint
		_, err := tx.Exec(ctx, "grant pg_read_all_stats to trading_reporter")
		return err
	})
	if pgerror.ServerState(err) == permissionDenied {
		return nil
	}
	return err
}

// permissionDenied is the SQLSTATE insufficient_privilege.
const permissionDenied = "42501"

func explainCreateRole(r connection.Role, err error) error {
	if pgerror.ServerState(err) == permissionDenied {
		return &blotter.Error{
			Op: "migrate", Kind: blotter.ErrPermission, SQLState: permissionDenied, Err: err,
			Message: fmt.Sprintf("role %s does not exist and this login may not create it; "+
				"run the first migration as a login with CREATEROLE", r),
		}
	}
	return err
}

// prepareGrants grants trading_owner what migrations need: to create schemas, and the schema of the version table. Only
// roles that write may make temporary tables.
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
	if errors.As(err, &pg) && pg.Code == permissionDenied {
		return &blotter.Error{
			Op: "migrate", Kind: blotter.ErrPermission, SQLState: pg.Code, Err: err,
			Message: fmt.Sprintf("this login may not grant privileges on database %s (%s); "+
				"run the first migration as its owner", database, pg.Message),
		}
	}
	return err
}

func inTransaction(ctx context.Context, conn *pgx.Conn, fn func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return fn(ctx, tx) })
}
