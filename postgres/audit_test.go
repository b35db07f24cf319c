package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// execAs runs SQL in a transaction of the context's scope.
func execAs(t *testing.T, db *pgtest.Database, ctx context.Context, sql string) {
	t.Helper()
	err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// entries returns the audit log's entries since the id, as "table operation key old new", and the newest id.
func entries(t *testing.T, db *pgtest.Database, since int64) (list []string, newest int64) {
	t.Helper()
	newest = since
	log, err := db.AuditLog(blotter.WithAllAccounts(t.Context()), postgres.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range log {
		if e.ID > since {
			list = append(list,
				strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", e.TableName, e.Operation, e.Key, e.Old, e.New)))
			newest = e.ID
		}
	}
	return list, newest
}

const someTrade = `insert into execution.trades (account_id, trade_id, symbol, side, quantity, price, position_effect, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
	values ('A1', 'T1', 'AAPL', 'buy', 1, 2, 'open', now(), 1, 2, 0, 0)`

// Every manual change is recorded with its key and the changed values, under the name of its table. Fills are not
// recorded.
func TestAuditRecordsWhatPeopleChange(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	app, service := as(t, "A1"), blotter.WithAllAccounts(t.Context())
	admin := func(sql string) { t.Helper(); db.Exec(t, sql) }
	var since int64
	for _, step := range []struct {
		as   context.Context // nil is the superuser
		sql  string
		want []string // parts of the entries, in order
	}{
		{
			app, `insert into execution.accounts (account_id, zone) values ('A1', 'UTC')`,
			[]string{`execution.accounts INSERT {"account_id": "A1"}  {"name": "***", "zone": "UTC"`},
		},
		{
			app, `update execution.accounts set zone = 'Europe/Paris'`,
			[]string{`execution.accounts UPDATE {"account_id": "A1"} {"zone": "UTC"} {"zone": "Europe/Paris"}`},
		},
		{app, `update execution.accounts set zone = zone`, nil},
		{app, `insert into execution.accounts (account_id) values ('A1') on conflict do nothing`, nil},
		{app, `insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('A1', 'O1', 'AAPL', 'buy', 10), ('A1', 'O2', 'AAPL', 'buy', 10)`, []string{
			`execution.orders INSERT {"order_id": "O1", "account_id": "A1"}`,
			`execution.orders INSERT {"order_id": "O2", "account_id": "A1"}`,
		}},
		{app, `update execution.orders set status = 'submitted', version = version + 1 where order_id = 'O1'`, []string{`execution.orders UPDATE {"order_id": "O1", "account_id": "A1"} {"status": "pending", "version": 1} {"status": "submitted", "version": 2}`}},
		{app, `update execution.orders set order_id = 'O3' where order_id = 'O2'`, []string{`execution.orders UPDATE {"order_id": "O2", "account_id": "A1"} {"order_id": "O2"} {"order_id": "O3"}`}},
		{
			app, `select execution.remove_orders('A1', array['O3'])`,
			[]string{`execution.orders DELETE {"order_id": "O3", "account_id": "A1"} {"id": 2`},
		},
		{app, `select execution.remove_orders('A1', array['O3'])`, nil},
		{
			service,
			`insert into risk_management.risk_limits (account_id, limit_type, limit_value) values ('A1', 'loss', 5)`,
			[]string{`risk_management.risk_limits INSERT {"account_id": "A1", "limit_type": "loss"}`},
		},
		{service, `update risk_management.risk_limits set limit_value = 7`, []string{`risk_management.risk_limits UPDATE {"account_id": "A1", "limit_type": "loss"} {"limit_value": 5} {"limit_value": 7}`}},
		{
			service, `delete from risk_management.risk_limits`,
			[]string{`risk_management.risk_limits DELETE {"account_id": "A1", "limit_type": "loss"}`},
		},
		{service, `insert into risk_management.risk_events (account_id, event_id, event_type, message) values ('A1', 'E1', 'loss', 'm')`, []string{`risk_management.risk_events INSERT {"event_id": "E1", "account_id": "A1"}`}},
		{service, `update risk_management.risk_events set severity = 'critical'`, []string{`risk_management.risk_events UPDATE {"event_id": "E1", "account_id": "A1"} {"severity": "info"} {"severity": "critical"}`}},
		{service, someTrade, nil},
		{service, `insert into execution.positions (account_id, symbol) values ('A1', 'AAPL')`, nil},
		{app, `update execution.positions set fees = 1`, nil},
		{
			nil, `update execution.positions set fees = 2`,
			[]string{`execution.positions UPDATE {"symbol": "AAPL", "account_id": "A1"} {"fees": 1} {"fees": 2}`},
		},
		{nil, `update execution.trades set price = 3`, []string{`execution.trades UPDATE {"side": "buy", "symbol": "AAPL", "trade_id": "T1", "account_id": "A1"} {"price": 2} {"price": 3}`}},
		{nil, `update execution.trades set xid = '7'`, nil}, // as blotter events rebase does for every trade
		{
			nil, `update execution.trades set xid = '8', price = 3.5`,
			[]string{`{"xid": "7", "price": 3} {"xid": "8", "price": 3.5}`},
		},
		{
			nil, `set session_replication_role = replica; update execution.trades set price = 4`,
			[]string{`execution.trades UPDATE`},
		},
		{nil, `set role trading_owner; update execution.trades set price = 5`, []string{`execution.trades UPDATE`}},
		{nil, `delete from execution.trades`, []string{`execution.trades DELETE {"side": "buy", "symbol": "AAPL", "trade_id": "T1", "account_id": "A1"}`}},
		{
			nil, `delete from execution.positions`,
			[]string{`execution.positions DELETE {"symbol": "AAPL", "account_id": "A1"}`},
		},
		{
			nil, `truncate execution.trades, execution.positions, execution.trade_fees, execution.import_trades,
				execution.trade_corrections, execution.position_adjustments`,
			[]string{
				`execution.trades TRUNCATE`, `execution.positions TRUNCATE`, `execution.trade_fees TRUNCATE`,
				`execution.trade_corrections TRUNCATE`, `execution.position_adjustments TRUNCATE`,
			},
		},
		{
			nil, `truncate execution.orders cascade`,
			[]string{
				`execution.orders TRUNCATE`, `execution.trades TRUNCATE`, `execution.trade_fees TRUNCATE`,
				`execution.trade_corrections TRUNCATE`,
			},
		},
	} {
		if step.as == nil {
			admin(step.sql)
		} else {
			execAs(t, db, step.as, step.sql)
		}

		var got []string
		got, since = entries(t, db, since)
		if len(got) != len(step.want) {
			t.Errorf("%s records %q, want %q", step.sql, got, step.want)
			continue
		}
		for i, want := range step.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s records\n%s, want\n%s", step.sql, got[i], want)
			}
		}
	}
}

// Entries have the login, the user and the correlation id, however the transaction begins, and no later session
// inherits them.
func TestAuditSaysWho(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = 1, 1 })
	who := func(ctx context.Context) context.Context {
		return blotter.WithUser(blotter.WithCorrelation(ctx, "C'1"), "ann; drop\x00")
	}

	for i, scope := range []context.Context{as(t, "A1"), blotter.WithAllAccounts(t.Context())} {
		insert := fmt.Sprintf(`insert into execution.accounts (account_id) values ('A1') on conflict (account_id) do update set currency = 'C%d'`, i)
		role := []string{"trading_app", "trading_service"}[i]
		for name, run := range map[string]func(tx *postgres.Tx) error{
			"plain": func(tx *postgres.Tx) error { _, err := tx.Exec(t.Context(), insert); return err },
			"after a setting": func(tx *postgres.Tx) error {
				_, err := tx.Exec(t.Context(), "set local work_mem = '8MB'")
				return errors.Join(err, third(tx.Exec(t.Context(), insert)))
			},
		} {
			ctx := who(scope)
			_, since := entries(t, db, 0)
			if err := db.Transaction(ctx, run); err != nil {
				t.Fatal(name, err)
			}
			execAs(t, db, blotter.WithAllAccounts(t.Context()),
				`update execution.accounts set currency = 'X' || currency`)
			log, err := db.AuditLog(blotter.WithAllAccounts(t.Context()),
				postgres.AuditFilter{After: &blotter.AuditEntry{ID: since}})
			if err != nil || len(log) != 2 {
				t.Fatalf("%s: %d entries, %v", name, len(log), err)
			}
			e := log[0]
			if e.AccountID != "A1" || e.Role != role || e.UserID != "ann; drop" || e.CorrelationID != "C'1" ||
				e.XID == 0 || time.Since(e.Timestamp) > time.Minute ||
				!strings.HasSuffix(e.Login, strings.TrimPrefix(role, "trading")) {
				t.Errorf("%s as %s: %+v", name, role, e)
			}
			if log[1].UserID != "" || log[1].CorrelationID != "" {
				t.Errorf("the next user of the connection is recorded as %q, %q", log[1].UserID, log[1].CorrelationID)
			}
		}
	}
}

