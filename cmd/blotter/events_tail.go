package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// tail prints events.
type tail struct {
	redis, from string
	channels    []string
	count       int

	out     io.Writer
	json    bool
	day     string // of the last line
	printed int    // events
}

// errCountReached ends a tail after --count events.
var errCountReached = errors.New("count reached")

func eventsTail(set *settings) *cobra.Command {
	var t tail
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print events as they happen",
		Long: `Print events as they are committed, until Ctrl-C: from the database, or with
--redis the messages of its subscribers, without a gap. --from first prints the
events after a number: for the database a position, for Redis EPOCH-SEQ, and "0"
for the beginning of either. With --json, each line is one object. From the
database, only the events of --account are printed, or all; messages in Redis do
not belong to accounts.`,
		Example: `  blotter events tail
  blotter events tail --channel trades --from 0 --json
  blotter events tail --redis redis://127.0.0.1 --channel trades --from 1-41`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.out, t.json = cmd.OutOrStdout(), set.json
			if err := t.check(); err != nil {
				return err
			}

			err := t.run(cmd.Context(), set)
			if errors.Is(err, errCountReached) || err == nil && cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.redis, "redis", "", "`URL` of a Redis to read instead of the database")
	flags.StringSliceVar(&t.channels, "channel", nil, "only this `channel`, such as trades; may be repeated")
	flags.StringVar(&t.from, "from", "", "begin after this `number` (default: with new events)")
	flags.IntVar(&t.count, "count", 0, "end after `n` events (default: never)")
	return cmd
}

func (t *tail) check() error {
	if t.count < 0 {
		return usagef("invalid --count %d: want 1 or more", t.count)
	}
	if t.from == "" || t.from == "0" {
		return nil
	}

	if t.redis == "" {
		if pos, err := strconv.ParseInt(t.from, 10, 64); err != nil || pos < 0 {
			return usagef("invalid --from %q: want the position of an event, as this command prints it", t.from)
		}
		return nil
	}
	if _, err := events.ParseOffset(t.from); err != nil {
		return usagef("invalid --from %q: want the number of a message, EPOCH-SEQ, as this command prints it", t.from)
	}
	if len(t.channels) != 1 {
		return usagef("--from %s is the number of a message in one channel: name it with --channel", t.from)
	}
	return nil
}

func (t *tail) run(ctx context.Context, set *settings) error {
	if t.redis != "" {
		return t.subscribe(ctx)
	}
	db, err := set.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()

	cfg := events.FollowConfig{
		Channels: t.channels,
		Callback: func(_ context.Context, e blotter.Event) error { return t.printEvent(e) },
	}
	if t.from != "" {
		pos, _ := strconv.ParseInt(t.from, 10, 64) // valid, see check
		cfg.After = &pos
	}
	ctx = bookContext(ctx)
	if err := checkAccount(ctx, db.DB); err != nil {
		return err
	}
	return events.Follow(ctx, db.DB, cfg)
}

func (t *tail) subscribe(ctx context.Context) error {
	client, err := events.OpenRedis(t.redis)
	if err != nil {
		return usagef("invalid --redis: want redis://USER:PASSWORD@HOST:PORT/DB")
	}
	defer client.Close()

	cfg := events.SubscribeConfig{
		Channels: t.channels,
		Callback: func(_ context.Context, m events.Message) error { return t.printMessage(m) },
		Lost: func(_ context.Context, gap events.StreamGap) error {
			return t.printNote(fmt.Sprintf("messages of %s between %s and %s are not in Redis",
				gap.Channel, gap.After, gap.Next))
		},
	}
	if t.from != "" {
		offset, _ := events.ParseOffset(t.from) // valid, see check
		channels := t.channels
		if len(channels) == 0 {
			channels = []string{blotter.ChannelTrades, blotter.ChannelPositions, blotter.ChannelMarketData}
		}
		cfg.From = map[string]events.Offset{}
		for _, channel := range channels {
			cfg.From[channel] = offset
		}
	}
	err = events.Subscribe(ctx, redis.UniversalClient(client), cfg)
	if errors.Is(err, blotter.ErrOperational) {
		return fmt.Errorf("no answer, check --redis and that it runs: %w", err)
	}
	return err
}

