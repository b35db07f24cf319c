package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// AdjustmentReceipt is the result of an adjustment.
type AdjustmentReceipt struct {
	Outcome    Outcome            // Applied or Duplicate
	Adjustment blotter.Adjustment // as stored, with its effect
	Position   blotter.Position   // as it is now
}

// AdjustPosition makes an adjustment of a position, and computes again what follows from the entries after it, in one
// transaction of the context's scope. A retry is safe: an adjustment is made once.
//
// A split of a position that the account does not have is ErrNotFound. ErrConflict: an adjustment of that id and symbol
// was made before with another content. ErrInvalid: the adjustment is not valid, or not one of the position. It moves
// the position to another symbol, which the book cannot do yet. Or more than 100,000 entries come after it.
func (db *DB) AdjustPosition(ctx context.Context, a blotter.Adjustment) (receipt AdjustmentReceipt, err error) {
	err = db.Transaction(ctx, func(tx *Tx) error {
		receipt, err = tx.AdjustPosition(ctx, a)
		return err
	})
	if err != nil {
		return AdjustmentReceipt{}, err
	}
	return receipt, nil
}

// AdjustPosition works like DB.AdjustPosition, as a part of the transaction. The position stays locked until it ends.
func (tx *Tx) AdjustPosition(ctx context.Context, a blotter.Adjustment) (receipt AdjustmentReceipt, err error) {
	scope, _ := blotter.ScopeOf(ctx)
	if err := resolveAccount(&a.AccountID, scope); err != nil {
		return receipt, err
	}
	a.EffectiveAt = a.EffectiveAt.UTC().Truncate(time.Microsecond)
	if err := a.Check(); err != nil {
		return receipt, err
	}
	if a.ToSymbol != "" || a.FromSymbol != "" {
		return receipt, blotter.Invalid("kind", string(a.Kind), "split, reverse_split, stock_dividend, transfer_in, "+
			"transfer_out or opening: a position cannot move to another symbol yet")
	}

	position, err := tx.lockAdjusted(ctx, &a)
	if err != nil {
		return receipt, err
	}
	stored, err := collect(ctx, tx, Adjustments, sqlStoredAdjustment, a.AccountID, a.AdjustmentID, a.Symbol)
	if err != nil {
		return receipt, err
	}
	if len(stored) > 0 {
		return duplicateAdjustment(&a, &stored[0], position)
	}

	// It is folded first: what is refused leaves nothing in the transaction.
	arriving := a
	r := &refold{
		key: positionKey(position), since: a.EffectiveAt, identity: *position,
		cause:       blotter.RefoldCause{Kind: "adjustment", IDs: []string{a.AdjustmentID}},
		adjustments: []*blotter.Adjustment{&arriving},
	}
	if err := r.fold(ctx, tx); err != nil {
		return receipt, err
	}
	if err := tx.insertAdjustment(ctx, &a, position); err != nil {
		return receipt, err
	}
	if err := tx.writeRefold(ctx, r); err != nil {
		return receipt, err
	}

	stored, err = collect(ctx, tx, Adjustments, sqlStoredAdjustment, a.AccountID, a.AdjustmentID, a.Symbol)
	if err != nil {
		return receipt, err
	}
	return AdjustmentReceipt{Outcome: Applied, Adjustment: stored[0], Position: r.after}, nil
}

var (
	sqlLockPosition = sqlBookPosition + forUpdate

	sqlStoredAdjustment = `select ` + Adjustments.columnList() + ` from execution.position_adjustments
 where account_id = $1 and adjustment_id = $2 and symbol = $3`
)

// sqlCreatePosition creates a flat position, unless another session is first.
const sqlCreatePosition = `
insert into execution.positions (account_id, symbol, multiplier, currency, version) values ($1, $2, $3, $4, 0)
on conflict do nothing`

// lockAdjusted locks the position that is adjusted. A transfer in or an opening may create it.
func (tx *Tx) lockAdjusted(ctx context.Context, a *blotter.Adjustment) (*blotter.Position, error) {
	for created := false; ; created = true {
		found, err := collect(ctx, tx, Positions, sqlLockPosition, a.AccountID, a.Symbol)
		switch {
		case err != nil:
			return nil, err
		case len(found) > 0:
			return &found[0], nil
		case created:
			return nil, fmt.Errorf("position %s of %s was removed meanwhile", a.Symbol, a.AccountID)
		case a.Kind != blotter.TransferIn && a.Kind != blotter.TransferOut && a.Kind != blotter.Opening:
			return nil, &blotter.Error{
				Op: "adjust position", Kind: blotter.ErrNotFound,
				Message: fmt.Sprintf("account %s has no position in %s", a.AccountID, a.Symbol),
			}
		}

		if err := tx.createPosition(ctx, a); err != nil {
			return nil, err
		}
	}
}

