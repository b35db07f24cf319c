package events

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/redis/go-redis/v9"
)

// DefaultPrefix begins the names of Redis channels and streams: data_sync:trades, data_sync:trades:log.
const DefaultPrefix = "data_sync:"

// streamField is the field of a stream's entries that holds the message.
const streamField = "event"

// redisTimeout bounds a round trip to Redis, during which a cursor is locked.
const redisTimeout = 2 * time.Second

// OpenRedis returns a client for a Redis URL (redis://, rediss://, unix://) as the relay and subscribers need it: it
// returns failures at once instead of retrying. It also stops go-redis from writing each failure to standard error. The
// caller closes the client. Errors are ErrInvalid.
func OpenRedis(url string) (redis.UniversalClient, error) {
	opt, err := redisOptions(url)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(opt), nil
}

func redisOptions(url string) (*redis.Options, error) {
	opt, err := redis.ParseURL(url)
	if err != nil { // its text may contain the password
		return nil, &blotter.Error{
			Op: "open redis", Kind: blotter.ErrInvalid,
			Message: "invalid Redis URL: want redis://USER:PASSWORD@HOST:PORT/DB",
		}
	}

	silence()
	opt.MaxRetries = -1
	opt.DialerRetries = 1
	opt.DialTimeout = redisTimeout
	opt.ReadTimeout = redisTimeout
	opt.WriteTimeout = redisTimeout
	opt.ContextTimeoutEnabled = true
	return opt, nil
}

// silence turns off the log of go-redis, which is global to the process.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// redisError translates a failure of Redis. A read that timed out at the context's deadline is that deadline: the link
// has the same one, and may end first.
func redisError(ctx context.Context, op string, err error) error {
	if end, ok := ctx.Deadline(); ok && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(end) {
		err = context.DeadlineExceeded
	}
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

// publishScript compares and appends in one atomic step.
var publishScript = redis.NewScript(publishText)

// appendResult names the state of the stream that the script found.
type appendResult int64

const (
	appended   appendResult = 0 // the messages are in the stream
	tailLost   appendResult = 1 // the stream ends before the first of them
	laterEpoch appendResult = 2 // the stream has a later epoch
)

// stream is a channel of Redis with its stream.
type stream struct {
	client  redis.UniversalClient
	channel string // data_sync:trades
	name    string // data_sync:trades:log
	most    int    // entries that the stream keeps, approximately
}

func newStream(client redis.UniversalClient, prefix, channel string, most int) stream {
	return stream{client: client, channel: prefix + channel, name: prefix + channel + ":log", most: most}
}

// append appends messages to the stream if it ends before the first of them, and publishes those with numbers above
// announced. It returns what the script found, and where the stream ended before. Without messages it only looks.
func (s stream) append(
	ctx context.Context, first Offset, announced int64, messages [][]byte,
) (found appendResult, end Offset, err error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()

	args := make([]any, 0, 5+len(messages))
	args = append(args, s.channel, first.Epoch, first.Seq, s.most, announced)
	for _, m := range messages {
		args = append(args, m)
	}
	answer, err := publishScript.Run(ctx, s.client, []string{s.name}, args...).Int64Slice()
	if err == nil && len(answer) != 3 {
		err = fmt.Errorf("the script answered %v", answer)
	}
	if err != nil {
		return 0, end, redisError(ctx, "relay", err)
	}
	return appendResult(answer[0]), Offset{answer[1], answer[2]}, nil
}
