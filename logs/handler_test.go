package logs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/go-cmp/cmp"
)

// TestHandler checks that a record is stored with all its attributes.
func TestHandler(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	var next bytes.Buffer
	h := newHandler(t, db, func(c *logs.Config) { c.Next = slog.NewTextHandler(&next, nil) })
	log := slog.New(h)
	ctx := blotter.WithCorrelation(t.Context(), "corr-1")
	log.InfoContext(ctx, "before the start", "n", 1)
	start(t, h)
	log.Debug("not worth it")
	log.WarnContext(ctx, "a fill", "event_type", "fill", "symbol", "AAPL", "price", 101.25,
		slog.Group("order", "id", "o1", "qty", uint64(5)))
	log.With("account_id", "A1", "event_type", "risk").WithGroup("limit").Error("too much", "limit", true, "after",
		3*time.Second, "err", errors.New("no \"way\""), "none", nil)
	log.Log(t.Context(), slog.LevelInfo+1, "in between", "correlation_id", "corr-2")
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	log.Info("after the end")
	type row struct{ level, message, data, correlation, event string }
	var got []row
	for _, l := range stored(t, db, logs.Filter{}) {
		if l.Service != "test" || time.Since(l.Timestamp) > time.Minute {
			t.Errorf("%+v", l)
		}
		got = append(got, row{l.Level, l.Message, string(l.Data), l.CorrelationID, l.EventType})
	}

	want := []row{
		{"info", "before the start", `{"n": 1}`, "corr-1", ""},
		{"warn", "a fill", `{"order": {"id": "o1", "qty": 5}, "price": 101.25, "symbol": "AAPL"}`, "corr-1", "fill"},
		{
			"error", "too much",
			`{"limit": {"err": "no \"way\"", "none": null, "after": "3s", "limit": true}, "account_id": "A1"}`,
			"", "risk",
		},
		{"info", "in between", `{}`, "corr-2", ""},
	}

	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
	if s := h.Stats(); s != (logs.Stats{Offered: 5, Written: 4, Dropped: 1}) {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(next.String(), "\n"); n != 5 || !strings.Contains(next.String(), "after the end") {
		t.Errorf("the next handler got\n%s", &next)
	}
}

// badString values, as they come in logs.
type badString struct{ text *string }

func (b badString) String() string { return *b.text }

type badNumbers struct{ N json.Number }

// TestHandlerTakesAnything checks that any record is stored, or a row that reports it, and that it does not stop
// others.
func TestHandlerTakesAnything(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	h := newHandler(t, db, nil)
	start(t, h)
	log := slog.New(h)
	values := []any{
		"\x00", "a\x00b\xff\"\\\n\t\x1b[31m\u2028", strings.Repeat("é",
			100_000), math.NaN(), math.Inf(-1), 1e300, math.MinInt64, uint64(math.MaxUint64),
		badString{},
		badNumbers{"1e999999"},
		json.RawMessage(`"\u0000"`), json.RawMessage(`"\ud800"`), json.RawMessage(`{"a": [1, "\\u0000"]}`),
		json.RawMessage(`{broken`),
		func() {}, make(chan int),
		map[string]any{"a\x00": "b\x00"},
		[]byte("bytes"),
		time.Time{},
		(*int)(nil), (*badString)(nil), fmt.Errorf("x%w", context.Canceled),
		slog.GroupValue(), slog.GroupValue(slog.Int("", 1)),
		struct{ A, B any }{1, "2"},
		bytes.NewBufferString("buffer"), math.SmallestNonzeroFloat64,
	}

	for i, v := range values {
		log.Info(fmt.Sprint(i), "v", v, "key\x00\xff\"", 1)
	}

	log.Info(strings.Repeat("long ", 100_000))
	much := log
	for n := range 10 {
		much = much.With(fmt.Sprint(n), strings.Repeat("x", 60_000))
	}

	much.Info("much")
	log.InfoContext(blotter.WithCorrelation(t.Context(), strings.Repeat("c\x00", 200)), "ids", "event_type",
		strings.Repeat("e", 100))
	log.WithGroup("a").WithGroup("").WithGroup("b").Info("groups", slog.Group("", slog.Int("inline", 1)))
	log.Handler().Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelInfo, "no time", 0))
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	rows := stored(t, db, logs.Filter{})
	if s := h.Stats(); len(rows) != len(values)+5 || s.Dropped != 0 || s.Written != s.Offered {
		t.Fatalf("%d of %d rows are stored, %+v", len(rows), len(values)+5, s)
	}

	for _, l := range rows {
		if len(l.Message) > 9_000 || len(l.Data) > 40_000 || !json.Valid(l.Data) {
			t.Errorf("%s: %d bytes of message, %d of data", l.Message[:10], len(l.Message), len(l.Data))
		}
	}

	for n, want := range map[int]string{
		12: `{"a": [1, "\\u0000"]}`, 8: "!PANIC", 9: "1e999999", 0: "\uFFFD", 24: `{"A": 1, "B": "2"}`,
	} {
		if !strings.Contains(string(rows[n].Data), want) {
			t.Errorf("value %d is %s, want %s", n, rows[n].Data, want)
		}
	}
}

