package blotter

import (
	"encoding/json"
	"time"
)

// MaintenanceRun is one run of a maintenance job.
type MaintenanceRun struct {
	ID        int64           `db:"id,generated"`
	Job       string          `db:"job"`
	Service   string          `db:"service"`
	StartedAt time.Time       `db:"started_at,omitzero"` // default now
	EndedAt   *time.Time      `db:"ended_at"`
	RunBy     string          `db:"run_by"`
	Result    string          `db:"result,omitzero"` // "running" (default), "ok", "failed", "killed"
	Error     string          `db:"error"`
	Figures   json.RawMessage `db:"figures,omitzero"` // default {}
}
