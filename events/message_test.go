package events

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden messages of testdata")

// messageTypes are those that have a schema.
var messageTypes = []string{
	blotter.TradeExecuted,
	blotter.TradeUndone,
	blotter.PositionUpdated,
	blotter.MarketDataUpdated,
}

// schemaOf reads a type's schema, formats included.
func schemaOf(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join("..", "docs", "events", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// goldenEvents returns an event of each channel, as the outbox gives it.
func goldenEvents(t *testing.T) map[string]blotter.Event {
	trade := blotter.Trade{
		TradeID: "T-1001", OrderID: "O-77", AccountID: "ACC123", Symbol: "ESZ6", Side: blotter.Sell,
		Quantity: blotter.MustDecimal("3"),
		Price:    blotter.MustDecimal("5021.25"), Multiplier: blotter.MustDecimal("50"), Currency: "USD",
		Commission:         blotter.MustDecimal("-0.62"),
		CommissionCurrency: "USD", RealizedPnL: blotter.MustDecimal("1250"), PositionEffect: blotter.Reduced,
		Strategy:      "trend",
		ExecutedAt:    time.Date(2026, 3, 2, 14, 30, 0, 123456000, time.UTC),
		QuantityAfter: blotter.MustDecimal("7"), CostBasisAfter: blotter.MustDecimal("1754812.5"),
		RealizedPnLAfter: blotter.MustDecimal("1250"), FeesAfter: blotter.MustDecimal("-2.04"),
	}
	data, err := json.Marshal(trade.EventData())
	if err != nil {
		t.Fatal(err)
	}

	at := time.Date(2026, 3, 2, 14, 30, 0, 200000000, time.UTC)
	fill := blotter.Event{
		AccountID: "ACC123", Channel: blotter.ChannelTrades, Key: "ACC123",
		EventID: uuid.MustParse("0195573e-7d1a-7c3e-9f00-5a1b2c3d4e5f"),
		Type:    blotter.TradeExecuted, V: 1, Service: blotter.ServiceExecution, CreatedAt: at, Data: data,
	}

	return map[string]blotter.Event{
		blotter.ChannelTrades: fill, blotter.ChannelPositions: fill,
		blotter.ChannelMarketData: {
			Channel: blotter.ChannelMarketData, Key: "AAPL",
			EventID: uuid.MustParse("0195573e-7d1a-7c3e-9f00-5a1b2c3d4e60"), Type: blotter.MarketDataUpdated, V: 1,
			Service: blotter.ServiceDataIngestion, CorrelationID: "import-7", CreatedAt: at,
			Data: []byte(`{"to": "2026-02-27T00:00:00.000000Z", "from": "2020-01-02T00:00:00.000000Z", ` +
				`"price": "189.5", "source": "yahoo", "symbol": "AAPL", "updated": 0, "inserted": 1546, ` +
				`"price_at": "2026-02-27T00:00:00.000000Z"}`),
		},
	}
}

// Messages keep their bytes: subscribers in other languages depend on every one of them.
func TestGoldenMessages(t *testing.T) {
	t.Parallel()
	for channel, event := range goldenEvents(t) {
		m, ok, err := compose(channel, &event)
		if err != nil || !ok {
			t.Fatalf("%s: %v, %v", channel, ok, err)
		}

		m.Epoch, m.Seq = 2, 41
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}

		text = append(text, '\n')
		path := filepath.Join("testdata", m.Type+".json")
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}

		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(text)); diff != "" {
			t.Errorf("%s differs from what was published until now:\n%s", path, diff)
		}
		if err := validate(schemaOf(t, m.Type), text); err != nil {
			t.Error(err)
		}

		back, err := decode(channel, text)
		if again, _ := back.encode(); err != nil || string(again) != string(bytes.TrimSpace(text)) ||
			back.Offset() != (Offset{2, 41}) {
			t.Errorf("%s: read and written again it is %s, %v", channel, again, err)
		}
	}
}

