package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
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

	// beside, if there is one, is the same check for a daemon that has done the work itself since start: what waited
	// before that is no fault of it, and counts as waiting since then.
	beside func(start time.Time) Check
}

// Outcome is what one run of a check came to. One that could not be made has Err, and a finding that says so: silence
// means that all is well, never that nobody looked.
type Outcome struct {
	Check
	Findings []Finding
	Err      error
	Took     time.Duration
}

// checkTimeout bounds one check, and lookTimeout all of them, so that a server in trouble is reported, not waited for.
const (
	checkTimeout = 10 * time.Second
	lookTimeout  = time.Minute
)

// Run makes all checks, one after the other, in the role that reads every account's rows (trading_reporter), and
// returns one outcome for each. One that fails does not stop the others. They are about the primary: where ReporterURL
// leads to a replica, each fails and says so; use RunOn for a replica.
func Run(ctx context.Context, db *postgres.DB, checks []Check) []Outcome {
	ctx = blotter.WithOperation(blotter.WithAllAccounts(ctx), "monitor.check")
	return runAll(ctx, checks, func(ctx context.Context, check Check) (findings []Finding, err error) {
		err = db.ReadOnly(ctx, func(s *postgres.Session) error {
			findings, err = check.Run(ctx, s)
			return err
		}, postgres.Unlogged, postgres.PrimaryOnly)
		return findings, err
	})
}

// RunOn makes all checks on one connection, of a replica for instance. Its outcomes are those of Run.
func RunOn(ctx context.Context, q postgres.Querier, checks []Check) []Outcome {
	return runAll(ctx, checks, func(ctx context.Context, check Check) ([]Finding, error) { return check.Run(ctx, q) })
}

func runAll(ctx context.Context, checks []Check, run func(context.Context, Check) ([]Finding, error)) []Outcome {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	outcomes := make([]Outcome, 0, len(checks))
	for _, check := range checks {
		start := time.Now()
		bounded, cancel := context.WithTimeout(ctx, checkTimeout)
		findings, err := run(bounded, check)
		cancel()
		if err != nil {
			findings = append(findings, failed(check, err))
		}
		for i := range findings {
			findings[i].Check = check.Name
		}
		outcomes = append(outcomes, Outcome{Check: check, Findings: findings, Err: err, Took: time.Since(start)})
	}
	return outcomes
}

// failed is the finding of a check that could not be made. Of security it is critical: nobody looked.
func failed(check Check, err error) Finding {
	f := Finding{
		Severity: Warning, Subject: "the check itself", Message: "it could not be made: " + err.Error(),
		Remedy: "Read the message, put right what it names, and run the check again.",
	}
	if check.Area == securityArea {
		f.Severity = Critical
	}
	var e *blotter.Error
	switch {
	case errors.Is(err, blotter.ErrPermission):
		f.Remedy = "Name by --reporter-url a login that is a member of trading_reporter; if it is one, run blotter migrate up as a login that may grant, which gives that role what the checks read."
	case errors.As(err, &e) && (e.SQLState == "55P03" || e.SQLState == "57014"), errors.Is(err, context.DeadlineExceeded):
		f.Remedy = "Something holds a lock on what it reads, or the server is too busy; who does, as the reporter: SELECT pid, relation::regclass FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'; when that is over, run the check again."
	}
	return f
}

// Findings are those of all outcomes, the worst first, else in the order of the checks.
func Findings(outcomes []Outcome) []Finding {
	list := []Finding{}
	for _, outcome := range outcomes {
		list = append(list, outcome.Findings...)
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return b.Severity.rank() - a.Severity.rank() })
	return list
}

func (s Severity) rank() int { return slices.Index([]Severity{Warning, Critical}, s) }

// find makes a check of one query. Judge says of each row whether it is a finding; one whose severity is empty is none.
func find[T any](area, name, sql string, judge func(row T) Finding, args ...any) Check {
	return Check{Name: name, Area: area, Run: func(ctx context.Context, q postgres.Querier) ([]Finding, error) {
		rows, err := read[T](ctx, q, sql, args...)
		var findings []Finding
		for _, row := range rows {
			if f := judge(row); f.Severity != "" {
				findings = append(findings, f)
			}
		}
		return findings, err
	}}
}

// read reads the rows of a query into structs, by position.
func read[T any](ctx context.Context, q postgres.Querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, pgerror.Translate(ctx, "check", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	return list, pgerror.Translate(ctx, "check", err)
}

// seconds is an age that the server computed.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// age writes a duration for people: in seconds below an hour, above in the two units that matter.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// size writes bytes in units of 1024, as PostgreSQL does.
func size(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1024, next
	}
	return fmt.Sprintf("%.3g %s", value, unit)
}
