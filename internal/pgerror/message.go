package pgerror

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// message says in one sentence what the server refused and, where the server does not, what to do about it.
func message(pg *pgconn.PgError) string {
	table := strings.Trim(pg.SchemaName+"."+pg.TableName, ".")
	detail := ""
	if pg.Detail != "" {
		detail = ": " + pg.Detail
	}

	switch pg.Code {
	case "23505":
		return fmt.Sprintf("%s already contains this row (unique key %s)%s", table, pg.ConstraintName, detail)
	case "23503":
		return fmt.Sprintf("%s refers to a row that does not exist, or other rows refer to this one (foreign key %s)%s",
			table, pg.ConstraintName, detail)
	case "23502":
		return fmt.Sprintf("%s.%s must have a value", table, pg.ColumnName)
	case "23514":
		return checkMessage(table, pg)
	case "28000":
		if pg.Routine == "ClientAuthentication" { // pg_hba.conf has no line for this client
			return pg.Message + "; the server wants TLS (sslmode=verify-full in the URL) if it says " +
				"\"no encryption\", otherwise a line in its pg_hba.conf"
		}
		return pg.Message + remedies["28P01"]
	case "53100":
		return "the server's disk is full (" + pg.Message + "); free space and repeat"
	}
	return pg.Message + remedies[pg.Code]
}

func checkMessage(table string, pg *pgconn.PgError) string {
	switch {
	case LacksPartition(pg):
		return fmt.Sprintf("%s has no partition for this row; create it with shared.ensure_partitions", table)
	case pg.DataTypeName != "":
		return domainMessage(pg)
	}
	return fmt.Sprintf("%s refuses the row (check %s)", table, pg.ConstraintName)
}

// domainMessage says what a domain refuses. The server names the domain, but neither the column nor the value.
func domainMessage(pg *pgconn.PgError) string {
	domain := pg.DataTypeName

	switch domain {
	case "exact":
		return fmt.Sprintf("a number has more digits than a decimal keeps (check %s)", pg.ConstraintName)
	case "json_16k", "json_64k", "json_128k":
		return fmt.Sprintf("a JSON document is longer than %s bytes or nested more than 64 levels deep (check %s)",
			strings.TrimPrefix(domain, "json_"), pg.ConstraintName)
	}
	return fmt.Sprintf("a value is not a valid %s (check %s)", strings.ReplaceAll(domain, "_", " "), pg.ConstraintName)
}

// remedies say, by SQLSTATE, what to do about an error for which the server's own message does not.
var remedies = map[string]string{
	"08P01":       "; if a connection pooler is in between, see docs/security.md",
	"25006":       "; name the primary, or turn default_transaction_read_only off for the database or the login",
	"28P01":       "; check user and password in the URL",
	"3D000":       "; create it with createdb or correct the URL",
	"40001":       "; repeat the transaction",
	"40P01":       "; repeat the transaction",
	"42501":       "; use a login that may (blotter roles sql makes them, blotter doctor --security checks them)",
	"53200":       "; the server is short of memory: lower work_mem or the number of connections, and repeat",
	"53300":       "; lower MaxConns or raise max_connections",
	"53400":       "; raise the limit that it names, and repeat",
	"55000":       "; see the server's log for what it waits for",
	"55006":       "; end the sessions that use it, and repeat",
	LockTimeout:   "; another session holds a lock on it: repeat later, or find the session with blotter doctor",
	QueryCanceled: " (statement_timeout, or cancelled); repeat it when the server is less busy, or allow more time",
	"57P01":       "; the server is being stopped or restarted: repeat in a moment",
	"57P02":       "; the server crashed and is recovering: repeat in a moment",
	"57P03":       "; try again in a moment",
	"57P05":       "; connect again",
	"58030":       "; the server cannot read or write its files: see its log and its disk",
	"58P01":       "; a file of the server is missing: see its log and its disk",
	"XX001":       "; the server's data are damaged: stop writing and restore a backup",
	"XX002":       "; an index is damaged: REINDEX it, and see the server's log",
}

// unreachable says in one sentence why no server answered.
func unreachable(err error) string {
	reason := "(" + lastLine(err) + ")"

	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return "no PostgreSQL server answers there " + reason + "; start it or correct the URL"
	case errors.Is(err, context.DeadlineExceeded):
		return "no PostgreSQL server answers in time " + reason + "; check host, port and firewall in the URL"
	case errors.As(err, &dns):
		return "there is no host " + dns.Name + " " + reason + "; check the host in the URL"
	case errors.As(err, &authority):
		return "the server's certificate has an unknown authority " + reason + "; name it with sslrootcert in the URL"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not open the server's socket " + reason + "; connect by TCP, or grant the permission"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no PostgreSQL server answers in time " + reason + "; check host, port and firewall in the URL"
	}
	return "the server cannot be reached " + reason + "; check the URL and that the server runs"
}

func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// ParseReason returns why pgx could not parse a URL, without the URL, which may contain a password.
func ParseReason(err error) string {
	if _, reason, found := strings.Cut(err.Error(), "`: "); found {
		return reason
	}
	return "cannot parse it"
}
