package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

func TestPitfall05InsertForAnotherAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seed(t, db, "A2", "theirs") // A1 has no rows whose keys could conflict
	for _, url := range []string{db.Config.URL, db.Config.ReadOnlyURL} {
		conn := login(t, db, url, "A1")
		for _, tenant := range tenants {
			wantState(t, conn, "42501", "insert into "+tenant.table+" "+tenant.insert, "A2", "forged")
		}
	}

	conn := login(t, db, db.Config.URL, "A1")
	wantState(t, conn, "42501", `insert into events.outbox (channel, key, event_id, type, service, data) values ('market_data', 'KO', gen_random_uuid(), 't', 's', '{}')`)
	wantState(t, conn, "42501", `insert into shared.audit_log (table_name, operation) values ('t', 'o')`)

	// An event with another account's key could stop that account's events. The server sets its position and
	// transaction.
	mustExec(t, conn, `insert into execution.accounts (account_id) values ('A1')`)
	const event = `insert into events.outbox (account_id, channel, key, event_id, type, service, data%s) %s values ('A1', 'trades', '%s', gen_random_uuid(), 't', 's', '{}'%s)`
	mustExec(t, conn, fmt.Sprintf(event, "", "", "A1", ""))
	wantState(t, conn, "23514", fmt.Sprintf(event, "", "", "A2", ""))
	wantState(t, conn, "42501", fmt.Sprintf(event, ", pos", "overriding system value", "A1", ", 77"))
	wantState(t, conn, "42501", fmt.Sprintf(event, ", xid", "", "A1", ", '7'"))
	ctx := as(t, "A1")
	foreign := newOrder("A2", "O-2")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error { return tx.CreateOrder(ctx, &foreign) })
	if err == nil {
		t.Error("CreateOrder stored another account's order")
	}
}

func TestPitfall06UpdateMovesNoRow(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	conn := login(t, db, db.Config.URL, "A1")
	for _, table := range []string{
		"execution.accounts", "execution.orders", "execution.positions",
		"risk_management.risk_limits", "risk_management.risk_events",
	} {
		wantState(t, conn, "42501", "update "+table+" set account_id = 'A2'")
		wantState(t, conn, "42501", "update "+table+" set account_id = 'A3'")
		if tag := mustExec(t, conn,
			"update "+table+" set account_id = 'A1' where account_id = 'A2'"); tag.RowsAffected() != 0 {
			t.Errorf("A1 moved %d rows of %s to itself", tag.RowsAffected(), table)
		}
	}

	wantState(t, conn, "42501", `insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('A1', 'O-1', 'KO', 'buy', 1)
		on conflict (account_id, order_id) do update set account_id = 'A2'`)
}

func TestPitfall16TheSameIDsInTwoAccounts(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, account := range []string{"A1", "A2"} {
		conn := login(t, db, db.Config.URL, account)
		for _, tenant := range tenants[:5] {
			mustExec(t, conn, "insert into "+tenant.table+" "+tenant.insert, account, "mine")
		}
	}

	// Unique keys and foreign keys of every tenant table begin with the account, so none reveals rows of another
	// account.
	oracle := pgtest.Value[string](t, db, `
		select coalesce(string_agg(i.indexrelid::regclass::text, ' '), '') from pg_index i
		  join pg_attribute a on a.attrelid = i.indrelid and a.attname = 'account_id'
		  join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
		 where i.indisunique and i.indkey[0] <> a.attnum and n.nspname in ('execution', 'analytics', 'risk_management', 'shared')`)
	if oracle != "" {
		t.Errorf("unique keys that do not begin with the account: %s", oracle)
	}
}

func TestPitfall17OnConflictSwallowsNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seed(t, db, "A2", "theirs")
	conn := login(t, db, db.Config.URL, "A1")
	for _, tenant := range tenants[:4] {
		if tag := mustExec(t, conn, "insert into "+tenant.table+" "+tenant.insert+" on conflict do nothing", "A1",
			"mine"); tag.RowsAffected() != 1 {
			t.Errorf("a row of %s was swallowed", tenant.table)
		}
	}
}

func TestPitfall18ForeignKeyToAnothersOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seed(t, db, "A2", "theirs")
	conn := login(t, db, db.Config.URL, "A1")
	mustExec(t, conn, `insert into execution.accounts (account_id) values ('A1')`)
	trade := "insert into execution.trades " + tenants[2].insert // for order O-1, which belongs to A2
	wantState(t, conn, "23503", trade, "A1", "mine")
	mustExec(t, conn, `insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('A1', 'O-1', 'KO', 'buy', 1)`)
	mustExec(t, conn, trade, "A1", "mine")
}

