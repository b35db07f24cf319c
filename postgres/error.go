package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// translate is the one place where the errors of pgx and the server become *blotter.Error, by SQLSTATE and constraint
// name, never by message text. An error that is one already, and an error of the caller's own, passes unchanged.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *blotter.Error
	if errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var parse *pgconn.ParseConfigError
	var scan pgx.ScanArgError
	var network net.Error
	switch {
	case errors.As(err, &pg):
		return fromServer(op, pg, err)
	case errors.As(err, &parse): // without its cause, which has the URL and what is in it
		return &blotter.Error{Op: op, Kind: blotter.ErrInvalid, Message: "the database URL does not parse: " + withoutURL(err)}
	case errors.Is(err, pgx.ErrNoRows):
		return &blotter.Error{Op: op, Kind: blotter.ErrNotFound, Message: "no such row", Err: err}
	case errors.Is(err, pgx.ErrTooManyRows):
		return &blotter.Error{Op: op, Kind: blotter.ErrProgramming, Message: "more than one row where one was asked for", Err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "cancelled by the caller: " + err.Error(), Err: err}
	case errors.Is(err, puddle.ErrClosedPool):
		return &blotter.Error{Op: op, Kind: blotter.ErrProgramming, Message: "the DB is closed", Err: err}
	case errors.As(err, &connect):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: unreachable(err), Retry: true, Err: err}
	case errors.As(err, &scan):
		return &blotter.Error{Op: op, Kind: blotter.ErrData, Message: err.Error(), Err: err}
	case errors.As(err, &network), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), isBrokenLink(err):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "the connection to the server was lost: " + err.Error(), Retry: true, Err: err}
	}
	return err
}

// isBrokenLink recognises the errors that pgx gives no type: the stream ended.
func isBrokenLink(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, fs.ErrClosed) || strings.Contains(err.Error(), "unexpected EOF") ||
		strings.Contains(err.Error(), "conn closed")
}

// unreachable says in one sentence why no server answered.
func unreachable(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return "no PostgreSQL server answers there (" + lastLine(err) + "); start it or correct the URL"
	case errors.Is(err, context.DeadlineExceeded):
		return "no PostgreSQL server answers in time (" + lastLine(err) + "); check host, port and firewall in the URL"
	}
	return "the server cannot be reached: " + lastLine(err)
}

func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// kindOf maps SQLSTATE to kind: exact codes before classes (PostgreSQL documentation, appendix A).
func kindOf(state string) blotter.Kind {
	switch state {
	case "40001", "40P01":
		return blotter.ErrSerialization
	case "42501", "25006":
		return blotter.ErrPermission
	}
	switch class := state[:min(2, len(state))]; class {
	case "23", "44":
		return blotter.ErrIntegrity
	case "22":
		return blotter.ErrData
	case "42", "0A", "25", "26", "34", "P0", "2D", "3B", "3F":
		return blotter.ErrProgramming
	}
	return blotter.ErrOperational
}

// retryable are the states after which the same call may succeed: nothing was committed and the cause passes.
func retryable(pg *pgconn.PgError) bool {
	switch pg.Code {
	case "40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03":
		return true
	}
	return strings.HasPrefix(pg.Code, "08")
}

func fromServer(op string, pg *pgconn.PgError, err error) error {
	return &blotter.Error{
		Op: op, Kind: kindOf(pg.Code), Constraint: pg.ConstraintName, SQLState: pg.Code,
		Message: sentence(pg), Retry: retryable(pg), Err: err,
	}
}

// severity is ERROR, FATAL or PANIC, whatever language the server speaks.
func severity(pg *pgconn.PgError) string { return cmp.Or(pg.SeverityUnlocalized, pg.Severity) }

// sentence puts what the server refused into words that say what to do, where the words of the server do not.
func sentence(pg *pgconn.PgError) string {
	table := strings.Trim(pg.SchemaName+"."+pg.TableName, ".")
	detail := ""
	if pg.Detail != "" {
		detail = ": " + pg.Detail
	}
	switch pg.Code {
	case "23505":
		return fmt.Sprintf("%s has such a row already (unique key %s)%s", table, pg.ConstraintName, detail)
	case "23503":
		return fmt.Sprintf("%s refers to a row that does not exist, or is referred to (foreign key %s)%s", table, pg.ConstraintName, detail)
	case "23502":
		return fmt.Sprintf("%s.%s must have a value", table, pg.ColumnName)
	case "23514":
		if LacksPartition(pg) {
			return fmt.Sprintf("%s has no partition for this row; shared.ensure_partitions makes it", table)
		}
		if pg.DataTypeName != "" {
			return fmt.Sprintf("a number is outside what a decimal holds exactly (check %s)", pg.ConstraintName)
		}
		return fmt.Sprintf("%s refuses the row (check %s)", table, pg.ConstraintName)
	case "28P01":
		return pg.Message + "; check user and password in the URL"
	case "28000":
		if pg.Routine == "ClientAuthentication" { // pg_hba.conf has no line for it
			return pg.Message + "; the server wants TLS (sslmode=verify-full in the URL) where that says \"no encryption\", else a line in its pg_hba.conf"
		}
		return pg.Message + "; check user and password in the URL"
	case "3D000":
		return pg.Message + "; create it with createdb or correct the URL"
	case "53100":
		return "the server's disk is full (" + pg.Message + "); free space and repeat"
	case "53300":
		return pg.Message + "; lower MaxConns or raise max_connections"
	case "57P03":
		return pg.Message + "; try again in a moment"
	case "57014":
		return pg.Message + " (statement_timeout, or cancelled)"
	}
	return pg.Message
}

// sqlState is the state that a translated error carries, or "".
func sqlState(err error) string {
	var e *blotter.Error
	if errors.As(err, &e) {
		return e.SQLState
	}
	return ""
}
