package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
)

// actionsBatchMax is the greatest number of actions that AddActions stores at once.
const actionsBatchMax = 100_000

// similarActionDays is within how many days two changes of shares with one ratio are taken for one change with two
// dates. Vendors disagree about dates, and applying both would multiply a position twice.
const similarActionDays = 14

const (
	// sqlLockActions makes those who add actions wait for each other, so that each sees what the others stored.
	sqlLockActions = `lock table data_ingestion.corporate_actions in share row exclusive mode`

	actionOrder = `order by symbol, ex_date, kind`
)

var (
	sqlActionsOfSymbols = `select ` + CorporateActions.columnList() + ` from data_ingestion.corporate_actions
 where symbol = any($1) ` + actionOrder
	sqlActionsInRange = `select ` + CorporateActions.columnList() + ` from data_ingestion.corporate_actions
 where ($1::text[] = '{}' or symbol = any($1)) and ex_date >= $2 and ex_date < $3 ` + actionOrder
)

// ActionFilter says which corporate actions to read.
type ActionFilter struct {
	Symbols  []string  // nil is all
	From, To time.Time // From <= ex-date < To; zero is unbounded
}

// AddActions stores corporate actions, all of them in one transaction, and answers each in its place. Adding an action
// again changes nothing. An action that contradicts a stored one is a conflict, and the stored one stays: another
// ratio, amount or new symbol on the same day, or a change of shares with the ratio of another one at most 14 days
// away, which would be applied twice. DryRun reports the same and stores nothing.
//
// Actions belong to no account: AddActions acts as the service, whatever the context's account. An invalid action is
// ErrInvalid, and none is stored.
func (db *DB) AddActions(
	ctx context.Context, actions []blotter.CorporateAction, dryRun bool,
) (receipts []blotter.ActionReceipt, err error) {
	if len(actions) > actionsBatchMax {
		return nil, blotter.Invalid("number of actions", len(actions), fmt.Sprintf("at most %d", actionsBatchMax))
	}
	for i := range actions {
		if err := actions[i].Check(); err != nil {
			return nil, err
		}
	}

	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, sqlLockActions); err != nil {
			return err
		}
		stored, err := collect(ctx, tx, CorporateActions, sqlActionsOfSymbols, symbolsOfActions(actions))
		if err != nil {
			return err
		}

		var added []blotter.CorporateAction
		receipts, added = answerActions(actions, stored)
		if dryRun || len(added) == 0 {
			return nil
		}
		_, err = CorporateActions.CopyIn(ctx, tx, added)
		return err
	})
	return receipts, err
}

// symbolsOfActions returns the symbols of the actions, each once.
func symbolsOfActions(actions []blotter.CorporateAction) []string {
	seen := map[string]bool{}
	symbols := []string{}
	for i := range actions {
		if symbol := actions[i].Symbol; !seen[symbol] {
			seen[symbol] = true
			symbols = append(symbols, symbol)
		}
	}
	return symbols
}

// answerActions compares actions with the stored ones and with those before them.
func answerActions(
	actions, stored []blotter.CorporateAction,
) (receipts []blotter.ActionReceipt, added []blotter.CorporateAction) {
	bySymbol := map[string][]blotter.CorporateAction{}
	for _, a := range stored {
		bySymbol[a.Symbol] = append(bySymbol[a.Symbol], a)
	}

	for _, a := range actions {
		a.ExDate = dateOf(a.ExDate)
		receipt := answerAction(&a, bySymbol[a.Symbol])
		if receipt.Outcome == blotter.ActionAdded {
			bySymbol[a.Symbol] = append(bySymbol[a.Symbol], a)
			added = append(added, a)
		}
		receipts = append(receipts, receipt)
	}
	return receipts, added
}

// answerAction compares an action with the stored ones of its symbol.
func answerAction(a *blotter.CorporateAction, stored []blotter.CorporateAction) blotter.ActionReceipt {
	receipt := blotter.ActionReceipt{Action: *a, Outcome: blotter.ActionAdded}
	for i := range stored {
		other := &stored[i]
		bothChange := a.Kind.ChangesShares() && other.Kind.ChangesShares()
		sameSlot := a.ExDate.Equal(other.ExDate) && (a.Kind == other.Kind || bothChange)
		sameRatio := a.RatioNew == other.RatioNew && a.RatioOld == other.RatioOld
		isNear := a.ExDate.Sub(other.ExDate).Abs() <= similarActionDays*day

		switch {
		case sameSlot && a.Says(other):
			receipt.Outcome = blotter.ActionUnchanged
			return receipt
		case sameSlot:
			receipt.Reason = fmt.Sprintf("%s says %s", other.Source, other)
		case bothChange && sameRatio && isNear:
			receipt.Reason = fmt.Sprintf("%s has it as %s; one of the dates is wrong", other.Source, other)
		case a.Kind == blotter.ActionSymbolChange && other.Kind == a.Kind && isNear && a.NewSymbol == other.NewSymbol:
			receipt.Reason = fmt.Sprintf("%s has it as %s; one of the dates is wrong", other.Source, other)
		default:
			continue
		}
		receipt.Outcome = blotter.ActionConflict
		receipt.Stored = other
	}
	return receipt
}

// dateOf returns midnight UTC of the date of t in its own zone.
func dateOf(t time.Time) time.Time {
	year, month, date := t.Date()
	return time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
}

// Actions reads corporate actions by symbol and ex-date.
func (s *Session) Actions(ctx context.Context, f ActionFilter) ([]blotter.CorporateAction, error) {
	if f.Symbols == nil {
		f.Symbols = []string{}
	}
	if f.From.IsZero() {
		f.From = earliestBar
	}
	if f.To.IsZero() {
		f.To = latestBar
	}
	return collect(ctx, s, CorporateActions, sqlActionsInRange, f.Symbols, dateOf(f.From), dateOf(f.To))
}

// Actions reads corporate actions in a read-only session of its own.
func (db *DB) Actions(ctx context.Context, f ActionFilter) (actions []blotter.CorporateAction, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		actions, err = s.Actions(ctx, f)
		return err
	})
	return actions, err
}

// RemoveAction deletes a corporate action, for example a wrong one before the right one is added. It acts as the
// service and is audited. ErrNotFound if there is none.
func (db *DB) RemoveAction(ctx context.Context, symbol string, exDate time.Time, kind blotter.ActionKind) error {
	ctx = blotter.WithAllAccounts(ctx)
	return db.Transaction(ctx, func(tx *Tx) error {
		return CorporateActions.Delete(ctx, tx, symbol, dateOf(exDate), kind)
	})
}
