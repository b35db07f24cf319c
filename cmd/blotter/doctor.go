package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func doctorCommand(set *settings) *cobra.Command {
	var failOn string
	var replicas []string
	var indexes bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the database, and say what to do",
		Long: `Look at sessions, locks, indexes, vacuum, replication, partitions, events, jobs
and the schema, and list what is wrong: how bad, where, what it is, and one
sentence that says what to do. Nothing is changed. docs/runbook.md has a
section for every check.

The login of --reporter-url is used, whose role trading_reporter needs
pg_read_all_stats; blotter migrate up grants it where it may.

The exit status is 1 if something is found that is as bad as --fail-on, else 0.`,
		Example: "  blotter doctor\n  blotter doctor --fail-on critical --json\n  blotter doctor --indexes --replica postgres://reporter@replica/trading",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			least := monitor.Severity(failOn)
			if least != monitor.Warning && least != monitor.Critical {
				return usagef("--fail-on %q: want warning or critical", failOn)
			}
			d, err := openDoctor(cmd.Context(), set, replicas)
			if err != nil {
				return err
			}
			defer d.Close()
			if indexes {
				return set.adviseIndexes(cmd, d)
			}
			outcomes := d.run(cmd.Context(), monitor.Checks(monitor.Thresholds{}))
			if set.json {
				err = printJSON(cmd.OutOrStdout(), diagnosisJSON(outcomes))
			} else {
				err = printDiagnosis(cmd.OutOrStdout(), outcomes)
			}
			if err == nil && asBad(monitor.Findings(outcomes), least) {
				err = exitStatus(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&failOn, "fail-on", string(monitor.Warning), "`severity` that makes the exit status 1: warning or critical")
	cmd.Flags().StringSliceVar(&replicas, "replica", nil, "`URL` of a replica to look at as well; may be repeated")
	cmd.Flags().BoolVar(&indexes, "indexes", false, "advise about indexes, with the statements to run")
	return cmd
}

// doctor is what the checks run on: the database, and its replicas.
type doctor struct {
	*database
	replicas []replica
}

type replica struct {
	name string
	conn postgres.Querier
	done func()
}

func openDoctor(ctx context.Context, set *settings, urls []string) (*doctor, error) {
	db, err := set.open(ctx)
	if err != nil {
		return nil, err
	}
	d := &doctor{database: db}
	for _, url := range urls {
		conn, err := postgres.ConnectReporter(ctx, url, "blotter doctor")
		if err != nil {
			d.Close()
			return nil, err
		}
		d.replicas = append(d.replicas, replica{conn.Config().Host, conn, func() { _ = conn.Close(context.WithoutCancel(ctx)) }})
	}
	return d, nil
}

func (d *doctor) Close() {
	for _, r := range d.replicas {
		r.done()
	}
	d.database.Close()
}

// run makes the checks on the database, and those of sessions, the server and replication on the replicas.
func (d *doctor) run(ctx context.Context, checks []monitor.Check) []monitor.Outcome {
	outcomes := monitor.Run(ctx, d.DB, checks)
	for _, r := range d.replicas {
		for _, outcome := range monitor.RunOn(ctx, r.conn, monitor.OfReplica(checks)) {
			for i := range outcome.Findings {
				outcome.Findings[i].Subject += " on replica " + r.name
			}
			outcomes = append(outcomes, outcome)
		}
	}
	return outcomes
}

func asBad(findings []monitor.Finding, least monitor.Severity) bool {
	for _, f := range findings {
		if f.Severity == least || f.Severity == monitor.Critical {
			return true
		}
	}
	return false
}

func diagnosisJSON(outcomes []monitor.Outcome) any {
	type check struct {
		Name     string  `json:"check"`
		Area     string  `json:"area"`
		Findings int     `json:"findings"`
		TookMS   float64 `json:"took_ms"`
	}
	checks := []check{}
	for _, o := range outcomes {
		checks = append(checks, check{o.Name, o.Area, len(o.Findings), float64(o.Took.Round(10*time.Microsecond)) / float64(time.Millisecond)})
	}
	return map[string]any{"checks": checks, "findings": monitor.Findings(outcomes)}
}

// printDiagnosis prints a block for each finding, the worst first, and how many there are last.
func printDiagnosis(w io.Writer, outcomes []monitor.Outcome) error {
	findings := monitor.Findings(outcomes)
	count := map[monitor.Severity]int{}
	for _, f := range findings {
		count[f.Severity]++
		printWrapped(w, fmt.Sprintf("%-8s  %s: %s", strings.ToUpper(string(f.Severity)), f.Check, f.Subject))
		printIndented(w, f.Message)
		printIndented(w, "-> "+f.Remedy)
		fmt.Fprintln(w)
	}
	summary := "nothing is wrong"
	if len(findings) > 0 {
		summary = fmt.Sprintf("%d critical, %d warnings", count[monitor.Critical], count[monitor.Warning])
	}
	_, err := fmt.Fprintf(w, "%d checks: %s\n", len(outcomes), summary)
	return err
}

// printIndented prints a paragraph that belongs to the line above.
func printIndented(w io.Writer, text string) { printParagraph(w, "          ", text) }
