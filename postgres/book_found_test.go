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

// storedIDs returns the ids of all trades, in the book's order.
func storedIDs(t *testing.T, d *pgtest.Database) string {
	t.Helper()
	return pgtest.Value[string](t, d,
		`select coalesce(string_agg(trade_id, ' ' order by id), '') from execution.trades`)
}

// until polls until done.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// waiting reports whether a session of the database waits for a lock.
func waiting(t *testing.T, d *pgtest.Database) func() bool {
	conn := d.Connect(t, d.AdminURL)
	return func() (waits bool) {
		row := conn.QueryRow(t.Context(), `select exists (
			select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')`)
		err := row.Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		return waits
	}
}

// verified fails the test if Verify finds a mismatch.
func verified(t *testing.T, d *pgtest.Database) {
	t.Helper()
	if v, err := d.Verify(blotter.WithAllAccounts(t.Context())); err != nil || len(v.Mismatches) > 0 {
		t.Errorf("verify: %v, %v", v.Mismatches, err)
	}
}

// If an AllOrNothing call does not book a trade, its copy is not a duplicate.
func TestAllOrNothingWithholdsCopies(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	bad := fill("BAD", blotter.Buy, "-1", "5")
	receipts, err := db.ExecuteTrades(as(t, "A1"), []blotter.Trade{buy("T1"), buy("T1"), bad}, postgres.AllOrNothing)
	wantKind(t, "a bad trade among all or nothing", err, blotter.ErrInvalid)
	if len(receipts) != 3 || receipts[0].Outcome != postgres.Withheld || receipts[1].Outcome != postgres.Withheld ||
		receipts[2].Outcome != postgres.Refused {
		t.Errorf("%+v", receipts)
	}
	if stored := storedIDs(t, db); stored != "" {
		t.Errorf("%s is stored", stored)
	}
}

