package events_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
)

// The password of a Redis URL is in nothing that prints or logs a value, and in no error.
func TestRedisPasswordIsNowhere(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	const password = "S3cr3t-pa55"
	var log bytes.Buffer

	for _, url := range []string{
		"redis://me:" + password + "@127.0.0.1:1/0", "redis://:" + password + "@127.0.0.1:1",
		"redis://me:" + password + "%zz@h/0", "nonsense://me:" + password + "@h:port",
	} {
		cfg := events.RelayConfig{DB: db.DB, URL: url}
		relay, err := events.NewRelay(cfg)
		client, opening := events.OpenRedis(url)
		if opening == nil {
			defer client.Close()
		}
		if err == nil {
			defer func() { _ = relay.Stop(t.Context()) }()
		}

		for _, v := range []any{cfg, &cfg, relay, err, opening} {
			if r, isRelay := v.(*events.Relay); isRelay && r == nil {
				continue
			}
			fmt.Fprintf(&log, "%v %+v %#v %s\n", v, v, v, v)
			slog.New(slog.NewTextHandler(&log, nil)).Info("said", "value", v)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("said", "value", v, "inside", struct{ Value any }{v})
		}
	}

	if at := strings.Index(log.String(), "S3cr3t"); at >= 0 || log.Len() < 1000 {
		t.Errorf("the password is in ...%s", log.String()[max(0, at-200):max(0, at)])
	}
}
