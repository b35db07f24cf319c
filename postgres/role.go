package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// role is one of the database roles that sessions act as.
type role string

const (
	roleOwner    role = "trading_owner"    // owns everything; migrations and maintenance act as it
	roleApp      role = "trading_app"      // reads and writes one account's rows
	roleService  role = "trading_service"  // reads and writes every account's rows
	roleReadOnly role = "trading_readonly" // reads one account's rows
	roleReporter role = "trading_reporter" // reads every account's rows
)

var roles = []role{roleOwner, roleApp, roleService, roleReadOnly, roleReporter}

func (r role) url(cfg Config) string {
	switch r {
	case roleService:
		return cfg.ServiceURL
	case roleReadOnly:
		return cfg.ReadOnlyURL
	case roleReporter:
		return cfg.ReporterURL
	}
	return cfg.URL
}

// setting is where the URL of the role's login is set: in Config, and as a flag of the program.
func (r role) setting() string {
	switch r {
	case roleOwner:
		return "the owner's URL (--owner-url)"
	case roleService:
		return "ServiceURL (--service-url)"
	case roleReadOnly:
		return "ReadOnlyURL (--readonly-url)"
	case roleReporter:
		return "ReporterURL (--reporter-url)"
	}
	return "URL (--url)"
}

func (r role) readOnly() bool { return r == roleReadOnly || r == roleReporter }

// sqlConnected reads as whom a new connection acts, and the domains of our columns with their base types.
const sqlConnected = `
select current_user::text, array_agg(t.typname::text), array_agg(t.oid), array_agg(t.typbasetype)
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where n.nspname = 'shared' and t.typtype = 'd'`

// explainConnect is explainRole for a connection that begins as the role.
func explainConnect(ctx context.Context, op string, r role, login string, err error) error {
	var pg *pgconn.PgError
	noEntry := errors.As(err, &pg) && pg.Routine == "CheckMyDatabase" // the login may not even connect to the database
	if pg != nil && pg.Code == "42501" && severity(pg) == "FATAL" && !noEntry {
		return explainRole(ctx, op, r, login, err)
	}
	return translate(ctx, op, err)
}

// registerDomains teaches types the codecs of domains: a parameter of a domain's column is announced with the domain's own
// number.
func registerDomains(types *pgtype.Map, names []string, domains, bases []uint32) {
	for i, domain := range domains {
		if base, known := types.TypeForOID(bases[i]); known {
			types.RegisterType(&pgtype.Type{Name: "shared." + names[i], OID: domain, Codec: base.Codec})
		}
	}
}

// check refuses a connection that does not act as its role, pins its settings, and teaches it our numbers. A superuser's login passes: it
// acts as the role like any other, and doctor warns of it.
func (r role) check(ctx context.Context, c *pgx.Conn) error {
	var current string
	var names []string
	var domains, bases []uint32
	if err := c.QueryRow(ctx, sqlConnected, pgx.QueryExecModeExec).Scan(&current, &names, &domains, &bases); err != nil {
		return err
	}
	if current != string(r) {
		return &blotter.Error{Op: "connect", Kind: blotter.ErrPermission, Message: fmt.Sprintf("the connection acts as %s, not as %s: a pooler in between drops the start-up parameter \"role\"", current, r)}
	}
	if err := pin(ctx, c, r); err != nil {
		return err
	}

	RegisterTypes(c.TypeMap())
	registerDomains(c.TypeMap(), names, domains, bases)
	return nil
}