// A trade that cannot be sent to the server does not keep other trades of the call from being booked, or the caller's
// transaction from going on.
func TestUnspeakableTradesFailAlone(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*blotter.Trade){
		"a long account":   func(f *blotter.Trade) { f.AccountID = strings.Repeat("x", 51) },
		"an account, NUL":  func(f *blotter.Trade) { f.AccountID = "A\x00" },
		"a symbol, NUL":    func(f *blotter.Trade) { f.Symbol = "A\x00" },
		"a symbol, no UTF": func(f *blotter.Trade) { f.Symbol = "\xff" },
		"a trade, NUL":     func(f *blotter.Trade) { f.TradeID = "\x00" },
		"an order, no UTF": func(f *blotter.Trade) { f.OrderID = "\xff" },
		"a side, NUL":      func(f *blotter.Trade) { f.Side = "\x00" },
	} {
		db := pgtest.Open(t)
		ctx := blotter.WithAllAccounts(t.Context())
		fills := []blotter.Trade{buy("T1"), buy("T2"), buy("T3")}
		for i := range fills {
			fills[i].AccountID = "A1"
		}

		change(&fills[1])
		check := func(how string, receipts []postgres.Receipt, err error) {
			t.Helper()
			if err != nil || len(receipts) != 3 || receipts[0].Err != nil || receipts[2].Err != nil ||
				receipts[1].Outcome != postgres.Refused || !errors.Is(receipts[1].Err, blotter.ErrInvalid) {
				t.Errorf("%s, %s: %v, %+v", what, how, err, receipts)
			}
		}
		receipts, err := db.ExecuteTrades(ctx, fills)
		check("alone", receipts, err)
		if stored := storedIDs(t, db); stored != "T1 T3" {
			t.Errorf("%s: %s are stored", what, stored)
		}

		err = db.Transaction(ctx, func(tx *postgres.Tx) error {
			receipts, err := tx.ExecuteTrades(ctx, fills)
			check("in a transaction", receipts, err)
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A settlement date is the day of the caller's time in its own zone. The same trade again is a duplicate.
func TestSettlementDateInAZone(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	f := buy("T1")
	f.SettlementDate = new(time.Date(2026, 5, 6, 0, 0, 0, 0, time.FixedZone("", 2*3600)))
	for _, want := range []postgres.Outcome{postgres.Applied, postgres.Duplicate} {
		r, err := db.ExecuteTrade(as(t, "A1"), f)
		if err != nil || r.Outcome != want {
			t.Errorf("%s, %v; want %s", r.Outcome, err, want)
		}
	}
	if day := pgtest.Value[string](t, db, `select settlement_date::text from execution.trades`); day != "2026-05-06" {
		t.Errorf("the settlement date is %s", day)
	}
}

// If a batch is divided to find a bad row and one part then fails, the receipts say what another part has booked.
func TestDividedBatchTellsWhatIsBooked(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `create function execution.refuse() returns trigger language plpgsql as $$ begin
		if new.trade_id = 'T2'
		and exists (select from execution.trades where trade_id = 'T1' and xid <> pg_current_xact_id()) then
			raise exception 'busy' using errcode = 'lock_not_available';
		elsif new.trade_id = 'T2' then
			raise exception 'no' using errcode = 'check_violation', constraint = 'no';
		end if;
		return new;
	end $$`)

	db.Exec(t, `create trigger refuse before insert on execution.trades
		for each row execute function execution.refuse()`)
	receipts, err := db.ExecuteTrades(as(t, "A1"), []blotter.Trade{buy("T1"), buy("T2")})
	if stored := storedIDs(t, db); stored != "T1" {
		t.Fatalf("%s are stored", stored)
	}
	if err != nil || len(receipts) != 2 || receipts[0].Outcome != postgres.Applied || receipts[0].Err != nil ||
		!blotter.Retryable(receipts[1].Err) {
		t.Errorf("T1 is booked and T2 is not; the call says %v, %+v", err, receipts)
	}
}

// A booking without locks that is in a deadlock with a caller's transaction is tried again with locks.
func TestDeadlockIsNotTheCallers(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := db.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	ofOrder, other := buy("T1"), buy("T2")
	ofOrder.OrderID, other.Symbol = "O1", "MSFT"
	if _, err := db.ExecuteTrade(ctx, buy("T0")); err != nil {
		t.Fatal(err)
	}

	waits, done := waiting(t, db), make(chan error, 1)
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.ExecuteTrade(ctx, ofOrder); err != nil {
			return err
		}
		select {
		case done <- nil: // not when it is tried again
			go func() {
				f, g := ofOrder, other
				f.TradeID, g.TradeID = "T3", "T4"
				<-done
				_, err := db.ExecuteTrades(ctx, []blotter.Trade{f, g})
				done <- err
			}()
			until(t, "the other booking waits for the order", waits)
		default:
		}
		_, err := tx.ExecuteTrade(ctx, other)
		return err
	})
	if err != nil {
		t.Errorf("the transaction: %v", err)
	}

	if err := <-done; err != nil {
		t.Errorf("the booking: %v", err)
	}
	if n := len(strings.Fields(storedIDs(t, db))); n != 5 {
		t.Errorf("%d trades are stored", n)
	}
	verified(t, db)
}

// An order that was deleted and created again is not taken for the remembered one, though its version is the same.
func TestOrderCreatedAgain(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := d.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	other, err := postgres.Open(t.Context(), d.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	err = other.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := postgres.Orders.Delete(ctx, tx, "A1", "O1"); err != nil {
			return err
		}
		smaller := newOrder("A1", "O1")
		smaller.Quantity = dec("1")
		return tx.CreateOrder(ctx, &smaller)
	})
	if err != nil {
		t.Fatal(err)
	}

	f := fill("T1", blotter.Buy, "5", "5")
	f.OrderID = "O1"
	r, err := d.ExecuteTrade(ctx, f)
	if r.Outcome != postgres.Overfill {
		t.Errorf("5 of an order of 1: %s, %v", r.Outcome, err)
	}

	if quantity := pgtest.Value[string](t, d, `select quantity::text from execution.orders`); quantity != "1" {
		t.Errorf("the order's quantity is %s", quantity)
	}
}

