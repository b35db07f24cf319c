package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

// doctorChecks returns all checks.
func doctorChecks(thresholds monitor.Thresholds) []monitor.Check {
	return slices.Concat(monitor.Checks(thresholds), monitor.SecurityChecks(), audit.Checks())
}

// thresholdFlags are the values at which a metric becomes a warning or critical.
type thresholdFlags struct{ texts []string }

func (f *thresholdFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.texts, "threshold", nil,
		"`NAME=WARNING/CRITICAL`, the values at which a metric becomes a warning or critical, "+
			"such as outbox_lag=10s/1m (docs/runbook.md)")
}

func (f *thresholdFlags) thresholds() (t monitor.Thresholds, err error) {
	for _, text := range f.texts {
		if err := t.Set(text); err != nil {
			return t, usageError{fmt.Errorf("--%w", err)}
		}
	}
	return t, nil
}

func doctorCommand(set *settings) *cobra.Command {
	var onlySecurity, adviseIndexes, strict bool
	var levels thresholdFlags
	var replicas []string
	var redis string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the database for problems, and say what to do",
		Long: `Check the database for problems and say what to do about them: sessions and
locks, indexes, vacuum, replication, partitions, events, jobs, the schema, and
the separation of accounts. docs/runbook.md has a section for every check.

--security checks only the separation of accounts: row-level security and its
policies on every table and partition, roles and logins, views, functions and
grants, and with --redis also who may publish messages there. --indexes gives
advice about indexes instead, with the statements to run. The role
trading_reporter, which doctor acts as, needs pg_read_all_stats; blotter migrate
up grants it if it may.

The exit status depends on the severity: 1 for a critical finding, with --strict
also for a warning, otherwise 0. Nothing is changed: partitions that are due are
reported, not created. As with all commands, blotter's own database is started
and migrated first.`,
		Example: `  blotter doctor
  blotter doctor --security --strict
  blotter doctor --indexes --replica postgres://reporter@replica/trading`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if onlySecurity && adviseIndexes {
				return usagef("--security and --indexes exclude each other; give one of them")
			}
			thresholds, err := levels.thresholds()
			if err != nil {
				return err
			}
			d, err := openDoctor(cmd.Context(), set, replicas)
			if err != nil {
				return err
			}
			defer d.Close()
			if adviseIndexes {
				return set.adviseIndexes(cmd, d, thresholds)
			}

			checks := doctorChecks(thresholds)
			if redis != "" && redis != "off" && redis != "embedded" {
				checks = append(checks, monitor.RedisCheck(redis))
			}
			if onlySecurity {
				checks = slices.DeleteFunc(checks, func(c monitor.Check) bool { return c.Area != "security" })
			}
			outcomes := d.run(cmd.Context(), checks)
			findings := monitor.Findings(outcomes)
			err = set.print(cmd, findings, func(w io.Writer) error { return printFindings(w, findings, len(outcomes)) })
			isWrong := func(f monitor.Finding) bool { return strict || f.Severity == monitor.Critical }
			return failIf(slices.ContainsFunc(findings, isWrong), err)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&onlySecurity, "security", false, "check only the separation of accounts")
	flags.BoolVar(&adviseIndexes, "indexes", false, "give advice about indexes, with the statements to run")
	flags.StringSliceVar(&replicas, "replica", nil, "`URL` of a replica to check too; may be repeated")
	redisFlag(cmd, &redis, "`URL` of a Redis to check too (default: $REDIS_URL, otherwise none)")
	levels.add(cmd)
	flags.BoolVar(&strict, "strict", false, "exit with status 1 for warnings too")
	return cmd
}

// doctor has the databases that are checked.
type doctor struct {
	*database
	replicas []replica
}

// replica is the connection to a replica, or the reason why there is none.
type replica struct {
	name string
	conn *pgx.Conn
	err  error
}

func openDoctor(ctx context.Context, set *settings, urls []string) (*doctor, error) {
	// LookOnly, because creating what is missing would hide it from the checks.
	db, err := set.openWith(ctx, func(cfg *postgres.Config) { cfg.LookOnly = true })
	if err != nil {
		return nil, err
	}
	d := &doctor{database: db}
	if err := db.CheckURLs(ctx); err != nil {
		d.Close()
		return nil, err
	}

	for _, url := range urls {
		cfg, err := pgx.ParseConfig(url)
		if err != nil {
			d.Close()
			return nil, usagef("invalid --replica %s: want postgres://USER:PASSWORD@HOST:PORT/DATABASE",
				connection.RedactURL(url))
		}
		conn, err := postgres.ConnectReporter(ctx, url, "blotter doctor")
		d.replicas = append(d.replicas, replica{cfg.Host, conn, err})
	}
	return d, nil
}

func (d *doctor) Close() {
	for _, r := range d.replicas {
		if r.conn != nil {
			_ = r.conn.Close(context.Background())
		}
	}
	d.database.Close()
}

// run runs the checks on the database, and those of sessions and replication on the replicas.
func (d *doctor) run(ctx context.Context, checks []monitor.Check) []monitor.Outcome {
	outcomes := monitor.Run(ctx, d.DB, checks)
	for _, r := range d.replicas {
		if r.err != nil {
			outcomes = append(outcomes, r.unreachable())
			continue
		}

		for _, outcome := range monitor.RunOn(ctx, r.conn, monitor.ReplicaChecks(checks)) {
			for i := range outcome.Findings {
				outcome.Findings[i].Subject += " on replica " + r.name
			}
			outcomes = append(outcomes, outcome)
		}
	}
	return outcomes
}

// unreachable returns the finding about a replica without a connection.
func (r replica) unreachable() monitor.Outcome {
	check := monitor.Check{Name: "replication_lag", Area: "replication"}
	finding := monitor.Finding{
		Check:    check.Name,
		Severity: monitor.Critical,
		Subject:  "replica " + r.name,
		Message:  "cannot be checked: " + explain(r.err),
		Remedy:   "Start the replica, or correct the URL of --replica.",
	}
	return monitor.Outcome{Check: check, Err: r.err, Findings: []monitor.Finding{finding}}
}

// printFindings prints the findings, the worst first, and then their numbers.
func printFindings(w io.Writer, findings []monitor.Finding, checks int) error {
	if len(findings) == 0 {
		_, err := fmt.Fprintf(w, "%d checks: all is well\n", checks)
		return err
	}

	const header = "SEVERITY  CHECK AND SUBJECT"
	fmt.Fprintln(w, header)
	indent := strings.Repeat(" ", strings.Index(header, "CHECK"))
	critical, warnings := 0, 0
	for _, f := range findings {
		if f.Severity == monitor.Critical {
			critical++
		} else {
			warnings++
		}
		term.PrintParagraph(w, fmt.Sprintf("%-8s  ", f.Severity), indent, f.Check+": "+f.Subject)
		term.PrintParagraph(w, "   found  ", indent, f.Message)
		term.PrintParagraph(w, "      do  ", indent, f.Remedy)
	}

	_, err := fmt.Fprintf(w, "\n%d checks: %d critical, %s\n",
		checks, critical, term.Count(warnings, "warning", "warnings"))
	return err
}
