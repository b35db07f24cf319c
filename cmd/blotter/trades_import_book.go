package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
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

// instrument looks up what is known of a symbol, for fills of which the file does not tell it: what was stated of the
// instrument, otherwise what the account's position has.
func (i *fillImport) instrument(ctx context.Context) func(symbol string) (fillfile.Instrument, error) {
	return func(symbol string) (known fillfile.Instrument, err error) {
		db, err := i.open(ctx)
		if err != nil {
			return known, err
		}
		ctx := blotter.WithAllAccounts(ctx)
		if i.with.Account != "" {
			held, err := db.Positions(ctx, postgres.PositionFilter{Account: i.with.Account, Symbol: symbol})
			if err != nil {
				return known, err
			}
			for _, p := range held {
				known = fillfile.Instrument{Currency: p.Currency, Multiplier: p.Multiplier}
			}
		}
		facts, err := db.Instruments(ctx, []string{symbol})
		if err != nil {
			return known, err
		}
		if currency := facts[symbol].Currency; currency != nil {
			known.Currency = *currency
		}
		if multiplier := facts[symbol].Multiplier; multiplier != nil {
			known.Multiplier = *multiplier
		}
		return known, nil
	}
}

// settle completes the fills of one file: an option's fill of which the file tells no multiplier has the one of its other
// fills. What the file, the instruments and the options leave open is an error that says which flag answers.
func (i *fillImport) settle(path string, fills []fillOf) error {
	multipliers := map[string]blotter.Decimal{}
	for _, f := range fills {
		if !f.Multiplier.IsZero() {
			multipliers[f.Symbol] = f.Multiplier
		}
	}

	var noMultiplier, noCurrency []string
	for n := range fills {
		f := &fills[n]
		if told, found := multipliers[f.Symbol]; found && f.NoMultiplier {
			f.Multiplier, f.NoMultiplier = told, false
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
		return fmt.Errorf("%s: it does not tell the currency of its prices (%s); say --currency, as in --currency USD, or blotter instruments set %s --currency USD",
			path, listed(noCurrency), quoted(noCurrency[0]))
	case len(noMultiplier) > 0:
		return fmt.Errorf("%s: it does not tell what a price of %s is multiplied with; say --multiplier, as in --multiplier 100, or blotter instruments set %s --multiplier 100",
			path, listed(noMultiplier), quoted(noMultiplier[0]))
	}
	return nil
}

// listed names at most five symbols.
func listed(symbols []string) string {
	if len(symbols) > 5 {
		return strings.Join(symbols[:5], ", ") + fmt.Sprintf(" and %d more", len(symbols)-5)
	}
	return strings.Join(symbols, ", ")
}

// quoted is a symbol as a shell takes it.
func quoted(symbol string) string {
	if strings.ContainsAny(symbol, " $&;'\"<>|()*?") {
		return "'" + strings.ReplaceAll(symbol, "'", `'\''`) + "'"
	}
	return symbol
}

// bookAll books the fills in batches, in the order of their execution. A fill that ends a position whose side the file does
// not tell waits until all before it are booked: what is open then tells it.
func (i *fillImport) bookAll(ctx context.Context, db *postgres.DB, newest map[[2]string]time.Time) error {
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
				i.files[f.file].reject(&blotter.RejectedRow{Line: f.Line, Symbol: f.Symbol, Check: "fill", Reason: err.Error(), Raw: describeFill(f.Fill)})
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

func (i *fillImport) bookBatch(ctx context.Context, db *postgres.DB, batch []fillOf, newest map[[2]string]time.Time) error {
	if len(batch) == 0 {
		return nil
	}
	receipts, err := executeImported(ctx, db, i.imported(batch))
	if err != nil {
		return fmt.Errorf("%w; what is booked stays, repeat the same command to go on", err)
	}
	for n, r := range receipts {
		i.files[batch[n].file].took(batch[n].Fill, r, newest)
		i.parts[partKey{batch[n].file, batch[n].AccountID}].took(r)
	}
	return nil
}

// notOpenError is the end of a position that is not open.
type notOpenError struct{ error }

// closingFill gives a fill that ends a position the side that closes what is open, or that it was booked with before.
func closingFill(ctx context.Context, db *postgres.DB, f fillfile.Fill) (fillfile.Fill, error) {
	booked, err := db.Trades(ctx, postgres.TradeFilter{
		Account: f.AccountID, Symbol: f.Symbol, From: f.ExecutedAt, To: f.ExecutedAt.Add(time.Microsecond),
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

	position, err := db.PositionAsOf(ctx, f.AccountID, f.Symbol, f.ExecutedAt.Add(time.Microsecond))
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
