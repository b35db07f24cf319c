package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

// doctorChecks are all that doctor asks.
func doctorChecks(thresholds monitor.Thresholds) []monitor.Check {
	return slices.Concat(monitor.Checks(thresholds), monitor.SecurityChecks(), audit.Checks())
}

// thresholdFlags are the flags that say from when on a figure is a finding.
type thresholdFlags struct{ texts []string }

func (f *thresholdFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.texts, "threshold", nil, "`NAME=WARNING/CRITICAL`, from when on a figure is a finding, as outbox_lag=10s/1m (docs/runbook.md)")
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
	var security, indexes, strict bool
	var levels thresholdFlags
	var replicas []string
	var redis string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the database, and say what to do",
		Long: `Look for what is wrong with the database, and say what to do about it: sessions
and locks, indexes, vacuum, replication, partitions, events, jobs, the schema,
and what keeps accounts apart. docs/runbook.md has a section for every check.

--security asks only what keeps accounts apart: row-level security and its
policies on every table and partition, roles and logins, views, functions,
grants, and with --redis who may forge messages there. --indexes advises about
indexes instead, with the statements to run. The role trading_reporter, as which
it looks, needs pg_read_all_stats; blotter migrate up grants it where it may.

The exit status is by severity: 1 if something critical is found, with --strict
for warnings too; else 0. Nothing is changed: partitions that are due are found,
not made. Blotter's own database is started and migrated, as by all commands.`,
		Example: "  blotter doctor\n  blotter doctor --security --strict\n  blotter doctor --indexes --replica postgres://reporter@replica/trading",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if security && indexes {
				return usagef("--security and --indexes ask different things; give one of them")
			}
			thresholds, err := levels.thresholds()
			if err != nil {
				return err
			}
			checks := doctorChecks(thresholds)
			if redis != "" && redis != "off" && redis != "embedded" {
				checks = append(checks, monitor.RedisCheck(redis))
			}
			if security {
				checks = slices.DeleteFunc(checks, func(c monitor.Check) bool { return c.Area != "security" })
			}
			d, err := openDoctor(cmd.Context(), set, replicas)
			if err != nil {
				return err
			}
			defer d.Close()
			if indexes {
				return set.adviseIndexes(cmd, d, thresholds)
			}
			outcomes := d.examine(cmd.Context(), checks)
			findings := monitor.Findings(outcomes)
			if set.json {
				err = printJSON(cmd.OutOrStdout(), findings)
			} else {
				err = printFindings(cmd.OutOrStdout(), findings, len(outcomes))
			}
			if err == nil && unwell(findings, strict) {
				err = exitStatus(1)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&security, "security", false, "ask only what keeps accounts apart")
	cmd.Flags().BoolVar(&indexes, "indexes", false, "advise about indexes, with the statements to run")
	cmd.Flags().StringSliceVar(&replicas, "replica", nil, "`URL` of a replica to look at as well; may be repeated")
	redisFlag(cmd, &redis, "`URL` of a Redis to look at as well (default $REDIS_URL, else none)")
	levels.add(cmd)
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with status 1 for warnings too")
	return cmd
}

// doctor is what the checks run on: the database, and its replicas.
type doctor struct {
	*database
	replicas []replica
}

// replica is one that is looked at as well, or why it cannot be.
type replica struct {
	name string
	conn *pgx.Conn
	err  error
}

func openDoctor(ctx context.Context, set *settings, urls []string) (*doctor, error) {
	db, err := set.openWith(ctx, func(cfg *postgres.Config) { cfg.LookOnly = true }) // what is missing is to be found
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
			return nil, usagef("invalid --replica %s: want postgres://USER:PASSWORD@HOST:PORT/DATABASE", connection.RedactURL(url))
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

// examine makes the checks on the database, and those of sessions and replication on the replicas.
func (d *doctor) examine(ctx context.Context, checks []monitor.Check) []monitor.Outcome {
	outcomes := monitor.Run(ctx, d.DB, checks)
	for _, r := range d.replicas {
		if r.err != nil {
			outcomes = append(outcomes, monitor.Outcome{Check: monitor.Check{Name: "replication_lag", Area: "replication"}, Err: r.err, Findings: []monitor.Finding{{
				Check: "replication_lag", Severity: monitor.Critical, Subject: "replica " + r.name, Message: "it cannot be asked: " + explain(r.err),
				Remedy: "Start the replica, or correct the URL of --replica.",
			}}})
			continue
		}
		for _, outcome := range monitor.RunOn(ctx, r.conn, monitor.OfReplica(checks)) {
			for i := range outcome.Findings {
				outcome.Findings[i].Subject += " on replica " + r.name
			}
			outcomes = append(outcomes, outcome)
		}
	}
	return outcomes
}

func unwell(findings []monitor.Finding, strict bool) bool {
	return slices.ContainsFunc(findings, func(f monitor.Finding) bool { return strict || f.Severity == monitor.Critical })
}

// printFindings prints a table of the findings, the worst first, and how many there are last.
func printFindings(w io.Writer, findings []monitor.Finding, checks int) error {
	critical := 0
	for i, f := range findings {
		if f.Severity == monitor.Critical {
			critical++
		}
		if i == 0 {
			fmt.Fprintln(w, "SEVERITY  CHECK AND SUBJECT")
		}
		others := strings.Repeat(" ", len("SEVERITY  "))
		printParagraph(w, fmt.Sprintf("%-8s  ", f.Severity), others, f.Check+": "+f.Subject)
		printParagraph(w, "   found  ", others, f.Message)
		printParagraph(w, "      do  ", others, f.Remedy)
	}
	verdict := "all is well"
	if len(findings) > 0 {
		fmt.Fprintln(w)
		verdict = fmt.Sprintf("%d critical, %d warnings", critical, len(findings)-critical)
		if len(findings)-critical == 1 {
			verdict = strings.TrimSuffix(verdict, "s")
		}
	}
	_, err := fmt.Fprintf(w, "%d checks: %s\n", checks, verdict)
	return err
}
