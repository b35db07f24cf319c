package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func auditVerify(set *settings) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that the audit log is what was sealed",
		Long: `Compare every sealed entry of the audit log with its seal, and every seal with
the one before. Each entry that was changed, removed, inserted or exchanged is
named, and so is each seal that does not continue the chain. With --heads, the
chain is also compared with heads that were exported before: only this detects a
truncated or rewritten chain. Entries that are not sealed yet are counted. The
exit status is 0 if everything is as it was sealed, otherwise 1.`,
		Example: "  blotter audit verify\n  blotter audit verify --heads /mnt/elsewhere/heads.json --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var heads []audit.Head
			if file != "" {
				var err error
				if heads, err = audit.ReadHeads(file); err != nil {
					return err
				}
			}
			db, err := set.openAudit(cmd)
			if err != nil {
				return err
			}
			defer db.Close()

			r, err := audit.VerifyDatabase(cmd.Context(), db.DB, heads)
			if err != nil {
				return err
			}
			err = set.print(cmd, auditReportJSON(r), func(w io.Writer) error {
				printAuditReport(w, r)
				return nil
			})
			return failIf(r.Broken(), err)
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

	report := map[string]any{
		"entries": r.Entries, "seals": r.Seals, "pending": r.Pending, "retired": r.Retired, "heads": r.Heads,
		"breaks": breaks, "more": r.More,
	}
	if r.Seals > 0 {
		report["head"] = r.Head
	}
	return report
}

func printAuditReport(w io.Writer, r audit.Report) {
	for _, run := range r.Runs {
		term.PrintWrapped(w, fmt.Sprintf("%s: %s", run.Kind(), run))
	}
	if r.MoreRuns > 0 {
		fmt.Fprintf(w, "and %s more\n", term.Thousands(r.MoreRuns))
	}

	verdict := "verified"
	if r.Broken() {
		fmt.Fprintln(w)
		verdict = "NOT verified"
	}
	term.PrintWrapped(w, fmt.Sprintf("%s: %s in %s, %s not sealed yet, in %s", verdict, countEntries(r.Entries),
		term.Count(r.Seals, "seal", "seals"), term.Thousands(r.Pending), r.Elapsed.Round(time.Millisecond)))
	if r.Retired > 0 {
		term.PrintWrapped(w, fmt.Sprintf("%s from before %s are gone: their partitions are retired",
			countEntries(r.Retired), r.RetiredBefore.Format(time.DateOnly)))
	}
	if r.Heads > 0 {
		fmt.Fprintf(w, "compared with %s\n", term.Count(r.Heads, "exported head", "exported heads"))
	}
	if r.Seals > 0 {
		fmt.Fprintf(w, "the chain ends with seal %s, entry %s, of %s\n  %s\n",
			term.Thousands(r.Head.Seal), term.Thousands(r.Head.Number), instant(r.Head.SealedAt), r.Head.Head)
	}
}
