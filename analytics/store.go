package analytics

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// valued is market price, market value and unrealized P&L of a row u at the price p.
const valued = `p.price, trim_scale(round(u.quantity * p.price * u.multiplier, 19)),
       trim_scale(round(u.quantity * p.price * u.multiplier - sign(u.quantity) * u.cost_basis, 19))`

const (
	// sqlPrices moves prices forward in time. $6 is blotter.PriceAheadMax: a price that is dated further ahead is not
	// taken, and where one was stored, the next replaces it.
	sqlPrices = `
insert into analytics.market_prices as m (symbol, price, at, source, currency)
select *
  from unnest($1::text[], $2::numeric[], $3::timestamptz[], $4::text[], $5::text[])
       u(symbol, price, at, source, currency)
 where u.at <= clock_timestamp() + $6::interval
 order by symbol
on conflict (symbol) do update
   set price = excluded.price, at = excluded.at, source = excluded.source, currency = excluded.currency
 where excluded.at > m.at or m.at > clock_timestamp() + $6::interval
    or excluded.at = m.at and excluded.source = m.source
       and (excluded.price, excluded.currency) is distinct from (m.price, m.currency)`

	sqlForgetPrices = `delete from analytics.market_prices where symbol = any($1::text[])`

	// sqlSummaries writes positions: their figures are the last ones, traded value and count add up.
	sqlSummaries = `
insert into analytics.portfolio_summary as s (
       account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, traded_value, event_count,
       market_price, total_value, unrealized_pnl, last_updated)
select u.*, ` + valued + `, clock_timestamp()
  from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[],
              $8::text[], $9::numeric[], $10::bigint[])
       u(account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, traded_value, event_count)
  left join analytics.market_prices p on p.symbol = u.symbol and p.currency = u.currency
 order by u.account_id, u.symbol
on conflict (account_id, symbol) do update
   set quantity = excluded.quantity, cost_basis = excluded.cost_basis, realized_pnl = excluded.realized_pnl,
       fees = excluded.fees, multiplier = excluded.multiplier, currency = excluded.currency,
       traded_value = s.traded_value + excluded.traded_value, event_count = s.event_count + excluded.event_count,
       market_price = excluded.market_price, total_value = excluded.total_value,
       unrealized_pnl = excluded.unrealized_pnl, last_updated = excluded.last_updated`

	// sqlRevalue values the positions in symbols whose price changed or is gone. A price in another currency does not
	// count.
	sqlRevalue = `
update analytics.portfolio_summary u
   set (market_price, total_value, unrealized_pnl, last_updated) = (
       select ` + valued + `, clock_timestamp()
         from (select case when m.currency = u.currency then m.price end as price) p)
  from unnest($1::text[]) s(symbol) left join analytics.market_prices m on m.symbol = s.symbol
 where s.symbol = u.symbol and u.symbol = any($1::text[])
   and u.market_price is distinct from case when m.currency = u.currency then m.price end`

	sqlMetrics = `
insert into analytics.performance_metrics as m (
       account_id, strategy, date, currency, total_trades, closing_trades, wins, losses, gross_profit, gross_loss,
       realized_pnl, fees, last_updated)
select u.*, clock_timestamp()
  from unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[])
       u(account_id, strategy, date, currency, total_trades, closing_trades, wins, losses, gross_profit, gross_loss,
         realized_pnl, fees)
 order by u.account_id, u.strategy, u.date, u.currency
on conflict (account_id, strategy, date, currency) do update
   set total_trades = m.total_trades + excluded.total_trades,
       closing_trades = m.closing_trades + excluded.closing_trades,
       wins = m.wins + excluded.wins, losses = m.losses + excluded.losses,
       gross_profit = m.gross_profit + excluded.gross_profit, gross_loss = m.gross_loss + excluded.gross_loss,
       realized_pnl = m.realized_pnl + excluded.realized_pnl, fees = m.fees + excluded.fees,
       last_updated = excluded.last_updated`
)

// Rows that nothing is left of are removed, after every trade of theirs was undone or cancelled.
const (
	sqlEmptySummaries = `delete from analytics.portfolio_summary where account_id = any($1::text[]) and event_count = 0
   and quantity = 0 and cost_basis = 0 and realized_pnl = 0`
	sqlEmptyMetrics = `delete from analytics.performance_metrics where account_id = any($1::text[]) and total_trades = 0
   and gross_profit = 0 and gross_loss = 0 and fees = 0`
)

