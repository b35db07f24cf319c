package chaos_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
	"github.com/redis/go-redis/v9"
)

// relayOf is the environment variable that makes the test binary a relay: its orders as JSON.
const relayOf = "BLOTTER_CHAOS_RELAY"

// channels lists the relayed channels.
var channels = []string{blotter.ChannelTrades, blotter.ChannelPositions, "chaos"}

// startRelay runs the relay process, until it is killed.
func startRelay(ctx context.Context, o orders) error {
	db, err := postgres.Open(ctx, o.config())
	if err != nil {
		return err
	}

	relay, err := events.NewRelay(events.RelayConfig{
		DB: db, URL: o.Redis, Channels: channels, CheckEvery: 100 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err == nil {
		err = relay.Start(ctx)
	}
	if err != nil {
		db.Close()
	}

	return err
}

// relaying is a show of relays: with a Redis that loses what it has not saved, and a subscriber.
type relaying struct {
	*show
	server    *embedded.RedisServer
	client    redis.UniversalClient
	refilled  int // times that a relay refilled what Redis had lost
	renewed   int // times that numbers began again
	listening sync.WaitGroup
	mu        sync.Mutex
	heard     map[string][]events.Message // by channel, what the subscriber was handed
}

// newRelaying prepares a show whose relays get an environment. Redis writes what it has to its disk once a second.
func newRelaying(s *stage, seed uint64, kills int, env ...string) *relaying {
	s.t.Helper()
	server, err := embedded.StartRedisServer(s.t.Context(), embedded.RedisConfig{Args: []string{"--save", "1 1"}})
	if err != nil {
		s.t.Fatal(err)
	}

	s.t.Cleanup(func() { _ = server.Stop() })
	r := &relaying{
		show: &show{stage: s, seed: seed, kills: kills, patience: time.Minute}, server: server,
		heard: map[string][]events.Message{},
	}
	if r.client, err = events.OpenRedis(server.URL); err != nil {
		s.t.Fatal(err)
	}

	s.t.Cleanup(func() { _ = r.client.Close() })
	r.spawn = func(int) *process {
		o := r.orders()
		o.Redis = server.URL
		return spawn(s.t, relayOf, o, env...)
	}
	r.ended = func(p *process) {
		r.refilled += strings.Count(p.said.String(), "which are published again")
		r.renewed += strings.Count(p.said.String(), "restart in a new epoch")
	}
	return r
}

// killRedis kills Redis, which loses what it has not saved, and starts it again after a while.
func (r *relaying) killRedis(int) {
	r.server.Kill()
	time.Sleep(time.Duration(r.rng.Int64N(int64(300 * time.Millisecond))))
	if err := r.server.Restart(r.t.Context()); err != nil {
		r.t.Error(err)
	}
}

// flush empties Redis. The client may still remember that it was gone a moment ago.
func (r *relaying) flush(int) {
	until(r.t, "Redis is emptied", time.Minute, func() bool { return r.client.FlushAll(r.t.Context()).Err() == nil })
}

// subscribe listens until the context ends.
func (r *relaying) subscribe(ctx context.Context) {
	from := map[string]events.Offset{}
	for _, channel := range channels {
		from[channel] = events.Offset{}
	}

	r.listening.Go(func() {
		err := events.Subscribe(ctx, r.client, events.SubscribeConfig{
			Channels: channels, From: from, CheckEvery: 100 * time.Millisecond, Logger: r.cfg.Logger,
			Callback: func(_ context.Context, m events.Message) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				m.Data = nil
				r.heard[m.Channel] = append(r.heard[m.Channel], m)
				return nil
			},
		})
		if err != nil {
			r.t.Logf("the subscription ended: %v", err)
		}
	})
}

// run plays the show, and reports.
func (r *relaying) run() (sum streamReport) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer r.listening.Wait()
	defer cancel()
	r.subscribe(ctx)
	r.play()
	late := !r.settled()
	r.close()
	for _, channel := range channels {
		report := r.judgeStream(channel)
		r.t.Logf("%s: %s", channel, report)
		sum.add(report)
	}

	sum.Late, sum.Renewed = late, r.renewed
	r.t.Logf("%d times a lost tail was refilled; %s", r.refilled, sum)
	return sum
}

// settled waits until the streams hold as many messages as there are events, and the subscriber as many.
func (r *relaying) settled() bool {
	for deadline := time.Now().Add(r.patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if !slices.ContainsFunc(channels, func(channel string) bool {
			want := r.count(`select count(*) from events.outbox where channel = $1`, sourceOf(channel))
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.client.XLen(r.t.Context(), events.DefaultPrefix+channel+":log").Val() != want ||
				int64(len(r.heard[channel])) != want
		}) {
			return true
		}
	}
	return false
}

// Relays, Redis and PostgreSQL are killed, and the streams hold every message once, in order, without a gap; so does
// who subscribes.
func TestChaosRelay(t *testing.T) {
	t.Parallel()
	r := newRelaying(newStage(t), seedOf(t), *relayKillsFlag)
	r.span = *spanFlag
	r.meantime = []happening{r.crashes(*crashesFlag / 2), {*redisKillsFlag, r.killRedis}}
	if *flushFlag {
		r.meantime = append(r.meantime, happening{1, r.flush})
	}
	if report := r.run(); !report.clean() {
		t.Errorf("seed %d: %s", r.seed, report)
	}
	if r.refilled == 0 && *relayKillsFlag >= 50 && (*redisKillsFlag > 0 || *flushFlag) {
		t.Error("Redis lost nothing that had to be published again; the test shows too little")
	}
}
