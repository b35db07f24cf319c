package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const sqlForge = `
insert into events.outbox (account_id, channel, key, event_id, type, v, service, data)
values ($1::text, $2, $1::text, gen_random_uuid(), $3, $4, $5, $6)`

// forgery is an event that an application writes by SQL.
type forgery struct {
	channel, kind, service string
	version                int
	data                   map[string]any
}

func (f forgery) write(ctx context.Context, conn *pgx.Conn, account string) error {
	data, err := json.Marshal(f.data)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sqlForge, account, f.channel, f.kind, f.version, f.service, string(data))
	return err
}

// An event of the book names the account that its columns name, whichever role writes it. The types of the list in Go
// are those of the database.
func TestBookEventsNameTheirAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	refused := func(conn *pgx.Conn, f forgery) bool {
		t.Helper()
		err := f.write(t.Context(), conn, "A1")
		if err != nil && !strings.Contains(err.Error(), "outbox_is_what_it_says") &&
			!strings.Contains(err.Error(), "book_events_are_proved") {
			t.Fatalf("%+v: %v", f, err)
		}
		return err != nil
	}

	urls := map[string]string{"app": db.Config.URL, "service": db.Config.ServiceURL, "owner": db.OwnerURL}
	for role, url := range urls {
		conn := login(t, db, url, "A1")
		for _, setRole := range []string{"", "set role none"} {
			if setRole != "" && role != "app" {
				continue
			}
			if setRole != "" {
				mustExec(t, conn, setRole)
			}

			for _, kind := range append(blotter.BookEvents(), "noted") {
				for _, data := range []map[string]any{
					{"account_id": "A2"},
					{},
					{"account_id": nil},
					{"account_id": []string{"A1"}},
					{"position": map[string]any{"account_id": "A1"}},
				} {
					got := refused(conn, forgery{"trades", kind, "execution", 1, data})
					if got != blotter.IsBookEvent(kind) {
						t.Errorf("%s with %v by the %s: refused %v", kind, data, role, got)
					}
				}
				if role == "app" && blotter.IsBookEvent(kind) {
					continue // TestEventsOfTheBookAreProved
				}
				own := forgery{"trades", kind, "execution", 1, map[string]any{"account_id": "A1"}}
				if refused(conn, own) {
					t.Errorf("%s of its own by the %s is refused", kind, role)
				}
			}
		}
	}

	owner := login(t, db, db.OwnerURL, "")
	wantState(t, owner, "23514", `insert into events.outbox (channel, key, event_id, type, service, data)
		values ('trades', 'A1', gen_random_uuid(), 'trade_executed', 'execution', '{"account_id": "A1"}')`)
	wantState(t, login(t, db, db.Config.URL, "A1"), "42501", `
		insert into events.outbox (account_id, channel, key, event_id, type, service, data, created_at)
		values ('A1', 'notes', 'A1', gen_random_uuid(), 'noted', 's', '{}', '1999-01-01')`)
}

// storedTrade returns the data of the event of a trade that sqlStoreTrade stored, with the changes.
func storedTrade(id string, changes map[string]any) map[string]any {
	data := map[string]any{
		"account_id": "A1", "trade_id": id, "symbol": "KO", "side": "buy", "quantity": "5", "price": "61.5",
		"multiplier": "1", "currency": "USD", "commission": "0.25", "commission_currency": "USD",
		"realized_pnl": "0", "position_effect": "open", "strategy": "",
		"executed_at": "2024-03-01T14:30:00.500000Z",
		"position":    map[string]any{"quantity": "5", "cost_basis": "307.5", "realized_pnl": "0", "fees": "0.25"},
	}
	maps.Copy(data, changes)
	return data
}

const sqlStoreTrade = `
insert into execution.trades (account_id, trade_id, symbol, side, quantity, price, multiplier, currency, commission,
                              commission_currency, realized_pnl, position_effect, strategy, executed_at,
                              quantity_after, cost_basis_after, realized_pnl_after, fees_after)
values ('A1', $1, 'KO', 'buy', 5, 61.50, 1, 'USD', 0.25, 'USD', 0, 'open', '', '2024-03-01 14:30:00.5Z',
        5, 307.5, 0, 0.25)`

