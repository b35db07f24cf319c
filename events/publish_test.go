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
		return Message{
			Type:    kind,
			Service: "execution",
			Data:    []byte(`{"trade_id": "` + trade + `", "account_id": "A1"}`),
		}
	}

	price := Message{
		Type:    blotter.MarketDataUpdated,
		Service: "feed",
		Key:     "AAPL",
		ID:      uuid.New(),
		Data:    []byte(`{"symbol": "AAPL", "price": "1"}`),
	}
	for _, step := range []struct {
		name string
		send []Message
		want int
		kind error
	}{
		{"one", []Message{signal(someID, `{"n": 1}`)}, 1, nil},
		{"again", []Message{signal(someID, `{"n":1}`)}, 0, nil},
		{
			"its id for another",
			[]Message{signal("0195573e-7d1a-7c3e-9f00-000000000002", `{}`), signal(someID, `{"n": 2}`)},
			0,
			blotter.ErrConflict,
		},
		{"after the conflict", []Message{signal("0195573e-7d1a-7c3e-9f00-000000000002", `{}`)}, 1, nil},
		{
			"twice in a call",
			[]Message{
				signal("0195573e-7d1a-7c3e-9f00-000000000003", `{}`),
				signal("0195573e-7d1a-7c3e-9f00-000000000003", `{}`),
			},
			1, nil,
		},
		{
			"two of an id in a call",
			[]Message{
				signal("0195573e-7d1a-7c3e-9f00-000000000004", `{}`),
				signal("0195573e-7d1a-7c3e-9f00-000000000004", `{"n": 1}`),
			},
			0, blotter.ErrConflict,
		},
		{"without an id", []Message{unnamed}, 1, nil},
		{"without an id, again", []Message{respelled}, 0, nil},
		{"without an id, later", []Message{later}, 1, nil},
		{"neither id nor time", []Message{signal("", `{}`)}, 0, blotter.ErrInvalid},
		{"a stored trade", []Message{about("trade_executed", "T1"), about("position_updated", "T1")}, 0, nil},
		{"a trade that nobody booked", []Message{about("trade_executed", "T2")}, 0, blotter.ErrInvalid},
		{
			"a position of no trade",
			[]Message{{Type: "position_updated", Service: "other", Data: []byte(`{}`)}},
			0,
			blotter.ErrInvalid,
		},
		{
			"a reserved service",
			[]Message{{Type: "x", Service: "data_ingestion", Channel: "x", ID: uuid.New(), Data: []byte(`{}`)}},
			0,
			blotter.ErrInvalid,
		},
		{"no channel", []Message{{Type: "x", Service: "y", ID: uuid.New(), Data: []byte(`{}`)}}, 0, blotter.ErrInvalid},
		{"no object", []Message{signal(someID, `[1]`)}, 0, blotter.ErrInvalid},
		{"two objects", []Message{signal(someID, `{} {}`)}, 0, blotter.ErrInvalid},
		{
			"too long",
			[]Message{signal(someID, `{"x": "`+strings.Repeat("x", MessageDataMax)+`"}`)},
			0,
			blotter.ErrInvalid,
		},
		{
			"as long as may be",
			[]Message{
				signal("0195573e-7d1a-7c3e-9f00-000000000005", `{"x":"`+strings.Repeat("x", MessageDataMax-8)+`"}`),
			},
			1, nil,
		},
	} {
		n, err := Publish(ctx, d.db.DB, step.send...)
		if n != step.want || !errors.Is(err, step.kind) {
			t.Errorf("%s: %d were new, %v", step.name, n, err)
		}
	}

	if n, err := Publish(d.ctx(), d.db.DB, price); n != 1 || err != nil {
		t.Errorf("of no account: %d, %v", n, err)
	}

	got := pgtest.Value[string](t, d.db,
		`select count(*) || ' ' || count(account_id) || ' ' || count(distinct event_id)
			from events.outbox where service <> 'execution'`)
	if got != "7 6 7" {
		t.Errorf("the outbox has %s", got)
	}

	l := d.newRelay(func(c *RelayConfig) { c.Channels = []string{"signals"} }).channels[0]
	if err := errors.Join(d.drain(l), d.whole("signals")); err != nil {
		t.Error(err)
	}
	if list, err := d.stream("signals"); err != nil || list[2].Key != "A1" || list[2].ID.Version() != 7 ||
		list[3].ID.Version() != 8 {
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

// Prices are published by the service alone, and only such as every consumer can store: none stays for ever, and none
// parks its symbol.
func TestPublishedPricesAreChecked(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `insert into data_ingestion.instruments (symbol, allows_negative) values ('CL', true)`)
	all := blotter.WithAllAccounts(t.Context())
	price := func(data string) Message {
		return Message{Type: blotter.MarketDataUpdated, Service: "feed", ID: uuid.New(), Data: []byte(data)}
	}
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	now := time.Now()

	for name, m := range map[string]Message{
		"of 2200": price(`{"symbol": "KO", "price": "1", "price_at": "2200-01-01T00:00:00Z"}`),
		"of the day after": price(`{"symbol": "KO", "price": "1", ` +
			`"price_at": "` + at(now.Add(blotter.PriceAheadMax+time.Minute)) + `"}`),
		"of 1899":      price(`{"symbol": "KO", "price": "1", "price_at": "1899-12-31T00:00:00Z"}`),
		"bars of 2200": price(`{"symbol": "KO", "to": "2200-01-01T00:00:00Z"}`),
		"a long symbol": price(`{"symbol": "` + strings.Repeat("X", 5000) +
			`", "price": "1", "price_at": "` + at(now) + `"}`),
		"no symbol":       price(`{"price": "1", "price_at": "` + at(now) + `"}`),
		"a long source":   price(`{"symbol": "KO", "source": "` + strings.Repeat("x", 51) + `"}`),
		"a long currency": price(`{"symbol": "KO", "currency": "` + strings.Repeat("x", 21) + `"}`),
		"below zero":      price(`{"symbol": "KO", "price": "-1", "price_at": "` + at(now) + `"}`),
		"zero":            price(`{"symbol": "KO", "price": "0", "price_at": "` + at(now) + `"}`),
		"too great":       price(`{"symbol": "KO", "price": "1` + strings.Repeat("0", 150) + `"}`),
		"no number":       price(`{"symbol": "KO", "price": "Infinity"}`),
		"a correction":    price(`{"symbol": "KO", "correction": "forget"}`),
		"of another key": {
			Type: blotter.MarketDataUpdated, Service: "feed", Key: "PEP", ID: uuid.New(),
			Data: []byte(`{"symbol": "KO"}`),
		},
		"a removal of a fill": {
			Type: blotter.TradeUndone, Service: "feed", Key: "A1", ID: uuid.New(), Data: []byte(`{"account_id": "A1"}`),
		},
	} {
		if n, err := Publish(all, db.DB, m); n != 0 || !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %d, %v; want ErrInvalid", name, n, err)
		}
	}
	one := blotter.WithAccount(t.Context(), "A1")
	for name, m := range map[string]Message{
		"a price": price(`{"symbol": "KO", "price": "1", "price_at": "` + at(now) + `"}`),
		"something on its channel": {
			Type: "noted", Service: "feed", Channel: blotter.ChannelMarketData, ID: uuid.New(), Data: []byte(`{}`),
		},
	} {
		if n, err := Publish(one, db.DB, m); n != 0 || !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s under an account: %d, %v; want ErrInvalid", name, n, err)
		}
	}
	for name, m := range map[string]Message{
		"a price": price(`{"symbol": "KO", "price": "1", "price_at": "` + at(now) + `", "source": "feed"}`),
		"of tomorrow": price(`{"symbol": "KO", "price": "1", ` +
			`"price_at": "` + at(now.Add(blotter.PriceAheadMax-time.Minute)) + `"}`),
		"below zero, CL":    price(`{"symbol": "CL", "price": "-37.63", "price_at": "` + at(now) + `"}`),
		"bars and no price": price(`{"symbol": "KO", "inserted": 7}`),
	} {
		if n, err := Publish(all, db.DB, m); n != 1 || err != nil {
			t.Errorf("%s: %d, %v; want 1", name, n, err)
		}
	}
}

