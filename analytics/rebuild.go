package analytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// rebuildTimeout bounds a rebuild and a reconciliation: each reads all trades.
const rebuildTimeout = 30 * time.Minute

const (
	sqlSnapshot = `select pg_current_snapshot()::text`
	// sqlTrades reads the entries of all positions in the book's order: trades that count, and adjustments.
	sqlTrades = `
select account_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency, realized_pnl,
       position_effect, strategy, at, quantity_after, cost_basis_after, realized_pnl_after, fees_after
  from (select account_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
               realized_pnl, position_effect, strategy, executed_at as at, sequence, '' as adjustment_id, id,
               quantity_after, cost_basis_after, realized_pnl_after, fees_after
          from execution.trades where position_effect <> 'void'
        union all
        select account_id, symbol, '', 0, 0, multiplier, currency, 0, currency, realized_pnl,
               'adjust', strategy, effective_at, -1, adjustment_id, 0, quantity_after, cost_basis_after,
               realized_pnl_after, fees_after
          from execution.position_adjustments) entries
 order by account_id, symbol, at, sequence, adjustment_id collate "C", id`
	sqlLatest = `
select l.symbol, l.price, l.at, l.source, coalesce(i.currency, 'USD')
  from data_ingestion.latest_prices l left join data_ingestion.instruments i using (symbol)`
	sqlAllZones  = `select account_id from execution.accounts where zone <> 'UTC'`
	sqlNoSummary = `delete from analytics.portfolio_summary`
	sqlNoMetrics = `delete from analytics.performance_metrics`
	sqlTimeouts  = `
select set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true)`
)

// Rebuilt is the result of Rebuild.
type Rebuilt struct {
	Trades    int64 // that were read
	Summaries int   // rows of portfolio_summary
	Metrics   int   // rows of performance_metrics
	Elapsed   time.Duration
}

// Rebuild computes the analytics again from the trades, beside writers and readers. Readers see the old figures until
// it is done, and events committed meanwhile are folded afterwards, each once. Parked events count as applied.
func (s *Synchronizer) Rebuild(ctx context.Context) (Rebuilt, error) {
	start := time.Now()
	var did Rebuilt
	err := s.consumer.Restart(ctx, rebuildTimeout, func(ctx context.Context, tx *postgres.Tx) (seen string, err error) {
		// The cursor is locked in a READ COMMITTED transaction, which waits for others. The trades are read in another
		// transaction, which sees one instant.
		err = s.cfg.Source.Transaction(ctx, func(source *postgres.Tx) error {
			did = Rebuilt{}
			seen, err = s.rebuild(ctx, source, tx, &did)
			return err
		}, postgres.RepeatableRead, postgres.MaxRetries(0))
		return seen, err
	})

	did.Elapsed = time.Since(start)
	if err == nil {
		s.cfg.Logger.InfoContext(ctx, "analytics were rebuilt",
			"trades", did.Trades, "duration_ms", did.Elapsed.Milliseconds())
	}
	return did, err
}

func (s *Synchronizer) rebuild(ctx context.Context, source, tx *postgres.Tx, did *Rebuilt) (seen string, err error) {
	if _, err = source.Exec(ctx, sqlTimeouts, fmt.Sprint(rebuildTimeout.Milliseconds())); err != nil {
		return "", err
	}
	if err = source.QueryRow(ctx, sqlSnapshot).Scan(&seen); err != nil {
		return "", err
	}

	f, err := foldTrades(ctx, source, did)
	if err != nil {
		return "", err
	}
	if err = s.foldPendingPrices(ctx, source, tx, f, seen); err != nil {
		return "", err
	}

	for _, sql := range []string{sqlNoSummary, sqlNoMetrics} {
		if _, err = tx.Exec(ctx, sql); err != nil {
			return "", err
		}
	}
	did.Summaries = len(f.summaries)
	did.Metrics = len(f.metrics)
	return seen, f.write(ctx, tx)
}

// foldTrades folds all trades and adjustments, and the latest prices.
func foldTrades(ctx context.Context, source *postgres.Tx, did *Rebuilt) (*fold, error) {
	zones, err := allZones(ctx, source)
	if err != nil {
		return nil, err
	}

	f := newFold(zones)
	rows, err := source.Query(ctx, sqlTrades)
	if err != nil {
		return nil, err
	}
	var t blotter.TradeData
	var at time.Time
	p := &t.Position
	_, err = pgx.ForEachRow(rows, []any{
		&t.AccountID, &t.Symbol, &t.Side, &t.Quantity, &t.Price, &t.Multiplier, &t.Currency, &t.Commission,
		&t.CommissionCurrency, &t.RealizedPnL, &t.PositionEffect, &t.Strategy, &at,
		&p.Quantity, &p.CostBasis, &p.RealizedPnL, &p.Fees,
	}, func() error {
		t.ExecutedAt = blotter.EventTime(at)
		if t.Side == "" {
			f.syncAdjustment(&t)
			return nil
		}
		f.syncTradeData(&t)
		f.syncPositionData(&t)
		did.Trades++
		return nil
	})
	if err != nil {
		return nil, err
	}

	if rows, err = source.Query(ctx, sqlLatest); err != nil {
		return nil, err
	}
	var price blotter.MarketPrice
	columns := []any{&price.Symbol, &price.Price, &price.At, &price.Source, &price.Currency}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		last := price
		f.prices[price.Symbol] = &priceChange{last: &last}
		return nil
	})
	return f, err
}

// sqlPendingPrices reads the prices that were published after the cursor's last window, up to a snapshot: the cursor
// moves past them, and without them a corrected price would stay. $1 is what is done, $2 the snapshot.
const sqlPendingPrices = `
select pos, coalesce(account_id, ''), channel, key, type, v, created_at, data
  from events.outbox
 where type = 'market_data_updated' and xid >= pg_snapshot_xmin($1::text::pg_snapshot)
   and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
 order by pos`

// foldPendingPrices folds the prices that the cursor has yet to reach. Prices of the current window may be folded
// again, in order, which does not change the result.
func (s *Synchronizer) foldPendingPrices(ctx context.Context, source, tx *postgres.Tx, f *fold, seen string) error {
	at, err := postgres.EventCursors.Get(ctx, tx, Consumer)
	if errors.Is(err, blotter.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := source.Query(ctx, sqlPendingPrices, at.SnapDone, seen)
	if err != nil {
		return err
	}

	var e blotter.Event
	columns := []any{&e.Pos, &e.AccountID, &e.Channel, &e.Key, &e.Type, &e.V, &e.CreatedAt, (*[]byte)(&e.Data)}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		err := f.event(&e)
		e.Data = nil // a refused event keeps its own
		return err
	})
	if err != nil {
		return err
	}
	return s.noteRefused(ctx, tx, f.refused)
}

func allZones(ctx context.Context, source *postgres.Tx) (map[string]*time.Location, error) {
	rows, err := source.Query(ctx, sqlAllZones)
	if err != nil {
		return nil, err
	}
	accounts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	return readZones(ctx, source, accounts)
}
