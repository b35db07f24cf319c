package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// startedBook returns a running book.
func startedBook(t *testing.T, db *postgres.DB, cfg postgres.BookConfig) *postgres.Book {
	t.Helper()
	book, err := db.NewBook(cfg)
	if err == nil {
		err = book.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Stop(context.Background()) })
	return book
}

// hold keeps account A1's position of AAPL locked until release.
func hold(t *testing.T, d *pgtest.Database) (release func()) {
	t.Helper()
	ctx := as(t, "A1")
	if _, err := d.ExecuteTrade(ctx, buy("first")); err != nil {
		t.Fatal(err)
	}

	tx, err := d.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, `select from execution.positions for update`)
	}
	if err != nil {
		t.Fatal(err)
	}

	release = sync.OnceFunc(func() { _ = tx.Rollback(context.WithoutCancel(ctx)) })
	t.Cleanup(release)
	return release
}

// sent is a fill on its way.
type sent struct {
	receipt postgres.Receipt
	err     error
	done    chan struct{}
}

func sendTo(ctx context.Context, book *postgres.Book, f blotter.Trade) *sent {
	s := &sent{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.receipt, s.err = book.ExecuteTrade(ctx, f)
	}()
	return s
}

func (s *sent) want(t *testing.T, what string, outcome postgres.Outcome) {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(time.Minute):
		t.Fatalf("%s: no answer", what)
	}
	if s.receipt.Outcome != outcome || (s.err == nil) != (outcome == postgres.Applied) {
		t.Errorf("%s: %s, %v; want %s", what, s.receipt.Outcome, s.err, outcome)
	}
}

func (s *sent) open(t *testing.T, what string) {
	t.Helper()
	select {
	case <-s.done:
		t.Errorf("%s has an answer already: %+v, %v", what, s.receipt, s.err)
	case <-time.After(20 * time.Millisecond):
	}
}

// A trade whose caller cancels while it waits is withdrawn; if the caller cancels later, the outcome is still returned.
func TestBookCancelled(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1})
	release := hold(t, d)

	working, goes := context.WithCancel(as(t, "A1"))
	booking := sendTo(working, book, buy("booking"))
	until(t, "the worker waits for the lock", waiting(t, d))
	queued, gone := context.WithCancel(as(t, "A1"))
	queue := sendTo(queued, book, buy("queue"))
	stays := sendTo(as(t, "A1"), book, buy("stays"))
	queue.open(t, "the waiting trade")

	gone()
	queue.want(t, "cancelled while it waited", postgres.Failed)
	goes()
	booking.open(t, "cancelled while it is being booked")
	release()
	booking.want(t, "cancelled while it was being booked", postgres.Applied)
	stays.want(t, "behind them", postgres.Applied)
	if stored := storedIDs(t, d); stored != "first booking stays" {
		t.Errorf("%s are stored", stored)
	}
}

// A full book lets callers wait for a slot until their context ends.
func TestBookPushesBack(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1, QueueMax: 1})
	release := hold(t, d)
	booking := sendTo(as(t, "A1"), book, buy("booking"))
	until(t, "the worker waits for the lock", waiting(t, d))

	ctx, cancel := context.WithTimeout(as(t, "A1"), 30*time.Millisecond)
	defer cancel()
	sendTo(ctx, book, buy("impatient")).want(t, "no place in time", postgres.Failed)
	patient := sendTo(as(t, "A1"), book, buy("patient"))
	patient.open(t, "no place")
	release()
	booking.want(t, "the first", postgres.Applied)
	patient.want(t, "who had patience", postgres.Applied)
	if stored := storedIDs(t, d); stored != "first booking patient" {
		t.Errorf("%s are stored", stored)
	}
}

// A trade that waits for a slot when the book stops is not booked.
func TestBookStopsBeforeThereIsASlot(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1, QueueMax: 1})
	release := hold(t, d)
	booking := sendTo(as(t, "A1"), book, buy("booking"))
	until(t, "the worker waits for the lock", waiting(t, d))

	outside := sendTo(as(t, "A1"), book, buy("outside"))
	outside.open(t, "no place")
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantKind(t, "a Stop that cannot wait", book.Stop(short), blotter.ErrOperational)

	release()
	booking.want(t, "the first", postgres.Applied)
	outside.want(t, "who had no place", postgres.Failed)
	if stored := storedIDs(t, d); stored != "first booking" {
		t.Errorf("%s are stored", stored)
	}
}

