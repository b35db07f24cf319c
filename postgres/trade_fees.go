package postgres

import (
	"github.com/blotterdb/blotter"
)

// A trade's row holds its commission. Fees in further currencies, which few trades have, are rows of
// execution.trade_fees. They are written with their trade and read with it, as JSON.
const (
	feesAsJSON = `jsonb_agg(jsonb_build_object('currency', f.currency, 'amount', trim_scale(f.amount)::text)
                  order by f.currency)`

	otherFeesOfTrade = `(select ` + feesAsJSON + `
   from execution.trade_fees f
  where f.account_id = trades.account_id and f.symbol = trades.symbol
    and f.trade_id = trades.trade_id and f.side = trades.side)`

	// otherFeesOfPosition adds up what positions.fees leaves out: commissions in another currency than the trade's,
	// which have an index of their own, and the other fees.
	otherFeesOfPosition = `(select ` + feesAsJSON + `
   from (select currency, sum(amount) as amount
           from (select t.commission_currency as currency, t.commission as amount from execution.trades t
                  where t.account_id = position_values.account_id and t.symbol = position_values.symbol
                    and t.commission_currency <> t.currency and t.position_effect <> 'void'
                 union all
                 select o.currency, o.amount from execution.trade_fees o
                  where o.account_id = position_values.account_id and o.symbol = position_values.symbol
                    and not exists (select from execution.trade_corrections c
                                     where c.account_id = o.account_id and c.trade_id = o.trade_id
                                       and c.symbol = o.symbol and c.side = o.side)) paid
          group by currency having sum(amount) <> 0) f)`
)

// tradeFee is a fee of a trade, in a further currency.
type tradeFee struct {
	trade *blotter.Trade
	fee   blotter.TradeFee
}

var tradeFeeColumns = columns[tradeFee]{
	columnOf("account_id", "text", func(f *tradeFee) string { return f.trade.AccountID }),
	columnOf("symbol", "text", func(f *tradeFee) string { return f.trade.Symbol }),
	columnOf("trade_id", "text", func(f *tradeFee) string { return f.trade.TradeID }),
	columnOf("side", "text", func(f *tradeFee) string { return string(f.trade.Side) }),
	columnOf("currency", "text", func(f *tradeFee) string { return f.fee.Currency }),
	columnOf("amount", "numeric", func(f *tradeFee) blotter.Decimal { return f.fee.Amount }),
}

var sqlOtherFees = `
insert into execution.trade_fees (` + tradeFeeColumns.names("") + `)
select * from ` + tradeFeeColumns.unnest(1)

// otherFees returns the fees in further currencies of the trades that are written. Most trades have none.
func (d *decision) otherFees() (fees []*tradeFee) {
	for _, i := range d.applied {
		t := &d.trades[i]
		for _, fee := range t.OtherFees {
			fees = append(fees, &tradeFee{t, fee})
		}
	}
	return fees
}
