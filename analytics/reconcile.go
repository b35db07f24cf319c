package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Mismatch is a figure of the analytics that does not follow from the trades.
type Mismatch struct {
	Account   string `json:"account_id"`
	Table     string `json:"table"` // "portfolio_summary", "performance_metrics"
	Key       string `json:"key"`   // the symbol, or strategy and date
	What      string `json:"what"`  // the figure
	Analytics string `json:"analytics"`
	Trades    string `json:"trades"`
	Parked    bool   `json:"parked"` // the account's events are parked: the figure is old, not wrong
}

// Reconciliation is the result of Reconcile.
type Reconciliation struct {
	NeverRan   bool  // the analytics were never started: there are none, and every event waits
	Trades     int64 // that the cursor has passed
	Rows       int   // of the analytics
	Mismatches []Mismatch
	More       int // mismatches beyond the first 1,000
	Lag        events.Lag
	Elapsed    time.Duration
}

const mismatchesMax = 1000

// nothingDone is the snapshot in which no transaction is visible.
const nothingDone = "3:3:"

// sqlPending selects the events of the book that a cursor has yet to pass: those after its last window, except those up
// to its position in the current one. $1 is done, $2 the target or the empty text, $3 the position. The analytics
// should have the figures of the book as it is now, less the differences that these events will make.
const sqlPending = `
with pending as (
    select o.type, o.account_id, o.data, case o.type when 'trade_undone' then 1 else -1 end as sign
      from events.outbox o
     where o.service = 'execution' and o.channel = 'trades'
       and o.type in ('trade_executed', 'trade_undone', 'trades_refolded')
       -- others are refused, and change nothing
       and o.data->>'account_id' = o.account_id and o.data->>'symbol' is not null
       and o.xid >= pg_snapshot_xmin($1::text::pg_snapshot)
       and not pg_visible_in_snapshot(o.xid, $1::text::pg_snapshot)
       and not ($2 <> '' and o.pos <= $3 and pg_visible_in_snapshot(o.xid, nullif($2, '')::pg_snapshot))
), trades as (
    select 1 as sign, t.account_id, t.symbol, t.side, t.quantity, t.price, t.multiplier, t.currency,
           t.commission, t.commission_currency, t.realized_pnl, t.position_effect::text, t.strategy, t.executed_at,
           case when p.base_currency in ('', t.currency) then 0
                else coalesce(execution.base_fee(t, p.base_currency), 0) end as base_fee
      from execution.trades t
      left join execution.positions p on p.account_id = t.account_id and p.symbol = t.symbol
     where t.position_effect <> 'void'
    union all
    select e.sign, e.account_id, e.data->>'symbol', e.data->>'side', (e.data->>'quantity')::numeric,
           (e.data->>'price')::numeric, (e.data->>'multiplier')::numeric, e.data->>'currency',
           (e.data->>'commission')::numeric, e.data->>'commission_currency', (e.data->>'realized_pnl')::numeric,
           e.data->>'position_effect', e.data->>'strategy', (e.data->>'executed_at')::timestamptz,
           case when p.base_currency in ('', e.data->>'currency') then 0
                else case when e.data->>'commission_currency' = p.base_currency
                          then (e.data->>'commission')::numeric else 0 end
                   + coalesce((select sum((f->>'amount')::numeric)
                                 from jsonb_array_elements(e.data->'other_fees') f
                                where f->>'currency' = p.base_currency), 0) end
      from pending e
      left join execution.positions p on p.account_id = e.account_id and p.symbol = e.data->>'symbol'
     where e.type <> 'trades_refolded'
)`

