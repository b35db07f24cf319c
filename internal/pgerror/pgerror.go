package pgerror

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// SQLSTATEs that callers compare with.
const (
	QueryCanceled = "57014" // the client, an operator or statement_timeout cancelled the statement
	LockTimeout   = "55P03" // a lock was not free within lock_timeout
)

// Translate returns err as a *blotter.Error. An error that already is one, and an error of the caller's own, pass
// unchanged.
//
// ctx is the context of the call that failed. If its end is the cause, errors.Is finds context.Canceled or
// context.DeadlineExceeded in the result, even if the server reported only that the statement was cancelled.
func Translate(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}

	var known *blotter.Error
	if errors.As(err, &known) {
		return withCause(ctx, err)
	}
	if endedBy(ctx, err) {
		return ended(ctx, op, err)
	}

	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var parse *pgconn.ParseConfigError
	var scan pgx.ScanArgError
	switch {
	case errors.As(err, &pg):
		return fromServer(op, pg, err)
	case errors.As(err, &parse): // without its cause, which contains the URL and its password
		return &blotter.Error{Op: op, Kind: blotter.ErrInvalid, Message: "invalid database URL: " + ParseReason(err)}
	case errors.Is(err, pgx.ErrNoRows):
		return &blotter.Error{Op: op, Kind: blotter.ErrNotFound, Message: "no such row", Err: err}
	case errors.Is(err, pgx.ErrTooManyRows):
		return &blotter.Error{Op: op, Kind: blotter.ErrProgramming, Message: "there is more than one row", Err: err}
	case errors.Is(err, puddle.ErrClosedPool):
		return &blotter.Error{Op: op, Kind: blotter.ErrProgramming, Message: "the DB is closed", Err: err}
	case errors.As(err, &connect):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: unreachable(err), Retry: true, Err: err}
	case errors.Is(err, context.Canceled):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "cancelled: " + err.Error(), Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "timed out: " + err.Error(), Err: err}
	case errors.As(err, &scan):
		return &blotter.Error{Op: op, Kind: blotter.ErrData, Message: err.Error(), Err: err}
	case isLostConnection(err):
		return &blotter.Error{
			Op: op, Kind: blotter.ErrOperational, Retry: true, Err: err,
			Message: "the connection to the server was lost: " + err.Error(),
		}
	}
	return err
}

func fromServer(op string, pg *pgconn.PgError, err error) error {
	return &blotter.Error{
		Op: op, Kind: kindOf(pg.Code), Constraint: pg.ConstraintName, SQLState: pg.Code,
		Message: message(pg), Retry: isRetryable(pg), Err: err,
	}
}

// kindOf maps an SQLSTATE to a kind: exact codes before classes (PostgreSQL documentation, appendix A).
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

// isRetryable reports whether the same call may succeed: nothing was committed and the cause passes.
func isRetryable(pg *pgconn.PgError) bool {
	switch pg.Code {
	case "40001", "40P01", "53300", LockTimeout, "57P01", "57P02", "57P03":
		return true
	}
	return strings.HasPrefix(pg.Code, "08")
}

// isLostConnection reports whether err is what a connection that broke makes of a statement.
func isLostConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		isClosedLink(err)
}

// isClosedLink recognizes the errors to which pgx gives no type: the stream ended.
func isClosedLink(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, fs.ErrClosed) ||
		strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "conn closed")
}

// LacksPartition reports whether a row was refused because no partition covers it. The server reports that with the
// state of a violated CHECK; only the name of the routine differs.
func LacksPartition(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23514" && pg.Routine == "ExecFindPartition"
}

// State returns the SQLSTATE of a translated error, or "".
func State(err error) string {
	var e *blotter.Error
	if errors.As(err, &e) {
		return e.SQLState
	}
	return ""
}

// ServerState returns the SQLSTATE of the server's own error in err, or "".
func ServerState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// Severity returns ERROR, FATAL or PANIC, whatever language the server speaks.
func Severity(pg *pgconn.PgError) string { return cmp.Or(pg.SeverityUnlocalized, pg.Severity) }
