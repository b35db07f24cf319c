package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// Subscribe hands the callback what is published on Redis: without a gap, each message once, those of a channel in order.
// It listens first, then catches up from the streams by number, then goes on with what it hears; where a number is missing
// it reads the stream. So it outlives broken links and a Redis that is started again, and needs Redis to be there only when
// it begins.
//
// It returns when the context ends, which is no error, and with what the callback returned. ErrNotFound: messages that
// follow From are no longer in the stream, or the numbers began anew (see SubscribeConfig.Lost). ErrOperational: Redis did
// not answer at the beginning.
func Subscribe(ctx context.Context, client redis.UniversalClient, cfg SubscribeConfig) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	s := &subscription{cfg: cfg.withDefaults(), client: client, at: map[string]Offset{}, channels: map[string]string{}}
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
	failing  bool
}

// heardMax is how many messages are kept that were heard and not yet handled. A callback that is slower has Redis wait, and
// at last disconnect; what is missed then is read from the stream.
const heardMax = 1000

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
	heard, stopped := make(chan *redis.Message, heardMax), make(chan struct{})
	go func() {
		defer close(stopped)
		listen(ctx, sub, heard)
	}()
	defer func() {
		cancel()
		_ = sub.Close()
		<-stopped
	}()
	return s.follow(ctx, heard)
}

// begin finds where the channels without a place begin, and catches up with the others.
func (s *subscription) begin(ctx context.Context) error {
	for _, channel := range s.cfg.Channels {
		from, given := s.cfg.From[channel]
		if given {
			s.at[channel] = from
			if err := s.catchUp(ctx, channel); err != nil {
				return read(err)
			}
			continue
		}
		last, err := s.client.XRevRangeN(ctx, s.stream(channel), "+", "-", 1).Result()
		if err != nil {
			return redisError("subscribe", err)
		}
		if len(last) > 0 {
			if s.at[channel], err = ParseOffset(last[0].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *subscription) stream(channel string) string { return s.cfg.Prefix + channel + ":log" }

// listen passes on what is heard, until the context ends. A link that broke is made again at the next attempt.
func listen(ctx context.Context, sub *redis.PubSub, heard chan<- *redis.Message) {
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
			select {
			case heard <- m:
			case <-ctx.Done():
			}
		}
	}
}

// follow handles what is heard, and looks at the streams of channels that are silent.
func (s *subscription) follow(ctx context.Context, heard <-chan *redis.Message) error {
	ticker := time.NewTicker(s.cfg.CheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-heard:
			if err := s.hear(ctx, s.channels[m.Channel], []byte(m.Payload)); err != nil {
				return err
			}
		case <-ticker.C:
			for _, channel := range s.cfg.Channels {
				if err := s.tryCatchUp(ctx, channel); err != nil {
					return err
				}
			}
		}
	}
}

// hear handles a message that follows the last one. One before that is dropped; for one behind it the stream is read.
func (s *subscription) hear(ctx context.Context, channel string, text []byte) error {
	m, err := decode(channel, text)
	if err != nil || m.Epoch == 0 {
		return nil // somebody else's, who publishes on our channel past the outbox: not in the stream
	}
	at := s.at[channel]
	switch {
	case m.Epoch == at.Epoch && m.Seq == at.Seq+1:
		return s.handle(ctx, m)
	case at.before(m.Offset()):
		return s.tryCatchUp(ctx, channel)
	}
	return nil
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
func (s *subscription) tryCatchUp(ctx context.Context, channel string) error {
	err := s.catchUp(ctx, channel)
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
		return nil
	}
	return err
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

// catchUp handles what the stream has behind the last message handled.
func (s *subscription) catchUp(ctx context.Context, channel string) error {
	for most := int64(catchUpMin); ; {
		at := s.at[channel]
		entries, err := s.client.XRangeN(ctx, s.stream(channel), Offset{at.Epoch, at.Seq + 1}.String(), "+", most).Result()
		if err != nil {
			return &unreadable{redisError("subscribe", err)}
		}
		bytes := 0
		for _, entry := range entries {
			text, _ := entry.Values[streamField].(string)
			bytes += len(text)
			m, err := decode(channel, []byte(text))
			if err != nil || m.Offset().String() != entry.ID {
				return &blotter.Error{Op: "subscribe", Kind: blotter.ErrData, Err: err, Message: fmt.Sprintf("entry %s of %s is no message of the relay", entry.ID, s.stream(channel))}
			}
			if err := s.next(ctx, m); err != nil {
				return err
			}
		}
		if int64(len(entries)) < most {
			return nil
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
