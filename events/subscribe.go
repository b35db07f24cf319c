package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// Subscribe passes the messages in the streams of Redis to the callback: without a gap, each message once, and those of
// a channel in order. A message on a channel only triggers a read of that channel's stream: a user who may only PUBLISH
// can neither add a message nor displace one. Subscribe survives broken links and restarts of Redis, which must answer
// only when Subscribe starts.
//
// It returns nil when ctx ends, and errors of the callback. ErrNotFound: messages after From are no longer in the
// stream, or numbers restarted in a new epoch; see SubscribeConfig.Lost. ErrPermission: the user of Redis may not
// listen to the channels or read the streams. ErrOperational: Redis did not answer at the start.
func Subscribe(ctx context.Context, client redis.UniversalClient, cfg SubscribeConfig) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	s := &subscription{
		cfg: cfg.withDefaults(), client: client, wakeups: newWakeups(),
		at: map[string]Offset{}, channels: map[string]string{},
	}
	err := s.run(ctx)
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		return nil
	}
	return err
}

// subscription is one call of Subscribe.
type subscription struct {
	cfg      SubscribeConfig
	client   redis.UniversalClient
	at       map[string]Offset // by channel: the last message handled
	channels map[string]string // by their name in Redis
	wakeups  *wakeups
	failing  bool
}

// After a read that found nothing, the next one waits emptyPauseMin, doubling to emptyPauseMax while nothing comes:
// even if somebody forges messages, a stream is read at most a hundred times a second.
const (
	emptyPauseMin = time.Millisecond
	emptyPauseMax = 10 * time.Millisecond
)

func (s *subscription) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var names []string
	for _, channel := range s.cfg.Channels {
		names = append(names, s.cfg.Prefix+channel)
		s.channels[s.cfg.Prefix+channel] = channel
	}
	sub := s.client.Subscribe(ctx, names...)
	defer sub.Close()
	for range names {
		if _, err := sub.Receive(ctx); err != nil {
			return redisError(ctx, "subscribe", err)
		}
	}
	if err := s.begin(ctx); err != nil {
		return err
	}

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.listen(ctx, sub)
	}()
	defer func() {
		cancel()
		_ = sub.Close()
		<-stopped
	}()
	return s.follow(ctx)
}

// begin finds where the channels without an offset begin, and catches up with all of them.
func (s *subscription) begin(ctx context.Context) error {
	for _, channel := range s.cfg.Channels {
		from, given := s.cfg.From[channel]
		if !given {
			var err error
			if from, err = s.last(ctx, channel); err != nil {
				return err
			}
		}

		s.at[channel] = from
		if _, err := s.catchUp(ctx, channel); err != nil {
			return withoutMark(err)
		}
	}
	return nil
}

// last returns the offset of the last message of the channel's stream.
func (s *subscription) last(ctx context.Context, channel string) (Offset, error) {
	entries, err := s.client.XRevRangeN(ctx, s.stream(channel), "+", "-", 1).Result()
	if err != nil {
		return Offset{}, redisError(ctx, "subscribe", err)
	}
	if len(entries) == 0 {
		return Offset{}, nil
	}
	return ParseOffset(entries[0].ID)
}

func (s *subscription) stream(channel string) string { return s.cfg.Prefix + channel + ":log" }

// listen wakes the reader of a channel when a message arrives on it, until the context ends. The client restores a
// broken link at the next attempt.
func (s *subscription) listen(ctx context.Context, sub *redis.PubSub) {
	for ctx.Err() == nil {
		got, err := sub.Receive(ctx)
		if errors.Is(err, redis.ErrClosed) {
			return
		}
		if err != nil {
			sleep(ctx, 100*time.Millisecond, nil)
			continue
		}
		if m, isMessage := got.(*redis.Message); isMessage {
			s.wakeups.add(s.channels[m.Channel])
		}
	}
}

// wakeups collects the channels with messages since their streams were last read: one read serves any number of
// messages.
type wakeups struct {
	mu       sync.Mutex
	channels map[string]bool
	any      chan struct{} // holds a value while channels is not empty
}

func newWakeups() *wakeups { return &wakeups{channels: map[string]bool{}, any: make(chan struct{}, 1)} }

func (w *wakeups) add(channel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels[channel] = true
	select {
	case w.any <- struct{}{}:
	default: // the reader is awake already
	}
}

// take returns the channels and forgets them.
func (w *wakeups) take() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	channels := w.channels
	w.channels = map[string]bool{}
	return channels
}

