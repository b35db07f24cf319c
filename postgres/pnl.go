package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// PnLFilter says which trades' profit and loss to add up, and by what. The zero value is all trades of the context's
// scope, by symbol.
type PnLFilter struct {
	By       string // "symbol" (default), "strategy", "day", "month" or "year": of the trading date, in the account's zone
	Account  string // of a scope of all accounts: this one alone
	Symbol   string
	Strategy string
	From, To time.Time // From <= executed_at < To; zero is unbounded
}

// PnLGroupings are the values of PnLFilter.By.
func PnLGroupings() []string { return []string{"symbol", "strategy", "day", "month", "year"} }

// PnL is the profit and loss of some trades of one account and currency.
type PnL struct {
	AccountID   string          `db:"account_id"`
	Group       string          `db:"group"` // the symbol, strategy or date
	Currency    string          `db:"currency"`
	Trades      int64           `db:"trades"`
	Closing     int64           `db:"closing_trades"` // that reduced, closed or flipped a position
	Wins        int64           `db:"wins"`           // closing trades with realized P&L above zero
	Losses      int64           `db:"losses"`         // below zero
	RealizedPnL blotter.Decimal `db:"realized_pnl"`   // before fees
	Fees        blotter.Decimal `db:"fees"`           // in the currency; others are not added
	NetPnL      blotter.Decimal `db:"net_pnl"`
}

// sqlPnL groups trades by what $1 says.
const sqlPnL = `
select account_id, grouping, currency, count(*), count(*) filter (where closing), count(*) filter (where closing and realized_pnl > 0),
       count(*) filter (where closing and realized_pnl < 0), sum(realized_pnl), sum(fee), sum(realized_pnl) - sum(fee)
  from (select t.account_id, t.currency, t.realized_pnl, t.position_effect in ('reduce', 'close', 'flip') as closing,
               case when t.commission_currency = t.currency then t.commission else 0 end as fee,
               case $1 when 'symbol' then t.symbol when 'strategy' then t.strategy
                       when 'day' then to_char(t.executed_at at time zone a.zone, 'YYYY-MM-DD')
                       when 'month' then to_char(t.executed_at at time zone a.zone, 'YYYY-MM')
                       else to_char(t.executed_at at time zone a.zone, 'YYYY') end as grouping
          from execution.trades t join execution.accounts a on a.account_id = t.account_id
         where ($2 = '' or t.account_id = $2) and ($3 = '' or t.symbol = $3) and ($4 = '' or t.strategy = $4)
           and t.executed_at >= coalesce($5, '-infinity'::timestamptz) and t.executed_at < coalesce($6, 'infinity'::timestamptz)) t
 group by account_id, grouping, currency order by account_id, grouping, currency`

// PnL adds up the profit and loss that trades realized. Errors: ErrInvalid for an account that is not the scope's, and for
// a grouping that there is not.
func (s *Session) PnL(ctx context.Context, f PnLFilter) ([]PnL, error) {
	setDefault(&f.By, "symbol")
	if !slices.Contains(PnLGroupings(), f.By) {
		return nil, blotter.Invalid("By", f.By, "one of "+strings.Join(PnLGroupings(), ", "))
	}
	if !s.scope.All {
		if err := intoScope(&f.Account, s.scope); err != nil {
			return nil, err
		}
	}
	bound := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	rows, err := s.Query(ctx, sqlPnL, f.By, f.Account, f.Symbol, f.Strategy, bound(f.From), bound(f.To))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []PnL
	for rows.Next() {
		var p PnL
		if err := rows.Scan(&p.AccountID, &p.Group, &p.Currency, &p.Trades, &p.Closing, &p.Wins, &p.Losses, &p.RealizedPnL, &p.Fees, &p.NetPnL); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// PnL is Session.PnL in a read-only session of its own.
func (db *DB) PnL(ctx context.Context, f PnLFilter) ([]PnL, error) {
	return findAlone(ctx, db, func(s *Session) ([]PnL, error) { return s.PnL(ctx, f) })
}