// printNote prints a line that is not an event, for people only.
func (t *tail) printNote(text string) error {
	if t.json {
		return nil
	}
	_, err := fmt.Fprintf(t.out, "-- %s\n", term.Printable(text))
	return err
}

// outboxEvent is an event of the outbox as JSON, like a message in Redis but with its position instead of a number.
type outboxEvent struct {
	Pos           int64           `json:"pos"`
	Channel       string          `json:"channel"`
	AccountID     string          `json:"account_id,omitempty"`
	Type          string          `json:"type"`
	Service       string          `json:"service"`
	Data          json.RawMessage `json:"data"`
	Timestamp     events.Time     `json:"timestamp"`
	CorrelationID string          `json:"correlation_id"`
	ID            uuid.UUID       `json:"id"`
	Key           string          `json:"key"`
	V             int16           `json:"v"`
}

func (t *tail) printEvent(e blotter.Event) error {
	if t.json {
		return t.printJSON(outboxEvent{
			Pos: e.Pos, Channel: e.Channel, AccountID: e.AccountID, Type: e.Type, Service: e.Service, Data: e.Data,
			Timestamp: events.Time(e.CreatedAt), CorrelationID: e.CorrelationID, ID: e.EventID, Key: e.Key, V: e.V,
		})
	}
	return t.printLine(e.CreatedAt, strconv.FormatInt(e.Pos, 10), e.Type, e.Key, e.Data)
}

func (t *tail) printMessage(m events.Message) error {
	if t.json {
		return t.printJSON(m)
	}
	return t.printLine(m.Timestamp.Time(), m.Offset().String(), m.Type, m.Key, m.Data)
}

func (t *tail) printJSON(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.out, "%s\n", text); err != nil {
		return err
	}
	return t.countOne()
}

// printLine prints an event for people, below a line with its day.
func (t *tail) printLine(at time.Time, number, kind, key string, data []byte) error {
	if day := at.UTC().Format(time.DateOnly); day != t.day {
		t.day = day
		if _, err := fmt.Fprintf(t.out, "%s\n", day); err != nil {
			return err
		}
	}

	const summaryLeast = 12
	line := fmt.Sprintf("%s  %-8s  %-19s  %-12s  ", at.UTC().Format(time.TimeOnly), number,
		term.Shorten(kind, 19), term.ShortenMiddle(key, 12))
	room := max(summaryLeast, term.Width(t.out)-utf8.RuneCountInString(line))
	line += term.Shorten(summary(kind, data), room)
	if _, err := fmt.Fprintln(t.out, strings.TrimRight(line, " ")); err != nil {
		return err
	}
	return t.countOne()
}

// countOne counts a printed event and ends the tail after the last one.
func (t *tail) countOne() error {
	if t.printed++; t.printed == t.count {
		return errCountReached
	}
	return nil
}

// summary returns what happened in a few words.
func summary(kind string, data []byte) string {
	var trade blotter.TradeData
	var position blotter.PositionUpdate
	var refold blotter.RefoldData
	var bars blotter.PriceData

	switch {
	case kind == blotter.TradeUndone && json.Unmarshal(data, &trade) == nil:
		return fmt.Sprintf("undone: %s %s %s @ %s", trade.Side, trade.Quantity, trade.Symbol, price(trade.Price))
	case kind == blotter.TradesRefolded && json.Unmarshal(data, &refold) == nil:
		return fmt.Sprintf("%s: %s, %d entries since %s", refold.Cause.Kind, refold.Symbol, refold.Entries,
			refold.Since.Time().Format(time.DateOnly))
	case kind == blotter.TradeExecuted && json.Unmarshal(data, &trade) == nil:
		return fmt.Sprintf("%s %s %s @ %s", trade.Side, trade.Quantity, trade.Symbol, price(trade.Price))
	case kind == blotter.PositionUpdated && json.Unmarshal(data, &position) == nil:
		if position.AvgPrice == nil {
			return position.Symbol + " flat"
		}
		return fmt.Sprintf("%s %s @ %s", position.Symbol, position.Quantity, averageOf(position.AvgPrice))
	case kind == blotter.MarketDataUpdated && json.Unmarshal(data, &bars) == nil && bars.Price != nil:
		return fmt.Sprintf("%d bars, %s", bars.Inserted+bars.Updated, price(*bars.Price))
	}
	return string(data)
}
