package events

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Relay publishes the outbox to Redis: each message by PUBLISH to a channel, for listeners, and as an entry of the
// channel's stream, for readers that need every message. Any number of relays share the work.
//
// Each message is in the stream once, in order, without a gap, whatever is killed:
//
//   - The target of a window is committed and flushed before anything of the window is published. So messages that are
//     published again after a crash have the same numbers, and the script that appends drops them.
//   - The script appends only to a stream that ends with the message before. A relay that lost its cursor to another
//     one can do no harm.
//   - If the stream ends earlier, Redis has lost its tail: the cursor goes back, by events.batch, and the stream is
//     refilled.
//   - If the stream cannot be refilled (events.batch does not reach back, or more is missing than the stream keeps), if
//     it is ahead of the database (which was restored), or if the history of the database changed, numbers restart in
//     the next epoch.
//
// While Redis is away the relay retries with growing pauses, and nothing else is affected.
type Relay struct {
	cfg      RelayConfig
	redis    redis.UniversalClient
	channels []*channelRelay
	close    func() error
}

// NewRelay makes a relay. ErrInvalid names the invalid field.
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
		r.redis = client
		r.close = client.Close
	}

	for _, channel := range r.cfg.Channels {
		r.channels = append(r.channels, newChannelRelay(r.cfg, r.redis, channel))
	}
	return r, nil
}

// Start creates missing cursors, starts the relay and returns, even if Redis does not answer. It does nothing if the
// relay is running. Its errors are those of Consumer.Start; after one the relay is stopped.
func (r *Relay) Start(ctx context.Context) error {
	for _, c := range r.channels {
		if err := c.Start(ctx); err != nil {
			return errors.Join(err, r.Stop(ctx))
		}
	}
	return nil
}

// Stop lets the current messages be published and waits for that. If ctx ends first, Stop returns its error. It may be
// called twice, and before Start. A stopped relay is not started again.
func (r *Relay) Stop(ctx context.Context) error {
	var failures []error
	for _, c := range r.channels {
		failures = append(failures, c.Stop(ctx))
	}
	if err := errors.Join(failures...); err != nil {
		return err
	}
	if err := r.close(); !errors.Is(err, redis.ErrClosed) {
		return err
	}
	return nil
}

// Health returns nil while every channel is relayed, or waits while another relay does it, and otherwise the errors of
// the last attempts.
func (r *Relay) Health() error {
	var failures []error
	for _, c := range r.channels {
		failures = append(failures, c.Health())
	}
	return errors.Join(failures...)
}

// Published returns how many messages this instance has published.
func (r *Relay) Published() (n int64) {
	for _, c := range r.channels {
		n += c.published.Load()
	}
	return n
}