// createPosition creates a flat position with the facts of the adjustment, or those of the instrument and the account.
func (tx *Tx) createPosition(ctx context.Context, a *blotter.Adjustment) error {
	t := blotter.Trade{AccountID: a.AccountID, Symbol: a.Symbol, Multiplier: a.Multiplier, Currency: a.Currency}
	t.Price = blotter.MustDecimal("1")
	reader := &bookReader{querier: tx, rows: &bookRows{}}
	if err := reader.readFirst(ctx, []*blotter.Trade{&t}); err != nil {
		return err
	}
	d := &decision{rows: reader.rows, trades: []blotter.Trade{t}, booking: &booking{options: []ExecuteOption{0}}}
	if _, err := d.positionOf(0); err != nil {
		return err
	}

	t = d.trades[0]
	setDefault(&t.Currency, "USD")
	if t.Multiplier.IsZero() {
		t.Multiplier = blotter.MustDecimal("1")
	}
	_, err := tx.Exec(ctx, sqlCreatePosition, t.AccountID, t.Symbol, t.Multiplier, t.Currency)
	return err
}

func duplicateAdjustment(a, stored *blotter.Adjustment, p *blotter.Position) (AdjustmentReceipt, error) {
	if fields := a.Differences(*stored); len(fields) > 0 {
		return AdjustmentReceipt{Outcome: Conflict}, &blotter.Error{
			Op: "adjust position", Kind: blotter.ErrConflict,
			Message: fmt.Sprintf("adjustment %s of %s was made already, with another %s", a.AdjustmentID, a.Symbol,
				strings.Join(fields, ", ")),
		}
	}
	return AdjustmentReceipt{Outcome: Duplicate, Adjustment: *stored, Position: *p}, nil
}

const sqlInsertAdjustment = `
insert into execution.position_adjustments (account_id, adjustment_id, symbol, kind, effective_at, ratio_new, ratio_old,
       fractions, cash, quantity, cost_basis, to_symbol, from_symbol, other_party, currency, multiplier, note)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`

// insertAdjustment stores the facts of an adjustment. The function execution.refold computes the rest.
func (tx *Tx) insertAdjustment(ctx context.Context, a *blotter.Adjustment, p *blotter.Position) error {
	_, checked, _, err := (blotter.Position{
		AccountID: p.AccountID, Symbol: p.Symbol, Multiplier: p.Multiplier, Currency: p.Currency, Base: p.Base,
	}).Adjust(*a)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlInsertAdjustment, a.AccountID, a.AdjustmentID, a.Symbol, a.Kind, a.EffectiveAt,
		checked.New, checked.Old, checked.Fractions, a.Cash, a.Quantity, a.CostBasis, a.ToSymbol, a.FromSymbol,
		a.OtherParty, p.Currency, p.Multiplier, a.Note)
	return err
}

const sqlMoveRefolded = `
update execution.positions
   set quantity = $3, cost_basis = $4, realized_pnl = $5, fees = $6, opened_at = $7, max_quantity = $8, life_pnl = $9,
       life_fees = $10, life_trades = $11, strategy = $12, last_at = $13, last_seq = $14, stale_since = null,
       version = version + 1, last_updated = now()
 where account_id = $1 and symbol = $2`

// refold folds a locked position again, and writes the position and what follows from its entries.
func (tx *Tx) refold(ctx context.Context, r *refold) error {
	if err := r.fold(ctx, tx); err != nil {
		return err
	}
	return tx.writeRefold(ctx, r)
}

// writeRefold writes a folded position and what follows from its entries.
func (tx *Tx) writeRefold(ctx context.Context, r *refold) error {
	p := &r.after
	_, err := tx.Exec(ctx, sqlMoveRefolded, p.AccountID, p.Symbol, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees,
		p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy, p.LastAt, p.LastSeq)
	if err != nil {
		return err
	}
	p.Version++
	tx.db.books.forget(nil, []bookKey{r.key})

	if err := tx.writeEvents(ctx); err != nil {
		return err
	}
	return r.write(ctx, tx)
}