// Stop refuses further trades, books the waiting ones even if its context ends, and may be called again.
func TestBookStopDrains(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1, GroupMax: 2})
	release := hold(t, d)
	fills := []*sent{sendTo(as(t, "A1"), book, buy("booking"))}
	until(t, "the worker waits for the lock", waiting(t, d))
	for i := range 9 {
		fills = append(fills, sendTo(as(t, fmt.Sprintf("A%d", 1+i%3)), book, buy(fmt.Sprint(i))))
	}

	fills[9].open(t, "what waits")
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantKind(t, "a Stop that cannot wait", book.Stop(short), blotter.ErrOperational)
	_, err := book.ExecuteTrade(as(t, "A1"), buy("late"))
	wantKind(t, "a fill after Stop", err, blotter.ErrOperational)
	release()
	if err := errors.Join(book.Stop(t.Context()), book.Stop(t.Context())); err != nil {
		t.Error(err)
	}

	for i, s := range fills {
		s.want(t, fmt.Sprint("fill ", i), postgres.Applied)
	}
	if n := len(strings.Fields(storedIDs(t, d))); n != 11 {
		t.Errorf("%d trades are stored", n)
	}
	wantKind(t, "Start after Stop", book.Start(t.Context()), blotter.ErrProgramming)
}

// Books that start and stop while callers send: every call is answered, and what it says is so.
func TestBookStartStop(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, fewConns)
	l := newLedger(t)
	for round := range 30 {
		book, err := d.NewBook(postgres.BookConfig{Workers: 1 + round%4, GroupMax: 1 + round%3, QueueMax: 1 + round%7})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(as(t, fmt.Sprintf("A%d", i%3)),
					time.Duration(1+i)*4*time.Millisecond)
				defer cancel()
				if i%2 == 0 {
					ctx = blotter.WithAllAccounts(ctx)
				}
				for n := range 5 {
					f := buy(fmt.Sprintf("%d-%d-%d", round, i, n))
					f.AccountID = fmt.Sprintf("A%d", i%3)
					r, err := book.ExecuteTrade(ctx, f)
					l.hear(f, r, err)
				}
			})
		}

		for range 2 {
			all.Go(func() {
				if err := book.Start(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}

		time.Sleep(time.Duration(round%10) * time.Millisecond) // at any moment of the calls
		all.Wait()
		var stops sync.WaitGroup
		for range 2 {
			stops.Go(func() {
				if err := book.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		stops.Wait()
	}

	unused, err := d.NewBook(postgres.BookConfig{})
	if err == nil {
		err = unused.Stop(t.Context())
	}
	if err != nil {
		t.Errorf("Stop before Start: %v", err)
	}
	l.check(d)
}

// Stop in the middle of calls.
func TestBookStopsUnderLoad(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, fewConns)
	l := newLedger(t)
	for round := range 20 {
		book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1 + round%3})
		var all sync.WaitGroup
		stopped := make(chan struct{})
		for i := range 8 {
			all.Go(func() {
				for n := 0; ; n++ {
					f := fill(fmt.Sprintf("%d-%d-%d", round, i, n), blotter.Sell, "1", "5")
					f.AccountID = fmt.Sprintf("A%d", i%3)
					r, err := book.ExecuteTrade(as(t, f.AccountID), f)
					if !l.hear(f, r, err) {
						<-stopped
						return
					}
				}
			})
		}

		until(t, "fills are booked", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.answers) > 20*(round+1)
		})
		if err := book.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		close(stopped)
		all.Wait()
	}
	l.check(d)
}

