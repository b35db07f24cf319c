package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// refold is the work that follows when entries of a position were not the last ones in the book's order: what follows
// from the entries since then is computed again. The position is locked. It is read and folded first, and written after
// the trades that it is about.
type refold struct {
	key    bookKey
	since  time.Time
	cause  blotter.RefoldCause
	trades []*blotter.Trade // that arrive with it, and are written by the caller

	adjustments []*blotter.Adjustment // that arrive with it: their facts are written by the caller
	voided      map[tradeKey]bool     // trades that were cancelled

	identity blotter.Position // with the facts of the position: multiplier, currency, base
	after    blotter.Position
	ended    []blotter.RoundTrip
	written  []*blotter.Trade      // stored trades whose derived columns have changed
	adjusted []*blotter.Adjustment // all adjustments since then
}

// causesMax bounds the ids that an event lists.
const causesMax = 100

// addCause adds the id of an entry to the cause.
func (r *refold) addCause(id string) {
	if len(r.cause.IDs) < causesMax {
		r.cause.IDs = append(r.cause.IDs, id)
	}
}

// noteLate notes that a trade comes before the last entry of its position.
func (d *decision) noteLate(t *blotter.Trade) {
	key := bookKey{t.AccountID, t.Symbol}
	if since, known := d.late[key]; known && !t.ExecutedAt.Before(since) {
		return
	}
	if d.late == nil {
		d.late = map[bookKey]time.Time{}
	}
	d.late[key] = t.ExecutedAt
}

// refold computes the positions with late trades again, in place of what decide computed: each from its first new
// trade, once for all trades of the booking.
func (d *decision) refold(ctx context.Context, q Querier) error {
	for _, key := range slices.SortedFunc(maps.Keys(d.late), bookKey.compare) {
		r := &refold{key: key, since: d.late[key], cause: blotter.RefoldCause{Kind: "late_trade"}}
		for _, i := range d.applied {
			t := &d.trades[i]
			if (bookKey{t.AccountID, t.Symbol}) != key {
				continue
			}
			r.trades = append(r.trades, t)
			r.addCause(t.TradeID)
			if t.ExecutedAt.Before(r.since) {
				r.since = t.ExecutedAt
			}
		}

		position := d.positions[key]
		r.identity = position.Position
		if err := r.fold(ctx, q); err != nil {
			return err
		}

		position.Position = r.after
		d.roundTrips = slices.DeleteFunc(d.roundTrips, func(trip *blotter.RoundTrip) bool {
			return (bookKey{trip.AccountID, trip.Symbol}) == key
		})
		d.refolds = append(d.refolds, r)
	}

	if len(d.refolds) > 0 {
		d.completeLate()
	}
	return nil
}

// completeLate gives the receipts of trades in refolded positions the figures at their places.
func (d *decision) completeLate() {
	for _, i := range d.applied {
		t := &d.trades[i]
		key := bookKey{t.AccountID, t.Symbol}
		if _, late := d.late[key]; !late {
			continue
		}
		r := &d.receipts[i]
		r.Trade = *t
		r.Position = t.PositionAfter()
	}
}