const (
	sqlReconcilePositions = sqlPending + `
select account_id, symbol, sum(quantity), coalesce(sign(sum(quantity)), 0) * sum(cost),
       sum(realized_pnl), sum(fees), max(multiplier), max(currency), sum(traded_value), sum(trades)
  from (select account_id, symbol,
               sign * (case side when 'buy' then quantity else -quantity end - coalesce(base_fee, 0)) as quantity,
               sign * (case side when 'buy' then quantity else -quantity end * price * multiplier
                       + realized_pnl) as cost,
               sign * realized_pnl as realized_pnl,
               case when commission_currency = currency then sign * commission else 0 end as fees,
               multiplier, currency, sign * quantity * price * multiplier as traded_value, sign as trades
          from trades
        union all
        select account_id, symbol, quantity_change, cost_change, realized_pnl, 0, multiplier, currency, 0, 0
          from execution.position_adjustments
        union all
        select account_id, data->>'symbol', -(data->'difference'->>'quantity')::numeric,
               -(data->'difference'->>'cost_basis')::numeric, -(data->'difference'->>'realized_pnl')::numeric,
               -(data->'difference'->>'fees')::numeric, (data->>'multiplier')::numeric, data->>'currency',
               -(data->'difference'->>'traded_value')::numeric, -(data->'difference'->>'trades')::bigint
          from pending where type = 'trades_refolded') changes
 group by account_id, symbol
having sum(trades) <> 0 or sum(quantity) <> 0 or sum(realized_pnl) <> 0`
	sqlReconcileMetrics = sqlPending + `
select account_id, strategy, date, currency, sum(total_trades), sum(closing_trades), sum(wins), sum(losses),
       sum(gross_profit), sum(gross_loss), sum(realized_pnl), sum(fees)
  from (select account_id, strategy, date, currency, sign as total_trades, closing * sign as closing_trades,
               case when closing * realized_pnl > 0 then sign else 0 end as wins,
               case when closing * realized_pnl < 0 then sign else 0 end as losses,
               sign * greatest(closing * realized_pnl, 0) as gross_profit,
               sign * greatest(closing * -realized_pnl, 0) as gross_loss,
               sign * closing * realized_pnl as realized_pnl,
               case when commission_currency = currency then sign * commission else 0 end as fees
          from (select t.*, (position_effect in ('reduce', 'close', 'flip'))::int as closing,
                       to_char(t.executed_at at time zone a.zone, 'YYYY-MM-DD') as date
                  from trades t join execution.accounts a on a.account_id = t.account_id) t
        union all
        select j.account_id, j.strategy, to_char(j.effective_at at time zone a.zone, 'YYYY-MM-DD'), j.currency,
               0, 0, 0, 0, greatest(j.realized_pnl, 0), greatest(-j.realized_pnl, 0), j.realized_pnl, 0
          from execution.position_adjustments j join execution.accounts a on a.account_id = j.account_id
         where j.realized_pnl <> 0
        union all
        select e.account_id, d.strategy, d.date, d.currency, -d.total_trades, -d.closing_trades, -d.wins,
               -d.losses, -d.gross_profit, -d.gross_loss, -d.realized_pnl, -d.fees
          from pending e,
               jsonb_to_recordset(e.data->'performance') d(strategy text, date text, currency text,
               total_trades bigint, closing_trades bigint, wins bigint, losses bigint, gross_profit numeric,
               gross_loss numeric, realized_pnl numeric, fees numeric)
         where e.type = 'trades_refolded') changes
 group by account_id, strategy, date, currency
having sum(total_trades) <> 0 or sum(gross_profit) <> 0 or sum(gross_loss) <> 0 or sum(fees) <> 0`
	sqlStoredPositions = `
select account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, traded_value, event_count
  from analytics.portfolio_summary`
	sqlStoredMetrics = `
select account_id, strategy, to_char(date, 'YYYY-MM-DD'), currency, total_trades, closing_trades, wins, losses,
       gross_profit, gross_loss, realized_pnl, fees
  from analytics.performance_metrics`
	// sqlWrongValues: what is held is valued at the last price.
	sqlWrongValues = `
select u.account_id, u.symbol, coalesce(u.total_value::text, ''),
       coalesce(trim_scale(round(u.quantity * p.price * u.multiplier, 19))::text, '')
  from analytics.portfolio_summary u
  left join analytics.market_prices p on p.symbol = u.symbol and p.currency = u.currency
 where (u.market_price, u.total_value, u.unrealized_pnl) is distinct from
       (p.price, round(u.quantity * p.price * u.multiplier, 19),
        round(u.quantity * p.price * u.multiplier - sign(u.quantity) * u.cost_basis, 19))
 order by 1, 2`
	// sqlWholeTables keeps old statistics from choosing nested loops for joins of whole tables, as postgres.DB.Verify
	// does.
	sqlWholeTables = `set local enable_nestloop = off`
	sqlParkedKeys  = `select distinct key from events.dead_letter where consumer = $1 and resolved_at is null`
)

// figures is a row: its key, and its figures as text and numbers that compare equal exactly if they are.
type figures struct {
	account, key string
	values       []string
}

var (
	positionFigures = []string{
		"quantity", "cost_basis", "realized_pnl", "fees", "multiplier", "currency", "traded_value", "event_count",
	}
	metricsFigures = []string{
		"total_trades", "closing_trades", "wins", "losses", "gross_profit", "gross_loss", "realized_pnl", "fees",
	}
)

// Reconcile adds up, in SQL, the trades that the cursor has passed, and compares every figure of the analytics with the
// sums. It locks nothing and may run at any time.
func (s *Synchronizer) Reconcile(ctx context.Context) (Reconciliation, error) {
	start := time.Now()
	ctx = blotter.WithAllAccounts(ctx)
	var r Reconciliation
	err := s.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) error {
		return s.cfg.Source.Transaction(ctx, func(source *postgres.Tx) (err error) {
			r, err = reconcile(ctx, source, tx)
			return err
		}, postgres.ReadCommitted, postgres.MaxRetries(0))
	}, postgres.RepeatableRead, postgres.MaxRetries(0))
	r.Elapsed = time.Since(start)
	return r, err
}