func third[T any](_ T, err error) error { return err }

// Setting the actor is one more statement in the same round trip, and only in transactions that have one.
func TestActorCostsOthersNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ctx  context.Context
		want int
	}{
		"nobody":            {t.Context(), 1},
		"all accounts":      {blotter.WithAllAccounts(t.Context()), 1},
		"an account":        {as(t, "A1"), 2},
		"a user":            {blotter.WithUser(t.Context(), "ann"), 2},
		"an account's user": {blotter.WithUser(as(t, "A1"), "ann"), 3},
		"an occasion":       {blotter.WithCorrelation(as(t, "A1"), "c"), 3},
		"no name":           {blotter.WithUser(t.Context(), ""), 1},
	} {
		if got := postgres.LeadingOf(test.ctx); len(got) != test.want {
			t.Errorf("%s: %q, want %d", name, got, test.want)
		}
	}
}

// No role of an application inserts, changes or removes an entry. An account sees only its own.
func TestAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	makeAccount(t, db.DB, "A2")
	leaf := pgtest.Value[string](t, db, `select tableoid::regclass::text from shared.audit_log limit 1`)
	for _, ctx := range []context.Context{as(t, "A1"), blotter.WithAllAccounts(t.Context())} {
		scope, _ := blotter.ScopeOf(ctx)
		for _, sql := range []string{
			`update shared.audit_log set operation = 'x'`, `delete from shared.audit_log`, `truncate shared.audit_log`,
			`delete from ` + leaf, `update ` + leaf + ` set operation = 'x'`,
			`insert into shared.audit_log (account_id, table_name, operation) values ('A1', 'execution.orders', 'DELETE')`,
			`select shared.audit_rows()`, `select shared.audited('execution.orders', '{}', true)`,
			`alter table execution.orders disable trigger audit_update`,
			`set session_replication_role = replica`, `delete from shared.masked_columns`,
			`insert into shared.masked_columns values ('execution.orders', 'price')`,
			`update shared.audit_seals set seal = 1`, `delete from shared.audit_seals`, `truncate shared.audit_seals`,
			`delete from shared.audit_cursor`,
		} {
			err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
			if !errors.Is(err, blotter.ErrPermission) && !errors.Is(err, blotter.ErrProgramming) {
				t.Errorf("%s (all accounts: %v): %v", sql, scope.All, err)
			}
		}
		log, err := db.AuditLog(ctx, postgres.AuditFilter{Table: "execution.accounts"})
		if want := map[bool]int{false: 1, true: 2}[scope.All]; err != nil || len(log) != want ||
			log[0].AccountID != "A1" {
			t.Errorf("all accounts %v: %d entries, %v", scope.All, len(log), err)
		}
	}

	for _, sql := range []string{
		`select * from shared.audit_seals`, `select * from shared.audit_cursor`,
		`update shared.audit_cursor set id_done = 1`,
	} {
		ctx := as(t, "A1")
		err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
		wantKind(t, sql+" as trading_app", err, blotter.ErrPermission)
	}
	if _, err := db.AuditLog(as(t, "A1"), postgres.AuditFilter{Account: "A2"}); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("another account's entries: %v", err)
	}
}

