package blotter

import "context"

type (
	scopeKey       struct{}
	correlationKey struct{}
	userKey        struct{}
	operationKey   struct{}
)

// Scope says whose rows a session sees: those of one account, of all accounts, or (the zero value) of none.
type Scope struct {
	Account string
	All     bool
}

// WithAccount returns a context whose sessions see and change only the rows of this account.
func WithAccount(ctx context.Context, accountID string) context.Context {
	return Scope{Account: accountID}.In(ctx)
}

// WithAllAccounts returns a context whose sessions see the rows of every account. It is for operators, importers and
// services; never use it for a request on behalf of one account.
func WithAllAccounts(ctx context.Context) context.Context {
	return Scope{All: true}.In(ctx)
}

// ScopeOf returns the scope of a context, and reports whether WithAccount, WithAllAccounts or Scope.In has set one.
func ScopeOf(ctx context.Context) (scope Scope, set bool) {
	scope, set = ctx.Value(scopeKey{}).(Scope)
	return scope, set
}

// In returns a context whose sessions have the scope.
func (s Scope) In(ctx context.Context) context.Context { return context.WithValue(ctx, scopeKey{}, s) }

// WithCorrelation returns a context whose events, audit entries and log lines carry this id.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// CorrelationOf returns the id set by WithCorrelation, or "".
func CorrelationOf(ctx context.Context) string { return textOf(ctx, correlationKey{}) }

// WithUser returns a context whose audit entries name this person or program: the user of your application, whom the
// database does not know. Only the first 100 characters of an id are kept.
func WithUser(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, userKey{}, id)
}

// UserOf returns the id set by WithUser, or "".
func UserOf(ctx context.Context) string { return textOf(ctx, userKey{}) }

// WithOperation returns a context whose statements monitor.Tracer counts under this name, for example "book.fill" or
// "nightly.report". Keep the number of different names low: never put an id into one.
func WithOperation(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, operationKey{}, name)
}

// OperationOf returns the name set by WithOperation, or "".
func OperationOf(ctx context.Context) string { return textOf(ctx, operationKey{}) }

// textOf returns the text that a context has under the key, or "".
func textOf(ctx context.Context, key any) string {
	text, _ := ctx.Value(key).(string)
	return text
}
