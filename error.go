package blotter

import (
	"errors"
	"fmt"
)

// Kind says what a caller may do about an error. Kinds are compared with errors.Is:
//
//	if errors.Is(err, blotter.ErrConflict) { reload and retry }
type Kind string

// The kinds. Those of the database follow the SQLSTATE classes (PostgreSQL documentation, appendix A).
const (
	// ErrNotFound means that there is no such row.
	ErrNotFound Kind = "not found"
	// ErrInvalid means that Go refused a value before the database saw it. The message names field, value and bound.
	ErrInvalid Kind = "invalid"
	// ErrIntegrity means that the change violates a constraint of the database (class 23, 44).
	ErrIntegrity Kind = "integrity"
	// ErrData means that a value does not fit its type (class 22).
	ErrData Kind = "data"
	// ErrConflict means that another session changed the row first, or that the same key holds different content.
	// Reload and retry.
	ErrConflict Kind = "conflict"
	// ErrSerialization means that concurrent transactions got in each other's way (40001, 40P01). The library has
	// retried already.
	ErrSerialization Kind = "serialization"
	// ErrPermission means that the role lacks a privilege (42501), or that the session is read-only (25006).
	ErrPermission Kind = "permission"
	// ErrProgramming means that the server does not understand the statement or cannot run it here (class 42, 0A, 25,
	// 26, 34, P0).
	ErrProgramming Kind = "programming"
	// ErrOperational means trouble with the server, the network, a limit or a timeout (class 08, 28, 3D, 53, 54, 55,
	// 57, 58, XX).
	ErrOperational Kind = "operational"
	// ErrPoolTimeout means that no connection was free within Config.AcquireTimeout. It is an ErrOperational too.
	ErrPoolTimeout Kind = "pool timeout"
	// ErrCommitUnknown means that the connection broke during COMMIT, so it is unknown whether the transaction took
	// effect. Look up the key.
	ErrCommitUnknown Kind = "commit unknown"
	// ErrNotReplicated means that the primary has committed and the wait for its synchronous replica was cancelled,
	// so a failover may lose the transaction. It is an ErrCommitUnknown too. Repeating a call that carries a key has
	// no second effect, and waits for the replica again.
	ErrNotReplicated Kind = "not replicated"
)

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is the error of every failing call of the library.
type Error struct {
	Op         string // what the call did, for example "insert execution.orders"
	Kind       Kind
	Constraint string // name of the violated constraint, if any
	SQLState   string // five characters, if the server sent them
	Message    string // one sentence for people
	Retry      bool   // the same call may succeed if it is made again
	Err        error  // cause; errors.As reaches *pgconn.PgError through it
}

// Error returns the operation, if there is one, and the message.
func (e *Error) Error() string {
	if e.Op == "" {
		return e.Message
	}
	return e.Op + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's Kind. ErrPoolTimeout is ErrOperational too, and ErrNotReplicated is
// ErrCommitUnknown too.
func (e *Error) Is(target error) bool {
	return target == e.Kind ||
		e.Kind == ErrPoolTimeout && target == ErrOperational ||
		e.Kind == ErrNotReplicated && target == ErrCommitUnknown
}

// Retryable reports whether the same call may succeed later: the server was starting or full, the connection was lost
// before anything was committed, or concurrent transactions got in each other's way. It is never true for
// ErrCommitUnknown.
func Retryable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retry
}

// Invalid returns an ErrInvalid that names the field, its value and what is allowed.
func Invalid(field string, value any, allowed string) *Error {
	return &Error{Kind: ErrInvalid, Message: fmt.Sprintf("invalid %s %s: want %s", field, clip(value), allowed)}
}

const (
	clipLength = 80  // characters of a value that an error shows
	clipBytes  = 400 // bytes of a text that clip looks at, so that quoting megabytes takes no time
)

// clip returns the first characters of a value, quoted if it is text.
func clip(value any) string {
	format := "%v"
	if text, isText := value.(string); isText {
		format = "%q"
		value = text[:min(len(text), clipBytes)]
	}

	text := []rune(fmt.Sprintf(format, value))
	if len(text) > clipLength {
		return string(text[:clipLength-3]) + "..."
	}

	return string(text)
}
