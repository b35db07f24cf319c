package blotter

import "time"

// EventTime is an instant in an event: RFC 3339, UTC, to the microsecond.
type EventTime time.Time

const eventTimeLayout = "2006-01-02T15:04:05.000000Z"

// Time returns the instant.
func (t EventTime) Time() time.Time { return time.Time(t) }

// String returns the instant as text, for example "2026-05-04T14:30:00.000000Z".
func (t EventTime) String() string { return time.Time(t).UTC().Format(eventTimeLayout) }

// MarshalText returns String as bytes.
func (t EventTime) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads any RFC 3339 instant.
func (t *EventTime) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return Invalid("time", string(text), "an RFC 3339 instant")
	}
	*t = EventTime(at.UTC())
	return nil
}