// A batch of first trades of many positions, which others are opening too, is booked even if others are first many
// times.
func TestFirstTradesOfManyAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, fewConns)
	ctx, positions := as(t, "A1"), 40
	errs := make(chan error)
	for i := range 4 {
		go func() {
			var fills []blotter.Trade
			for n := range positions {
				f := buy("T")
				f.Symbol, f.TradeID = symbolName(n), accountName(i)
				fills = append(fills, f)
			}
			if i == 0 {
				_, err := db.ExecuteTrades(ctx, fills)
				errs <- err
				return
			}
			var err error
			for _, f := range fills {
				_, one := db.ExecuteTrade(context.WithoutCancel(ctx), f)
				err = errors.Join(err, one)
			}
			errs <- err
		}()
	}

	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	verified(t, db)
}

// A position that others deleted and opened again is not taken for the remembered one, though its version is the same.
func TestPositionOpenedAgain(t *testing.T) {
	t.Parallel()
	for _, many := range []bool{false, true} {
		db := pgtest.OpenConfig(t, fewConns) // of its own: after a collision a DB books with locks for a while
		account := fmt.Sprint("A", many)
		ctx := as(t, account)
		one := func(d *postgres.DB, id, quantity string) {
			t.Helper()
			if _, err := d.ExecuteTrade(ctx, fill(id, blotter.Buy, quantity, "5")); err != nil {
				t.Fatal(err)
			}
		}

		one(db.DB, "1", "100")
		one(db.DB, "2", "100")
		db.Exec(t, `delete from execution.trades; delete from execution.positions`)
		other, err := postgres.Open(ctx, db.Config)
		if err != nil {
			t.Fatal(err)
		}

		one(other, "1", "1")
		one(other, "2", "1")
		other.Close()
		fills := []blotter.Trade{buy("3")}
		if many {
			fills = append(fills, fill("4", blotter.Sell, "1", "5"), buy("5"))
		}

		if _, err := db.ExecuteTrades(ctx, fills); err != nil {
			t.Fatal(err)
		}
		if quantity := pgtest.Value[string](t, db,
			`select quantity::text from execution.positions where account_id = $1`, account); quantity != "3" {
			t.Errorf("many %v: the quantity is %s, want 3", many, quantity)
		}
		verified(t, db)
	}
}

// If another session locks the rows of one account for too long, only its trades fail; the others of the group are
// booked.
func TestLockedAccountFailsAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { fewConns(c); c.LockTimeout = 300 * time.Millisecond })
	for _, account := range []string{"A", "B"} {
		if _, err := db.ExecuteTrade(as(t, account), buy("0")); err != nil {
			t.Fatal(err)
		}
	}

	holder := db.Connect(t, db.AdminURL)
	if _, err := holder.Exec(t.Context(),
		`begin; select from execution.positions where account_id = 'A' for update`); err != nil {
		t.Fatal(err)
	}
	a, b := buy("1"), buy("1")
	a.AccountID, b.AccountID = "A", "B"
	receipts, err := db.ExecuteTrades(blotter.WithAllAccounts(t.Context()), []blotter.Trade{a, b})
	if err != nil || receipts[0].Outcome != postgres.Failed || !blotter.Retryable(receipts[0].Err) ||
		receipts[1].Outcome != postgres.Applied {
		t.Errorf("%+v, %v", receipts, err)
	}

	if _, err := holder.Exec(t.Context(), `rollback`); err != nil {
		t.Fatal(err)
	}
	verified(t, db)
}

// An option that expired worthless closes at 0 if the caller allows a zero price.
func TestExpiredAtZero(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, fewConns)
	ctx := as(t, "A1")
	if _, err := db.ExecuteTrade(ctx, fill("1", blotter.Sell, "2", "1.5")); err != nil {
		t.Fatal(err)
	}
	_, err := db.ExecuteTrade(ctx, fill("2", blotter.Buy, "2", "0"))
	wantKind(t, "a price that was forgotten", err, blotter.ErrInvalid)
	r, err := db.ExecuteTrade(ctx, fill("2", blotter.Buy, "2", "0"), postgres.AllowZeroPrice)
	if err != nil || r.Trade.RealizedPnL.String() != "3" || !r.Position.Quantity.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	verified(t, db)
}
