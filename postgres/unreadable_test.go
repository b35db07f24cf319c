package postgres_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// An application cannot store values that would stop readers of all accounts: JSON that is nested too deep to parse,
// times and products that programs cannot hold, unknown time zones, and numbers and transactions of its own choice.
func TestUnreadableRowsAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	conn := login(t, db, db.Config.URL, "A1")
	deep := `'` + strings.Repeat("[", 10_500) + strings.Repeat("]", 10_500) + `'`

	const check, privilege = "23514", "42501"
	trade := func(columns, values, executed, quantity, price string) string {
		return `insert into execution.trades (account_id, trade_id, symbol, side, quantity, price, position_effect, executed_at, quantity_after,
			cost_basis_after, realized_pnl_after, fees_after` + columns + `)
			values ('A1', 'T', 'KO', 'buy', ` + quantity + `, ` + price + `, 'open', ` + executed + `, 1, 1, 0, 0` + values + `)`
	}
	for _, refused := range []struct{ state, sql string }{
		{check, `insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ('A1', 'trades', 'A1', gen_random_uuid(), 'x', 's', ` + deep + `)`},
		{check, `insert into risk_management.risk_events (account_id, event_id, event_type, severity, message, data) values ('A1', 'e', 'x', 'warning', 'x', ` + deep + `)`},
		{
			check,
			`insert into strategy_engine.strategies (strategy_id, name, parameters) values ('s', 's', ` + deep + `)`,
		},
		{
			check,
			`insert into logging.system_logs (service, level, message, data) values ('s', 'info', 'm', ` + deep + `)`,
		},
		{check, `select shared.record_access('execution.orders', 'read', ` + deep + `, null)`},
		{check, trade("", "", "'infinity'", "1", "1")},
		{check, trade("", "", "'-infinity'", "1", "1")},
		{check, trade("", "", "'10000-01-01Z'", "1", "1")},
		{check, trade("", "", "now()", "1e100", "1")},
		{check, trade("", "", "now()", "1", "-1e100")},
		{privilege, trade(", xid", ", '1000'", "now()", "1", "1")},
		{privilege, trade(", created_at", ", now()", "now()", "1", "1")},
		{privilege, `insert into logging.system_logs (id, service, level, message) overriding system value values (9223372036854775807, 's', 'info', 'm')`},
		{
			privilege,
			`insert into logging.performance_logs (service, operation, execution_time_ms) values ('s', 'o', 1)`,
		},
		{check, `update execution.accounts set zone = 'Nowhere/X' where account_id = 'A1'`},
		{check, `update execution.accounts set zone = 'XYZ-3' where account_id = 'A1'`},
		{check, `update execution.accounts set zone = 'posix/Asia/Kolkata' where account_id = 'A1'`},
	} {
		wantState(t, conn, refused.state, refused.sql)
	}
	mustExec(t, conn, `update execution.accounts set zone = 'Asia/Kolkata' where account_id = 'A1'`)
	mustExec(t, conn, trade("", "", "now()", "1", "1"))
}
