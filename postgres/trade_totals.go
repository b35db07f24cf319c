package postgres

import (
	"context"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// TradeTotal adds up trades of one currency.
type TradeTotal struct {
	Currency    string
	Trades      int64
	Closing     int64           // trades that reduced, closed or flipped a position
	Wins        int64           // closing trades with realized P&L above zero
	Losses      int64           // closing trades with realized P&L below zero
	GrossProfit blotter.Decimal // of the wins, before fees
	GrossLoss   blotter.Decimal // of the losses, zero or negative
	RealizedPnL blotter.Decimal // before fees
	Fees        blotter.Decimal // in Currency
	OtherFees   int64           // trades whose commission is in another currency, which Fees leaves out
}

// sqlTradeTotals adds up the trades that a filter selects, which are put in place of the marked table.
const sqlTradeTotals = `
select currency, count(*), count(*) filter (where closing), count(*) filter (where closing and realized_pnl > 0),
       count(*) filter (where closing and realized_pnl < 0),
       coalesce(sum(realized_pnl) filter (where closing and realized_pnl > 0), 0),
       coalesce(sum(realized_pnl) filter (where closing and realized_pnl < 0), 0), sum(realized_pnl),
       coalesce(sum(commission) filter (where commission_currency = currency), 0),
       count(*) filter (where commission_currency <> currency)
  from (select currency, realized_pnl, commission, commission_currency,
               position_effect in ('reduce', 'close', 'flip') as closing
          from execution.trades /* filter */) t
 group by currency
 order by currency`

// TradeTotals adds up the trades that the filter selects, by currency. Of more trades than Limit, it adds up so many as
// the filter's order has first.
func (s *Session) TradeTotals(ctx context.Context, f TradeFilter) ([]TradeTotal, error) {
	source, args, err := f.source(s.scope)
	if err != nil {
		return nil, err
	}
	rows, err := s.Query(ctx, strings.Replace(sqlTradeTotals, "execution.trades /* filter */", source, 1), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[TradeTotal])
}
