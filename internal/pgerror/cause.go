package pgerror

import (
	"context"
	"errors"
	"net"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5/pgconn"
)

// endedBy reports whether a call failed because its context ended: the error contains the context's, or it is what the
// end of a context makes of a statement, a link or an attempt to connect.
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
		return pg.Code == QueryCanceled
	}

	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || isClosedLink(err)
}

// ended returns the error of a call that its context ended.
func ended(ctx context.Context, op string, err error) error {
	message := "cancelled by the caller: "
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message = "the deadline passed: "
	}

	return &blotter.Error{
		Op: op, Kind: blotter.ErrOperational, SQLState: ServerState(err),
		Message: message + ctx.Err().Error(), Err: joinCause(ctx.Err(), err),
	}
}

// withCause adds the end of the context to a translated error if that is why the call failed.
func withCause(ctx context.Context, err error) error {
	end := ctx.Err()
	if end == nil || errors.Is(err, end) || errors.Is(err, blotter.ErrCommitUnknown) || !endedBy(ctx, err) {
		return err
	}
	return attachCause(end, err)
}

// GaveUp returns the error of a call that was not repeated because its context ended. Its kind stays that of the last
// attempt.
func GaveUp(ctx context.Context, err error) error {
	end := ctx.Err()
	if end == nil || err == nil || errors.Is(err, end) {
		return err
	}
	return attachCause(end, err)
}

// attachCause adds end to the causes of the *blotter.Error in err. An error that only wraps one keeps its text.
func attachCause(end, err error) error {
	e, is := err.(*blotter.Error) //nolint:errorlint // only the outermost error: one that wraps it keeps its own text
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

// Unwrap returns both causes.
func (e *causedError) Unwrap() []error { return []error{e.error, e.cause} }
