package postgres

import (
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
)

// isPageOfAccounts reports whether the filter selects a page of the trades of all accounts, in the order of time.
func (f *TradeFilter) isPageOfAccounts(scope blotter.Scope) bool {
	return scope.All && f.Account == "" && f.Limit > 0 && f.OrderID == ""
}

// source returns what follows FROM in a statement about the trades that the filter selects, and its arguments.
//
// The index by time is one of each account's trades. So a page of all accounts is merged from a page of each: sorting
// all trades would take seconds for millions.
func (f *TradeFilter) source(scope blotter.Scope) (sql string, args []any, err error) {
	c := f.clauses(scope)
	if c.err != nil {
		return "", nil, c.err
	}
	tail, args, err := Trades.tailSQL(c.list)
	if err != nil || !f.isPageOfAccounts(scope) {
		return "execution.trades" + tail, args, err
	}

	condition := " where account_id = owner_id"
	if rest, hasWhere := strings.CutPrefix(tail, " where "); hasWhere {
		tail = condition + " and " + rest
	} else {
		tail = condition + tail
	}
	direction := "asc"
	if f.NewestFirst {
		direction = "desc"
	}
	return fmt.Sprintf(`(select account_id as owner_id from execution.accounts) owner
 cross join lateral (select * from execution.trades%s) trades
 order by executed_at %s, sequence %[2]s, id %[2]s
 limit %d`, tail, direction, f.Limit), args, nil
}
