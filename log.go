package blotter

import (
	"encoding/json"
	"time"
)

// SystemLog is one line of a service's log.
type SystemLog struct {
	ID            int64           `db:"id,generated"`
	Service       string          `db:"service"`
	Level         string          `db:"level"` // "debug", "info", "warn", "error"
	Message       string          `db:"message"`
	Data          json.RawMessage `db:"data,omitzero"` // default {}
	CorrelationID string          `db:"correlation_id"`
	EventType     string          `db:"event_type"`
	Timestamp     time.Time       `db:"timestamp,omitzero"` // default now
}

// PerformanceLog is the timing of an operation of a service: of one call, or of all calls of a minute.
type PerformanceLog struct {
	ID              int64     `db:"id,generated"`
	Service         string    `db:"service"`
	Operation       string    `db:"operation"`
	ExecutionTimeMS Decimal   `db:"execution_time_ms"` // of a minute: the mean
	Rows            int64     `db:"rows"`
	MemoryUsageMB   *Decimal  `db:"memory_usage_mb"`
	Timestamp       time.Time `db:"timestamp,omitzero"` // default now; of a minute: its end
	Kind            string    `db:"kind,omitzero"`      // "call" (default) or "minute"; a sum over both counts slow calls twice
	Calls           int64     `db:"calls,omitzero"`     // default 1
	Errors          int64     `db:"errors"`             // of the calls
	P50MS           *Decimal  `db:"p50_ms"`             // nil of a call, as those that follow
	P95MS           *Decimal  `db:"p95_ms"`
	P99MS           *Decimal  `db:"p99_ms"`
	MaxMS           *Decimal  `db:"max_ms"`
}

// ArchivedSystemLog is a line of a service's log that has moved to the archive, with the number it had.
type ArchivedSystemLog struct {
	ID            int64           `db:"id"`
	Service       string          `db:"service"`
	Level         string          `db:"level"`
	Message       string          `db:"message"`
	Data          json.RawMessage `db:"data,omitzero"` // default {}
	CorrelationID string          `db:"correlation_id"`
	EventType     string          `db:"event_type"`
	Timestamp     time.Time       `db:"timestamp,omitzero"`
}