func TestPitfall19NoCascadeCrossesAccounts(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	cascades := pgtest.Value[string](t, db, `select coalesce(string_agg(conrelid::regclass || '.' || conname, ' '), '') from pg_constraint
		where contype = 'f' and (confdeltype <> 'a' or confupdtype <> 'a') and connamespace::regnamespace::text !~ '^pg_'`)
	if cascades != "" {
		t.Errorf("foreign keys with an action: %s", cascades)
	}

	before := accountRows(t, db, "A2")
	conn := login(t, db, db.Config.URL, "A1")
	mustExec(t, conn,
		`select risk_management.remove_limits('A1', array(select limit_type from risk_management.risk_limits))`)
	mustExec(t, conn,
		`select risk_management.remove_limits('A2', array['theirs']), execution.remove_orders('A2', array['O-1'])`)
	wantState(t, conn, "23503", `select execution.remove_orders('A1', array['O-1'])`)
	wantState(t, conn, "42501", `delete from execution.orders`)
	wantState(t, conn, "42501", `delete from execution.accounts`)
	wantState(t, conn, "42501", `truncate execution.orders cascade`)
	if after := accountRows(t, db, "A2"); after != before {
		t.Errorf("A2's rows were\n%s\nand are\n%s", before, after)
	}
}

// accountRows returns the text of every row of an account.
func accountRows(t testing.TB, db *pgtest.Database, account string) (all string) {
	t.Helper()
	conn := db.Connect(t, db.AdminURL)
	for _, tenant := range tenants {
		var text string
		err := conn.QueryRow(t.Context(), "select coalesce(string_agg(r::text, E'\n' order by r::text), '') from "+tenant.table+" r where account_id = $1", account).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		all += tenant.table + ": " + text + "\n"
	}
	return all
}

func TestPitfall20ForUpdateLocksOwnRows(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	conn := login(t, db, db.Config.URL, "A1")
	mustExec(t, conn, "begin")
	if tag := mustExec(t, conn, "select * from execution.positions for update"); tag.RowsAffected() != 1 {
		t.Errorf("A1 locks %d positions, want 1", tag.RowsAffected())
	}
	other := login(t, db, db.Config.URL, "A2")
	mustExec(t, other, "set lock_timeout = '1min'")
	mustExec(t, other, "update execution.positions set quantity = 2")
	mine := login(t, db, db.Config.URL, "A1")
	wantState(t, mine, "55P03", "select * from execution.positions for update nowait")
	mustExec(t, conn, "rollback")
}

func TestPitfall21SavepointRollbackRestoresTheAccount(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	ctx := as(t, "A1")
	boom := errors.New("boom")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		seen := func() (accounts string) {
			if err := tx.QueryRow(ctx,
				`select string_agg(account_id, ',') from execution.orders`).Scan(&accounts); err != nil {
				t.Error(err)
			}
			return accounts
		}

		for _, sql := range []string{
			"set local app.current_account_id = 'A2'",
			"select set_config('app.current_account_id', 'A2', true)",
		} {
			err := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return err
				}
				if got := seen(); got != "A2" {
					t.Errorf("after %s it sees %q", sql, got)
				}
				return boom
			})
			if got := seen(); !errors.Is(err, boom) || got != "A1" {
				t.Errorf("after %s was rolled back it sees %q (%v)", sql, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := countOrders(t, db.DB, "A1"); n != 1 {
		t.Errorf("A1 sees %d orders", n)
	}
}

// An account id is data, whatever it contains: in every kind of session and first statement, and in bookings.
func TestPitfall24AccountIDsAreData(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seed(t, db, "A2", "theirs")
	for _, account := range []string{
		`'`, `''`, `"`, `\`, `\'`, `$1`, `;`, `'; drop table execution.orders; --`, `A1' or '1'='1`, "$$", "%s",
		"U&'\\0041'", "--", "/*", "{}", "\n", "\x01",
		"Ünïcödé", "日本語口座", "🙂🙂", "A2 ", " A2", "a2", "NULL", string(make50('x')), string(make50('\'')), string(make50('界')),
	} {
		ctx := as(t, account)
		trade := blotter.Trade{
			AccountID: account, TradeID: "T-1", Symbol: "KO", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
			Price: blotter.MustDecimal("60"), ExecutedAt: time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC),
		}
		if _, err := db.ExecuteTrade(ctx, trade); err != nil {
			t.Errorf("%q: %v", account, err)
		}
		for _, first := range []string{"select 1", "set local work_mem = '5MB'", "savepoint s"} {
			var seen []string
			err := db.Transaction(ctx, func(tx *postgres.Tx) error {
				if _, err := tx.Exec(ctx, first); err != nil {
					return err
				}
				rows, err := tx.Query(ctx, "select account_id from execution.trades")
				if err == nil {
					seen, err = pgx.CollectRows(rows, pgx.RowTo[string])
				}
				return err
			})
			if err != nil || len(seen) != 1 || seen[0] != account {
				t.Errorf("%q, first %s: sees %q, %v", account, first, seen, err)
			}
		}
	}

	for _, bad := range []string{"", "\x00", "A\x00", string(make50('x')) + "x", "\xff"} {
		err := db.ReadOnly(as(t, bad), func(*postgres.Session) error { return nil })
		wantKind(t, fmt.Sprintf("account %q", bad), err, blotter.ErrInvalid)
	}
}

func make50(r rune) []rune {
	runes := make([]rune, blotter.AccountIDLengthMax)
	for i := range runes {
		runes[i] = r
	}
	return runes
}
