package events

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// DefaultPrefix is what the names of Redis channels and streams begin with: data_sync:trades, data_sync:trades:log.
const DefaultPrefix = "data_sync:"

// streamField is the field of a stream's entries that holds the message.
const streamField = "event"

// redisTimeout bounds a round trip to Redis, for which a cursor is kept locked.
const redisTimeout = 2 * time.Second

// OpenRedis makes a client for a Redis URL (redis://, rediss://, unix://) as the relay and subscribers want it: it tells of
// failures at once instead of trying again itself, and go-redis, which would write each of them to standard error too, no
// longer does. The caller closes it. Errors are ErrInvalid.
func OpenRedis(url string) (redis.UniversalClient, error) {
	opt, err := redisOptions(url)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(opt), nil
}

func redisOptions(url string) (*redis.Options, error) {
	opt, err := redis.ParseURL(url)
	if err != nil { // its text may hold the password
		return nil, &blotter.Error{Op: "open redis", Kind: blotter.ErrInvalid, Message: "the Redis URL is none: want redis://USER:PASSWORD@HOST:PORT/DB"}
	}
	silence()
	opt.MaxRetries, opt.DialerRetries = -1, 1
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	opt.ContextTimeoutEnabled = true
	return opt, nil
}

// silence turns off the log of go-redis, which is one for the process.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// redisError makes a failure of Redis one of ours.
func redisError(op string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if isRefusal(err) {
		return refusedError(op, err)
	}
	return &blotter.Error{Op: op, Kind: blotter.ErrOperational, Retry: true, Err: err, Message: "Redis: " + err.Error()}
}

//go:embed publish.lua
var publishText string

// publishScript compares and appends in one step that nothing comes between.
var publishScript = redis.NewScript(publishText)

// What the script found.
const (
	inStream   = 0 // the messages are in the stream
	tailLost   = 1 // the stream ends before the first of them
	laterEpoch = 2 // the stream is of a later epoch
)

// outlet is a channel of Redis, with its stream.
type outlet struct {
	client  redis.UniversalClient
	channel string // data_sync:trades
	stream  string // data_sync:trades:log
	most    int    // entries that the stream keeps, about
}

func newOutlet(client redis.UniversalClient, prefix, channel string, most int) outlet {
	return outlet{client: client, channel: prefix + channel, stream: prefix + channel + ":log", most: most}
}

// put appends messages to the stream if it ends where the first of them begins, and publishes those beyond told. It returns
// what the script found, and where the stream ended before. Without messages it only looks.
func (o outlet) put(ctx context.Context, first Offset, told int64, messages [][]byte) (what int64, end Offset, err error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	args := make([]any, 0, 5+len(messages))
	args = append(args, o.channel, first.Epoch, first.Seq, o.most, told)
	for _, m := range messages {
		args = append(args, m)
	}
	answer, err := mutateScript(publishScript).Run(ctx, o.client, []string{o.stream}, args...).Int64Slice()
	if err == nil && len(answer) != 3 {
		err = fmt.Errorf("the script answered %v", answer)
	}
	if err != nil {
		return 0, end, redisError("relay", err)
	}
	return answer[0], Offset{answer[1], answer[2]}, nil
}
