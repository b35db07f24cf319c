package monitor

import (
	"context"

	"github.com/blotterdb/blotter/postgres"
)

// Severity says how bad a finding is.
type Severity string

// The severities, worst last. An unlisted one is a defect.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Finding is something that a check has found.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // the table, session, login, ... it is about
	Message  string   `json:"message"` // what is so, with its figures
	Remedy   string   `json:"remedy"`  // one sentence that says what to do
}

// Check looks at one thing. Run returns nothing where all is well.
type Check struct {
	Name string // "security_force", "blocking", ...: snake_case, also the label of its metric
	Area string // "security", "sessions", "indexes", ...
	Run  func(ctx context.Context, q postgres.Querier) ([]Finding, error)
}