// An event whose data names another account than its own is not published.
func TestForgedEventsAreNotPublished(t *testing.T) {
	t.Parallel()

	for name, e := range map[string]blotter.Event{
		"another account's fill": {
			AccountID: "A", Key: "A", Channel: "trades", Type: blotter.TradeExecuted, V: 1, Service: "execution",
			Data: []byte(`{"account_id": "B", "trade_id": "T"}`),
		},
		"another account's removal": {
			AccountID: "A", Key: "A", Channel: "trades", Type: blotter.TradeUndone, V: 1, Service: "execution",
			Data: []byte(`{"account_id": "B", "trade_id": "T"}`),
		},
		"another account's position": {
			AccountID: "A", Key: "A", Channel: "positions", Type: blotter.PositionUpdated, V: 1, Service: "execution",
			Data: []byte(`{"account_id": "B"}`),
		},
		"an account's price": {
			AccountID: "A", Key: "A", Channel: "market_data", Type: blotter.MarketDataUpdated, V: 1, Service: "feed",
			Data: []byte(`{"symbol": "KO"}`),
		},
	} {
		for _, channel := range relayed {
			if m, ok, err := compose(channel, &e); ok || err != nil {
				t.Errorf("%s on %s: %+v, %v", name, channel, m, err)
			}
		}
	}
}
