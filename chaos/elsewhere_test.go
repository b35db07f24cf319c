package chaos_test

import (
	"context"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
)

// abandoned are transactions that take a number, and end without anything having been flushed.
const abandoned = 20

// A server that crashes may give the numbers of transactions that were rolled back a moment ago to others. Where a
// cursor is on another server, which forgets nothing, it has not seen these as over.
func TestCursorElsewhere(t *testing.T) {
	t.Parallel()
	source, target := newStage(t, "wal_writer_delay = '10s'"), newStage(t)
	consume := func() *events.Consumer {
		c, err := events.NewConsumer(events.Config{
			Source: source.db.DB, Target: target.db.DB, Name: "elsewhere",
			Logger: source.cfg.Logger, Handler: func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
				for _, e := range list {
					if _, err := tx.Exec(ctx, `insert into chaos.applied (pos, key, number) values ($1, $2, 0)`,
						e.Pos, e.Key); err != nil {
						return err
					}
				}
				return nil
			},
		})
		if err == nil {
			err = c.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}

		return c
	}
	emit := func(n int) {
		t.Helper()
		for range n {
			err := source.db.Transaction(source.ctx(), func(tx *postgres.Tx) error {
				return tx.Emit(source.ctx(), blotter.Event{
					Channel: "chaos", Key: "K1",
					Type: "chaos", Data: []byte(`{}`),
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	arrived := func(n int64) bool { return target.count(`select count(*) from chaos.applied`) == n }

	emit(1)
	conn := source.db.Connect(t, source.db.Config.ServiceURL)
	for range abandoned {
		if _, err := conn.Exec(t.Context(), `begin; select pg_current_xact_id(); rollback`); err != nil {
			t.Fatal(err)
		}
	}
	c := consume()
	until(t, "the first event is applied", time.Minute, func() bool { return arrived(1) })
	source.crash(0)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the server answers", time.Minute, source.up)
	c = consume()
	defer func() { _ = c.Stop(context.Background()) }()
	emit(abandoned)
	if !until(t, "all events are applied", time.Minute, func() bool { return arrived(1 + abandoned) }) {
		t.Errorf("%d of %d events were applied", target.count(`select count(*) from chaos.applied`), 1+abandoned)
	}
}