// write adds the sums to the stored figures, in one round trip.
func (f *fold) write(ctx context.Context, tx *postgres.Tx) error {
	batch := f.statements()
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

// deferWrite has the transaction add the sums to the stored figures when it commits, in the same round trip.
func (f *fold) deferWrite(tx *postgres.Tx) {
	for _, q := range f.statements().QueuedQueries {
		tx.Last(q.SQL, q.Arguments...)
	}
}

// statements returns the statements that add the sums to the stored figures.
func (f *fold) statements() *pgx.Batch {
	batch := &pgx.Batch{}
	f.queuePrices(batch)
	f.queueSummaries(batch)
	f.queueMetrics(batch)
	f.queueEmpty(batch)
	return batch
}

func (f *fold) queueEmpty(batch *pgx.Batch) {
	if !f.undone {
		return
	}
	accounts := map[string]bool{}
	for key := range f.summaries {
		accounts[key.account] = true
	}
	touched := slices.Sorted(maps.Keys(accounts))
	batch.Queue(sqlEmptySummaries, touched)
	batch.Queue(sqlEmptyMetrics, touched)
}

func (f *fold) queuePrices(batch *pgx.Batch) {
	if len(f.prices) == 0 {
		return
	}
	var corrected, symbols, sources, currencies []string
	var prices []blotter.Decimal
	var times []time.Time
	changed := slices.Sorted(maps.Keys(f.prices))
	for _, symbol := range changed {
		change := f.prices[symbol]
		if change.corrects {
			corrected = append(corrected, symbol)
		}
		if p := change.last; p != nil {
			symbols = append(symbols, symbol)
			prices = append(prices, p.Price)
			times = append(times, p.At)
			sources = append(sources, p.Source)
			currencies = append(currencies, p.Currency)
		}
	}

	if len(corrected) > 0 {
		batch.Queue(sqlForgetPrices, corrected)
	}
	if len(symbols) > 0 {
		batch.Queue(sqlPrices, symbols, prices, times, sources, currencies, blotter.PriceAheadMax)
	}
	batch.Queue(sqlRevalue, changed)
}

func (f *fold) queueSummaries(batch *pgx.Batch) {
	if len(f.summaries) == 0 {
		return
	}
	var texts [3][]string
	var numbers [6][]blotter.Decimal
	var counts []int64

	for _, key := range sorted(f.summaries, func(a, b summaryKey) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.symbol, b.symbol))
	}) {
		s := f.summaries[key]
		appendEach(texts[:], s.AccountID, s.Symbol, s.Currency)
		appendEach(numbers[:], s.Quantity, s.CostBasis, s.RealizedPnL, s.Fees, s.Multiplier, s.TradedValue)
		counts = append(counts, s.EventCount)
	}

	batch.Queue(sqlSummaries, texts[0], texts[1], numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], texts[2],
		numbers[5], counts)
}

func (f *fold) queueMetrics(batch *pgx.Batch) {
	if len(f.metrics) == 0 {
		return
	}
	var texts [3][]string
	var dates []time.Time
	var counts [4][]int64
	var numbers [4][]blotter.Decimal

	for _, key := range sorted(f.metrics, func(a, b metricsKey) int {
		return cmp.Or(
			cmp.Compare(a.account, b.account), cmp.Compare(a.strategy, b.strategy),
			cmp.Compare(a.date, b.date), cmp.Compare(a.currency, b.currency),
		)
	}) {
		m := f.metrics[key]
		appendEach(texts[:], m.AccountID, m.Strategy, m.Currency)
		dates = append(dates, m.Date)
		appendEach(counts[:], m.TotalTrades, m.ClosingTrades, m.Wins, m.Losses)
		appendEach(numbers[:], m.GrossProfit, m.GrossLoss, m.RealizedPnL, m.Fees)
	}

	batch.Queue(sqlMetrics, texts[0], texts[1], dates, texts[2], counts[0], counts[1], counts[2], counts[3],
		numbers[0], numbers[1], numbers[2], numbers[3])
}

func appendEach[T any](columns [][]T, values ...T) {
	for i, v := range values {
		columns[i] = append(columns[i], v)
	}
}

func sorted[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

const sqlZones = `select account_id, zone from execution.accounts where account_id = any($1) and zone <> 'UTC'`

// readZones reads the zones of accounts. A zone that this program does not know is an error: a date in another zone
// would give wrong figures.
func readZones(ctx context.Context, q postgres.Querier, accounts []string) (map[string]*time.Location, error) {
	rows, err := q.Query(ctx, sqlZones, accounts)
	if err != nil {
		return nil, err
	}
	return collectZones(rows, func(account, name string) error {
		return blotter.Invalid("zone of account "+account, name, "a zone of the IANA database")
	})
}

// collectZones reads rows of sqlZones, and calls unknown for a zone that this program does not know.
func collectZones(rows pgx.Rows, unknown func(account, name string) error) (map[string]*time.Location, error) {
	zones := map[string]*time.Location{}
	var account, name string
	_, err := pgx.ForEachRow(rows, []any{&account, &name}, func() error {
		zone, err := loadZone(name)
		if err != nil {
			return unknown(account, name)
		}
		zones[account] = zone
		return nil
	})
	return zones, err
}

// loadedZones holds the zones that were loaded, by name: loading one reads a file.
var loadedZones sync.Map

func loadZone(name string) (*time.Location, error) {
	if zone, found := loadedZones.Load(name); found {
		return zone.(*time.Location), nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		loadedZones.Store(name, zone)
	}
	return zone, err
}
