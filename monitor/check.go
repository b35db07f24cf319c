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

// Severity is the severity of a finding.
type Severity string

// The severities, the worst last.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Finding is a problem that a check has found.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // the table, session, login or other object that has the problem
	Message  string   `json:"message"` // the problem, with its figures
	Remedy   string   `json:"remedy"`  // what to do about it
}

// Check looks for one kind of problem. Run returns no findings if all is well.
type Check struct {
	Name string // snake_case, for example "blocking"; also the label of its metric
	Area string // for example "security", "sessions" or "indexes"
	Run  func(ctx context.Context, q postgres.Querier) ([]Finding, error)

	// beside, if not nil, returns the same check for a daemon that has been doing the checked work since start. Work
	// that was waiting before then counts as waiting since start.
	beside func(start time.Time) Check
}

// Outcome is the result of one run of a check. A check that fails has Err and a finding that says so, so that an
// empty list of findings always means that all is well.
type Outcome struct {
	Check
	Findings []Finding
	Err      error
	Took     time.Duration
}

// checkTimeout bounds one check and lookTimeout all of them, so that a server in trouble is reported and not waited
// for.
const (
	checkTimeout = 10 * time.Second
	lookTimeout  = time.Minute
)

// Run runs all checks, one after the other, in the role that reads the rows of every account (trading_reporter), and
// returns one outcome for each. A check that fails does not stop the others. The checks are about the primary: if
// ReporterURL leads to a replica, each of them fails. Use RunOn for a replica.
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

// RunOn is Run on one connection, for example to a replica.
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

// failed returns the finding for a check that failed. It is critical for a check of security.
func failed(check Check, err error) Finding {
	f := Finding{
		Severity: Warning, Subject: "the check itself", Message: "it failed: " + err.Error(),
		Remedy: "Fix the cause named in the message, then run the check again.",
	}

	if check.Area == securityArea {
		f.Severity = Critical
	}

	var e *blotter.Error
	switch {
	case errors.Is(err, blotter.ErrPermission):
		f.Remedy = "Set --reporter-url to a login that is a member of trading_reporter. If it is one, " +
			"run blotter migrate up as a login that may grant: it gives the role the privileges that the checks need."
	case errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &e) && (e.SQLState == "55P03" || e.SQLState == "57014"): // lock_timeout, query_canceled
		f.Remedy = "A session holds a lock on a table that the check reads, or the server is too busy. " +
			"To find the session, as the reporter: " +
			"SELECT pid, relation::regclass FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'. " +
			"Run the check again when it has ended."
	}

	return f
}

// Findings returns the findings of all outcomes, the worst first, otherwise in the order of the checks.
func Findings(outcomes []Outcome) []Finding {
	list := []Finding{}
	for _, outcome := range outcomes {
		list = append(list, outcome.Findings...)
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return b.Severity.rank() - a.Severity.rank() })
	return list
}

func (s Severity) rank() int { return slices.Index([]Severity{Warning, Critical}, s) }

// find returns a check of one query. judge returns a finding for each row; one without a severity is dropped.
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

// read returns the rows of a query as structs, by position.
func read[T any](ctx context.Context, q postgres.Querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, pgerror.Translate(ctx, "check", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	return list, pgerror.Translate(ctx, "check", err)
}

// seconds returns the duration of a number of seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// age formats a duration for people: to the second below an hour, then in hours and minutes, then in days.
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

// size formats a number of bytes in units of 1024, as PostgreSQL does.
func size(bytes int64) string {
	value := float64(bytes)
	unit := "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 999.5 {
			break
		}
		value /= 1024
		unit = next
	}

	return fmt.Sprintf("%.3g %s", value, unit)
}