// An undone fill is published on both channels: the fill as it was booked, with fees in several currencies, and the
// position as it was before.
func TestUndoneFillsAreTold(t *testing.T) {
	t.Parallel()
	event := goldenEvents(t)[blotter.ChannelTrades]
	var booked blotter.TradeData
	if err := json.Unmarshal(event.Data, &booked); err != nil {
		t.Fatal(err)
	}
	booked.OtherFees = blotter.TradeFees{{Currency: "GBP", Amount: blotter.MustDecimal("0.4")}}
	data, err := json.Marshal(blotter.UndoneTradeData{
		TradeData: booked, BookID: 55, XID: 1234,
		PositionBefore: blotter.PositionData{
			Quantity: blotter.MustDecimal("10"), CostBasis: blotter.MustDecimal("2500000"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	event.Type, event.Data = blotter.TradeUndone, data

	m, ok, err := compose(blotter.ChannelTrades, &event)
	if err != nil || !ok || m.Type != blotter.TradeUndone || m.CorrelationID != "T-1001" {
		t.Fatalf("on trades: %+v, %v, %v", m, ok, err)
	}
	m.Epoch, m.Seq = 2, 41
	text, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("testdata", m.Type+".json")
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if diff := cmp.Diff(string(want), string(text)); err != nil || diff != "" {
		t.Errorf("%s differs from what was published until now: %v\n%s", path, err, diff)
	}
	if err := validate(schemaOf(t, m.Type), text); err != nil {
		t.Error(err)
	}

	m, ok, err = compose(blotter.ChannelPositions, &event)
	var position blotter.PositionUpdate
	if err == nil {
		err = json.Unmarshal(m.Data, &position)
	}
	if err != nil || !ok || m.Type != blotter.PositionUpdated || position.Quantity.String() != "10" ||
		position.AvgPrice.String() != "5000" {
		t.Errorf("on positions: %s %s, %v, %v; want the position before the fill", m.Type, m.Data, ok, err)
	}
	m.Epoch, m.Seq = 2, 42
	if text, err = m.encode(); err == nil {
		err = validate(schemaOf(t, m.Type), text)
	}
	if err != nil {
		t.Error(err)
	}
}

// A schema that takes everything shows nothing: each property that is required is missed, and a float is refused.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	for _, name := range messageTypes {
		schema := schemaOf(t, name)
		text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}

		var message map[string]any
		if err := json.Unmarshal(text, &message); err != nil {
			t.Fatal(err)
		}

		broken := func(what string, change func(m, data map[string]any)) {
			var m map[string]any
			_ = json.Unmarshal(text, &m)
			change(m, m["data"].(map[string]any))
			changed, _ := json.Marshal(m)
			if validate(schema, changed) == nil {
				t.Errorf("the schema of %s takes a message %s", name, what)
			}
		}

		for key := range message {
			broken("without "+key, func(m, _ map[string]any) { delete(m, key) })
		}

		broken("without symbol", func(_, data map[string]any) { delete(data, "symbol") })
		for key, value := range message["data"].(map[string]any) {
			if _, err := blotter.ParseDecimal(toString(value)); err == nil {
				broken("with a float "+key, func(_, data map[string]any) { data[key] = 1.5 })
			}
		}

		broken("with a local time", func(m, _ map[string]any) { m["timestamp"] = "2026-03-02T14:30:00+01:00" })
		broken("with another type", func(m, _ map[string]any) { m["type"] = "other" })
	}
}

func toString(value any) string {
	text, _ := value.(string)
	return text
}

// Published messages fit their schemas, whatever kind of fill or import they come from.
func TestPublishedMessagesFitTheirSchemas(t *testing.T) {
	t.Parallel()

	d := newDesk(t, false)
	d.bookEverything()
	n := 0

	for _, channel := range relayed {
		if err := d.drain(d.relay.channel(channel)); err != nil {
			t.Fatal(err)
		}

		list, err := d.stream(channel)
		if err != nil {
			t.Fatal(err)
		}

		for _, m := range list {
			text, err := m.encode()
			if err == nil {
				err = validate(schemaOf(t, m.Type), text)
			}
			if err != nil {
				t.Errorf("%s\n%v", text, err)
			}

			n++
		}
	}

	if n != 16 {
		t.Errorf("%d messages were published, want 7 fills, 7 positions, 2 symbols", n)
	}
}

// bookEverything books fills of every kind and imports bars.
func (d *desk) bookEverything() {
	d.t.Helper()
	for i, fill := range []struct{ side, quantity, price string }{
		{"buy", "2", "100"},
		{"buy", "0.0000001", "101.125"},
		{"sell", "1", "99"},
		{"sell", "5", "102.3"},
		{"sell", "1", "-3"},
		{"buy", "4.9999999", "100"},
		{"buy", "1", "7"},
	} {
		ctx := blotter.WithAccount(d.t.Context(), "ACC123")
		if i == 0 {
			ctx = blotter.WithCorrelation(ctx, "request-1")
			d.db.Exec(d.t, `insert into data_ingestion.instruments (symbol, allows_negative) values ('CL', true)`)
		}

		_, err := d.db.ExecuteTrade(ctx, blotter.Trade{
			AccountID: "ACC123", TradeID: string(rune('a' + i)), Symbol: "CL", Side: blotter.Side(fill.side),
			Quantity: blotter.MustDecimal(fill.quantity),
			Price:    blotter.MustDecimal(fill.price), ExecutedAt: time.Date(2026, 3, 2, 14, 30, i, 0, time.UTC),
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}

	bars := func(yield func(blotter.BarRow, error) bool) {
		for i, symbol := range []string{"AAPL", "KO"} {
			price := blotter.MustDecimal("10.5")
			bar := blotter.Bar{
				Symbol: symbol, Timeframe: "1d", Timestamp: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), Open: price,
				High: price, Low: price, Close: price,
				Volume: price, Source: "test",
			}
			if !yield(blotter.BarRow{Bar: bar, Line: int64(i + 1)}, nil) {
				return
			}
		}
	}

	if _, err := d.db.ImportBars(d.t.Context(), postgres.BarImport{Bars: bars}); err != nil {
		d.t.Fatal(err)
	}
}
