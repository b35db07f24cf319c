package connection

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/numeric"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Role is one of the database roles that sessions act as.
type Role string

// The roles.
const (
	Owner    Role = "trading_owner"    // owns everything; migrations and maintenance act as it
	App      Role = "trading_app"      // reads and writes one account's rows
	Service  Role = "trading_service"  // reads and writes every account's rows
	ReadOnly Role = "trading_readonly" // reads one account's rows
	Reporter Role = "trading_reporter" // reads every account's rows
)

// Roles returns all roles, the owner first.
func Roles() []Role { return []Role{Owner, App, Service, ReadOnly, Reporter} }

// Setting names where the URL of the role's login is set: in postgres.Config, and as a flag of the program.
func (r Role) Setting() string {
	switch r {
	case Owner:
		return "the owner's URL (--owner-url)"
	case Service:
		return "ServiceURL (--service-url)"
	case ReadOnly:
		return "ReadOnlyURL (--readonly-url)"
	case Reporter:
		return "ReporterURL (--reporter-url)"
	}
	return "URL (--url)"
}

// IsReadOnly reports whether the role may only read.
func (r Role) IsReadOnly() bool { return r == ReadOnly || r == Reporter }

// sqlConnected reads the role that a new connection acts as, and the domains of blotter's columns with their base
// types.
const sqlConnected = `
select current_user::text, array_agg(t.typname::text), array_agg(t.oid), array_agg(t.typbasetype)
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where n.nspname = 'shared' and t.typtype = 'd'`

// Check refuses a new connection that does not act as the role. Otherwise it pins the connection's settings and
// registers blotter's types. A superuser's login passes: it acts as the role like any other, and doctor warns of it.
func (r Role) Check(ctx context.Context, conn *pgx.Conn) error {
	var current string
	var names []string
	var domains, bases []uint32
	row := conn.QueryRow(ctx, sqlConnected, pgx.QueryExecModeExec)
	if err := row.Scan(&current, &names, &domains, &bases); err != nil {
		return err
	}
	if current != string(r) {
		return &blotter.Error{
			Op: "connect", Kind: blotter.ErrPermission,
			Message: fmt.Sprintf("the connection acts as %s, not as %s: "+
				"a pooler in between drops the start-up parameter \"role\"", current, r),
		}
	}
	if err := Pin(ctx, conn, r); err != nil {
		return err
	}

	numeric.Register(conn.TypeMap())
	registerDomains(conn.TypeMap(), names, domains, bases)
	return nil
}

// registerDomains registers the codecs of domains: the server announces a parameter of a domain's column with the
// domain's own OID.
func registerDomains(types *pgtype.Map, names []string, domains, bases []uint32) {
	for i, domain := range domains {
		if base, known := types.TypeForOID(bases[i]); known {
			types.RegisterType(&pgtype.Type{Name: "shared." + names[i], OID: domain, Codec: base.Codec})
		}
	}
}

// Explain translates an error of acting as the role. If the server did not allow it, the error names the setting that
// needs another login.
func (r Role) Explain(ctx context.Context, op, login string, err error) error {
	if state := pgerror.ServerState(err); state == "42501" || state == "22023" {
		return &blotter.Error{
			Op: op, Kind: blotter.ErrPermission, SQLState: state, Err: err,
			Message: fmt.Sprintf("login %s may not act as %s; set %s to a login that may "+
				"(one login for all roles needs GRANT %s TO %s)",
				login, r, r.Setting(), r, pgx.Identifier{login}.Sanitize()),
		}
	}
	return pgerror.Translate(ctx, op, err)
}

// ExplainConnect translates an error of connecting as the role, like Explain.
func (r Role) ExplainConnect(ctx context.Context, op, login string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "42501" || pgerror.Severity(pg) != "FATAL" {
		return pgerror.Translate(ctx, op, err)
	}
	if pg.Routine == "CheckMyDatabase" { // the login may not even connect to the database
		return pgerror.Translate(ctx, op, err)
	}
	return r.Explain(ctx, op, login, err)
}
