package events

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

func TestConfigsNameWhatCannotBe(t *testing.T) {
	t.Parallel()

	db := &postgres.DB{}
	for name, cfg := range map[string]RelayConfig{
		"RelayConfig.DB":         {URL: "redis://localhost"},
		"RelayConfig.URL":        {DB: db},
		"RelayConfig.StreamMax":  {DB: db, URL: "redis://localhost", StreamMax: -1},
		"RelayConfig.CheckEvery": {DB: db, URL: "redis://localhost", CheckEvery: -1},
		"RelayConfig.Channels":   {DB: db, URL: "redis://localhost", Channels: []string{"trades", "trades"}},
		"invalid Redis URL":      {DB: db, URL: "http://:secret@localhost"},
	} {
		_, err := NewRelay(cfg)
		refused(t, name, err)
	}

	callback := func(context.Context, Message) error { return nil }
	for name, cfg := range map[string]SubscribeConfig{
		"SubscribeConfig.Callback":   {},
		"SubscribeConfig.CheckEvery": {Callback: callback, CheckEvery: -time.Second},
		"SubscribeConfig.Types":      {Callback: callback, Types: []string{"other"}},
		"SubscribeConfig.From": {
			Callback: callback, Types: []string{blotter.TradeExecuted}, From: map[string]Offset{"positions": {}},
		},
	} {
		refused(t, name, Subscribe(t.Context(), nil, cfg))
	}

	refused(t, "FollowConfig.Callback", Follow(t.Context(), db, FollowConfig{}))
	for _, text := range []string{"", "1", "1-", "-1-2", "1-2-3", "01-2", "1-2 ", "x-y"} {
		if o, err := ParseOffset(text); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("ParseOffset(%q) is %v, %v", text, o, err)
		}
	}

	if o, err := ParseOffset("2-41"); err != nil || o != (Offset{2, 41}) {
		t.Errorf("ParseOffset is %v, %v", o, err)
	}
}

func refused(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, blotter.ErrInvalid) || !strings.Contains(err.Error(), name) ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("%s: %v", name, err)
	}
}

// A relay may be stopped before it is started, and started and stopped twice, by many at once.
func TestRelayStartStop(t *testing.T) {
	t.Parallel()

	d := newDesk(t, false)
	for range 5 {
		r := d.newRelay(nil)
		if err := r.Stop(d.ctx()); err != nil {
			t.Fatal(err)
		}

		d.trade("A1", time.Now().String())
		ended := make(chan error, 8)

		for i := range cap(ended) {
			go func() {
				if i%2 == 0 {
					ended <- r.Start(d.ctx())
				} else {
					ended <- r.Stop(d.ctx())
				}
			}()
		}

		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}

		if err := errors.Join(r.Start(d.ctx()), r.Stop(d.ctx()), r.Stop(d.ctx())); err != nil {
			t.Error(err)
		}
	}

	d.drainAll()
	if err := d.whole("trades"); err != nil {
		t.Error(err)
	}
}

func (d *desk) drainAll() {
	d.t.Helper()
	for _, l := range d.relay.channels {
		if err := d.drain(l); err != nil {
			d.t.Fatal(err)
		}
	}
}