// Of sensitive columns, only the fact of a change is recorded. Rows of a partition are recorded under its root's name.
func TestAuditMasksAndNamesTheRoot(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	execAs(t, db, as(t, "A1"), `insert into execution.accounts (account_id, name) values ('A1', 'Ann Smith')`)
	execAs(t, db, as(t, "A1"), `update execution.accounts set name = 'Ann Jones'`)
	db.Exec(t, `insert into shared.masked_columns values ('risk_management.risk_events', 'resolved_at'), ('risk_management.risk_events', 'data')`)
	execAs(t, db, as(t, "A1"), `insert into risk_management.risk_events (account_id, event_id, event_type, message, data) values ('A1', 'E1', 'loss', 'm', '{"secret": 1}')`)
	got, since := entries(t, db, 0)
	for i, want := range []string{`"name": "***"`, `{"name": "***"} {"name": "***"}`, `"resolved_at": null`} {
		if !strings.Contains(got[i], want) || strings.Contains(got[i], "Ann") || strings.Contains(got[i], "secret") {
			t.Errorf("recorded %s, want %s", got[i], want)
		}
	}

	db.Exec(t, `create table execution.things (account_id text, id int, at timestamptz) partition by range (id);
		create table execution.things_one partition of execution.things for values from (0) to (10);
		create table execution.things_two partition of execution.things for values from (10) to (20);
		select shared.audited('execution.things', '{account_id,id}', true);
		set timezone = 'America/New_York';
		insert into execution.things values ('A1', 1, '2026-07-01 12:00Z'), ('A1', 11, null);
		update execution.things set at = now() where id = 1; delete from execution.things where id = 11`)

	got, _ = entries(t, db, since)
	if len(got) != 4 {
		t.Fatalf("recorded %q", got)
	}

	for _, entry := range got {
		if !strings.HasPrefix(entry, "execution.things ") {
			t.Errorf("recorded as %s", entry)
		}
	}
	if !strings.Contains(got[0], `"2026-07-01T12:00:00+00:00"`) {
		t.Errorf("a time as New York writes it: %s", got[0])
	}
}
