package events

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/postgres"
)

// relayOf is the environment variable that makes the test binary a relay: where, as JSON.
const relayOf = "BLOTTER_TEST_RELAY"

var (
	killsOfRelay = flag.Int("kills", 8, "how often TestKilledRelays kills a relay")
	killsOfRedis = flag.Int("redis-kills", 3, "how often TestKilledRelays kills Redis, which then lacks its tail")
	killSeed     = flag.Uint64("seed", 0, "seed of TestKilledRelays; 0 is a new one")
)

type relayOrders struct {
	DB    databaseURLs
	Redis string
}

// relayProcess runs a relay until it is killed.
func relayProcess(text string) {
	var o relayOrders
	err := json.Unmarshal([]byte(text), &o)
	var db *postgres.DB
	if err == nil {
		db, err = postgres.Open(context.Background(), o.DB.config())
	}
	if err == nil {
		var r *Relay
		r, err = NewRelay(RelayConfig{
			DB: db, URL: o.Redis, CheckEvery: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		})
		if err == nil {
			err = r.Start(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	select {}
}

// startRelayProcess starts a relay in a process of its own.
func (d *desk) startRelayProcess() *exec.Cmd {
	d.t.Helper()
	orders, err := json.Marshal(relayOrders{DB: urlsOf(d.db.Config), Redis: d.url})
	if err != nil {
		d.t.Fatal(err)
	}

	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), relayOf+"="+string(orders)), os.Stderr

	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}

	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})

	return cmd
}

// Two relays are killed at random, and Redis, which comes back without its tail, while transactions commit late and in
// other orders than they began: afterwards the streams have every message once, and so has a subscriber.
func TestKilledRelays(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	d := newDesk(t, true)
	heard := d.subscribe(SubscribeConfig{Channels: []string{"market_data"}})
	d.subscribers("market_data", 1)

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() { d.hostileWriter(ctx, rand.New(rand.NewPCG(seed, uint64(10+w)))) })
	}
	relays := []*exec.Cmd{d.startRelayProcess(), d.startRelayProcess()}
	for kill := range *killsOfRelay {
		sleep(ctx, time.Duration(50+rng.IntN(250))*time.Millisecond, nil)
		i := rng.IntN(2)
		_ = relays[i].Process.Kill()
		_ = relays[i].Wait()
		relays[i] = d.startRelayProcess()
		if *killsOfRedis > 0 && kill%max(1, *killsOfRelay / *killsOfRedis) == 0 {
			d.loseTail(rng, kill)
		}
	}
	stop()
	writers.Wait()
	d.untilWhole("market_data")
	until(t, "everything was heard", func() bool {
		list, err := d.stream("market_data")
		return err == nil && len(heard.messages()) >= len(list)
	})
	n := len(heard.messages())
	want(t, "the subscriber", heard.offsets(), 1, n)
	t.Logf("%d messages, %d relays killed, Redis %d times", n, *killsOfRelay, *killsOfRedis)
}

// loseTail saves what Redis has, and kills it some time later; or has it forget everything.
func (d *desk) loseTail(rng *rand.Rand, kill int) {
	d.t.Helper()
	if kill > 0 && rng.IntN(3) == 0 {
		_ = d.client.FlushAll(d.ctx()).Err()
		return
	}
	_ = d.client.Save(d.ctx()).Err()
	sleep(d.t.Context(), time.Duration(rng.IntN(200))*time.Millisecond, nil)
	if err := d.server.Restart(d.ctx()); err != nil {
		d.t.Fatal(err)
	}
}

// hostileWriter commits transactions that take their number early, stay open, write many events, or roll back.
func (d *desk) hostileWriter(ctx context.Context, rng *rand.Rand) {
	conn, err := d.db.DB, error(nil)
	for ctx.Err() == nil && err == nil {
		early := rng.IntN(6) == 0
		wait := time.Duration(rng.IntN(20)) * time.Millisecond
		events := 1 + rng.IntN(3)
		undo := rng.IntN(30) == 0
		if rng.IntN(20) == 0 {
			events = 50
		}

		err = conn.Transaction(d.ctx(), func(tx *postgres.Tx) error {
			if early {
				if _, err := tx.Exec(d.ctx(), `select pg_current_xact_id()`); err != nil {
					return err
				}
				sleep(ctx, wait, nil)
			}

			key := fmt.Sprint("K", rng.IntN(5))
			// As with the lock of a row, one transaction at a time writes a key.
			if _, err := tx.Exec(d.ctx(), `select pg_advisory_xact_lock(hashtext($1))`, key); err != nil {
				return err
			}

			_, err := tx.Exec(d.ctx(), `insert into events.outbox (channel, key, event_id, type, service, data)
				select 'market_data', $2, gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{}'
				from generate_series(1, $1)`, events, key)
			if wait > 15*time.Millisecond {
				sleep(ctx, wait, nil)
			}
			if undo {
				return errUndo
			}

			return err
		})
		if errors.Is(err, errUndo) {
			err = nil
		}

		sleep(ctx, time.Duration(rng.IntN(4))*time.Millisecond, nil)
	}

	if err != nil && ctx.Err() == nil {
		d.t.Error(err)
	}
}

var errUndo = errors.New("roll back")