// A book whose database was closed answers.
func TestBookOfClosedDatabase(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	db, err := postgres.Open(t.Context(), d.Config)
	if err != nil {
		t.Fatal(err)
	}

	book := startedBook(t, db, postgres.BookConfig{})
	db.Close()
	for _, ctx := range []context.Context{as(t, "A1"), blotter.WithAllAccounts(t.Context())} {
		f := buy("T1")
		f.AccountID = "A1"
		_, err := book.ExecuteTrade(ctx, f)
		wantKind(t, "a fill", err, blotter.ErrProgramming)
		_, err = db.ExecuteTrade(ctx, f)
		wantKind(t, "a fill without the book", err, blotter.ErrProgramming)
	}

	_, err = book.ExecuteTrade(t.Context(), buy("T1"))
	wantKind(t, "a fill of nobody", err, blotter.ErrInvalid)
	if err := book.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A row that only the server refuses fails alone: in a batch, and among the fills of other callers.
func TestRefusedByTheServer(t *testing.T) {
	t.Parallel()
	huge := "1" + strings.Repeat("0", 155)
	for what, change := range map[string]func(*blotter.Trade){
		"a price beyond all bounds": func(f *blotter.Trade) { f.Price = dec(huge) },
		"a day beyond the calendar": func(f *blotter.Trade) {
			f.SettlementDate = new(time.Date(5_880_000, 1, 1, 0, 0, 0, 0, time.UTC))
		},
		"a commission beyond all bounds": func(f *blotter.Trade) { f.Commission = dec(huge) },
	} {
		d := pgtest.Open(t)
		var batch []blotter.Trade
		for i := range 9 {
			batch = append(batch, buy(fmt.Sprint("T", i)))
		}

		change(&batch[6])
		receipts, err := d.ExecuteTrades(as(t, "A2"), batch)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}

		for i, r := range receipts {
			if (i == 6) != (r.Err != nil) ||
				i == 6 && !errors.Is(r.Err, blotter.ErrIntegrity) && !errors.Is(r.Err, blotter.ErrData) {
				t.Errorf("%s, fill %d: %s, %v", what, i, r.Outcome, r.Err)
			}
		}

		if held := pgtest.Value[string](t, d, `select quantity::text from execution.positions`); held != "8" {
			t.Errorf("%s: %s held", what, held)
		}
		book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1})
		release := hold(t, d)
		fills := []*sent{sendTo(as(t, "A1"), book, buy("booking"))}
		until(t, "the worker waits for the lock", waiting(t, d))
		for i := range 9 {
			f := buy(fmt.Sprint("T", i))
			if i == 6 {
				change(&f)
			}
			fills = append(fills, sendTo(as(t, "A1"), book, f))
		}

		fills[9].open(t, "what waits")
		release()
		for i, s := range fills {
			outcome := postgres.Applied
			if i == 7 {
				outcome = postgres.Refused
			}
			s.want(t, fmt.Sprint(what, ", fill ", i), outcome)
		}

		if groups := pgtest.Value[int](t, d,
			`select count(distinct xid) from execution.trades where account_id = 'A1'`); groups >= 10 {
			t.Errorf("%s: %d transactions; the test shows nothing", what, groups)
		}
		verified(t, d)
	}
}

// A correlation id that is too long for the outbox fails alone too.
func TestLongCorrelationFailsAlone(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	book := startedBook(t, d.DB, postgres.BookConfig{Workers: 1})
	release := hold(t, d)
	first := sendTo(as(t, "A1"), book, buy("booking"))
	until(t, "the worker waits for the lock", waiting(t, d))
	good := sendTo(blotter.WithCorrelation(as(t, "A1"), "short"), book, buy("good"))
	bad := sendTo(blotter.WithCorrelation(as(t, "A1"), strings.Repeat("x", 101)), book, buy("bad"))
	bad.open(t, "what waits")

	release()
	first.want(t, "the first", postgres.Applied)
	good.want(t, "the good one", postgres.Applied)
	bad.want(t, "the bad one", postgres.Refused)
	wantKind(t, "the bad one", bad.err, blotter.ErrIntegrity)
	if id := pgtest.Value[string](t, d,
		`select correlation_id from events.outbox where data->>'trade_id' = 'good'`); id != "short" {
		t.Errorf("the event's correlation is %q", id)
	}
}
