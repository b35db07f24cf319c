package events

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// SubscribeConfig says what is subscribed to, from where, and what is done with it.
type SubscribeConfig struct {
	// Channels are those subscribed to. Default those of Types, or trades, positions and market_data.
	Channels []string
	// Types are the types of messages that are handled. Default all. A type that is not one of blotter's needs Channels.
	Types []string
	// From is, by channel, the last message that was handled before: what follows is caught up with. A channel that is not
	// in it begins with what is published from now on; the zero Offset is before the oldest message that the stream has.
	From map[string]Offset
	// Callback gets the messages, one at a time, those of a channel in their order, each once. Its error ends the
	// subscription. Required.
	Callback func(ctx context.Context, m Message) error
	// Lost, if there is one, is told what can no longer be had, before the subscription goes on behind it; its error ends
	// the subscription. Default: the subscription ends with ErrNotFound.
	Lost func(ctx context.Context, gap Gap) error
	// Prefix is what the names of channels and streams begin with. Default "data_sync:".
	Prefix string
	// CheckEvery is how often the streams are looked at while nothing is heard: Pub/Sub may lose the last message. Default
	// 1 s.
	CheckEvery time.Duration
	// Logger gets one line a change of state. Default slog.Default().
	Logger *slog.Logger
}

// Gap is what a subscription did not get: the messages of a channel behind After and before Next. Where they are of two
// epochs the numbers began anew between them, and how many are missing is unknown, perhaps none; some may come a second
// time, under new numbers.
type Gap struct {
	Channel     string
	After, Next Offset
}

// channelOf are the channels of blotter's own types.
var channelOf = map[string]string{
	blotter.TradeExecuted:     blotter.ChannelTrades,
	blotter.TradeUndone:       blotter.ChannelTrades,
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
			return blotter.Invalid("SubscribeConfig.Types", name, "trade_executed, trade_undone, position_updated or market_data_updated, or SubscribeConfig.Channels besides")
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
