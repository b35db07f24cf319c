package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/postgres"
)

// open opens the database once.
func (i *fillImport) open(ctx context.Context) (*database, error) {
	if i.db != nil {
		return i.db, nil
	}
	db, err := i.set.open(ctx)
	if err == nil {
		i.db = db
	}
	return db, err
}

func (i *fillImport) close() {
	if i.db != nil {
		i.db.Close()
	}
}

// instrumentLookup returns a function that finds the currency and the multiplier of a symbol for fills without them:
// those that were stated for the instrument, otherwise those of the account's position.
func (i *fillImport) instrumentLookup(ctx context.Context) func(symbol string) (fillfile.Instrument, error) {
	return func(symbol string) (found fillfile.Instrument, err error) {
		db, err := i.open(ctx)
		if err != nil {
			return found, err
		}
		ctx := blotter.WithAllAccounts(ctx)
		if i.opts.Account != "" {
			filter := postgres.PositionFilter{Account: i.opts.Account, Symbol: symbol}
			positions, err := db.Positions(ctx, filter)
			if err != nil {
				return found, err
			}
			for _, p := range positions {
				found = fillfile.Instrument{Currency: p.Currency, Multiplier: p.Multiplier}
			}
		}

		facts, err := db.Instruments(ctx, []string{symbol})
		if err != nil {
			return found, err
		}
		if currency := facts[symbol].Currency; currency != nil {
			found.Currency = *currency
		}
		if multiplier := facts[symbol].Multiplier; multiplier != nil {
			found.Multiplier = *multiplier
		}
		return found, nil
	}
}

// complete completes the fills of one file: an option's fill without a multiplier gets that of the option's other
// fills. A currency or multiplier that stays unknown is an error, which names the flag to set.
func (i *fillImport) complete(path string, fills []fillOf) error {
	multipliers := map[string]blotter.Decimal{}
	for _, f := range fills {
		if !f.Multiplier.IsZero() {
			multipliers[f.Symbol] = f.Multiplier
		}
	}

	var noMultiplier, noCurrency []string
	for n := range fills {
		f := &fills[n]
		if multiplier, isKnown := multipliers[f.Symbol]; isKnown && f.NoMultiplier {
			f.Multiplier = multiplier
			f.NoMultiplier = false
		}
		if f.NoMultiplier && !slices.Contains(noMultiplier, f.Symbol) {
			noMultiplier = append(noMultiplier, f.Symbol)
		}
		if f.Currency == "" && !slices.Contains(noCurrency, f.Symbol) {
			noCurrency = append(noCurrency, f.Symbol)
		}
	}

	switch {
	case len(noCurrency) > 0:
		return fmt.Errorf("%s: the file does not tell the currency of its prices (%s); "+
			"say --currency, as in --currency USD, or blotter instruments set %s --currency USD",
			path, listSymbols(noCurrency), shell.Quote(noCurrency[0]))
	case len(noMultiplier) > 0:
		return fmt.Errorf("%s: the file does not tell the multiplier of %s; "+
			"say --multiplier, as in --multiplier 100, or blotter instruments set %s --multiplier 100",
			path, listSymbols(noMultiplier), shell.Quote(noMultiplier[0]))
	}
	return nil
}

// listSymbols lists at most five symbols.
func listSymbols(symbols []string) string {
	const most = 5
	if len(symbols) > most {
		return strings.Join(symbols[:most], ", ") + fmt.Sprintf(" and %d more", len(symbols)-most)
	}
	return strings.Join(symbols, ", ")
}

// book books the fills in batches, and quarantines those that cannot be booked.
func (i *fillImport) book(ctx context.Context) error {
	begin := time.Now()
	hasRows := slices.ContainsFunc(i.files, func(r *fillResult) bool { return r.Fills+r.Rejected > 0 })
	if i.opts.dryRun || !hasRows {
		return nil
	}
	db, err := i.open(ctx)
	if err != nil {
		return err
	}
	ctx = blotter.WithAllAccounts(ctx)
	if err := i.opts.creation.check(ctx, db.DB, i.fills); err != nil {
		return err
	}
	newest, err := db.NewestTrades(ctx, i.accounts())
	if err != nil {
		return err
	}

	if err := i.beginParts(ctx, db.DB); err != nil {
		return err
	}
	if err := i.bookAll(ctx, db.DB, newest); err != nil {
		return err
	}
	if err := i.finishParts(ctx, db.DB); err != nil {
		return err
	}
	for _, r := range i.files {
		if err := db.Quarantine(ctx, r.File, r.rejected); err != nil {
			return fmt.Errorf("the fills are booked, but rejected rows were not kept: %w", err)
		}
	}
	i.elapsed = time.Since(begin)
	return nil
}

// accounts returns the accounts of the fills.
func (i *fillImport) accounts() []string {
	accounts := map[string]bool{}
	for _, f := range i.fills {
		accounts[f.AccountID] = true
	}
	return slices.Sorted(maps.Keys(accounts))
}

