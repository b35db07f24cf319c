package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
)

// relayed starts a relay from the database to a Redis of the test's own.
func relayed(t *testing.T, db *pgtest.Database) (url string) {
	t.Helper()
	redis, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(redis.Close)
	relay, err := events.NewRelay(events.RelayConfig{DB: db.DB, URL: redis.URL, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = relay.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := relay.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return redis.URL
}

func bookFills(t *testing.T, db *pgtest.Database, n int) {
	t.Helper()
	for i := range n {
		account := fmt.Sprint("ACC", 1+i%2)
		_, err := db.ExecuteTrade(blotter.WithAccount(t.Context(), account), blotter.Trade{
			AccountID: account, TradeID: fmt.Sprint("T", i), Symbol: "AAPL", Side: blotter.Buy,
			Quantity: blotter.MustDecimal("2"),
			Price:    blotter.MustDecimal("189.5"), ExecutedAt: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEventsTail(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	url := relayed(t, db)
	bookFills(t, db, 4)
	tail := func(args ...string) []string { return append(append(urls(db), "events", "tail"), args...) }

	out := d.ok(t, tail("--from", "0", "--count", "4")...)
	narrow(t, "events tail", out)
	month := pgtest.Value[string](t, db,
		"select to_char(min(executed_at) at time zone 'UTC', 'YYYY-MM') from execution.trades")
	contains(t, out, month, "  1         trade_executed       ACC1          buy 2 AAPL @ 189.50\n")
	if n := strings.Count(out, "trade_executed"); n != 4 {
		t.Errorf("%d lines:\n%s", n, out)
	}
	out = d.ok(t, tail("--from", "1", "--count", "1", "--account", "ACC2", "--json")...)
	var event struct {
		Pos       int64
		AccountID string `json:"account_id"`
		Data      blotter.TradeData
	}
	if err := json.Unmarshal([]byte(out), &event); err != nil || event.Pos != 2 || event.AccountID != "ACC2" ||
		event.Data.TradeID != "T1" {
		t.Errorf("%s: %v", out, err)
	}

	out = d.ok(t, "events", "tail", "--redis", url, "--channel", "positions", "--from", "1-2", "--count", "2")
	narrow(t, "events tail --redis", out)
	contains(t, out, "  1-3       position_updated     ACC1          AAPL 4 @ 189.50\n")
	out = d.ok(t, "events", "tail", "--redis", url, "--from", "0", "--count", "8", "--json")
	if n := strings.Count(out, `"seq":4`); n != 2 {
		t.Errorf("%d channels have a fourth message:\n%s", n, out)
	}
}

func TestEventsTailUsage(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	for want, args := range map[string][]string{
		"want the position of an event": {"--from", "1-2"},
		"want the number of a message":  {"--redis", "redis://127.0.0.1:1", "--from", "7"},
		"name it with --channel":        {"--redis", "redis://127.0.0.1:1", "--from", "1-7"},
		"invalid --redis: want redis:":  {"--redis", "http://127.0.0.1:1"},
		"invalid --count -1: want":      {"--count", "-1"},
		`unexpected argument "trades"`:  {"trades"},
	} {
		d.fails(t, 2, append([]string{"events", "tail"}, args...), want)
	}

	r := d.fails(t, 1, []string{"events", "tail", "--redis", "redis://127.0.0.1:1"},
		"no answer, check --redis and that it runs")
	if strings.Count(r.err, "\n") != 1 {
		t.Errorf("%q is more than one line", r.err)
	}
}
