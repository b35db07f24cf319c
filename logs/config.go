package logs

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Config says where log records go. Service is required.
type Config struct {
	// DB is written to as trading_service. It may be given later, by Use: so that the database can itself log through
	// the handler.
	DB *postgres.DB
	// Service is the name of the program or part that logs, at most 50 characters.
	Service string
	// Level is the least that is stored. Default slog.LevelInfo.
	Level slog.Leveler
	// Next gets every record that it is enabled for, whether stored or not. Default: text on standard error from Level
	// on. slog.DiscardHandler is none.
	Next slog.Handler

	// Queue is how many rows wait at most. Default 10,000.
	Queue int
	// Batch is how many rows are worth storing at once, and Every how long fewer wait. Defaults 100 and 1 s. What is
	// queued beyond Batch goes along.
	Batch int
	Every time.Duration
	// WriteTimeout bounds storing one batch. Default 10 s.
	WriteTimeout time.Duration
}

const (
	queueDefault        = 10_000
	queueMax            = 1_000_000
	batchDefault        = 100
	batchMax            = 5_000 // rows of one COPY
	everyDefault        = time.Second
	writeTimeoutDefault = 10 * time.Second

	serviceLengthMax     = 50
	correlationLengthMax = 100
	eventTypeLengthMax   = 50
	messageLengthMax     = 8_192  // bytes, of each text within the data too
	dataLengthMax        = 32_768 // bytes of JSON
)

func (c Config) withDefaults() Config {
	if c.Level == nil {
		c.Level = slog.LevelInfo
	}
	if c.Next == nil {
		c.Next = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level})
	}
	if c.Queue == 0 {
		c.Queue = queueDefault
	}
	if c.Batch == 0 {
		c.Batch = min(batchDefault, c.Queue)
	}
	if c.Every == 0 {
		c.Every = everyDefault
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = writeTimeoutDefault
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Service == "" || len([]rune(c.Service)) > serviceLengthMax:
		return blotter.Invalid("Config.Service", c.Service, fmt.Sprintf("1 to %d characters", serviceLengthMax))
	case c.Queue < 0 || c.Queue > queueMax:
		return blotter.Invalid("Config.Queue", c.Queue, fmt.Sprintf("0 for the default, up to %d", queueMax))
	case c.Batch < 0 || c.Batch > batchMax || c.Queue > 0 && c.Batch > c.Queue:
		return blotter.Invalid("Config.Batch", c.Batch, fmt.Sprintf("0 for the default, up to %d and to Queue", batchMax))
	case c.Every < 0 || c.WriteTimeout < 0:
		return blotter.Invalid("Config.Every", min(c.Every, c.WriteTimeout), "zero for the default, or more")
	}
	return nil
}
