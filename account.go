package blotter

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// AccountIDLengthMax is the most characters an account id has.
const AccountIDLengthMax = 50

// Account is one login at one venue. It is created on first use.
type Account struct {
	AccountID string    `db:"account_id"`
	Name      string    `db:"name"`
	Currency  string    `db:"currency,omitzero"` // ISO 4217 or the venue's own code; default USD
	Zone      string    `db:"zone,omitzero"`     // IANA zone of its trading dates; default UTC
	CreatedAt time.Time `db:"created_at,generated"`
}

type scopeKey struct{}

// Scope says whose rows a session sees: one account's, all accounts', or (the zero value) nobody's.
type Scope struct {
	Account string
	All     bool
}

// WithAccount returns a context whose sessions see and change the rows of this account alone.
func WithAccount(ctx context.Context, accountID string) context.Context {
	return context.WithValue(ctx, scopeKey{}, Scope{Account: accountID})
}

// WithAllAccounts returns a context whose sessions see the rows of every account: for operators, importers and
// services, never for a request on behalf of one account.
func WithAllAccounts(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, Scope{All: true})
}

// ScopeOf is the scope that WithAccount or WithAllAccounts put into the context, and whether either did.
func ScopeOf(ctx context.Context) (scope Scope, set bool) {
	scope, set = ctx.Value(scopeKey{}).(Scope)
	return scope, set
}

// In is the context whose sessions have the scope.
func (s Scope) In(ctx context.Context) context.Context { return context.WithValue(ctx, scopeKey{}, s) }

// CheckAccountID reports as ErrInvalid an id that no account can have: empty, longer than AccountIDLengthMax
// characters, not UTF-8, or with a NUL. Anything else, quotes and semicolons included, is data.
func CheckAccountID(id string) error {
	if id == "" || !utf8.ValidString(id) || utf8.RuneCountInString(id) > AccountIDLengthMax || strings.ContainsRune(id, 0) {
		return Invalid("account_id", id, "1 to 50 characters of UTF-8 text")
	}
	return nil
}

type correlationKey struct{}

// WithCorrelation returns a context whose events, audit rows and log lines carry this id.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

type userKey struct{}

// WithUser returns a context whose audit rows say that this person, or program, was behind the session: who logged in at
// your application, of whom the database knows nothing. Of an id longer than 100 characters the first 100 are kept.
func WithUser(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, userKey{}, id)
}

// UserOf is the id that WithUser put into the context, or "".
func UserOf(ctx context.Context) string {
	id, _ := ctx.Value(userKey{}).(string)
	return id
}

// CorrelationOf is the id that WithCorrelation put into the context, or "".
func CorrelationOf(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}
