package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// identity distinguishes one database from another. A replica has the identity of its primary.
type identity struct {
	system   int64 // identifier of the server; 0 if it does not say
	database string
}

const (
	sqlIdentity     = `select system_identifier, current_database()::text from pg_control_system()`
	sqlNameIdentity = `select 0::bigint, current_database()::text` // for a login that may not call pg_control_system
)

// identify asks the server which database a connection leads to.
func identify(ctx context.Context, conn *pgx.Conn) (id identity, err error) {
	err = conn.QueryRow(ctx, sqlIdentity, pgx.QueryExecModeExec).Scan(&id.system, &id.database)
	if state := pgerror.ServerState(err); state == "42501" || state == "42883" {
		err = conn.QueryRow(ctx, sqlNameIdentity, pgx.QueryExecModeExec).Scan(&id.system, &id.database)
	}
	return id, err
}

// errElsewhere is the cause of the error for a URL that leads to another database.
var errElsewhere = errors.New("another database")

// expect refuses a connection, made by the URL of r, that does not lead to the database id.
func (id identity) expect(ctx context.Context, r connection.Role, conn *pgx.Conn) error {
	other, err := identify(ctx, conn)
	if err != nil {
		return translate(ctx, "open", err)
	}

	where := ""
	switch {
	case other.database != id.database:
		where = fmt.Sprintf("%q, not %q", other.database, id.database)
	case other.system != id.system && other.system != 0 && id.system != 0:
		where = fmt.Sprintf("%q of another server", other.database)
	default:
		return nil
	}

	return &blotter.Error{
		Op: "open", Kind: blotter.ErrInvalid, Err: errElsewhere,
		Message: fmt.Sprintf("%s leads to another database than %s (%s); give URLs of one database",
			r.Setting(), connection.App.Setting(), where),
	}
}

// checkURLsTimeout bounds CheckURLs if a server does not answer.
const checkURLsTimeout = 5 * time.Second

// CheckURLs refuses URLs that lead to another database than Config.URL (ErrInvalid). Every connection is checked when
// it is made; call CheckURLs to know beforehand. A login that cannot connect is not an error here, but when a session
// needs it. One connection of each login stays open in its pool, so that checks of sessions see it.
func (db *DB) CheckURLs(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, checkURLsTimeout)
	defer cancel()

	for _, r := range sessionRoles() {
		if r != connection.App && db.cfg.urlFor(r) == db.cfg.URL {
			continue
		}
		loan, err := db.pools[r].acquire(bounded)
		if err == nil {
			loan.release()
		}
		if errors.Is(err, errElsewhere) || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// CheckOwner refuses a connection of ConnectOwner that leads to another database than the DB (ErrInvalid).
func (db *DB) CheckOwner(ctx context.Context, conn *pgx.Conn) error {
	return db.home.expect(ctx, connection.Owner, conn)
}