// An application writes an event of the book only about a trade that its transaction has stored, as it has stored it.
func TestEventsOfTheBookAreProved(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")

	for _, setRole := range []string{"select 1", "set role none"} {
		conn := login(t, db, db.Config.URL, "A1")
		mustExec(t, conn, setRole)
		mustExec(t, conn, sqlStoreTrade, "T1 "+setRole)
		try := func(f forgery, changes ...string) (err error) {
			t.Helper()
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(t.Context()) }()
			mustExec(t, conn, sqlStoreTrade, "T2")
			for _, change := range changes {
				mustExec(t, conn, change)
			}
			return f.write(t.Context(), conn, "A1")
		}
		event := func(changes map[string]any) forgery {
			return forgery{"trades", blotter.TradeExecuted, "execution", 1, storedTrade("T2", changes)}
		}
		if err := try(event(nil)); err != nil {
			t.Errorf("%s: the event of a stored trade: %v", setRole, err)
		}

		otherCost := map[string]any{"quantity": "5", "cost_basis": "1", "realized_pnl": "0", "fees": "0.25"}
		otherFee := map[string]any{"currency": "EUR", "amount": "1"}
		forged := map[string]forgery{
			"an earlier trade":   event(map[string]any{"trade_id": "T1 " + setRole}),
			"no stored trade":    event(map[string]any{"trade_id": "T3"}),
			"no trade":           event(map[string]any{"trade_id": nil}),
			"another symbol":     event(map[string]any{"symbol": "PEP"}),
			"another side":       event(map[string]any{"side": "sell"}),
			"another quantity":   event(map[string]any{"quantity": "777777"}),
			"another price":      event(map[string]any{"price": "61.51"}),
			"another profit":     event(map[string]any{"realized_pnl": "1"}),
			"another position":   event(map[string]any{"position": map[string]any{"quantity": "777777"}}),
			"another cost":       event(map[string]any{"position": otherCost}),
			"a name more":        event(map[string]any{"other": "x"}),
			"a name twice":       event(map[string]any{"QUANTITY": "777777"}),
			"another alphabet":   event(map[string]any{"\u017fymbol": "PEP"}),
			"a number and blank": event(map[string]any{"quantity": "5 "}),
			"a number's zeros":   event(map[string]any{"quantity": "5.00"}),
			"a bare number":      event(map[string]any{"quantity": 5}),
			"fees of its own":    event(map[string]any{"other_fees": []any{otherFee}}),
			"another multiplier": event(map[string]any{"multiplier": "100"}),
			"another currency":   event(map[string]any{"currency": "JPY"}),
			"another commission": event(map[string]any{"commission": "777777"}),
			"another effect":     event(map[string]any{"position_effect": "close"}),
			"another strategy":   event(map[string]any{"strategy": "x"}),
			"another time":       event(map[string]any{"executed_at": "2025-03-01T14:30:00.500000Z"}),
			"an order":           event(map[string]any{"order_id": "O1"}),
			"no position":        event(map[string]any{"position": nil}),
			"another version":    {"trades", blotter.TradeExecuted, "execution", 2, storedTrade("T2", nil)},
			"another channel":    {"notes", blotter.TradeExecuted, "execution", 1, storedTrade("T2", nil)},
			"another service":    {"trades", blotter.TradeExecuted, "desk", 1, storedTrade("T2", nil)},
			"a removal":          {"trades", blotter.TradeUndone, "execution", 1, storedTrade("T2", nil)},
			"a changed position": {"positions", blotter.PositionUpdated, "execution", 1, storedTrade("T2", nil)},
		}
		for what, f := range forged {
			var refused *pgconn.PgError
			if err := try(f); !errors.As(err, &refused) || refused.Code != "42501" {
				t.Errorf("%s, %s: %v, want it refused", setRole, what, err)
			}
		}
		// Nobody's own settings and objects mislead the proof.
		misleading := []string{
			"set local search_path = pg_temp, execution", "create temp table trades (like execution.trades)",
			"insert into pg_temp.trades select * from execution.trades", "set local enable_indexscan = off",
		}
		var refused *pgconn.PgError
		if err := try(event(map[string]any{"quantity": "777777"}), misleading...); !errors.As(err, &refused) ||
			refused.Code != "42501" {
			t.Errorf("%s, misled: %v, want it refused", setRole, err)
		}
	}
}

