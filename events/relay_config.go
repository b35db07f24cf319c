package events

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/redis/go-redis/v9"
)

// RelayConfig configures a Relay.
type RelayConfig struct {
	// DB is the database whose outbox is relayed: the primary. Required.
	DB *postgres.DB
	// URL is the URL of the Redis server. Required unless Redis is set.
	URL string
	// Redis is a client to use instead of URL. The caller closes it.
	Redis redis.UniversalClient
	// Prefix begins the names of channels and streams. Default "data_sync:". Databases that share a Redis need
	// different prefixes.
	Prefix string
	// Channels are the channels that are relayed, each with its own cursor ("redis:trades"). Default trades, positions
	// and market_data. Messages of positions are derived from the fills on trades.
	Channels []string

	// StreamMax is approximately how many messages the stream of a channel keeps. A lost tail of more messages is not
	// refilled. Default 1,000,000.
	StreamMax int
	// RateMax bounds the messages per second of a channel that catches up: Redis disconnects subscribers that cannot
	// keep up. Default 50,000.
	RateMax int
	// CheckEvery is how often an idle relay checks that Redis still has what was published. Default 1 s.
	CheckEvery time.Duration
	// PollMin and PollMax are as in Config. Defaults 2 ms and 50 ms.
	PollMin, PollMax time.Duration

	// Logger gets one line for each change of state. Default slog.Default().
	Logger *slog.Logger
}

// relayed are the channels that are relayed by default.
var relayed = []string{blotter.ChannelTrades, blotter.ChannelPositions, blotter.ChannelMarketData}

func (c RelayConfig) withDefaults() RelayConfig {
	if c.Channels == nil {
		c.Channels = relayed
	}
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.StreamMax = cmp.Or(c.StreamMax, 1_000_000)
	c.RateMax = cmp.Or(c.RateMax, 50_000)
	c.CheckEvery = cmp.Or(c.CheckEvery, time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

func (c RelayConfig) validate() error {
	switch {
	case c.DB == nil:
		return blotter.Invalid("RelayConfig.DB", "nil", "the database whose events are relayed")
	case c.URL == "" && c.Redis == nil:
		return blotter.Invalid("RelayConfig.URL", "", "the URL of a Redis server")
	case c.StreamMax < 0 || c.RateMax < 0:
		return blotter.Invalid("RelayConfig.StreamMax", c.StreamMax, "zero for the default, or more")
	case c.CheckEvery < 0 || c.PollMin < 0 || c.PollMax < 0:
		return blotter.Invalid("RelayConfig.CheckEvery", c.CheckEvery, "zero for the default, or more")
	}

	seen := slices.Clone(c.Channels)
	slices.Sort(seen)
	for i, channel := range seen {
		if channel == "" || len(channel) > blotter.EventTextMax || i > 0 && seen[i-1] == channel {
			return blotter.Invalid("RelayConfig.Channels", channel, "names of channels, each once")
		}
	}
	return nil
}
