package events

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/google/uuid"
)

func signal(id string, data string) Message {
	m := Message{Type: "signal_generated", Service: "strategy_engine", Channel: "signals", Data: []byte(data)}
	if id != "" {
		m.ID = uuid.MustParse(id)
	}
	return m
}

const someID = "0195573e-7d1a-7c3e-9f00-000000000001"

func TestPublish(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	d.trade("A1", "T1")
	ctx := blotter.WithAccount(t.Context(), "A1")
	at := Time(time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC))
	unnamed := signal("", `{"symbol": "AAPL", "strength": 0.50}`)
	unnamed.Timestamp, unnamed.CorrelationID = at, "c1"
	respelled := unnamed
	respelled.Data = []byte(`{"strength":0.50,"symbol":"AAPL"}`)
	later := unnamed
	later.Timestamp = Time(time.Time(at).Add(time.Second))
	about := func(kind, trade string) Message {
		return Message{Type: kind, Service: "execution", Data: []byte(`{"trade_id": "` + trade + `", "account_id": "A1"}`)}
	}
	price := Message{Type: blotter.MarketDataUpdated, Service: "feed", Key: "AAPL", ID: uuid.New(), Data: []byte(`{"symbol": "AAPL", "price": "1"}`)}
	for _, step := range []struct {
		name string
		send []Message
		want int
		kind error
	}{
		{"one", []Message{signal(someID, `{"n": 1}`)}, 1, nil},
		{"again", []Message{signal(someID, `{"n":1}`)}, 0, nil},
		{"its id for another", []Message{signal("0195573e-7d1a-7c3e-9f00-000000000002", `{}`), signal(someID, `{"n": 2}`)}, 0, blotter.ErrConflict},
		{"after the conflict", []Message{signal("0195573e-7d1a-7c3e-9f00-000000000002", `{}`)}, 1, nil},
		{"twice in a call", []Message{signal("0195573e-7d1a-7c3e-9f00-000000000003", `{}`), signal("0195573e-7d1a-7c3e-9f00-000000000003", `{}`)}, 1, nil},
		{"two of an id in a call", []Message{signal("0195573e-7d1a-7c3e-9f00-000000000004", `{}`), signal("0195573e-7d1a-7c3e-9f00-000000000004", `{"n": 1}`)}, 0, blotter.ErrConflict},
		{"without an id", []Message{unnamed}, 1, nil},
		{"without an id, again", []Message{respelled}, 0, nil},
		{"without an id, later", []Message{later}, 1, nil},
		{"neither id nor time", []Message{signal("", `{}`)}, 0, blotter.ErrInvalid},
		{"a stored trade", []Message{about("trade_executed", "T1"), about("position_updated", "T1")}, 0, nil},
		{"a trade that nobody booked", []Message{about("trade_executed", "T2")}, 0, blotter.ErrInvalid},
		{"a position of no trade", []Message{{Type: "position_updated", Service: "other", Data: []byte(`{}`)}}, 0, blotter.ErrInvalid},
		{"a reserved service", []Message{{Type: "x", Service: "data_ingestion", Channel: "x", ID: uuid.New(), Data: []byte(`{}`)}}, 0, blotter.ErrInvalid},
		{"no channel", []Message{{Type: "x", Service: "y", ID: uuid.New(), Data: []byte(`{}`)}}, 0, blotter.ErrInvalid},
		{"no object", []Message{signal(someID, `[1]`)}, 0, blotter.ErrInvalid},
		{"two objects", []Message{signal(someID, `{} {}`)}, 0, blotter.ErrInvalid},
		{"too long", []Message{signal(someID, `{"x": "`+strings.Repeat("x", MessageDataMax)+`"}`)}, 0, blotter.ErrInvalid},
		{"as long as may be", []Message{signal("0195573e-7d1a-7c3e-9f00-000000000005", `{"x":"`+strings.Repeat("x", MessageDataMax-8)+`"}`)}, 1, nil},
	} {
		n, err := Publish(ctx, d.db.DB, step.send...)
		if n != step.want || !errors.Is(err, step.kind) {
			t.Errorf("%s: %d were new, %v", step.name, n, err)
		}
	}
	if n, err := Publish(d.ctx(), d.db.DB, price); n != 1 || err != nil {
		t.Errorf("of no account: %d, %v", n, err)
	}
	got := pgtest.Value[string](t, d.db, `select count(*) || ' ' || count(account_id) || ' ' || count(distinct event_id) from events.outbox where service <> 'execution'`)
	if got != "7 6 7" {
		t.Errorf("the outbox has %s", got)
	}
	l := d.newRelay(func(c *RelayConfig) { c.Channels = []string{"signals"} }).lanes[0]
	if err := errors.Join(d.drain(l), d.whole("signals")); err != nil {
		t.Error(err)
	}
	if list, err := d.stream("signals"); err != nil || list[2].Key != "A1" || list[2].ID.Version() != 7 || list[3].ID.Version() != 8 {
		t.Errorf("published %v, %v", list, err)
	}
}

// Callers that publish the same messages at once, in other orders, publish each once.
func TestPublishAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	var ids []uuid.UUID
	for range 40 {
		ids = append(ids, uuid.New())
	}
	var callers sync.WaitGroup
	for w := range 6 {
		callers.Go(func() {
			var list []Message
			for i := range ids {
				list = append(list, signal(ids[(i*7+w*5)%len(ids)].String(), `{}`))
			}
			if _, err := Publish(blotter.WithAccount(t.Context(), "A1"), d.db.DB, list...); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if n := pgtest.Value[int](t, d.db, `select count(*) from events.outbox`); n != len(ids) {
		t.Errorf("the outbox has %d", n)
	}
}