// The proof looks trades up by their primary key, also in a session that made its plan while there were none.
func TestProofReadsOneTrade(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	conn := login(t, db, db.Config.URL, "A1")
	book := func(name string, trades int) (read int) {
		t.Helper()
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n := range trades {
			mustExec(t, conn, sqlStoreTrade, fmt.Sprint(name, n))
		}

		const sqlRead = `
			select coalesce(sum(idx_tup_fetch + seq_tup_read), 0)
			  from pg_stat_xact_user_tables where relname = 'trades'`
		before := ask[int](t, conn, sqlRead)
		event := forgery{"trades", blotter.TradeExecuted, "execution", 1, storedTrade(name+"0", nil)}
		if err := event.write(t.Context(), conn, "A1"); err != nil {
			t.Fatal(err)
		}
		read = ask[int](t, conn, sqlRead) - before
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		return read
	}
	for range 10 {
		book(fmt.Sprint("early", time.Now().UnixNano(), "-"), 1)
	}
	book("many", 300)
	if read := book("late", 1); read != 1 {
		t.Errorf("%d trades were read to prove one event, want 1", read)
	}
}

// Emit refuses what is not the caller's to say, and what no consumer could store. So does the database.
func TestEmitRefuses(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	all := blotter.WithAllAccounts(t.Context())
	one := as(t, "A1")
	price := func(data string) blotter.Event {
		return blotter.Event{Channel: "market_data", Key: "KO", Type: blotter.MarketDataUpdated, Data: []byte(data)}
	}
	ahead := time.Now().Add(blotter.PriceAheadMax + time.Hour).UTC().Format(time.RFC3339)
	long := strings.Repeat("X", 5000)
	for what, test := range map[string]struct {
		ctx   context.Context
		event blotter.Event
	}{
		"a fill of another account": {
			one,
			blotter.Event{
				Channel: "trades", Type: blotter.TradeExecuted, Service: "execution",
				Data: []byte(`{"account_id": "A2"}`),
			},
		},
		"a fill of its own": {
			one,
			blotter.Event{
				Channel: "trades", Type: blotter.TradeExecuted, Service: "execution",
				Data: []byte(`{"account_id": "A1"}`),
			},
		},
		"a fill by the service": {
			all,
			blotter.Event{
				AccountID: "A1", Channel: "trades", Type: blotter.TradeExecuted, Service: "execution",
				Data: []byte(`{"account_id": "A1"}`),
			},
		},
		"a removal": {
			one,
			blotter.Event{Channel: "trades", Type: blotter.TradeUndone, Data: []byte(`{"account_id": "A1"}`)},
		},
		"a position": {
			one,
			blotter.Event{Channel: "positions", Type: blotter.PositionUpdated, Data: []byte(`{"account_id": "A1"}`)},
		},
		"a price of an account": {
			one,
			blotter.Event{Channel: "x", Type: blotter.MarketDataUpdated, Data: []byte(`{}`)},
		},
		"market data of an account": {one, blotter.Event{Channel: "market_data", Type: "x", Data: []byte(`{}`)}},
		"a price of tomorrow":       {all, price(`{"symbol": "KO", "price": "1", "price_at": "` + ahead + `"}`)},
		"a price of 2200":           {all, price(`{"symbol": "KO", "price": "1", "price_at": "2200-01-01T00:00:00Z"}`)},
		"a price of 1800":           {all, price(`{"symbol": "KO", "price": "1", "price_at": "1800-01-01T00:00:00Z"}`)},
		"bars of 2200":              {all, price(`{"symbol": "KO", "to": "2200-01-01T00:00:00Z"}`)},
		"another symbol":            {all, price(`{"symbol": "PEP"}`)},
		"a long symbol": {
			all,
			blotter.Event{
				Channel: "market_data", Key: "KO", Type: blotter.MarketDataUpdated,
				Data: []byte(`{"symbol": "` + long + `"}`),
			},
		},
		"a long source":   {all, price(`{"symbol": "KO", "source": "` + long + `"}`)},
		"a long currency": {all, price(`{"symbol": "KO", "currency": "` + long + `"}`)},
		"no number":       {all, price(`{"symbol": "KO", "price": "NaN"}`)},
		"a great number":  {all, price(`{"symbol": "KO", "price": "1` + strings.Repeat("0", 150) + `"}`)},
		"a number":        {all, price(`7`)},
	} {
		err := db.Transaction(test.ctx, func(tx *postgres.Tx) error { return tx.Emit(test.ctx, test.event) })
		if !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	now := time.Now().UTC().Format(time.RFC3339)
	err := db.Transaction(all, func(tx *postgres.Tx) error {
		return tx.Emit(all,
			price(`{"symbol": "KO", "price": "1", "price_at": "`+now+`", "source": "feed", "currency": "USD"}`))
	})
	if err != nil {
		t.Errorf("a price: %v", err)
	}

	for _, url := range []string{db.Config.URL, db.Config.ServiceURL} {
		conn := login(t, db, url, "A1")
		for _, f := range []forgery{
			{"market_data", "x", "s", 1, map[string]any{}},
			{"x", blotter.MarketDataUpdated, "s", 1, map[string]any{"symbol": "KO"}},
		} {
			if err := f.write(t.Context(), conn, "A1"); !strings.Contains(fmt.Sprint(err), "outbox_is_what_it_says") {
				t.Errorf("%+v by SQL: %v", f, err)
			}
		}
	}
	app := login(t, db, db.Config.URL, "A1")
	wantState(t, app, "42501", `insert into events.outbox (channel, key, event_id, type, service, data)
		values ('market_data', 'KO', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{"symbol": "KO"}')`)
}

// An application forges no entry of the audit log that reads like an operator's: it records that it reads, in a few
// words, a table that it may read. Its entries are marked as its claim.
func TestAccountsRecordReadingAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	app := login(t, db, db.Config.URL, "A1")
	for _, asLogin := range []bool{false, true} {
		if asLogin {
			mustExec(t, app, "set role none")
		}
		for _, entry := range [][2]string{
			{"shared.audit_cursor", "REPAIR"},
			{"shared.audit_cursor", "read"},
			{"execution.trades", "REPAIR"},
			{"execution.trades", "READ"},
			{"execution.trades", "Repair"},
			{"execution.trades_archive", "read"},
			{"trades", "read"},
			{"events.outbox_p0", "read"},
			{"events.outbox", "read"},
			{"pg_catalog.pg_class", "read"},
			{"data_ingestion.latest_prices", "SET PRICE"},
			{"", "read"},
		} {
			wantState(t, app, "22023", `select shared.record_access($1, $2, null, null)`, entry[0], entry[1])
		}
	}
	for _, word := range []string{"read", "list", "view", "search", "export", "print", "share"} {
		mustExec(t, app, `select shared.record_access('execution.trades', $1, null, 'A2')`, word)
	}
	service := login(t, db, db.Config.ServiceURL, "")
	mustExec(t, service, "set role trading_service")
	mustExec(t, service, `select shared.record_access('shared.audit_cursor', 'REPAIR', null, null)`)

	log, err := db.AuditLog(blotter.WithAllAccounts(t.Context()), postgres.AuditFilter{})
	if err != nil || len(log) != 8 {
		t.Fatalf("%d entries, %v; want 8", len(log), err)
	}
	for _, e := range log {
		if wanted := e.Operation != "REPAIR"; e.IsClaim() != wanted || wanted && e.AccountID != "A1" {
			t.Errorf("%s of %q by %s: a claim %v, want %v", e.Operation, e.AccountID, e.Role, e.IsClaim(), wanted)
		}
	}
}