// newestTrades has the time of the newest trade before the import, by account and symbol.
type newestTrades map[[2]string]time.Time

// bookAll books the fills in batches, in the order of their execution. A fill that ends a position, and whose side the
// file does not tell, waits until all fills before it are booked: its side follows from the open position.
func (i *fillImport) bookAll(ctx context.Context, db *postgres.DB, newest newestTrades) error {
	var batch []fillOf
	flush := func() error {
		err := i.bookBatch(ctx, db, batch, newest)
		batch = batch[:0]
		return err
	}

	for _, f := range i.fills {
		if f.Ends {
			if err := flush(); err != nil {
				return err
			}
			closing, err := closingFill(ctx, db, f.Fill)
			if errors.As(err, new(notOpenError)) {
				i.files[f.file].reject(rejectedFill(f.Fill, "fill", err))
				continue
			}
			if err != nil {
				return err
			}
			f.Fill = closing
		}

		batch = append(batch, f)
		if len(batch) == fillsBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (i *fillImport) bookBatch(ctx context.Context, db *postgres.DB, batch []fillOf, newest newestTrades) error {
	if len(batch) == 0 {
		return nil
	}
	trades := make([]postgres.ImportedTrade, len(batch))
	for n, f := range batch {
		trades[n] = postgres.ImportedTrade{Trade: f.Trade, ImportID: i.parts[partKey{f.file, f.AccountID}].id}
	}
	receipts, err := executeImported(ctx, db, trades)
	if err != nil {
		return fmt.Errorf("%w; booked fills stay, run the same command again to continue", err)
	}

	for n, r := range receipts {
		f := batch[n]
		i.files[f.file].countReceipt(f.Fill, r, newest)
		i.parts[partKey{f.file, f.AccountID}].count(r)
	}
	return nil
}

// executeImported books a batch, and repeats that after errors for which it is safe and may help.
func executeImported(
	ctx context.Context, db *postgres.DB, trades []postgres.ImportedTrade,
) (receipts []postgres.Receipt, err error) {
	const retries = 3
	for attempt := 0; ; attempt++ {
		receipts, err = db.ExecuteImported(ctx, trades, postgres.AllowZeroPrice) // files may have prices of zero
		mayHelp := blotter.Retryable(err) || errors.Is(err, blotter.ErrCommitUnknown)
		if err == nil || !mayHelp || attempt == retries || ctx.Err() != nil {
			return receipts, err
		}

		select {
		case <-ctx.Done():
			return receipts, err
		case <-time.After(time.Second << attempt):
		}
	}
}

// countReceipt counts the outcome of a fill.
func (r *fillResult) countReceipt(fill fillfile.Fill, receipt postgres.Receipt, newest newestTrades) {
	switch receipt.Outcome {
	case postgres.Applied:
		r.Booked++
		if fill.ExecutedAt.Before(newest[[2]string{fill.AccountID, fill.Symbol}]) {
			r.Late++
		}

	case postgres.Duplicate:
		r.Duplicates++

	case postgres.Conflict:
		r.Conflicts++
		r.reject(rejectedFill(fill, "conflict", receipt.Err))
		r.Rejected-- // a conflict is not counted as rejected

	default:
		r.reject(rejectedFill(fill, "fill", receipt.Err))
	}
}

// rejectedFill returns the row for the quarantine, with the values that were read.
func rejectedFill(f fillfile.Fill, check string, reason error) *blotter.RejectedRow {
	raw := fmt.Sprintf("%s %s %s %s %s at %s, fee %s %s, %s, id %s",
		f.AccountID, f.Side, f.Quantity, f.Symbol, f.Currency, f.Price, f.Commission, f.CommissionCurrency,
		f.ExecutedAt.UTC().Format(time.RFC3339Nano), f.TradeID)
	return &blotter.RejectedRow{Line: f.Line, Symbol: f.Symbol, Check: check, Reason: reason.Error(), Raw: raw}
}

// notOpenError says that the position that a fill ends is not open.
type notOpenError struct{ error }

// closingFill returns a fill that ends a position with its side: the one that closes the open position, or the one that
// the fill was booked with before.
func closingFill(ctx context.Context, db *postgres.DB, f fillfile.Fill) (fillfile.Fill, error) {
	after := f.ExecutedAt.Add(time.Microsecond)
	booked, err := db.Trades(ctx, postgres.TradeFilter{
		Account: f.AccountID, Symbol: f.Symbol, From: f.ExecutedAt, To: after,
	})
	if err != nil {
		return f, err
	}
	for _, t := range booked {
		if t.TradeID == f.TradeID {
			f.Side = t.Side
			return f, nil
		}
	}

	position, err := db.PositionAsOf(ctx, f.AccountID, f.Symbol, after)
	if err != nil && !errors.Is(err, blotter.ErrNotFound) {
		return f, err
	}
	closing, err := f.Closes(position.Quantity)
	if err != nil {
		return f, notOpenError{err}
	}
	if closing.Multiplier.IsZero() {
		closing.Multiplier = position.Multiplier
	}
	return closing, nil
}
