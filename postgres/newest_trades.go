package postgres

import (
	"context"
	"time"
)

// sqlNewestTrades reads when each position of some accounts was last traded.
const sqlNewestTrades = `
select account_id, symbol, max(executed_at)
  from execution.trades
 where account_id = any($1)
 group by account_id, symbol`

// NewestTrades returns, by account and symbol, when each position of the accounts was last traded. A trade that
// was executed before it and is booked afterwards is late: the entries after it are calculated again.
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
