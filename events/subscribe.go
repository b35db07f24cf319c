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

// Subscribe hands the callback what the streams of Redis hold: without a gap, each message once, those of a channel in
// order. What it hears on a channel only tells it to read that channel's stream: whoever may PUBLISH can neither add a
// message nor displace one. So it outlives broken links and a Redis that is started again, and needs Redis to be there only
// when it begins.
//
// It returns when the context ends, which is no error, and with what the callback returned. ErrNotFound: messages that
// follow From are no longer in the stream, or the numbers began anew (see SubscribeConfig.Lost). ErrPermission: the user of
// Redis may not listen to the channels or read the streams. ErrOperational: Redis did not answer at the beginning.
func Subscribe(ctx context.Context, client redis.UniversalClient, cfg SubscribeConfig) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	s := &subscription{cfg: cfg.withDefaults(), client: client, at: map[string]Offset{}, channels: map[string]string{}, bells: newBells()}
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
	at       map[string]Offset // by channel: up to where messages were handled
	channels map[string]string // by the name that Redis knows
	bells    *bells
	failing  bool
}

// After a look at a stream that had nothing new, the next one waits emptyPauseMin, doubling to emptyPauseMax while nothing
// comes: however many messages somebody forges, a stream is read a hundred times a second at most.
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
			return redisError("subscribe", err)
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

// begin finds where the channels without a place begin, and catches up with all of them.
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
			return read(err)
		}
	}
	return nil
}

// last is the place of the last message of the channel's stream.
func (s *subscription) last(ctx context.Context, channel string) (Offset, error) {
	entries, err := s.client.XRevRangeN(ctx, s.stream(channel), "+", "-", 1).Result()
	if err != nil {
		return Offset{}, redisError("subscribe", err)
	}
	if len(entries) == 0 {
		return Offset{}, nil
	}
	return ParseOffset(entries[0].ID)
}

func (s *subscription) stream(channel string) string { return s.cfg.Prefix + channel + ":log" }

// listen rings the bell of a channel on which something is heard, until the context ends. A link that broke is made again
// at the next attempt.
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
			s.bells.ring(s.channels[m.Channel])
		}
	}
}

// bells are the channels on which something was heard since their streams were last read: one read serves any number of
// messages.
type bells struct {
	mu   sync.Mutex
	rung map[string]bool
	any  chan struct{} // holds one where rung is not empty
}

func newBells() *bells { return &bells{rung: map[string]bool{}, any: make(chan struct{}, 1)} }

func (b *bells) ring(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung[channel] = true
	select {
	case b.any <- struct{}{}:
	default: // somebody has rung already
	}
}

// take returns the channels that were rung, and silences them.
func (b *bells) take() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	rung := b.rung
	b.rung = map[string]bool{}
	return rung
}

// follow reads the streams of channels on which something is heard, and from time to time those of silent ones.
func (s *subscription) follow(ctx context.Context) error {
	ticker := time.NewTicker(s.cfg.CheckEvery)
	defer ticker.Stop()
	pause := time.Duration(0)
	for {
		rung := map[string]bool{}
		select {
		case <-ctx.Done():
			return nil
		case <-s.bells.any:
			rung = s.bells.take()
		case <-ticker.C:
			for _, channel := range s.cfg.Channels {
				rung[channel] = true
			}
		}

		fresh := false
		for _, channel := range s.cfg.Channels {
			if !rung[channel] {
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

func (s *subscription) handle(ctx context.Context, m Message) error {
	if len(s.cfg.Types) == 0 || slices.Contains(s.cfg.Types, m.Type) {
		if err := s.cfg.Callback(ctx, m); err != nil {
			return err
		}
	}
	s.at[m.Channel] = m.Offset()
	return nil
}

// tryCatchUp is catchUp, which a Redis that does not answer only delays.
func (s *subscription) tryCatchUp(ctx context.Context, channel string) (found bool, err error) {
	found, err = s.catchUp(ctx, channel)
	var failure *unreadable
	failed := errors.As(err, &failure)
	if failed != s.failing && ctx.Err() == nil {
		if s.failing = failed; failed {
			s.cfg.Logger.WarnContext(ctx, "the subscription waits for Redis", "channel", channel, "error", err.Error())
		} else {
			s.cfg.Logger.InfoContext(ctx, "the subscription goes on", "channel", channel)
		}
	}
	if failed {
		return false, nil
	}
	return found, err
}

// unreadable is what kept the stream from being read, which is no fault of a message or its handling.
type unreadable struct{ error }

// read is the error without that mark.
func read(err error) error {
	var failure *unreadable
	if errors.As(err, &failure) {
		return failure.error
	}
	return err
}

// catchUpMin and catchUpMax are how many messages are read from a stream at a time: more while a read brings little.
const (
	catchUpMin = 64
	catchUpMax = 1000
)

// catchUp handles what the stream has behind the last message handled, and reports whether there was anything.
func (s *subscription) catchUp(ctx context.Context, channel string) (found bool, err error) {
	for most := int64(catchUpMin); ; {
		at := s.at[channel]
		entries, err := s.client.XRangeN(ctx, s.stream(channel), Offset{at.Epoch, at.Seq + 1}.String(), "+", most).Result()
		if err != nil {
			return found, &unreadable{redisError("subscribe", err)}
		}
		bytes := 0
		for _, entry := range entries {
			text, _ := entry.Values[streamField].(string)
			bytes += len(text)
			m, err := decode(channel, []byte(text))
			if err != nil || m.Offset().String() != entry.ID {
				return found, &blotter.Error{Op: "subscribe", Kind: blotter.ErrData, Err: err, Message: fmt.Sprintf("entry %s of %s is no message of the relay", entry.ID, s.stream(channel))}
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

// nextRead returns how many messages the next read asks for, where the last one brought so many bytes: twice as many, as long
// as they are not likely to be more than a page.
func nextRead(most int64, bytes int) int64 {
	if bytes > chunkBytes/4 {
		return max(most/2, 1)
	}
	return min(2*most, catchUpMax)
}

// next handles a message of the stream, and tells of a gap before it.
func (s *subscription) next(ctx context.Context, m Message) error {
	at := s.at[m.Channel]
	follows := m.Epoch == at.Epoch && m.Seq == at.Seq+1 || at == Offset{}
	if !follows {
		gap := Gap{Channel: m.Channel, After: at, Next: m.Offset()}
		if s.cfg.Lost == nil {
			return gap.error()
		}
		if err := s.cfg.Lost(ctx, gap); err != nil {
			return err
		}
	}
	return s.handle(ctx, m)
}

func (g Gap) error() error {
	text := fmt.Sprintf("messages of %s between %s and %s are no longer in Redis; read them from the outbox, and subscribe from %s", g.Channel, g.After, g.Next, Offset{g.Next.Epoch, g.Next.Seq - 1})
	if g.After.Epoch != g.Next.Epoch {
		text = fmt.Sprintf("the numbers of %s began anew behind %s: compare with the database, and subscribe from %s", g.Channel, g.After, Offset{g.Next.Epoch, g.Next.Seq - 1})
	}
	return &blotter.Error{Op: "subscribe", Kind: blotter.ErrNotFound, Message: text}
}
