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

// PerformanceLog is the time that an operation of a service took: one call, or all calls of a minute.
type PerformanceLog struct {
	ID              int64     `db:"id,generated"`
	Service         string    `db:"service"`
	Operation       string    `db:"operation"`
	ExecutionTimeMS Decimal   `db:"execution_time_ms"` // the mean, for a minute
	Rows            int64     `db:"rows"`
	MemoryUsageMB   *Decimal  `db:"memory_usage_mb"`
	Timestamp       time.Time `db:"timestamp,omitzero"` // default now; the end of the minute, for a minute
	Kind            string    `db:"kind,omitzero"`      // "call" (default) or "minute"; slow calls are in both
	Calls           int64     `db:"calls,omitzero"`     // default 1
	Errors          int64     `db:"errors"`             // number of calls that failed
	P50MS           *Decimal  `db:"p50_ms"`             // nil for a call, like the fields below
	P95MS           *Decimal  `db:"p95_ms"`
	P99MS           *Decimal  `db:"p99_ms"`
	MaxMS           *Decimal  `db:"max_ms"`
}

// ArchivedSystemLog is a line of a service's log that was moved to the archive. It keeps its ID.
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
