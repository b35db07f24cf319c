package blotter

import (
	"errors"
	"fmt"
)

// Kind says what a caller may do about an error. Kinds are compared with errors.Is:
//
//	if errors.Is(err, blotter.ErrConflict) { reload and retry }
type Kind string

// The kinds. Those of the database follow SQLSTATE classes (PostgreSQL documentation, appendix A).
const (
	// ErrNotFound: no such row.
	ErrNotFound Kind = "not found"
	// ErrInvalid: refused in Go before the database was asked; the message names field, value and bound.
	ErrInvalid Kind = "invalid"
	// ErrIntegrity: a constraint of the database refused it (class 23, 44).
	ErrIntegrity Kind = "integrity"
	// ErrData: a value that its type cannot hold (class 22).
	ErrData Kind = "data"
	// ErrConflict: another session changed the row first, or the same key holds different content. Reload and retry.
	ErrConflict Kind = "conflict"
	// ErrSerialization: concurrent transactions could not be put in an order (40001, 40P01). It was retried already.
	ErrSerialization Kind = "serialization"
	// ErrPermission: the role may not (42501), or the session is read-only (25006).
	ErrPermission Kind = "permission"
	// ErrProgramming: a statement the server does not understand or cannot run here (class 42, 0A, 25, 26, 34, P0).
	ErrProgramming Kind = "programming"
	// ErrOperational: server, network, limits, timeouts (class 08, 28, 3D, 53, 54, 55, 57, 58, XX).
	ErrOperational Kind = "operational"
	// ErrPoolTimeout: no connection came free within Config.AcquireTimeout. It is an ErrOperational too.
	ErrPoolTimeout Kind = "pool timeout"
	// ErrCommitUnknown: the link broke at COMMIT. Nobody can tell whether it took effect; look the key up.
	ErrCommitUnknown Kind = "commit unknown"
	// ErrNotReplicated: committed on the primary, and the wait for its synchronous replica was cancelled: a failover may
	// lose it. It is an ErrCommitUnknown too: repeating a call that carries a key has no second effect, and waits again.
	ErrNotReplicated Kind = "not replicated"
)

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is what every failing call of the library returns.
type Error struct {
	Op         string // what was being done: "insert execution.orders"
	Kind       Kind
	Constraint string // name of the violated constraint, if any
	SQLState   string // five characters, if the server sent them
	Message    string // one sentence for people
	Retry      bool   // the same call may succeed if made again
	Err        error  // cause; errors.As reaches *pgconn.PgError through it
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Message
	}
	return e.Op + ": " + e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the error's Kind; a pool timeout is operational as well, and what is not replicated is a commit unknown.
func (e *Error) Is(target error) bool {
	return target == e.Kind || (e.Kind == ErrPoolTimeout && target == ErrOperational) ||
		(e.Kind == ErrNotReplicated && target == ErrCommitUnknown)
}

// Retryable reports whether the same call may succeed if it is made again later: the server was starting or full, the
// connection was lost before anything was committed, or concurrent transactions were in each other's way. It is never
// true for ErrCommitUnknown.
func Retryable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retry
}

// Invalid makes the ErrInvalid that says which field had which value and what is allowed.
func Invalid(field string, value any, allowed string) *Error {
	return &Error{Kind: ErrInvalid, Message: fmt.Sprintf("%s %s is not allowed: want %s", field, clip(value), allowed)}
}

// clipBytes is how much of a text clip looks at: 80 characters and more. A refusal of megabytes must not take the time that
// it takes to quote them.
const clipBytes = 400

// clip shows at most 80 characters of a value, quoted when it is text.
func clip(value any) string {
	format := "%v"
	if text, isText := value.(string); isText {
		format = "%q"
		value = text[:min(len(text), clipBytes)]
	}
	text := []rune(fmt.Sprintf(format, value))
	if len(text) > 80 {
		return string(text[:77]) + "..."
	}
	return string(text)
}