func reconcile(ctx context.Context, source, tx *postgres.Tx) (r Reconciliation, err error) {
	for _, q := range []*postgres.Tx{tx, source} {
		if _, err := q.Exec(ctx, sqlTimeouts, fmt.Sprint(rebuildTimeout.Milliseconds())); err != nil {
			return r, err
		}
		if _, err := q.Exec(ctx, sqlWholeTables); err != nil {
			return r, err
		}
	}

	at, err := postgres.EventCursors.Get(ctx, tx, Consumer)
	switch {
	case errors.Is(err, blotter.ErrNotFound):
		at = blotter.EventCursor{Consumer: Consumer, SnapDone: nothingDone}
		r.NeverRan = true
	case err != nil:
		return r, err
	}
	parked, err := parkedKeys(ctx, tx)
	if err != nil {
		return r, err
	}

	for _, table := range []struct {
		name, stored, trades string
		keys                 int
		names                []string
	}{
		{"portfolio_summary", sqlStoredPositions, sqlReconcilePositions, 2, positionFigures},
		{"performance_metrics", sqlStoredMetrics, sqlReconcileMetrics, 4, metricsFigures},
	} {
		have, err := readFigures(ctx, tx, table.keys, table.stored)
		if err != nil {
			return r, err
		}
		want, err := readFigures(ctx, source, table.keys, table.trades, at.SnapDone, at.SnapTarget, at.PosDone)
		if err != nil {
			return r, err
		}

		if r.NeverRan {
			want = nil // the outbox may not reach back to the first trade
		}
		r.Rows += len(have)
		if table.name == "portfolio_summary" {
			for _, row := range want {
				n, _ := blotter.ParseDecimal(row.values[len(row.values)-1])
				count, _ := n.Int64()
				r.Trades += count
			}
		}
		r.compare(table.name, table.names, have, want, parked)
	}

	if err := r.compareValues(ctx, tx); err != nil {
		return r, err
	}
	if r.Lag, err = events.LagOf(ctx, source, at); err != nil {
		return r, err
	}
	r.trim()
	return r, nil
}

func parkedKeys(ctx context.Context, q postgres.Querier) (map[string]bool, error) {
	rows, err := q.Query(ctx, sqlParkedKeys, Consumer)
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	parked := map[string]bool{}
	for _, key := range keys {
		parked[key] = true
	}
	return parked, err
}

// readFigures reads rows whose first columns are their key.
func readFigures(
	ctx context.Context, q postgres.Querier, keys int, sql string, args ...any,
) (map[[2]string]figures, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	found := map[[2]string]figures{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		row := figures{account: values[0].(string)}
		for _, part := range values[1:keys] {
			row.key += " " + part.(string)
		}
		row.key = row.key[1:]
		for _, value := range values[keys:] {
			row.values = append(row.values, fmt.Sprint(value))
		}
		found[[2]string{row.account, row.key}] = row
	}
	return found, rows.Err()
}

// compare adds the figures that differ.
func (r *Reconciliation) compare(
	table string, names []string, have, want map[[2]string]figures, parked map[string]bool,
) {
	none := make([]string, len(names))
	for key := range want {
		if _, found := have[key]; !found {
			have[key] = figures{account: key[0], key: key[1], values: none}
		}
	}

	for key, row := range have {
		other, found := want[key]
		if !found {
			other.values = none
		}
		for i, name := range names {
			if row.values[i] == other.values[i] {
				continue
			}
			r.Mismatches = append(r.Mismatches, Mismatch{
				Account: row.account, Table: table, Key: row.key, What: name,
				Analytics: row.values[i], Trades: other.values[i], Parked: parked[row.account],
			})
		}
	}
}

// compareValues adds positions that are not valued at the last price.
func (r *Reconciliation) compareValues(ctx context.Context, q postgres.Querier) error {
	rows, err := q.Query(ctx, sqlWrongValues)
	if err != nil {
		return err
	}
	m := Mismatch{Table: "portfolio_summary", What: "total_value"}
	_, err = pgx.ForEachRow(rows, []any{&m.Account, &m.Key, &m.Analytics, &m.Trades}, func() error {
		r.Mismatches = append(r.Mismatches, m)
		return nil
	})
	return err
}

// trim sorts the mismatches and keeps the first mismatchesMax.
func (r *Reconciliation) trim() {
	slices.SortFunc(r.Mismatches, func(a, b Mismatch) int {
		return cmp.Or(
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Table, b.Table),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.What, b.What),
		)
	})
	if n := len(r.Mismatches); n > mismatchesMax {
		r.Mismatches = r.Mismatches[:mismatchesMax]
		r.More = n - mismatchesMax
	}
}
