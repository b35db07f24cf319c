package events

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Handler applies events, in their order, in the transaction that moves the consumer's cursor: what it writes there takes
// effect exactly once. The slice is the handler's until it returns. It may be called again with the same events, after a
// failure undid everything. What it emits (postgres.Tx.Emit) is for later windows.
//
// An error that retrying may cure (ErrOperational, ErrSerialization, ErrPoolTimeout) is retried for ever, with backoff.
// Any other, and a panic, is the fault of an event: it is found by halves, set aside in events.dead_letter, and later
// events of its key are parked behind it until Resolve; those of other keys flow.
type Handler func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error

// Config says what a consumer reads and where its effects go.
type Config struct {
	// Source is the database whose outbox is read. Required. It has to be the primary.
	Source *postgres.DB
	// Target is where the cursor lives and the handler writes. Default Source.
	Target *postgres.DB
	// Name is the consumer's. Consumers of one name share its work. Required, at most 100 characters.
	Name string
	// Channels are those that it reads. Default all.
	Channels []string
	// Types are the types of events that it reads. Default all. The server sends no others: what other writers put on the
	// same channels costs the consumer little.
	Types []string
	// Handler applies the events. Required.
	Handler Handler
	// FromNow lets a consumer that has no cursor yet begin with what is committed from now on. Default: with the first
	// event that the outbox still has.
	FromNow bool

	// ChunkMin and ChunkMax are how many events a transaction handles: it doubles from the one to the other while there are
	// more. Defaults 1,000 and 20,000.
	ChunkMin, ChunkMax int
	// ChunkBytes is how many bytes of data a transaction handles at most, and so how many the consumer holds in memory. An
	// event that is larger is handled alone. Default 8 MiB.
	ChunkBytes int
	// PollMin and PollMax are how long it sleeps when there is nothing to do: it doubles from the one to the other. Defaults
	// 2 ms and 50 ms.
	PollMin, PollMax time.Duration

	// Logger gets one line a change of state. Default slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Target == nil {
		c.Target = c.Source
	}
	c.ChunkMin = cmp.Or(c.ChunkMin, 1000)
	c.ChunkMax = max(c.ChunkMin, cmp.Or(c.ChunkMax, 20_000))
	c.ChunkBytes = cmp.Or(c.ChunkBytes, chunkBytes)
	c.PollMin = cmp.Or(c.PollMin, 2*time.Millisecond)
	c.PollMax = max(c.PollMin, cmp.Or(c.PollMax, 50*time.Millisecond))
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// chunkBytesMax is the most that Config.ChunkBytes allows.
const chunkBytesMax = 256 << 20

func (c Config) validate() error {
	switch {
	case c.Source == nil:
		return blotter.Invalid("Config.Source", "nil", "the database whose events are consumed")
	case c.Name == "" || len(c.Name) > 100 || strings.ContainsRune(c.Name, 0):
		return blotter.Invalid("Config.Name", c.Name, "1 to 100 bytes")
	case c.Handler == nil:
		return blotter.Invalid("Config.Handler", "nil", "a function")
	case c.ChunkMin < 0 || c.ChunkMax < 0 || c.ChunkMax > 100_000:
		return blotter.Invalid("Config.ChunkMax", c.ChunkMax, "zero for the default, up to 100,000")
	case c.ChunkBytes < 0 || c.ChunkBytes > chunkBytesMax:
		return blotter.Invalid("Config.ChunkBytes", c.ChunkBytes, "zero for the default, up to 256 MiB")
	case c.PollMin < 0 || c.PollMax < 0:
		return blotter.Invalid("Config.PollMin", c.PollMin, "zero for the default, or more")
	}
	return nil
}

// Consume runs a consumer until the context ends, which is no error. It returns at once what keeps it from beginning: a
// database that was restored, see Rebase.
func Consume(ctx context.Context, db *postgres.DB, name string, handler Handler) error {
	c, err := NewConsumer(Config{Source: db, Name: name, Handler: handler})
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return c.Stop(context.WithoutCancel(ctx))
}
