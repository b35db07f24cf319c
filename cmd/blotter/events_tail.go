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

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// tail are the flags of `blotter events tail`.
type tail struct {
	redis, from string
	channels    []string
	count       int

	out   io.Writer
	json  bool
	day   string // of the last line
	lines int
}

// errEnough ends a tail after --count events.
var errEnough = errors.New("enough")

func eventsTailCommand(set *settings) *cobra.Command {
	var t tail
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print events as they happen",
		Long: `Print events as they are committed, until Ctrl-C: from the database, or with
--redis what its subscribers get, without a gap. --from prints first what came
after a number: of the database a position ("0" is the beginning), of Redis
EPOCH-SEQ ("0" is the beginning of its stream). With --json each line is one
object. Of the database it shows --account's events, or all; Redis knows no
accounts.`,
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
			if errors.Is(err, errEnough) || err == nil && cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.redis, "redis", "", "`URL` of the Redis to read instead of the database")
	flags.StringSliceVar(&t.channels, "channel", nil, "of this `channel` alone, such as trades; may be repeated")
	flags.StringVar(&t.from, "from", "", "begin after this `number` (default: now)")
	flags.IntVar(&t.count, "count", 0, "end after so `many` events (default: never)")
	return cmd
}

func (t *tail) check() error {
	if t.count < 0 {
		return usagef("--count takes a number above zero")
	}
	if t.from == "" || t.from == "0" {
		return nil
	}
	if t.redis == "" {
		if pos, err := strconv.ParseInt(t.from, 10, 64); err != nil || pos < 0 {
			return usagef("--from %s is no position of the outbox: want a number, as this command prints it", t.from)
		}
		return nil
	}
	if _, err := events.ParseOffset(t.from); err != nil {
		return usagef("--from %s is no number of a message: want EPOCH-SEQ, as this command prints it", t.from)
	}
	if len(t.channels) != 1 {
		return usagef("--from %s is a number of one channel: say which by --channel", t.from)
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
	cfg := events.FollowConfig{Channels: t.channels, Callback: func(_ context.Context, e blotter.Event) error { return t.event(e) }}
	if t.from != "" {
		pos, _ := strconv.ParseInt(t.from, 10, 64) // checked
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
		return usagef("--redis is no Redis URL: want redis://USER:PASSWORD@HOST:PORT/DB")
	}
	defer client.Close()
	cfg := events.SubscribeConfig{
		Channels: t.channels,
		Callback: func(_ context.Context, m events.Message) error { return t.message(m) },
		Lost: func(_ context.Context, gap events.StreamGap) error {
			return t.note(fmt.Sprintf("messages of %s between %s and %s are not in Redis", gap.Channel, gap.After, gap.Next))
		},
	}
	if t.from != "" {
		offset, _ := events.ParseOffset(t.from) // checked, or "0"
		cfg.From = map[string]events.Offset{}
		for _, channel := range t.channels {
			cfg.From[channel] = offset
		}
		if len(t.channels) == 0 {
			cfg.From = map[string]events.Offset{blotter.ChannelTrades: {}, blotter.ChannelPositions: {}, blotter.ChannelMarketData: {}}
		}
	}
	return t.explain(events.Subscribe(ctx, redis.UniversalClient(client), cfg))
}

func (t *tail) explain(err error) error {
	if errors.Is(err, blotter.ErrOperational) {
		return fmt.Errorf("no answer, check --redis and that it runs: %w", err)
	}
	return err
}

// note says something that is no event, for people alone.
func (t *tail) note(text string) error {
	if t.json {
		return nil
	}
	_, err := fmt.Fprintf(t.out, "-- %s\n", printable(text))
	return err
}

// tailed is an event of the outbox as JSON: a message as Redis has it, with its position instead of its number.
type tailed struct {
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

func (t *tail) event(e blotter.Event) error {
	if t.json {
		return t.print(tailed{
			e.Pos, e.Channel, e.AccountID, e.Type, e.Service, e.Data, events.Time(e.CreatedAt), e.CorrelationID, e.EventID, e.Key, e.V,
		})
	}
	return t.line(e.CreatedAt, strconv.FormatInt(e.Pos, 10), e.Type, e.Key, e.Data)
}

func (t *tail) message(m events.Message) error {
	if t.json {
		return t.print(m)
	}
	return t.line(m.Timestamp.Time(), m.Offset().String(), m.Type, m.Key, m.Data)
}

func (t *tail) print(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.out, "%s\n", text); err != nil {
		return err
	}
	return t.enough()
}

// line prints an event for people, under its day.
func (t *tail) line(at time.Time, number, kind, key string, data []byte) error {
	if day := at.UTC().Format(time.DateOnly); day != t.day {
		t.day = day
		if _, err := fmt.Fprintf(t.out, "%s\n", day); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s  %-8s  %-19s  %-12s  ", at.UTC().Format(time.TimeOnly), number, shorten(kind, 19), shortenMiddle(key, 12))
	if _, err := fmt.Fprintln(t.out, strings.TrimRight(text+shorten(summary(kind, data), max(12, outputWidth(t.out)-len([]rune(text)))), " ")); err != nil {
		return err
	}
	return t.enough()
}

func (t *tail) enough() error {
	if t.lines++; t.lines == t.count {
		return errEnough
	}
	return nil
}

// summary says in a few words what happened.
func summary(kind string, data []byte) string {
	var trade blotter.TradeData
	var position blotter.PositionUpdate
	var bars blotter.PriceData
	switch {
	case kind == blotter.TradeUndone && json.Unmarshal(data, &trade) == nil:
		return fmt.Sprintf("undone: %s %s %s @ %s", trade.Side, trade.Quantity, trade.Symbol, price(trade.Price))
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
