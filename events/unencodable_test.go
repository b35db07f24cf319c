package events

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
)

// An event that the relay cannot write, because its JSON is nested too deep, is left out. It does not stop the channel.
func TestRelayLeavesOutWhatItCannotEncode(t *testing.T) {
	t.Parallel()
	l := &channelRelay{
		Consumer: &Consumer{cfg: Config{Logger: slog.New(slog.DiscardHandler)}},
		channel:  blotter.ChannelTrades,
	}
	deep := strings.Repeat("[", 10_500) + strings.Repeat("]", 10_500)
	list := []blotter.Event{
		{
			Pos:       1,
			AccountID: "A",
			Channel:   blotter.ChannelTrades,
			Key:       "A",
			Type:      "note",
			V:         1,
			Service:   "s",
			Data:      []byte(`{"a":` + deep + `}`),
		},
		{
			Pos:       2,
			AccountID: "B",
			Channel:   blotter.ChannelTrades,
			Key:       "B",
			Type:      "note",
			V:         1,
			Service:   "s",
			Data:      []byte(`{}`),
		},
	}

	messages := l.compose(t.Context(), list, &cursor{epoch: 3, applied: 7})
	if len(messages) != 1 {
		t.Fatalf("%d messages are published, want 1", len(messages))
	}
	if m, err := decode("data_sync:trades", messages[0]); err != nil || m.Offset() != (Offset{3, 8}) || m.Key != "B" {
		t.Errorf("published is %+v, %v; want B's event as 3-8", m, err)
	}
}
