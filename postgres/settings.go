package postgres

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/blotterdb/blotter"
)

// What a session tells the server about itself goes before its first statement, as data, for the transaction that they
// share: whose rows it sees, and for the audit log who acts.
const (
	sqlSetAccount = `select set_config('app.current_account_id', $1, true)`
	sqlSetActor   = `select set_config('app.user_id', $1, true), set_config('app.correlation_id', $2, true)`
)

// actor is who acts in a session that writes, and on which occasion.
type actor struct{ user, correlation string }

func actorOf(ctx context.Context) actor {
	return actor{user: setting(blotter.UserOf(ctx)), correlation: setting(blotter.CorrelationOf(ctx))}
}

// setting is the text as the audit log takes it: what the server would refuse must not end the caller's transaction.
func setting(text string) string {
	if text == "" {
		return ""
	}
	runes := []rune(strings.ReplaceAll(text, "\x00", ""))
	return string(runes[:min(len(runes), actorLengthMax)])
}

// actorLengthMax is how many characters of a user's or a correlation id are kept.
const actorLengthMax = 100

// settings are the same as a part of a simple query, each value written as code points so that nothing in it is SQL.
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

// codePoints is the text as a Unicode string constant in which every character is an escape.
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
