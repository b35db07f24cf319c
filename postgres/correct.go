package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

// CorrectionReceipt is the result of a correction.
type CorrectionReceipt struct {
	Outcome    Outcome            // Applied or Duplicate
	Correction blotter.Correction // as stored
	Trade      blotter.Trade      // the trade that was cancelled, as it is now
	Replaced   *blotter.Trade     // the trade that replaces it; nil for a bust
	Position   blotter.Position   // as it is now
}

// BustTrade cancels a trade, as the broker did. The trade stays in the book without effect; its order has that much
// less filled. The entries after it are calculated again, in one transaction of the context's scope.
//
// The correction names the trade by TradeID, and by Symbol and Side where several trades have that id. A retry is safe.
// Errors: ErrNotFound for an unknown trade; ErrConflict for a correction of that id with another content, and for a
// trade that another correction has cancelled.
func (db *DB) BustTrade(ctx context.Context, c blotter.Correction) (receipt CorrectionReceipt, err error) {
	c.Kind = blotter.Bust
	return db.correct(ctx, c, nil)
}

// CorrectTrade cancels a trade and books another one in its place. restate is given a copy of the cancelled trade, whose
// TradeID is the correction's id, and changes what the broker restated. It may be called again if the transaction is
// repeated, and must not change the account or the symbol. Otherwise CorrectTrade works like BustTrade.
func (db *DB) CorrectTrade(
	ctx context.Context, c blotter.Correction, restate func(t *blotter.Trade),
) (receipt CorrectionReceipt, err error) {
	c.Kind = blotter.Restate
	return db.correct(ctx, c, restate)
}

func (db *DB) correct(
	ctx context.Context, c blotter.Correction, restate func(t *blotter.Trade),
) (receipt CorrectionReceipt, err error) {
	scope, _ := blotter.ScopeOf(ctx)
	if err := resolveAccount(&c.AccountID, scope); err != nil {
		return receipt, err
	}
	if err := c.Check(); err != nil {
		return receipt, err
	}

	err = db.Transaction(ctx, func(tx *Tx) error {
		x := &correction{tx: tx, Correction: c, restate: restate}
		if err := x.run(ctx); err != nil {
			return err
		}
		receipt = x.receipt
		return nil
	})
	if err != nil {
		return CorrectionReceipt{}, err
	}
	return receipt, nil
}

// correction cancels one trade, within its transaction.
type correction struct {
	blotter.Correction
	tx       *Tx
	restate  func(t *blotter.Trade) // nil for a bust
	restated *blotter.Trade         // nil for a bust
	trade    blotter.Trade          // that is cancelled
	receipt  CorrectionReceipt
}

var (
	sqlStoredCorrection = `select ` + Corrections.columnList() + ` from execution.trade_corrections
 where account_id = $1 and correction_id = $2`

	sqlCorrectionOf = `select ` + Corrections.columnList() + ` from execution.trade_corrections
 where account_id = $1 and trade_id = $2 and symbol = $3 and side = $4`

	sqlTradeNamed = `select ` + Trades.columnList() + ` from execution.trades
 where account_id = $1 and trade_id = $2 and ($3 = '' or symbol = $3) and ($4 = '' or side = $4) limit 2`
)

func (x *correction) run(ctx context.Context) error {
	if err := x.find(ctx); err != nil {
		return err
	}
	if x.trade.OrderID != "" {
		if _, err := x.tx.Exec(ctx, sqlLockOrders, x.AccountID, []string{x.trade.OrderID}); err != nil {
			return err
		}
	}
	positions, err := collect(ctx, x.tx, Positions, sqlLockPosition, x.AccountID, x.Symbol)
	if err != nil {
		return err
	}
	if len(positions) == 0 {
		return x.failed(blotter.ErrNotFound, "there is no position in %s", x.Symbol)
	}
	x.receipt.Position = positions[0]

	known, err := x.known(ctx)
	if known || err != nil {
		return err
	}
	return x.apply(ctx, &positions[0])
}

func (x *correction) failed(kind blotter.Kind, format string, args ...any) error {
	return &blotter.Error{
		Op: "correct trade " + x.TradeID, Kind: kind, Message: fmt.Sprintf(format, args...),
	}
}

// find reads the trade and completes its key.
func (x *correction) find(ctx context.Context) error {
	found, err := collect(ctx, x.tx, Trades, sqlTradeNamed, x.AccountID, x.TradeID, x.Symbol, string(x.Side))
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return x.failed(blotter.ErrNotFound, "account %s has no such trade", x.AccountID)
	case len(found) > 1:
		return x.failed(blotter.ErrInvalid, "several trades have this id; name the symbol and the side")
	}

	x.trade = found[0]
	x.Symbol = x.trade.Symbol
	x.Side = x.trade.Side
	if x.restate == nil {
		return nil
	}

	x.restated = replacementOf(&x.trade, x.CorrectionID)
	x.restate(x.restated)
	x.ReplacedBy = x.restated.TradeID
	if x.restated.AccountID != x.AccountID || x.restated.Symbol != x.Symbol {
		return x.failed(blotter.ErrInvalid, "a correction cannot move a trade to another account or symbol")
	}
	return nil
}

