package events

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Handler applies events, in their order, in the transaction that moves the consumer's cursor: what it writes in tx
// takes effect exactly once. It must not keep the slice. It may be called again with the same events after a failure
// undid everything. Events that it emits (postgres.Tx.Emit) come in later windows.
//
// Errors that a retry may cure (ErrOperational, ErrSerialization, ErrPoolTimeout) are retried for ever, with backoff.
// Any other error, and a panic, is the fault of an event. It is found by bisection and stored in events.dead_letter,
// and later events of its key are parked behind it until Resolve. Events of other keys are not affected.
type Handler func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error

// Config configures a Consumer.
type Config struct {
	// Source is the database whose outbox is read: the primary. Required.
	Source *postgres.DB
	// Target is the database of the cursor, to which the handler writes. Default Source.
	Target *postgres.DB
	// Name identifies the consumer. Consumers of one name share its work. Required, at most 100 bytes.
	Name string
	// Channels are the channels that it reads. Default all.
	Channels []string
	// Types are the types of events that it reads. Default all. The server sends no others, so that other writers on
	// the same channels cost the consumer little.
	Types []string
	// Handler applies the events. Required.
	Handler Handler
	// Alongside, if it is not nil, queues statements of Source that are sent with the read of a chunk, before Handler
	// gets it. A handler that needs to know other rows saves a round trip by them. They also run if there is nothing to
	// read. Their error fails the pass.
	Alongside func(batch *pgx.Batch)
	// FromNow makes a consumer without a cursor begin with events committed from now on. Default: it begins with the
	// first event that the outbox still has.
	FromNow bool

	// ChunkMin and ChunkMax bound the events of one transaction: their number doubles from ChunkMin to ChunkMax while
	// there are more. Defaults 1,000 and 20,000.
	ChunkMin, ChunkMax int
	// ChunkBytes bounds the data of the events of one transaction, in bytes, and so the memory of the consumer. A
	// larger event is handled alone. Default 8 MiB.
	ChunkBytes int
	// PollMin and PollMax bound the pause while there is nothing to do: it doubles from PollMin to PollMax. Defaults 2
	// ms and 50 ms.
	PollMin, PollMax time.Duration

	// Logger gets one line for each change of state. Default slog.Default().
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

// chunkBytesMax bounds Config.ChunkBytes.
const chunkBytesMax = 256 << 20

func (c Config) validate() error {
	if err := c.validateLimits(); err != nil {
		return err
	}

	switch {
	case c.Source == nil:
		return blotter.Invalid("Config.Source", "nil", "the database whose events are consumed")
	case c.Name == "" || len(c.Name) > 100 || strings.ContainsRune(c.Name, 0):
		return blotter.Invalid("Config.Name", c.Name, "1 to 100 bytes")
	case c.Handler == nil:
		return blotter.Invalid("Config.Handler", "nil", "a function")
	}
	return nil
}

func (c Config) validateLimits() error {
	switch {
	case c.ChunkMin < 0 || c.ChunkMax < 0 || c.ChunkMax > 100_000:
		return blotter.Invalid("Config.ChunkMax", c.ChunkMax, "zero for the default, up to 100,000")
	case c.ChunkBytes < 0 || c.ChunkBytes > chunkBytesMax:
		return blotter.Invalid("Config.ChunkBytes", c.ChunkBytes, "zero for the default, up to 256 MiB")
	case c.PollMin < 0 || c.PollMax < 0:
		return blotter.Invalid("Config.PollMin", c.PollMin, "zero for the default, or more")
	}
	return nil
}

// Consume runs a consumer until ctx ends, and then returns nil. It returns an error at once if the consumer cannot
// start, for example because the database was restored; see Rebase.
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
