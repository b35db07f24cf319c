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

// PerformanceLog is the timing of one operation of a service.
type PerformanceLog struct {
	ID              int64     `db:"id,generated"`
	Service         string    `db:"service"`
	Operation       string    `db:"operation"`
	ExecutionTimeMS Decimal   `db:"execution_time_ms"`
	Rows            int64     `db:"rows"`
	MemoryUsageMB   *Decimal  `db:"memory_usage_mb"`
	Timestamp       time.Time `db:"timestamp,omitzero"` // default now
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
