package postgres

import (
	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// A trade's row holds its commission. Fees in further currencies, which few trades have, are rows of execution.trade_fees.
// They are written with their trade and read with it, as JSON.
const (
	otherFeesOfTrade = `(select jsonb_agg(jsonb_build_object('currency', f.currency, 'amount', trim_scale(f.amount)::text) order by f.currency)
   from execution.trade_fees f
  where f.account_id = trades.account_id and f.symbol = trades.symbol and f.trade_id = trades.trade_id and f.side = trades.side)`

	// otherFeesOfPosition adds up what positions.fees leaves out: commissions in another currency than the trade's, which
	// have an index of their own, and the other fees.
	otherFeesOfPosition = `(select jsonb_agg(jsonb_build_object('currency', f.currency, 'amount', trim_scale(f.amount)::text) order by f.currency)
   from (select currency, sum(amount) as amount
           from (select t.commission_currency as currency, t.commission as amount from execution.trades t
                  where t.account_id = position_values.account_id and t.symbol = position_values.symbol
                    and t.commission_currency <> t.currency
                 union all
                 select o.currency, o.amount from execution.trade_fees o
                  where o.account_id = position_values.account_id and o.symbol = position_values.symbol) paid
          group by currency having sum(amount) <> 0) f)`

	sqlOtherFees = `
insert into execution.trade_fees (account_id, symbol, trade_id, side, currency, amount)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[])`
)

// queueOtherFees queues the fees of the trades that are written, behind these. Most bookings have none.
func (b *booking) queueOtherFees(batch *pgx.Batch) {
	var texts [5][]string
	var amounts []blotter.Decimal
	for _, i := range b.written {
		t := &b.trades[i]
		for _, fee := range t.OtherFees {
			appendEach(texts[:], t.AccountID, t.Symbol, t.TradeID, string(t.Side), fee.Currency)
			amounts = append(amounts, fee.Amount)
		}
	}
	if len(amounts) > 0 {
		batch.Queue(sqlOtherFees, texts[0], texts[1], texts[2], texts[3], texts[4], flat(amounts))
	}
}
