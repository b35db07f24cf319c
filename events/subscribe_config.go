package events

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// SubscribeConfig configures Subscribe.
type SubscribeConfig struct {
	// Channels are the channels to read. Default those of Types, or trades, positions and market_data.
	Channels []string
	// Types are the types of messages to handle. Default all. A type that is not one of blotter's requires Channels.
	Types []string
	// From is, by channel, the last message that was handled before. A channel that is not in it begins with messages
	// published from now on. The zero Offset is before the oldest message of the stream.
	From map[string]Offset
	// Callback gets the messages, one at a time, each once, and those of a channel in order. Its error ends the
	// subscription. Required.
	Callback func(ctx context.Context, m Message) error
	// Lost is called when messages are no longer in Redis, before the subscription continues after them. Its error ends
	// the subscription. Default: the subscription ends with ErrNotFound.
	Lost func(ctx context.Context, gap StreamGap) error
	// Prefix begins the names of channels and streams. Default "data_sync:".
	Prefix string
	// CheckEvery is how often the streams are read while nothing is published: Pub/Sub may lose the last message.
	// Default 1 s.
	CheckEvery time.Duration
	// Logger gets one line for each change of state. Default slog.Default().
	Logger *slog.Logger
}

// StreamGap describes what a subscription did not get: the messages of a channel between After and Next. If these are
// of different epochs, the number of missing messages is unknown and may be zero, and some messages may come again
// under new numbers.
type StreamGap struct {
	Channel     string
	After, Next Offset
}

// channelOf is the channel of each of blotter's own types.
var channelOf = map[string]string{
	blotter.TradeExecuted:     blotter.ChannelTrades,
	blotter.TradeUndone:       blotter.ChannelTrades,
	blotter.TradesRefolded:    blotter.ChannelTrades,
	blotter.TradeCorrected:    blotter.ChannelTrades,
	blotter.PositionAdjusted:  blotter.ChannelTrades,
	blotter.PositionUpdated:   blotter.ChannelPositions,
	blotter.MarketDataUpdated: blotter.ChannelMarketData,
}

func (c SubscribeConfig) withDefaults() SubscribeConfig {
	if len(c.Channels) == 0 {
		for _, name := range c.Types {
			c.Channels = append(c.Channels, channelOf[name])
		}
	}
	if len(c.Channels) == 0 {
		c.Channels = relayed
	}
	c.Channels = slices.Compact(slices.Sorted(slices.Values(c.Channels)))
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.CheckEvery = cmp.Or(c.CheckEvery, time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

func (c SubscribeConfig) validate() error {
	if c.Callback == nil {
		return blotter.Invalid("SubscribeConfig.Callback", "nil", "a function")
	}
	if c.CheckEvery < 0 {
		return blotter.Invalid("SubscribeConfig.CheckEvery", c.CheckEvery, "zero for the default, or more")
	}
	for _, name := range c.Types {
		if len(c.Channels) == 0 && channelOf[name] == "" {
			return blotter.Invalid("SubscribeConfig.Types", name,
				"trade_executed, trade_undone, position_updated or market_data_updated, "+
					"or also SubscribeConfig.Channels")
		}
	}

	channels := c.withDefaults().Channels
	for channel := range c.From {
		if !slices.Contains(channels, channel) {
			return blotter.Invalid("SubscribeConfig.From", channel, "a channel that is subscribed to")
		}
	}
	return nil
}
