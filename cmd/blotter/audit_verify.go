package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/audit"
	"github.com/spf13/cobra"
)

// openForAudit opens the database for what concerns all accounts at once.
func (s *settings) openForAudit(cmd *cobra.Command) (*database, error) {
	if s.account != "" {
		return nil, usagef("%s is about the log of all accounts; leave out --account", cmd.CommandPath())
	}
	return s.open(cmd.Context())
}

func auditSeal(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "seal",
		Short: "Seal the entries that are new",
		Long: `Number the entries of the audit log that are new, and chain them to those before
by SHA-256, in batches. What is sealed cannot be changed, removed or inserted
unnoticed: blotter audit verify. The daemon does so all the time; beside it,
this leaves to it what it is at.`,
		Example: "  blotter audit seal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := set.openForAudit(cmd)
			if err != nil {
				return err
			}
			defer db.Close()
			n, err := audit.Seal(cmd.Context(), db.DB, 0)
			if err != nil {
				return err
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]int64{"sealed": n})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "sealed %s\n", entriesOf(n))
			return err
		},
	}
}

func entriesOf(n int64) string { return countOf(n, "entry", "entries") }

// countOf writes a count with its noun.
func countOf(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func auditExportHead(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "export-head FILE",
		Short: "Add the end of the chain to a file outside the database",
		Long: `Add the head of the last seal to FILE, a line of JSON. Whoever owns the database
could make the whole chain anew, or cut its end off; against such a file that
shows (blotter audit verify --heads FILE). Keep it on another machine. It says
nothing of what was recorded, and its owner alone can read it (0600). A FILE
that holds something else, or whose last head does not lie on the chain, is left
as it is: exit status 1.`,
		Example: "  blotter audit export-head /mnt/elsewhere/heads.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := set.openForAudit(cmd)
			if err != nil {
				return err
			}
			defer db.Close()
			head, err := audit.ExportHead(cmd.Context(), db.DB, args[0])
			if err != nil {
				return err
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), head)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "seal %s, entry %s\n  %s\n  added to %s\n", thousands(head.Seal), thousands(head.Number), head.Head, args[0])
			return err
		},
	}
}

func auditVerify(set *settings) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that the audit log is what was sealed",
		Long: `Compare every sealed entry of the audit log with its seal and every seal with
the one before, and name each entry that was changed, removed, inserted or
exchanged, and each seal that does not continue the chain. With --heads, also
compare the chain with heads exported before: that its end was cut off, or that
all of it was made anew, shows by nothing else. Entries that are not sealed yet
are counted. The exit status is 0 if all is as it was sealed, else 1.`,
		Example: "  blotter audit verify\n  blotter audit verify --heads /mnt/elsewhere/heads.json --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var heads []audit.Head
			var err error
			if file != "" {
				if heads, err = audit.ReadHeads(file); err != nil {
					return err
				}
			}
			db, err := set.openForAudit(cmd)
			if err != nil {
				return err
			}
			defer db.Close()
			r, err := audit.VerifyDatabase(cmd.Context(), db.DB, heads)
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), auditReportJSON(r))
			} else {
				printAuditReport(cmd.OutOrStdout(), r)
			}
			if err == nil && r.Broken() {
				err = exitStatus(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "heads", "", "`file` that blotter audit export-head wrote")
	return cmd
}

func auditReportJSON(r audit.Report) any {
	type finding struct {
		Kind    audit.Kind `json:"kind"`
		Seal    int64      `json:"seal,omitempty"`
		Number  int64      `json:"number,omitempty"`
		ID      int64      `json:"id,omitempty"`
		At      time.Time  `json:"timestamp,omitzero"`
		Message string     `json:"message"`
	}
	breaks := []finding{}
	for _, b := range r.Breaks {
		breaks = append(breaks, finding(b))
	}
	report := map[string]any{"entries": r.Entries, "seals": r.Seals, "pending": r.Pending, "retired": r.Retired, "heads": r.Heads, "breaks": breaks, "more": r.More}
	if r.Seals > 0 {
		report["head"] = r.Head
	}
	return report
}

func printAuditReport(w io.Writer, r audit.Report) {
	for _, run := range r.Runs {
		printWrapped(w, fmt.Sprintf("%s: %s", run.Kind(), run))
	}
	if r.MoreRuns > 0 {
		fmt.Fprintf(w, "and %s more\n", thousands(r.MoreRuns))
	}
	if r.Broken() {
		fmt.Fprintln(w)
	}
	verdict := "verified"
	if r.Broken() {
		verdict = "NOT verified"
	}
	printWrapped(w, fmt.Sprintf("%s: %s in %s, %s not sealed yet, in %s", verdict, entriesOf(r.Entries), countOf(r.Seals, "seal", "seals"), thousands(r.Pending), r.Elapsed.Round(time.Millisecond)))
	if r.Retired > 0 {
		printWrapped(w, fmt.Sprintf("%s from before %s are not there any more: their partitions are retired", entriesOf(r.Retired), r.RetiredBefore.Format(time.DateOnly)))
	}
	if r.Heads > 0 {
		fmt.Fprintf(w, "compared with %s\n", countOf(int64(r.Heads), "exported head", "exported heads"))
	}
	if r.Seals > 0 {
		fmt.Fprintf(w, "the chain ends with seal %s, entry %s, of %s\n  %s\n", thousands(r.Head.Seal), thousands(r.Head.Number), instant(r.Head.SealedAt), r.Head.Head)
	}
}
