package events

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// rounds counts the round trips of a database's sessions: each statement or batch is one.
type rounds struct{ n atomic.Int64 }

func (r *rounds) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	r.n.Add(1)
	return ctx
}

func (r *rounds) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *rounds) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	r.n.Add(1)
	return ctx
}

func (r *rounds) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (r *rounds) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// emitOne commits an event of an account.
func emitOne(t *testing.T, db *postgres.DB) {
	t.Helper()
	ctx := blotter.WithAllAccounts(t.Context())
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		return tx.Emit(ctx,
			blotter.Event{AccountID: "A", Channel: blotter.ChannelTrades, Type: "note", Data: []byte(`{}`)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A pass of a consumer takes two round trips after a ring, and a third to find its events without one. The relay needs
// two to fix a window and two to publish it.
func TestRoundTripsOfPass(t *testing.T) {
	t.Parallel()
	count := &rounds{}
	db := pgtest.OpenConfig(t, func(cfg *postgres.Config) { cfg.Tracer = count })
	ctx := blotter.WithAllAccounts(t.Context())
	db.Exec(t, `create table public.seen (event_id uuid); grant insert on public.seen to trading_service`)
	consumer, err := NewConsumer(Config{
		Source: db.DB, Name: "rounds", Handler: func(_ context.Context, tx *postgres.Tx, list []blotter.Event) error {
			for _, e := range list {
				tx.Last(`insert into public.seen values ($1)`, e.EventID)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	relay := newDeskOn(t, db).channel(blotter.ChannelTrades)

	for _, c := range []struct {
		name   string
		c      *Consumer
		rung   bool
		passes int
		want   int64
	}{
		{"a consumer, rung", consumer, true, 1, 2},
		{"a consumer that polls", consumer, false, 1, 3},
		{"a relay, rung", relay.Consumer, true, 2, 4},
		{"a relay that polls", relay.Consumer, false, 2, 5},
	} {
		if err := c.c.prepare(ctx); err != nil {
			t.Fatal(err)
		}
		for round := range 3 { // the first prepares statements and reads the cursor
			emitOne(t, db.DB)
			before := count.n.Load()
			events := 0
			for range c.passes {
				c.c.rung = c.rung || events > 0
				c.c.lastHadWork = false
				did, _, err := c.c.pass(ctx)
				if err != nil {
					t.Fatal(err)
				}
				events += did.events
			}
			if got := count.n.Load() - before; round > 0 && got != c.want {
				t.Errorf("%s: %d round trips, want %d", c.name, got, c.want)
			}
			if events == 0 {
				t.Errorf("%s: no events", c.name)
			}
		}
	}
}

// newDeskOn returns a relay of the database to a stand-in for Redis.
func newDeskOn(t *testing.T, db *pgtest.Database) *Relay {
	t.Helper()
	d := newDesk(t, false)
	r, err := NewRelay(RelayConfig{DB: db.DB, Redis: d.client})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
