package main

import (
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func auditCommand(set *settings) *cobra.Command {
	return noun("audit", "List who changed what; seal and verify the audit log",
		`  blotter audit list --user ann --from 2026-01-01
  blotter audit verify --heads heads.json`,
		auditList(set), auditSeal(set), auditVerify(set), auditExportHead(set), auditRepairCursor(set))
}

// checkNoAccount refuses --account for commands that are about the log of all accounts.
func (s *settings) checkNoAccount(cmd *cobra.Command) error {
	if s.account != "" {
		return usagef("%s is about the log of all accounts; leave out --account", cmd.CommandPath())
	}
	return nil
}

// openAudit opens the database for commands that are about the log of all accounts.
func (s *settings) openAudit(cmd *cobra.Command) (*database, error) {
	if err := s.checkNoAccount(cmd); err != nil {
		return nil, err
	}
	return s.open(cmd.Context())
}

func countEntries(n int64) string { return term.Count(n, "entry", "entries") }
