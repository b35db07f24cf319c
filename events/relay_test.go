package events

import (
	"encoding/json"
	"errors"
	"testing"
)

// Booked fills reach plain subscribers and are in the streams.
func TestRelayPublishesFills(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		heard := d.client.Subscribe(t.Context(), "data_sync:trades", "data_sync:positions", "data_sync:market_data")
		defer heard.Close()

		for range 3 {
			if _, err := heard.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}

		if err := d.relay.Start(t.Context()); err != nil {
			t.Fatal(err)
		}

		defer func() {
			if err := errors.Join(d.relay.Stop(d.ctx()), d.relay.Stop(d.ctx())); err != nil {
				t.Error(err)
			}
		}()

		d.trade("A1", "T1")
		got := map[string]map[string]any{}

		for range 2 {
			m, err := heard.ReceiveMessage(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			var message map[string]any
			if err := json.Unmarshal([]byte(m.Payload), &message); err != nil {
				t.Fatal(err)
			}

			got[m.Channel] = message
		}

		trade, position := got["data_sync:trades"], got["data_sync:positions"]
		if trade["type"] != "trade_executed" || trade["service"] != "execution" || trade["correlation_id"] != "T1" ||
			trade["seq"] != 1.0 ||
			trade["epoch"] != 1.0 ||
			trade["key"] != "A1" {
			t.Errorf("the trade's message is %v", trade)
		}
		if position["type"] != "position_updated" || position["id"] == trade["id"] ||
			position["data"].(map[string]any)["avg_price"] != "189.25" {
			t.Errorf("the position's message is %v", position)
		}
		if err := d.whole("trades"); err != nil {
			t.Error(err)
		}
		if list, err := d.stream("positions"); err != nil || len(list) != 1 {
			t.Errorf("the stream of positions is %v, %v", list, err)
		}

		until(t, "health", func() bool { return d.relay.Health() == nil && d.relay.Published() == 2 })
	})
}