// writeRefolds writes what follows in the positions with late trades, after these. Its events have to come behind those
// of the trades, so events that wait for COMMIT are written now.
func (d *decision) writeRefolds(ctx context.Context, tx *Tx) error {
	if len(d.refolds) == 0 {
		return nil
	}
	if err := tx.writeEvents(ctx); err != nil {
		return err
	}
	for _, r := range d.refolds {
		if err := r.write(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// writeEvents writes the events that wait for COMMIT.
func (tx *Tx) writeEvents(ctx context.Context) error {
	if len(tx.events) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	queueEvents(batch, tx.events)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	tx.events = nil
	tx.booked = true
	return nil
}

var (
	sqlEntryBefore = `
select executed_at, sequence, quantity_after, cost_basis_after, realized_pnl_after, fees_after
  from (select executed_at, sequence, id, quantity_after, cost_basis_after, realized_pnl_after, fees_after
          from (select executed_at, sequence, id, quantity_after, cost_basis_after, realized_pnl_after, fees_after
                  from execution.trades where account_id = $1 and symbol = $2 and executed_at < $3
                 order by executed_at desc, sequence desc, id desc limit 1) t
        union all
        select effective_at, -1, 0, quantity_after, cost_basis_after, realized_pnl_after, fees_after
          from (select effective_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after
                  from execution.position_adjustments where account_id = $1 and symbol = $2 and effective_at < $3
                 order by effective_at desc, adjustment_id collate "C" desc limit 1) a) entries
 order by executed_at desc, sequence desc limit 1`

	sqlLifeBefore = `
select max(at) from (
    select (select executed_at from execution.trades
             where account_id = $1 and symbol = $2 and executed_at < $3 and position_effect in ('open', 'flip')
             order by executed_at desc, sequence desc, id desc limit 1) as at
    union all
    select (select effective_at from execution.position_adjustments
             where account_id = $1 and symbol = $2 and effective_at < $3 and position_effect in ('open', 'flip')
             order by effective_at desc limit 1)) openings`

	sqlEntryTrades = `select ` + Trades.columnList() + ` from execution.trades
 where account_id = $1 and symbol = $2 and executed_at >= $3 order by executed_at, sequence, id limit $4`

	sqlEntryAdjustments = `select ` + Adjustments.columnList() + ` from execution.position_adjustments
 where account_id = $1 and symbol = $2 and effective_at >= $3 order by effective_at, adjustment_id collate "C" limit $4`
)

// fold reads the entries of the position and computes what follows from those since r.since.
func (r *refold) fold(ctx context.Context, q Querier) error {
	start, before, err := r.start(ctx, q)
	if err != nil {
		return err
	}
	entries, err := r.read(ctx, q, start)
	if err != nil {
		return err
	}
	first, _ := slices.BinarySearchFunc(entries, r.since, func(e blotter.Entry, since time.Time) int {
		return e.At().Compare(since)
	})

	// What came before is as it was: it is folded for the life that it began.
	before, _, err = before.Fold(entries[:first])
	if err != nil {
		return err
	}
	r.after, r.ended, err = before.Fold(entries[first:])
	if err != nil {
		return err
	}
	r.after.Version = r.identity.Version
	r.after.CreatedAt = r.identity.CreatedAt
	r.after.LastUpdated = r.identity.LastUpdated
	return nil
}

// start returns the time from which the entries have to be read, and the position before it. If the position is open at
// r.since, this is the time of the entry that began its life: a row has the position after it, but not the life.
func (r *refold) start(ctx context.Context, q Querier) (start time.Time, before blotter.Position, err error) {
	position, found, err := r.positionBefore(ctx, q, r.since)
	if err != nil || !found || position.Quantity.IsZero() {
		return r.since, position, err
	}

	var opened *time.Time
	if err := q.QueryRow(ctx, sqlLifeBefore, r.key.account, r.key.name, r.since).Scan(&opened); err != nil {
		return r.since, position, err
	}
	if opened == nil {
		return r.since, position, nil
	}
	position, _, err = r.positionBefore(ctx, q, *opened)
	return *opened, position, err
}

// positionBefore returns the position before a time, without its life.
func (r *refold) positionBefore(
	ctx context.Context, q Querier, at time.Time,
) (p blotter.Position, found bool, err error) {
	rows, err := q.Query(ctx, sqlEntryBefore, r.key.account, r.key.name, at)
	if err != nil {
		return p, false, err
	}
	p = r.flat()
	values := []any{&p.LastAt, &p.LastSeq, &p.Quantity, &p.CostBasis, &p.RealizedPnL, &p.Fees}
	_, err = pgx.ForEachRow(rows, values, func() error {
		found = true
		return nil
	})
	return p, found, err
}

// flat returns the position without any entry.
func (r *refold) flat() blotter.Position {
	return blotter.Position{
		AccountID: r.key.account, Symbol: r.key.name, Multiplier: r.identity.Multiplier, Currency: r.identity.Currency,
		Base: r.identity.Base,
	}
}

// refoldMax is the most stored entries of a position that are computed again in one transaction.
const refoldMax = 100_000

func (r *refold) tooLong(start time.Time) error {
	return &blotter.Error{
		Op: "fold position " + r.key.name + " of " + r.key.account, Kind: blotter.ErrInvalid,
		Message: fmt.Sprintf("more than %d entries since %s would have to be computed again, which is the most that one "+
			"transaction does; nothing was stored", refoldMax, start.UTC().Format(time.RFC3339)),
	}
}

// read returns the entries from a time on, with those that arrive.
func (r *refold) read(ctx context.Context, q Querier, start time.Time) ([]blotter.Entry, error) {
	var trades []blotter.Trade
	var adjustments []blotter.Adjustment
	batch := &pgx.Batch{}
	batch.Queue(sqlEntryTrades, r.key.account, r.key.name, start, refoldMax+1).Query(func(rows pgx.Rows) (err error) {
		trades, err = scanAll(Trades, rows)
		return err
	})
	batch.Queue(sqlEntryAdjustments, r.key.account, r.key.name, start, refoldMax+1).Query(func(rows pgx.Rows) (err error) {
		adjustments, err = scanAll(Adjustments, rows)
		return err
	})
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}

	if len(trades)+len(adjustments) > refoldMax {
		return nil, r.tooLong(start)
	}

	entries := make([]blotter.Entry, 0, len(trades)+len(adjustments)+len(r.trades)+len(r.adjustments))
	for i := range trades {
		t := &trades[i]
		if r.voided[keyOf(t)] {
			t.PositionEffect = blotter.Voided
		}
		entries = append(entries, blotter.Entry{Trade: t})
		if !t.ExecutedAt.Before(r.since) {
			r.written = append(r.written, t)
		}
	}
	for i := range adjustments {
		entries = append(entries, blotter.Entry{Adjustment: &adjustments[i]})
		if !adjustments[i].EffectiveAt.Before(r.since) {
			r.adjusted = append(r.adjusted, &adjustments[i])
		}
	}
	for _, t := range r.trades {
		entries = append(entries, blotter.Entry{Trade: t})
	}
	for _, a := range r.adjustments {
		entries = append(entries, blotter.Entry{Adjustment: a})
		r.adjusted = append(r.adjusted, a)
	}
	blotter.SortEntries(entries)
	return entries, nil
}

// The arguments of execution.refold.
var (
	refoldedColumns = columns[blotter.Trade]{
		columnOf("executed_at", "timestamptz", func(t *blotter.Trade) time.Time { return t.ExecutedAt }),
		columnOf("sequence", "bigint", func(t *blotter.Trade) int64 { return t.Sequence }),
		columnOf("id", "bigint", func(t *blotter.Trade) int64 { return t.ID }),
		columnOf("position_effect", "text", func(t *blotter.Trade) string { return string(t.PositionEffect) }),
		columnOf("realized_pnl", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.RealizedPnL }),
		columnOf("quantity_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.QuantityAfter }),
		columnOf("cost_basis_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.CostBasisAfter }),
		columnOf("realized_pnl_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.RealizedPnLAfter }),
		columnOf("fees_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.FeesAfter }),
	}
	refoldedTripColumns = roundTripColumns[2:] // without account and symbol
)

const refoldedTradesAt = 5

var (
	refoldedAdjustmentsAt = refoldedTradesAt + len(refoldedColumns)
	refoldedTripsAt       = refoldedAdjustmentsAt + 1

	sqlRefold = `select execution.refold($1, $2, $3, $4::jsonb, ` + refoldedColumns.arrayList(refoldedTradesAt) + `, ` +
		parameter(refoldedAdjustmentsAt) + `::jsonb, ` + refoldedTripColumns.arrayList(refoldedTripsAt) + `)`
)

// write writes what follows from the entries, by the database's function.
func (r *refold) write(ctx context.Context, tx *Tx) error {
	cause, err := json.Marshal(r.cause)
	if err != nil {
		return err
	}
	adjusted, err := json.Marshal(refoldedAdjustments(r.adjusted))
	if err != nil {
		return err
	}

	args := []any{r.key.account, r.key.name, r.since, string(cause)}
	args = refoldedColumns.appendArrays(args, r.written)
	args = append(args, string(adjusted))
	args = refoldedTripColumns.appendArrays(args, pointers(r.ended))
	_, err = tx.Exec(ctx, sqlRefold, args...)
	return err
}

// refoldedAdjustment is the effect of an adjustment, as execution.refold takes it.
type refoldedAdjustment struct {
	ID               string                 `json:"adjustment_id"`
	PositionEffect   blotter.PositionEffect `json:"position_effect"`
	Strategy         string                 `json:"strategy"`
	QuantityChange   blotter.Decimal        `json:"quantity_change"`
	CostChange       blotter.Decimal        `json:"cost_change"`
	RealizedPnL      blotter.Decimal        `json:"realized_pnl"`
	MovedQuantity    blotter.Decimal        `json:"moved_quantity"`
	MovedCost        blotter.Decimal        `json:"moved_cost"`
	MovedOpenedAt    *time.Time             `json:"moved_opened_at"`
	MovedMaxQuantity blotter.Decimal        `json:"moved_max_quantity"`
	MovedPnL         blotter.Decimal        `json:"moved_pnl"`
	MovedFees        blotter.Decimal        `json:"moved_fees"`
	MovedTrades      int64                  `json:"moved_trades"`
	MovedStrategy    string                 `json:"moved_strategy"`
	QuantityAfter    blotter.Decimal        `json:"quantity_after"`
	CostBasisAfter   blotter.Decimal        `json:"cost_basis_after"`
	RealizedPnLAfter blotter.Decimal        `json:"realized_pnl_after"`
	FeesAfter        blotter.Decimal        `json:"fees_after"`
}

func refoldedAdjustments(adjusted []*blotter.Adjustment) []refoldedAdjustment {
	effects := make([]refoldedAdjustment, len(adjusted))
	for i, a := range adjusted {
		effects[i] = refoldedAdjustment{
			ID: a.AdjustmentID, PositionEffect: a.PositionEffect, Strategy: a.Strategy,
			QuantityChange: a.QuantityChange, CostChange: a.CostChange, RealizedPnL: a.RealizedPnL,
			MovedQuantity: a.MovedQuantity, MovedCost: a.MovedCost, MovedOpenedAt: a.MovedOpenedAt,
			MovedMaxQuantity: a.MovedMaxQuantity, MovedPnL: a.MovedPnL, MovedFees: a.MovedFees,
			MovedTrades: a.MovedTrades, MovedStrategy: a.MovedStrategy,
			QuantityAfter: a.QuantityAfter, CostBasisAfter: a.CostBasisAfter, RealizedPnLAfter: a.RealizedPnLAfter,
			FeesAfter: a.FeesAfter,
		}
	}
	return effects
}