// follow reads the streams of channels with new messages, and those of all channels every CheckEvery.
func (s *subscription) follow(ctx context.Context) error {
	ticker := time.NewTicker(s.cfg.CheckEvery)
	defer ticker.Stop()
	pause := time.Duration(0)
	for {
		due := map[string]bool{}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wakeups.any:
			due = s.wakeups.take()
		case <-ticker.C:
			for _, channel := range s.cfg.Channels {
				due[channel] = true
			}
		}

		fresh := false
		for _, channel := range s.cfg.Channels {
			if !due[channel] {
				continue
			}
			found, err := s.tryCatchUp(ctx, channel)
			if err != nil {
				return err
			}
			fresh = fresh || found
		}

		if fresh {
			pause = 0
			continue
		}
		pause = min(max(2*pause, emptyPauseMin), emptyPauseMax)
		sleep(ctx, pause, nil)
	}
}

// handle passes a message to the callback if its type is selected, and moves the offset.
func (s *subscription) handle(ctx context.Context, m Message) error {
	if len(s.cfg.Types) == 0 || slices.Contains(s.cfg.Types, m.Type) {
		if err := s.cfg.Callback(ctx, m); err != nil {
			return err
		}
	}
	s.at[m.Channel] = m.Offset()
	return nil
}

// tryCatchUp calls catchUp and hides an error of Redis, which only delays messages.
func (s *subscription) tryCatchUp(ctx context.Context, channel string) (found bool, err error) {
	found, err = s.catchUp(ctx, channel)
	var failure *unreadable
	failed := errors.As(err, &failure)
	changed := failed != s.failing && ctx.Err() == nil
	if changed {
		s.failing = failed
	}

	switch {
	case changed && failed:
		s.cfg.Logger.WarnContext(ctx, "the subscription waits for Redis", "channel", channel, "error", err.Error())
	case changed:
		s.cfg.Logger.InfoContext(ctx, "the subscription goes on", "channel", channel)
	}
	if failed {
		return false, nil
	}
	return found, err
}

// unreadable marks an error of reading the stream, which is not the fault of a message or its handling.
type unreadable struct{ error }

// withoutMark returns the error that unreadable marks.
func withoutMark(err error) error {
	var failure *unreadable
	if errors.As(err, &failure) {
		return failure.error
	}
	return err
}

// catchUpMin and catchUpMax bound the messages of one read of a stream. It grows while messages are small.
const (
	catchUpMin = 64
	catchUpMax = 1000
)

// catchUp handles the messages of the stream after the last one handled, and reports whether there were any.
func (s *subscription) catchUp(ctx context.Context, channel string) (found bool, err error) {
	for most := int64(catchUpMin); ; {
		at := s.at[channel]
		from := Offset{at.Epoch, at.Seq + 1}
		entries, err := s.client.XRangeN(ctx, s.stream(channel), from.String(), "+", most).Result()
		if err != nil {
			return found, &unreadable{redisError(ctx, "subscribe", err)}
		}

		bytes := 0
		for _, entry := range entries {
			text, _ := entry.Values[streamField].(string)
			bytes += len(text)
			m, err := decode(channel, []byte(text))
			if err != nil || m.Offset().String() != entry.ID {
				return found, &blotter.Error{
					Op: "subscribe", Kind: blotter.ErrData, Err: err,
					Message: fmt.Sprintf("entry %s of %s is not a message of a relay", entry.ID, s.stream(channel)),
				}
			}
			if err := s.next(ctx, m); err != nil {
				return found, err
			}
			found = true
		}
		if int64(len(entries)) < most {
			return found, nil
		}
		most = nextRead(most, bytes)
	}
}

// nextRead returns how many messages the next read asks for after one of so many bytes: twice as many, unless they are
// likely to exceed a page.
func nextRead(most int64, bytes int) int64 {
	if bytes > chunkBytes/4 {
		return max(most/2, 1)
	}
	return min(2*most, catchUpMax)
}

// next handles a message of the stream and reports a gap before it.
func (s *subscription) next(ctx context.Context, m Message) error {
	at := s.at[m.Channel]
	follows := m.Epoch == at.Epoch && m.Seq == at.Seq+1 || at == Offset{}
	if !follows {
		gap := StreamGap{Channel: m.Channel, After: at, Next: m.Offset()}
		if s.cfg.Lost == nil {
			return gap.error()
		}
		if err := s.cfg.Lost(ctx, gap); err != nil {
			return err
		}
	}
	return s.handle(ctx, m)
}

func (g StreamGap) error() error {
	from := Offset{g.Next.Epoch, g.Next.Seq - 1}
	text := fmt.Sprintf("messages of %s between %s and %s are no longer in Redis; "+
		"read them from the outbox, and subscribe from %s", g.Channel, g.After, g.Next, from)
	if g.After.Epoch != g.Next.Epoch {
		text = fmt.Sprintf("message numbers of %s restarted in a new epoch after %s; "+
			"compare with the database, and subscribe from %s", g.Channel, g.After, from)
	}
	return &blotter.Error{Op: "subscribe", Kind: blotter.ErrNotFound, Message: text}
}
