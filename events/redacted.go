package events

import (
	"fmt"
	"log/slog"

	"github.com/blotterdb/blotter/internal/connection"
)

// String returns the configuration without the password of its URL.
func (c RelayConfig) String() string {
	url := connection.RedactURL(c.URL)
	return fmt.Sprintf("events.RelayConfig{URL: %s, Prefix: %q, Channels: %q}", url, c.Prefix, c.Channels)
}

// GoString keeps the password out of %#v.
func (c RelayConfig) GoString() string { return c.String() }

// LogValue keeps the password out of slog.
func (c RelayConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText keeps the password out of JSON and other encodings.
func (c RelayConfig) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String returns the relay's configuration without its password.
func (r *Relay) String() string { return "events.Relay{" + r.cfg.String() + "}" }

// GoString keeps the password out of %#v.
func (r *Relay) GoString() string { return r.String() }
