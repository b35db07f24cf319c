package events

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Relay publishes to Redis what leaves the outbox: PUBLISH to a channel, for who listens, and an entry in the channel's
// stream, for who has to have everything. Any number of relays share the work.
//
// Each message is in the stream once, in order, without a gap, whatever is killed:
//
//   - Before anything of a window is published its target is committed and flushed. So what is published again, after a
//     crash, has the same numbers, and the script that appends drops it.
//   - The script appends only where the stream ends with the message before. A relay that lost its cursor to another one
//     can do no harm.
//   - Where the stream ends earlier, Redis has lost its tail: the cursor goes back, by events.batch, and it is refilled.
//   - Where it cannot be refilled (events.batch does not reach back, or more is missing than the stream keeps), where the
//     stream is ahead of the database (which was restored), and where the database's history changed, the numbers begin
//     anew in the next epoch.
//
// While Redis is gone the relay tries again, with growing pauses, and nobody else notices.
type Relay struct {
	cfg   RelayConfig
	redis redis.UniversalClient
	lanes []*lane
	close func() error
}

// NewRelay makes a relay that is yet to be started. Errors: ErrInvalid names the field that cannot be.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg.withDefaults(), redis: cfg.Redis, close: func() error { return nil }}
	if r.redis == nil {
		client, err := OpenRedis(cfg.URL)
		if err != nil {
			return nil, err
		}
		r.redis, r.close = client, client.Close
	}
	for _, channel := range r.cfg.Channels {
		r.lanes = append(r.lanes, newLane(r.cfg, r.redis, channel))
	}
	return r, nil
}

// Start makes the cursors if there are none, and begins. It returns at once, also where Redis does not answer; started
// twice it does nothing. Errors are those of Consumer.Start.
func (r *Relay) Start(ctx context.Context) error {
	for _, l := range r.lanes {
		if err := l.Start(ctx); err != nil {
			return errors.Join(err, r.Stop(ctx))
		}
	}
	return nil
}

// Stop lets what is being published end, and returns when it has, or with the context's error. It is safe to call twice,
// and before Start. A stopped relay is not started again.
func (r *Relay) Stop(ctx context.Context) (err error) {
	for _, l := range r.lanes {
		err = errors.Join(err, l.Stop(ctx))
	}
	if err != nil {
		return err
	}
	if err := r.close(); !errors.Is(err, redis.ErrClosed) {
		return err
	}
	return nil
}

// Health is nil while every channel is relayed, or waits while another relay does it; else what the last attempt failed
// with.
func (r *Relay) Health() error {
	var failures []error
	for _, l := range r.lanes {
		failures = append(failures, l.Health())
	}
	return errors.Join(failures...)
}

// Published is how many messages this instance has published since it was made.
func (r *Relay) Published() (n int64) {
	for _, l := range r.lanes {
		n += l.published.Load()
	}
	return n
}
