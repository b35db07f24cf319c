package postgres

import (
	"cmp"
	"context"
	"crypto/x509"
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
//
// ctx is the context of the call that failed. Where its end is the cause, errors.Is finds context.Canceled or
// context.DeadlineExceeded in the result, also where the server only said that a statement was cancelled.
func translate(ctx context.Context, op string, err error) error {
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
	case errors.Is(err, puddle.ErrClosedPool):
		return &blotter.Error{Op: op, Kind: blotter.ErrProgramming, Message: "the DB is closed", Err: err}
	case errors.As(err, &connect):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: unreachable(err), Retry: true, Err: err}
	case errors.Is(err, context.Canceled):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "cancelled: " + err.Error(), Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "it took too long: " + err.Error(), Err: err}
	case errors.As(err, &scan):
		return &blotter.Error{Op: op, Kind: blotter.ErrData, Message: err.Error(), Err: err}
	case errors.As(err, &network), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), isBrokenLink(err):
		return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Message: "the connection to the server was lost: " + err.Error(), Retry: true, Err: err}
	}
	return err
}

// endedBy reports whether a call failed because its context ended: the error says so, or it is what the end of a
// context makes of a statement, a link or an attempt to connect.
func endedBy(ctx context.Context, err error) bool {
	end := ctx.Err()
	if end == nil {
		return false
	}
	if errors.Is(err, end) {
		return true
	}

	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == queryCanceled
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || isBrokenLink(err)
}

// queryCanceled is the SQLSTATE of a statement that was cancelled, by its client or by statement_timeout.
const queryCanceled = "57014"

// ended returns the error of a call that its context ended.
func ended(ctx context.Context, op string, err error) error {
	message := "cancelled by the caller: "
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message = "the deadline passed: "
	}

	return &blotter.Error{
		Op: op, Kind: blotter.ErrOperational, SQLState: stateOf(err),
		Message: message + ctx.Err().Error(), Err: joinCause(ctx.Err(), err),
	}
}

// withCause returns a translated error in which errors.Is finds the end of the context, where that is the cause.
func withCause(ctx context.Context, err error) error {
	end := ctx.Err()
	if end == nil || errors.Is(err, end) || errors.Is(err, blotter.ErrCommitUnknown) || !endedBy(ctx, err) {
		return err
	}

	return attachCause(end, err)
}

// gaveUp returns the error of a call that was not repeated because its context ended. Its kind stays that of the last
// attempt.
func gaveUp(ctx context.Context, err error) error {
	end := ctx.Err()
	if end == nil || err == nil || errors.Is(err, end) {
		return err
	}

	return attachCause(end, err)
}

// attachCause adds end to the causes of the *blotter.Error in err. An error that only wraps one keeps its text.
func attachCause(end, err error) error {
	e, is := err.(*blotter.Error) //nolint:errorlint // the outermost error only: what wraps another keeps its own text
	if !is {
		return &causedError{error: err, cause: end}
	}

	caused := *e
	caused.Err = joinCause(end, e.Err)
	return &caused
}

// joinCause returns an error in which errors.Is and errors.As find both.
func joinCause(end, err error) error {
	switch {
	case err == nil:
		return end
	case errors.Is(err, end):
		return err
	}

	return &causedError{error: err, cause: end}
}

// causedError is an error with a second cause, which its text does not mention.
type causedError struct {
	error
	cause error
}

// Unwrap returns both.
func (e *causedError) Unwrap() []error { return []error{e.error, e.cause} }

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

	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "there is no host " + dns.Name + " (" + lastLine(err) + "); check the host in the URL"
	case errors.As(err, &unknown):
		return "the server's certificate is not known (" + lastLine(err) + "); name its authority by sslrootcert in the URL"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not open the server's socket (" + lastLine(err) + "); connect by TCP, or give the right"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no PostgreSQL server answers in time (" + lastLine(err) + "); check host, port and firewall in the URL"
	}
	return "the server cannot be reached (" + lastLine(err) + "); check the URL and that the server runs"
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

// stateOf is the SQLSTATE of the server's error in err, or "".
func stateOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}

	return ""
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
			return domainSentence(pg)
		}
		return fmt.Sprintf("%s refuses the row (check %s)", table, pg.ConstraintName)
	case "28000":
		if pg.Routine == "ClientAuthentication" { // pg_hba.conf has no line for it
			return pg.Message + "; the server wants TLS (sslmode=verify-full in the URL) where that says \"no encryption\", else a line in its pg_hba.conf"
		}
		return pg.Message + remedies["28P01"]
	case "53100":
		return "the server's disk is full (" + pg.Message + "); free space and repeat"
	}
	return pg.Message + remedies[pg.Code]
}

// domainSentence says what a domain refuses. The server tells the domain, but neither the column nor the value.
func domainSentence(pg *pgconn.PgError) string {
	kind := pg.DataTypeName
	switch kind {
	case "exact":
		return fmt.Sprintf("a number is outside what a decimal holds exactly (check %s)", pg.ConstraintName)
	case "json_16k", "json_64k", "json_128k":
		return fmt.Sprintf("a JSON document is longer than %s bytes or nested more than 64 levels deep (check %s)", kind[len("json_"):], pg.ConstraintName)
	}
	return fmt.Sprintf("a value is not a valid %s (check %s)", strings.ReplaceAll(kind, "_", " "), pg.ConstraintName)
}

// remedies say, by SQLSTATE, what to do about an error that the server's words leave alone.
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
	"55P03":       "; somebody holds a lock on it: repeat later, or see who with blotter doctor",
	queryCanceled: " (statement_timeout, or cancelled); repeat it when the server is less busy, or with a longer timeout",
	"57P01":       "; it is being stopped or restarted: repeat in a moment",
	"57P02":       "; it has crashed and recovers: repeat in a moment",
	"57P03":       "; try again in a moment",
	"57P05":       "; connect again",
	"58030":       "; the server cannot read or write its files: see its log and its disk",
	"58P01":       "; a file of the server is missing: see its log and its disk",
	"XX001":       "; the server's data are damaged: stop writing and restore a backup",
	"XX002":       "; an index is damaged: REINDEX it, and see the server's log",
}

// sqlState is the state that a translated error carries, or "".
func sqlState(err error) string {
	var e *blotter.Error
	if errors.As(err, &e) {
		return e.SQLState
	}
	return ""
}
