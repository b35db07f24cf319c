//go:build unix

package events_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

var failoversFlag = flag.Int("failovers", 3, "failovers of TestFailover")

// failover is a source whose primary dies, and a consumer whose cursor is in another database.
type failover struct {
	t       *testing.T
	rng     *rand.Rand
	cluster *pgtest.Cluster
	source  *postgres.DB
	target  *pgtest.Database
}

func newFailover(t *testing.T, seed uint64) *failover {
	t.Helper()
	f := &failover{t: t, rng: rand.New(rand.NewPCG(seed, seed)), cluster: pgtest.Replicas(t, 1), target: pgtest.Open(t)}
	f.target.Exec(t, "create table public.applied (event_id uuid)")
	f.target.Exec(t, "grant select, insert on public.applied to trading_service")

	nodes := f.cluster.Nodes()
	cfg := f.cluster.Primary.Config
	cfg.MaxConns = 4
	cfg.URL = f.cluster.URL("app", "primary", nodes...)
	cfg.ServiceURL = f.cluster.URL("service", "primary", nodes...)
	var err error
	if f.source, err = postgres.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.source.Close)
	return f
}

// consume starts the consumer.
func (f *failover) consume() *events.Consumer {
	f.t.Helper()
	c, err := events.NewConsumer(f.config())
	if err == nil {
		err = c.Start(f.t.Context())
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Stop(context.WithoutCancel(f.t.Context())) })
	return c
}

func (f *failover) config() events.Config {
	return events.Config{
		Source: f.source, Target: f.target.DB, Name: "elsewhere", Logger: f.cluster.Primary.Config.Logger,
		Handler: func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
			batch := &pgx.Batch{}
			for _, e := range list {
				batch.Queue("insert into public.applied values ($1)", e.EventID)
			}
			return tx.SendBatch(ctx, batch).Close()
		},
	}
}

// emit commits events, one a transaction, after the primary answers.
func (f *failover) emit(n int) {
	f.t.Helper()
	ctx := blotter.WithAllAccounts(f.t.Context())
	for range n {
		untilTrue(f.t, "an event is committed", func() bool {
			err := f.source.Transaction(ctx, func(tx *postgres.Tx) error {
				return tx.Emit(ctx, blotter.Event{Channel: "test", Key: "K1", Type: "test", Data: []byte(`{}`)})
			}, postgres.Unlogged)
			if err != nil && !blotter.Retryable(err) && !errors.Is(err, blotter.ErrCommitUnknown) {
				f.t.Fatal(err)
			}
			return err == nil
		})
	}
}

func untilTrue(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s took too long", what)
		}
	}
}

// ids reads a column of event ids.
func ids(t *testing.T, d *pgtest.Database, sql string) map[[16]byte]bool {
	t.Helper()
	all := map[[16]byte]bool{}
	for _, id := range pgtest.Value[[][16]byte](t, d, "select coalesce(array_agg(event_id), '{}') from "+sql) {
		all[id] = true
	}
	return all
}

// missing counts the ids of the first set that are not in the second.
func missing(all, in map[[16]byte]bool) (n int) {
	for id := range all {
		if !in[id] {
			n++
		}
	}
	return n
}

// A replica that is behind takes over. A consumer whose cursor is elsewhere either has consumed nothing that is lost,
// and then gets everything, or it stops with ErrConflict, also when it is started again, until its state is computed
// again.
func TestFailover(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	stopped := 0
	for i := range *failoversFlag {
		seed := seed + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			if newFailover(t, seed).play((i + 1) % 3) {
				stopped++
			}
		})
	}
	t.Logf("%d of %d consumers stopped", stopped, *failoversFlag)
}

// The consumer runs throughout; is started again after the failover; or consumes nothing of what is lost.
const (
	playRunning = iota
	playRestarted
	playBehind
)

// play fails over once, and reports whether the consumer stopped.
func (f *failover) play(kind int) (stopped bool) {
	t := f.t
	t.Helper()
	primary, replica := f.cluster.Primary, f.cluster.Replicas[0]
	applied := func() map[[16]byte]bool { return ids(t, f.target, "public.applied") }
	consumed := func(node *pgtest.Node) bool { return missing(ids(t, node.Database, "events.outbox"), applied()) == 0 }

	c := f.consume()
	f.emit(1 + f.rng.IntN(20))
	untilTrue(t, "the first events are applied", func() bool { return consumed(primary) })
	primary.CatchUp(t, replica)
	if kind == playBehind {
		f.stop(c)
	}
	replica.Detach(t)
	behind := 1 + f.rng.IntN(40)
	f.emit(behind)
	if kind != playBehind {
		untilTrue(t, "what will be lost is applied", func() bool { return consumed(primary) })
	}
	if kind == playRestarted {
		f.stop(c)
	}

	primary.Kill(t)
	replica.Promote(t)
	f.emit(2*behind + 20)
	if kind == playRestarted {
		again, err := events.NewConsumer(f.config())
		if err != nil {
			t.Fatal(err)
		}
		if err = again.Start(t.Context()); !errors.Is(err, blotter.ErrConflict) {
			t.Errorf("a consumer that is started after the failover: %v, want a conflict", err)
		}
		f.restart(again, replica)
		return true
	}
	if kind == playBehind {
		c = f.consume()
	}

	untilTrue(t, "the consumer has everything, or stops", func() bool {
		return errors.Is(c.Health(), blotter.ErrConflict) || consumed(replica)
	})
	stopped = errors.Is(c.Health(), blotter.ErrConflict)
	if stopped != (kind == playRunning) {
		t.Errorf("kind %d: the consumer stopped: %v (%v)", kind, stopped, c.Health())
	}
	if stopped {
		f.stop(c)
		f.restart(c, replica)
	}
	return stopped
}

func (f *failover) stop(c *events.Consumer) {
	f.t.Helper()
	if err := c.Stop(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// restart computes the consumer's state again, from what the new primary has, after which it goes on.
func (f *failover) restart(c *events.Consumer, primary *pgtest.Node) {
	f.t.Helper()
	err := c.Restart(f.t.Context(), time.Minute, func(ctx context.Context, tx *postgres.Tx) (seen string, err error) {
		list := f.outbox(ctx, &seen)
		if _, err := tx.Exec(ctx, "insert into public.applied select unnest($1::uuid[])", list); err != nil {
			return "", err
		}
		return seen, nil
	})
	if err != nil {
		f.t.Fatal(err)
	}

	again := f.consume()
	f.emit(5)

	untilTrue(f.t, "the consumer goes on", func() bool {
		return missing(ids(f.t, primary.Database, "events.outbox"), ids(f.t, f.target, "public.applied")) == 0
	})

	if err := again.Health(); err != nil {
		f.t.Errorf("after Restart: %v", err)
	}
}

// outbox reads all events' ids and the snapshot in which they are visible.
func (f *failover) outbox(ctx context.Context, seen *string) (list [][16]byte) {
	f.t.Helper()
	err := f.source.Transaction(ctx, func(tx *postgres.Tx) error {
		return tx.QueryRow(ctx, "select pg_current_snapshot()::text, array_agg(event_id) from events.outbox").
			Scan(seen, &list)
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}
