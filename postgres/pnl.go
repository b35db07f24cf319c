package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// PnLFilter selects trades of the context's scope, and says how their profit and loss is grouped. The zero value
// selects all trades, and groups them by symbol.
type PnLFilter struct {
	By       string // "symbol" (default), "strategy", or "day", "month" or "year" of execution in the account's zone
	Account  string // restricts a scope of all accounts to one account
	Symbol   string
	Strategy string
	From, To time.Time // From <= executed_at < To; zero is unbounded
}

// PnLGroupings returns the values of PnLFilter.By.
func PnLGroupings() []string { return []string{"symbol", "strategy", "day", "month", "year"} }

// PnL is the profit and loss of one group of trades, all of one account and currency.
type PnL struct {
	AccountID   string            `db:"account_id"`
	Group       string            `db:"group"` // the symbol, strategy or date
	Currency    string            `db:"currency"`
	Trades      int64             `db:"trades"`
	Closing     int64             `db:"closing_trades"` // trades that reduced, closed or flipped a position
	Wins        int64             `db:"wins"`           // closing trades with realized P&L above zero
	Losses      int64             `db:"losses"`         // closing trades with realized P&L below zero
	RealizedPnL blotter.Decimal   `db:"realized_pnl"`   // before fees
	Fees        blotter.Decimal   `db:"fees"`           // in Currency; fees in others are in OtherFees
	NetPnL      blotter.Decimal   `db:"net_pnl"`        // RealizedPnL minus Fees
	OtherFees   blotter.TradeFees `db:"other_fees"`     // in other currencies
}

// tradesOfPnL selects the trades, and the group of each as $1 says.
const tradesOfPnL = `
       case $1 when 'symbol' then t.symbol when 'strategy' then t.strategy
               when 'day' then to_char(t.executed_at at time zone a.zone, 'YYYY-MM-DD')
               when 'month' then to_char(t.executed_at at time zone a.zone, 'YYYY-MM')
               else to_char(t.executed_at at time zone a.zone, 'YYYY') end as grouping
  from execution.trades t
  join execution.accounts a on a.account_id = t.account_id
 where t.position_effect <> 'void' and ($2 = '' or t.account_id = $2) and ($3 = '' or t.symbol = $3) and ($4 = '' or t.strategy = $4)
   and t.executed_at >= coalesce($5, '-infinity'::timestamptz)
   and t.executed_at < coalesce($6, 'infinity'::timestamptz)`

// sqlPnL adds up the trades of each group. Fees in other currencies than the trade's, which are few, are added up by
// currency: commissions, which have an index of their own, and the fees in execution.trade_fees.
const sqlPnL = `
with sums as (
    select account_id, grouping, currency, count(*) as trades, count(*) filter (where closing) as closing_trades,
           count(*) filter (where closing and realized_pnl > 0) as wins,
           count(*) filter (where closing and realized_pnl < 0) as losses,
           sum(realized_pnl) as realized_pnl, sum(fee) as fees
      from (select t.account_id, t.currency, t.realized_pnl,
                   t.position_effect in ('reduce', 'close', 'flip') as closing,
                   case when t.commission_currency = t.currency then t.commission else 0 end as fee,
` + tradesOfPnL + `) t
     group by account_id, grouping, currency
), paid as (
    select account_id, grouping, currency, fee_currency, sum(amount) as amount
      from (select t.account_id, t.currency, t.commission_currency as fee_currency, t.commission as amount,
` + tradesOfPnL + `
               and t.commission_currency <> t.currency
            union all
            select t.account_id, t.currency, f.currency, f.amount, t.grouping
              from execution.trade_fees f
              join (select t.account_id, t.symbol, t.trade_id, t.side, t.currency,` + tradesOfPnL + `) t
                on t.account_id = f.account_id and t.symbol = f.symbol
               and t.trade_id = f.trade_id and t.side = f.side) t
     group by account_id, grouping, currency, fee_currency
    having sum(amount) <> 0
)
select s.account_id, s.grouping, s.currency, s.trades, s.closing_trades, s.wins, s.losses,
       s.realized_pnl, s.fees, s.realized_pnl - s.fees,
       (select jsonb_agg(jsonb_build_object('currency', p.fee_currency, 'amount', trim_scale(p.amount)::text)
                         order by p.fee_currency)
          from paid p where p.account_id = s.account_id and p.grouping = s.grouping and p.currency = s.currency)
  from sums s
 order by s.account_id, s.grouping, s.currency`

// PnL adds up the profit and loss that trades realized. Errors: ErrInvalid for an account that is not the scope's, and
// for an unknown grouping.
func (s *Session) PnL(ctx context.Context, f PnLFilter) ([]PnL, error) {
	setDefault(&f.By, "symbol")
	if !slices.Contains(PnLGroupings(), f.By) {
		return nil, blotter.Invalid("By", f.By, "one of "+strings.Join(PnLGroupings(), ", "))
	}
	if !s.scope.All {
		if err := resolveAccount(&f.Account, s.scope); err != nil {
			return nil, err
		}
	}

	rows, err := s.Query(ctx, sqlPnL, f.By, f.Account, f.Symbol, f.Strategy, nullIfZero(f.From), nullIfZero(f.To))
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	var list []PnL
	for rows.Next() {
		var p PnL
		err := rows.Scan(&p.AccountID, &p.Group, &p.Currency, &p.Trades, &p.Closing, &p.Wins, &p.Losses,
			&p.RealizedPnL, &p.Fees, &p.NetPnL, &p.OtherFees)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// nullIfZero returns nil, which is NULL, for the zero time.
func nullIfZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// PnL calls Session.PnL in a read-only session of its own.
func (db *DB) PnL(ctx context.Context, f PnLFilter) ([]PnL, error) {
	return findAlone(ctx, db, func(s *Session) ([]PnL, error) { return s.PnL(ctx, f) })
}
