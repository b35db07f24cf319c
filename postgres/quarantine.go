package postgres

import (
	"context"
	"time"

	"github.com/blotterdb/blotter"
)

// Quarantine keeps rows of a file that could not be stored, with the reason, in data_ingestion.data_quality_logs. A row
// that is there already stays as it is. It is a service's work: a context of blotter.WithAllAccounts.
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

// sqlNewestTrades is when each position of some accounts was traded last.
const sqlNewestTrades = `
select account_id, symbol, max(executed_at) from execution.trades where account_id = any($1) group by account_id, symbol`

// NewestTrades is when each symbol was traded last in some accounts: what is booked after it but was executed before comes
// late, and the average costs are as if it had been executed then.
func (db *DB) NewestTrades(ctx context.Context, accounts []string) (newest map[[2]string]time.Time, err error) {
	newest = map[[2]string]time.Time{}
	err = db.ReadOnly(ctx, func(s *Session) error {
		rows, err := s.Query(ctx, sqlNewestTrades, accounts)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var account, symbol string
			var at time.Time
			if err := rows.Scan(&account, &symbol, &at); err != nil {
				return err
			}
			newest[[2]string{account, symbol}] = at
		}
		return rows.Err()
	})
	return newest, err
}
