package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// doctorChecks are all that doctor asks.
func doctorChecks() []monitor.Check { return monitor.SecurityChecks() }

func doctorCommand(set *settings) *cobra.Command {
	var security, strict bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the database, and say what to do",
		Long: `Look for what is wrong with the database, and say what to do about it.

--security asks what keeps accounts apart: row-level security and its policies
on every table and partition, roles and logins, views, functions, grants.

The exit status is 1 if something critical is found, with --strict if anything
is; else 0. Nothing is changed.`,
		Example: "  blotter doctor\n  blotter doctor --security --strict",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := doctorChecks()
			if security {
				checks = slices.DeleteFunc(checks, func(c monitor.Check) bool { return c.Area != "security" })
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			findings, err := examine(cmd.Context(), db.DB, checks)
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), findings)
			} else {
				err = printFindings(cmd.OutOrStdout(), findings, len(checks))
			}
			if err == nil && unwell(findings, strict) {
				err = exitStatus(1)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&security, "security", false, "ask only what keeps accounts apart")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with status 1 for warnings too")
	return cmd
}

// examine runs the checks, each in a session of its own that reads every account, so that none disturbs the next.
func examine(ctx context.Context, db *postgres.DB, checks []monitor.Check) ([]monitor.Finding, error) {
	ctx = blotter.WithAllAccounts(ctx)
	findings := []monitor.Finding{}
	for _, check := range checks {
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			found, err := check.Run(ctx, s)
			findings = append(findings, found...)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", check.Name, err)
		}
	}
	slices.SortStableFunc(findings, func(a, b monitor.Finding) int { return rank(b.Severity) - rank(a.Severity) })
	return findings, nil
}

// rank orders severities, the worst highest.
func rank(s monitor.Severity) int {
	if s == monitor.Warning {
		return 1
	}
	return 2
}

func unwell(findings []monitor.Finding, strict bool) bool {
	return slices.ContainsFunc(findings, func(f monitor.Finding) bool { return strict || rank(f.Severity) > 1 })
}

func printFindings(w io.Writer, findings []monitor.Finding, checks int) error {
	critical := 0
	for _, f := range findings {
		if rank(f.Severity) > 1 {
			critical++
		}
		printWrapped(w, fmt.Sprintf("%s: %s", f.Severity, f.Subject))
		printWrapped(w, fmt.Sprintf("- %s (%s)", f.Message, f.Check))
		printWrapped(w, "- "+f.Remedy)
		fmt.Fprintln(w)
	}
	verdict := "all is well"
	if len(findings) > 0 {
		verdict = fmt.Sprintf("critical %d, warnings %d", critical, len(findings)-critical)
	}
	_, err := fmt.Fprintf(w, "%d checks: %s\n", checks, verdict)
	return err
}
