package postgres

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/blotterdb/blotter"
)

// A session sets these before its first statement, for the transaction of both: the account whose rows it sees and, for
// the audit log, who acts.
const (
	sqlSetAccount = `select set_config('app.current_account_id', $1, true)`
	sqlSetActor   = `select set_config('app.user_id', $1, true), set_config('app.correlation_id', $2, true)`
)

// actor is the user who acts in a session that writes, and the correlation id of the occasion.
type actor struct{ user, correlation string }

func actorOf(ctx context.Context) actor {
	return actor{user: setting(blotter.UserOf(ctx)), correlation: setting(blotter.CorrelationOf(ctx))}
}

// setting returns text as the audit log accepts it: characters that the server would refuse must not end the caller's
// transaction.
func setting(text string) string {
	if text == "" {
		return ""
	}
	runes := []rune(strings.ReplaceAll(text, "\x00", ""))
	return string(runes[:min(len(runes), actorLengthMax)])
}

// actorLengthMax is how many characters of the id of a user or an occasion are kept.
const actorLengthMax = 100

// settings returns the same as part of a simple query. Values are written as code points, so that nothing in them is
// SQL.
func (s *Session) settings() string {
	var b strings.Builder
	set := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "; set local %s = %s", name, codePoints(value))
		}
	}

	set("app.current_account_id", s.scope.Account)
	set("app.user_id", s.actor.user)
	set("app.correlation_id", s.actor.correlation)
	return b.String()
}

// codePoints returns text as a Unicode string constant in which every character is an escape.
func codePoints(text string) string {
	var b strings.Builder
	b.WriteString("U&'")
	for _, r := range text {
		if utf16.RuneLen(r) == 1 {
			fmt.Fprintf(&b, `\%04X`, r)
		} else {
			fmt.Fprintf(&b, `\+%06X`, r)
		}
	}
	return b.String() + "'"
}
