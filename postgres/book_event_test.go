package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sqlStoreTrade books by hand a buy of 1 KO at 10 dollars for account $1 under the id $2, as an application may.
const sqlStoreTrade = `
insert into execution.trades (account_id, trade_id, symbol, side, quantity, price, position_effect, executed_at,
       quantity_after, cost_basis_after, realized_pnl_after, fees_after)
values ($1, $2, 'KO', 'buy', 1, 10, 'open', '2026-03-02T14:30:00Z', 1, 10, 0, 0)`

// honestData is what the event of that trade says.
func honestData(account, id string) map[string]any {
	return map[string]any{
		"account_id": account, "trade_id": id, "symbol": "KO", "side": "buy", "quantity": "1", "price": "10", "multiplier": "1",
		"currency": "USD", "commission": "0", "commission_currency": "USD", "realized_pnl": "0", "position_effect": "open",
		"strategy": "", "executed_at": "2026-03-02T14:30:00.000000Z",
		"position": map[string]any{"quantity": "1", "cost_basis": "10", "realized_pnl": "0", "fees": "0"},
	}
}

const sqlForge = `
insert into events.outbox (account_id, channel, key, event_id, type, v, service, data)
values ($1, $2, $1, gen_random_uuid(), $3, $4, $5, $6)`

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

// An application writes no event of the book but what a trade proves that the same transaction has stored: in every fact, of
// its own account, once its transaction is over no more.
func TestEventsOfTheBookAreProved(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seed(t, db, "A1", "mine")
	seed(t, db, "A2", "theirs")
	conn := login(t, db, db.Config.URL, "A1")
	honest := forgery{blotter.ChannelTrades, blotter.TradeExecuted, blotter.ServiceExecution, 1, nil}

	// attempt stores a trade of A1, then writes the forgery, and returns what that was refused with.
	attempt := func(id string, f forgery) string {
		t.Helper()
		mustExec(t, conn, "begin")
		defer mustExec(t, conn, "rollback")
		mustExec(t, conn, sqlStoreTrade, "A1", id)
		err := f.write(t.Context(), conn, "A1")
		var pg *pgconn.PgError
		if err != nil && !errors.As(err, &pg) {
			t.Fatal(err)
		}
		if pg == nil {
			return ""
		}
		return pg.Code
	}

	honest.data = honestData("A1", "T1")
	if state := attempt("T1", honest); state != "" {
		t.Fatalf("what the trade says is refused with %s", state)
	}
	for name := range honest.data {
		if name == "position" {
			continue
		}
		lie := honestData("A1", "T1")
		lie[name] = map[string]any{
			"account_id": "A2", "side": "sell", "position_effect": "close", "executed_at": "2026-03-02T14:30:01Z",
			"trade_id": "T-1", "symbol": "PEP", "currency": "EUR", "commission_currency": "EUR", "strategy": "x",
		}[name]
		if lie[name] == nil {
			lie[name] = "777777"
		}
		without := honestData("A1", "T1")
		delete(without, name)
		for _, data := range []map[string]any{lie, without} {
			f := honest
			f.data = data
			if state := attempt("T1", f); state != "42501" && state != "23514" {
				t.Errorf("with %s %v, where the trade has %v: %q, want a refusal", name, data[name], honest.data[name], state)
			}
		}
	}
	for _, name := range []string{"quantity", "cost_basis", "realized_pnl", "fees"} {
		f := honest
		f.data = honestData("A1", "T1")
		f.data["position"].(map[string]any)[name] = "777777"
		if state := attempt("T1", f); state != "42501" {
			t.Errorf("with another %s of the position: %q, want 42501", name, state)
		}
	}
	for what, change := range map[string]func(*forgery){
		"another order":     func(f *forgery) { f.data["order_id"] = "O-1" },
		"another channel":   func(f *forgery) { f.channel = "positions" },
		"another service":   func(f *forgery) { f.service = "mine" },
		"another version":   func(f *forgery) { f.version = 2 },
		"a removal":         func(f *forgery) { f.kind = blotter.TradeUndone },
		"a position":        func(f *forgery) { f.kind, f.channel = blotter.PositionUpdated, blotter.ChannelPositions },
		"a trade of before": func(f *forgery) { f.data = honestData("A1", "T-1") },
	} {
		f := honest
		f.data = honestData("A1", "T1")
		change(&f)
		if state := attempt("T1", f); state != "42501" {
			t.Errorf("%s: %q, want 42501", what, state)
		}
	}

	mustExec(t, conn, "begin")
	mustExec(t, conn, sqlStoreTrade, "A1", "T2")
	mustExec(t, conn, "commit")
	honest.data = honestData("A1", "T2")
	if err := honest.write(t.Context(), conn, "A1"); !strings.Contains(fmt.Sprint(err), "42501") {
		t.Errorf("after the trade's transaction: %v, want 42501", err)
	}
	mustExec(t, conn, "set role none")
	if err := honest.write(t.Context(), conn, "A1"); !strings.Contains(fmt.Sprint(err), "42501") {
		t.Errorf("as the login: %v, want 42501", err)
	}
}

