package postgres

import (
	"context"

	"github.com/blotterdb/blotter"
)

// Quarantine stores rows of a file that could not be imported, with the reason, in data_ingestion.data_quality_logs. A
// row that is already there stays as it is. It needs a scope of all accounts (blotter.WithAllAccounts).
func (db *DB) Quarantine(ctx context.Context, file string, rows []*blotter.RejectedRow) error {
	if len(rows) == 0 {
		return nil
	}

	var symbols, checks, reasons, files, raws []string
	var lines []int64
	for _, r := range rows {
		if r == nil {
			return programming("a row for the quarantine is nil")
		}
		symbols = append(symbols, r.Symbol)
		checks = append(checks, r.Check)
		reasons = append(reasons, r.Reason)
		files = append(files, file)
		raws = append(raws, r.Raw)
		lines = append(lines, r.Line)
	}

	return db.Transaction(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, sqlQuarantine, symbols, checks, reasons, files, lines, raws)
		return err
	})
}