// replacementOf returns a copy of the facts of a trade with another id.
func replacementOf(t *blotter.Trade, id string) *blotter.Trade {
	return &blotter.Trade{
		AccountID: t.AccountID, TradeID: id, OrderID: t.OrderID, Symbol: t.Symbol, Side: t.Side, Quantity: t.Quantity,
		Price: t.Price, Multiplier: t.Multiplier, Currency: t.Currency, Commission: t.Commission,
		CommissionCurrency: t.CommissionCurrency, OtherFees: slices.Clone(t.OtherFees), Strategy: t.Strategy,
		ExecutedAt: t.ExecutedAt, Sequence: t.Sequence, SettlementDate: t.SettlementDate,
	}
}

// known reports whether the correction was made before. It is an error if it differs, or if another correction has
// cancelled the trade.
func (x *correction) known(ctx context.Context) (bool, error) {
	stored, err := collect(ctx, x.tx, Corrections, sqlStoredCorrection, x.AccountID, x.CorrectionID)
	if err != nil {
		return false, err
	}
	if len(stored) == 0 {
		other, err := collect(ctx, x.tx, Corrections, sqlCorrectionOf, x.AccountID, x.TradeID, x.Symbol, x.Side)
		if err == nil && len(other) > 0 {
			remedy := ""
			if by := other[0].ReplacedBy; by != "" {
				remedy = "; correct trade " + by + ", which replaces it"
			}
			err = x.failed(blotter.ErrConflict, "correction %s has cancelled it already%s", other[0].CorrectionID, remedy)
		}
		return false, err
	}

	if fields := x.Differences(stored[0]); len(fields) > 0 {
		return false, x.failed(blotter.ErrConflict, "correction %s was made already, with another %s", x.CorrectionID,
			strings.Join(fields, ", "))
	}
	x.receipt.Outcome = Duplicate
	x.receipt.Correction = stored[0]
	x.receipt.Trade = x.trade
	if x.restated == nil {
		return true, nil
	}

	replacement, err := collect(ctx, x.tx, Trades, sqlTradeNamed, x.AccountID, x.ReplacedBy, x.Symbol,
		string(x.restated.Side))
	if err != nil || len(replacement) == 0 {
		return true, err
	}
	if fields := x.restated.Differences(replacement[0]); len(fields) > 0 {
		return false, x.failed(blotter.ErrConflict, "correction %s was made already, with another %s", x.CorrectionID,
			strings.Join(fields, ", "))
	}
	x.receipt.Replaced = &replacement[0]
	return true, nil
}

const sqlInsertCorrection = `
insert into execution.trade_corrections (account_id, correction_id, symbol, trade_id, side, kind, replaced_by, note)
values ($1, $2, $3, $4, $5, $6, $7, $8)`

// sqlLinkReplacement links the trade that replaces another one to the import of that: undoing it removes both.
const sqlLinkReplacement = `
insert into execution.import_trades (account_id, import_id, symbol, trade_id, side)
select account_id, import_id, symbol, $5, $6 from execution.import_trades
 where account_id = $1 and symbol = $2 and trade_id = $3 and side = $4`

// apply cancels the trade, takes it out of its order, and books the trade that replaces it.
func (x *correction) apply(ctx context.Context, position *blotter.Position) error {
	_, err := x.tx.Exec(ctx, sqlInsertCorrection, x.AccountID, x.CorrectionID, x.Symbol, x.TradeID, x.Side, x.Kind,
		x.ReplacedBy, x.Note)
	if err != nil {
		return err
	}
	x.receipt.Outcome = Applied
	x.receipt.Correction = x.Correction

	r := &refold{
		key: positionKey(position), since: x.trade.ExecutedAt, identity: *position,
		cause:  blotter.RefoldCause{Kind: string(x.Kind), IDs: []string{x.CorrectionID}},
		voided: map[tradeKey]bool{keyOf(&x.trade): true},
	}
	if err := x.tx.refold(ctx, r); err != nil {
		return err
	}
	x.receipt.Position = r.after
	at := slices.IndexFunc(r.written, func(t *blotter.Trade) bool { return t.ID == x.trade.ID })
	x.receipt.Trade = *r.written[at]

	if x.trade.OrderID != "" {
		orders := []string{x.trade.OrderID}
		if _, err := x.tx.Exec(ctx, sqlRestoreOrders, x.AccountID, orders); err != nil {
			return err
		}
		x.tx.db.books.forget([]bookKey{{x.AccountID, x.trade.OrderID}}, nil)
	}
	if x.restated == nil {
		return nil
	}
	return x.replace(ctx)
}

// replace books the trade that replaces the cancelled one.
func (x *correction) replace(ctx context.Context) error {
	booked, err := x.tx.ExecuteTrade(ctx, *x.restated, AllowOverfill, AllowZeroPrice, AdoptOrder)
	if err != nil {
		return err
	}
	if booked.Outcome != Applied {
		return x.failed(blotter.ErrConflict, "trade %s exists already; give the replacement an id of its own",
			x.restated.TradeID)
	}
	_, err = x.tx.Exec(ctx, sqlLinkReplacement, x.AccountID, x.Symbol, x.TradeID, x.Side, x.restated.TradeID,
		booked.Trade.Side)
	if err != nil {
		return err
	}

	x.receipt.Replaced = &booked.Trade
	positions, err := collect(ctx, x.tx, Positions, sqlBookPosition, x.AccountID, x.Symbol)
	if err == nil && len(positions) > 0 {
		x.receipt.Position = positions[0]
	}
	return err
}