// Types that join those of the book are refused by the database as well.
func TestListsOfBookEventsAgree(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := login(t, db, db.Config.ServiceURL, "")
	for _, kind := range append(blotter.BookEvents(), "noted") {
		data := map[string]any{"account_id": "A1"}
		err := forgery{"notes", kind, "s", 1, data}.write(t.Context(), conn, "A1")
		if refused := strings.Contains(fmt.Sprint(err), "42501"); refused != blotter.IsBookEvent(kind) {
			t.Errorf("%s by the service: %v", kind, err)
		}
	}
	for _, kind := range blotter.BookEvents() {
		_, err := db.Connect(t, db.OwnerURL).Exec(t.Context(), sqlForge, "A1", "trades", kind, 1, "execution", `{"account_id": "A2"}`)
		if !strings.Contains(fmt.Sprint(err), "outbox_data_is_the_accounts") {
			t.Errorf("%s of another account by the owner: %v", kind, err)
		}
	}
}

// The number and the transaction of a trade, and the times of rows, are the server's to say.
func TestServerNumbersTrades(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := login(t, db, db.Config.URL, "A1")
	for _, column := range []string{"xid", "created_at", "id"} {
		value := map[string]string{"xid": "pg_current_xact_id()", "created_at": "now()", "id": "1"}[column]
		wantState(t, conn, "42501", strings.NewReplacer("fees_after)", "fees_after, "+column+")\noverriding system value", "0, 0)", "0, 0, "+value+")").Replace(sqlStoreTrade), "A1", "T1")
	}
	wantState(t, conn, "42501", `insert into events.outbox (account_id, channel, key, event_id, type, service, data, created_at)
		values ('A1', 'notes', 'A1', gen_random_uuid(), 'noted', 's', '{}', '1999-01-01')`)
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
		"a fill of another account": {one, blotter.Event{Channel: "trades", Type: blotter.TradeExecuted, Service: "execution", Data: []byte(`{"account_id": "A2"}`)}},
		"a fill of its own":         {one, blotter.Event{Channel: "trades", Type: blotter.TradeExecuted, Service: "execution", Data: []byte(`{"account_id": "A1"}`)}},
		"a fill by the service":     {all, blotter.Event{AccountID: "A1", Channel: "trades", Type: blotter.TradeExecuted, Service: "execution", Data: []byte(`{"account_id": "A1"}`)}},
		"a removal":                 {one, blotter.Event{Channel: "trades", Type: blotter.TradeUndone, Data: []byte(`{"account_id": "A1"}`)}},
		"a position":                {one, blotter.Event{Channel: "positions", Type: blotter.PositionUpdated, Data: []byte(`{"account_id": "A1"}`)}},
		"a price of an account":     {one, blotter.Event{Channel: "x", Type: blotter.MarketDataUpdated, Data: []byte(`{}`)}},
		"market data of an account": {one, blotter.Event{Channel: "market_data", Type: "x", Data: []byte(`{}`)}},
		"a price of tomorrow":       {all, price(`{"symbol": "KO", "price": "1", "price_at": "` + ahead + `"}`)},
		"a price of 2200":           {all, price(`{"symbol": "KO", "price": "1", "price_at": "2200-01-01T00:00:00Z"}`)},
		"a price of 1800":           {all, price(`{"symbol": "KO", "price": "1", "price_at": "1800-01-01T00:00:00Z"}`)},
		"bars of 2200":              {all, price(`{"symbol": "KO", "to": "2200-01-01T00:00:00Z"}`)},
		"another symbol":            {all, price(`{"symbol": "PEP"}`)},
		"a long symbol":             {all, blotter.Event{Channel: "market_data", Key: "KO", Type: blotter.MarketDataUpdated, Data: []byte(`{"symbol": "` + long + `"}`)}},
		"a long source":             {all, price(`{"symbol": "KO", "source": "` + long + `"}`)},
		"a long currency":           {all, price(`{"symbol": "KO", "currency": "` + long + `"}`)},
		"no number":                 {all, price(`{"symbol": "KO", "price": "NaN"}`)},
		"a great number":            {all, price(`{"symbol": "KO", "price": "1` + strings.Repeat("0", 150) + `"}`)},
		"a number":                  {all, price(`7`)},
	} {
		err := db.Transaction(test.ctx, func(tx *postgres.Tx) error { return tx.Emit(test.ctx, test.event) })
		if !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	now := time.Now().UTC().Format(time.RFC3339)
	err := db.Transaction(all, func(tx *postgres.Tx) error {
		return tx.Emit(all, price(`{"symbol": "KO", "price": "1", "price_at": "`+now+`", "source": "feed", "currency": "USD"}`))
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
			if err := f.write(t.Context(), conn, "A1"); !strings.Contains(fmt.Sprint(err), "outbox_prices_are_nobodys") {
				t.Errorf("%+v by SQL: %v", f, err)
			}
		}
	}
	app := login(t, db, db.Config.URL, "A1")
	wantState(t, app, "42501", `insert into events.outbox (channel, key, event_id, type, service, data)
		values ('market_data', 'KO', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{"symbol": "KO"}')`)
}

// An application forges no entry of the audit log that reads like an operator's: it records that it reads, in a few words,
// a table that it may read. What it records is marked as its claim.
func TestAccountsRecordReadingAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	app := login(t, db, db.Config.URL, "A1")
	for _, asLogin := range []bool{false, true} {
		if asLogin {
			mustExec(t, app, "set role none")
		}
		for _, entry := range [][2]string{
			{"shared.audit_cursor", "REPAIR"}, {"shared.audit_cursor", "read"}, {"execution.trades", "REPAIR"}, {"execution.trades", "READ"},
			{"execution.trades", "Repair"}, {"execution.trades_archive", "read"}, {"trades", "read"}, {"events.outbox_p0", "read"},
			{"events.outbox", "read"}, {"pg_catalog.pg_class", "read"}, {"data_ingestion.latest_prices", "SET PRICE"}, {"", "read"},
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