// TestHandlerOddTimes checks that a row of a time without a partition creates one, and that a row for which none can be
// created is dropped and reported, and does not stop others.
func TestHandlerOddTimes(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	var next bytes.Buffer
	h := newHandler(t, db, func(c *logs.Config) { c.Next = slog.NewTextHandler(&next, nil) })
	for n, at := range []time.Time{
		time.Now(), calendar.AddMonths(time.Now(), -5), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Now(),
	} {
		_ = h.Handle(t.Context(), slog.NewRecord(at, slog.LevelInfo, fmt.Sprint(n), 0))
	}

	start(t, h)
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, l := range stored(t, db, logs.Filter{}) {
		got = append(got, strings.SplitN(l.Message, " are missing", 2)[0])
	}

	if diff := cmp.Diff([]string{"1", "0", "3", "1 log rows"}, got); diff != "" {
		t.Error(diff)
	}
	if s := h.Stats(); s.Written != 3 || s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(next.String(), "log rows cannot be stored") {
		t.Errorf("the next handler got\n%s", &next)
	}
}

// TestHandlerDrops checks that a full queue blocks nobody, and that the dropped rows are counted and reported by
// the next batch.
func TestHandlerDrops(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	var next bytes.Buffer
	h := newHandler(t, db, func(c *logs.Config) { c.Queue = 10; c.Next = slog.NewTextHandler(&next, nil) })
	log := slog.New(h)
	for n := range 25 {
		log.Info(fmt.Sprint("message ", n))
	}

	if s := h.Stats(); s != (logs.Stats{Offered: 25, Dropped: 15, Queued: 10}) {
		t.Errorf("%+v", s)
	}

	start(t, h)
	until(t, "the queue is stored", func() bool { return h.Stats().Written == 10 })
	rows := stored(t, db, logs.Filter{EventType: "logs_dropped"})
	if len(rows) != 1 || !strings.Contains(string(rows[0].Data), `"dropped": 15`) || rows[0].Level != "warn" {
		t.Errorf("%+v", rows)
	}

	log.Info("afterwards")
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := stored(t, db, logs.Filter{}); len(rows) != 12 {
		t.Errorf("%d rows", len(rows))
	}
	if n := strings.Count(next.String(), "\n"); n != 26 {
		t.Errorf("the next handler got %d records", n)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	for _, change := range []func(*logs.Config){
		func(c *logs.Config) { c.Service = "" }, func(c *logs.Config) { c.Service = strings.Repeat("x", 51) },
		func(c *logs.Config) { c.Queue = -1 }, func(c *logs.Config) { c.Queue, c.Batch = 5, 6 },
		func(c *logs.Config) { c.Every = -1 },
	} {
		cfg := logs.Config{DB: db.DB, Service: "test"}
		change(&cfg)
		if _, err := logs.NewHandler(cfg); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}

	h := newHandler(t, db, nil)
	if h.Health() == nil {
		t.Error("one that was not started is healthy")
	}

	for range 2 {
		if err := h.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}

	if h.Start(t.Context()) == nil {
		t.Error("it starts after Stop")
	}
}

// TestHandlerOfItsDatabase checks that the database may log through the handler that writes to it. Records about the
// handler's own batches go only to the next handler.
func TestHandlerOfItsDatabase(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	h := newHandler(t, db, func(c *logs.Config) { c.DB = nil; c.Level = slog.LevelDebug })
	if err := h.Start(t.Context()); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("without a database: %v", err)
	}

	cfg := db.Config
	cfg.Logger = slog.New(h)
	own, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}

	h.Use(own)
	start(t, h)
	ctx := blotter.WithCorrelation(blotter.WithAllAccounts(t.Context()), "corr-3")
	err = own.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, "select 1/0")
		return err
	})
	if err == nil {
		t.Fatal("1/0")
	}

	until(t, "it is stored", func() bool { return h.Stats().Queued == 0 && h.Stats().Written >= 2 })
	rows := stored(t, db, logs.Filter{CorrelationID: "corr-3", Level: "error"})
	if len(rows) != 1 || rows[0].Message != "transaction failed" ||
		!strings.Contains(string(rows[0].Data), "division by zero") {
		t.Errorf("%+v", rows)
	}

	before := h.Stats().Offered
	own.Close()
	slog.New(h).Info("too late")
	if err := h.Stop(context.Background()); err == nil {
		t.Error("it was stored in a database that is closed")
	}
	if s := h.Stats(); s.Offered != before+1 || s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
}
