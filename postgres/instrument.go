package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
)

const (
	sqlMakeInstrument = `insert into data_ingestion.instruments (symbol) values ($1) on conflict do nothing`

	// sqlBookedOtherwise finds a position whose trades were booked with another multiplier or currency. All trades of a
	// position have the same.
	sqlBookedOtherwise = `
select account_id, trim_scale(multiplier)::text, currency
  from execution.positions
 where symbol = $1 and (multiplier <> coalesce($2, multiplier) or currency <> coalesce($3, currency))
 order by account_id
 limit 1`

	// sqlSetInstrument changes the given facts, and does nothing if all were stated before. If a row was written with a
	// multiplier or currency, but without naming them as stated, both become stated facts (Instrument.Facts).
	sqlSetInstrument = `
update data_ingestion.instruments i
   set multiplier = coalesce($2, i.multiplier), currency = coalesce($3, i.currency),
       allows_negative = coalesce($4, i.allows_negative), calendar = coalesce($5, i.calendar),
       asset_class = coalesce($6, i.asset_class), name = coalesce($7, i.name), stated = n.stated
  from (select symbol,
               array(select distinct u.name from unnest(stated || $8::text[]
                   || case when stated = '{}' and (multiplier <> 1 or currency <> 'USD')
                           then array['multiplier', 'currency'] else '{}' end) u(name)
                      order by u.name) as stated
          from data_ingestion.instruments where symbol = $1) n
 where i.symbol = n.symbol
   and (i.multiplier, i.currency, i.allows_negative, i.calendar, i.asset_class, i.name, i.stated)
       is distinct from
       (coalesce($2, i.multiplier), coalesce($3, i.currency), coalesce($4, i.allows_negative), coalesce($5, i.calendar),
        coalesce($6, i.asset_class), coalesce($7, i.name), n.stated)`
)

// SetInstrument states those facts of a symbol that are not nil, and returns the instrument after that. It creates the
// instrument if it does not exist. Instruments do not belong to an account: SetInstrument acts as the service, whatever
// the context's account.
//
// Errors are ErrInvalid for facts that no instrument can have, and ErrConflict for a multiplier or currency that
// differs from booked trades of the symbol.
func (db *DB) SetInstrument(ctx context.Context, facts blotter.InstrumentFacts) (set blotter.Instrument, err error) {
	if err := facts.Check(); err != nil {
		return blotter.Instrument{}, err
	}

	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, sqlMakeInstrument, facts.Symbol); err != nil {
			return err
		}
		if err := checkBooked(ctx, tx, facts); err != nil {
			return err
		}

		_, err := tx.Exec(ctx, sqlSetInstrument, facts.Symbol, facts.Multiplier, facts.Currency, facts.AllowsNegative,
			facts.Calendar, facts.AssetClass, facts.Name, statedColumns(facts))
		if err != nil {
			return err
		}
		set, err = Instruments.Get(ctx, tx, facts.Symbol)
		return err
	})
	return set, err
}

// statedColumns returns the names of the columns that the facts state.
func statedColumns(f blotter.InstrumentFacts) []string {
	columns := []string{}
	add := func(name string, stated bool) {
		if stated {
			columns = append(columns, name)
		}
	}
	add("multiplier", f.Multiplier != nil)
	add("currency", f.Currency != nil)
	add("allows_negative", f.AllowsNegative != nil)
	add("calendar", f.Calendar != nil)
	add("asset_class", f.AssetClass != nil)
	add("name", f.Name != nil)
	return columns
}

// checkBooked refuses a multiplier or currency that differs from booked trades of the symbol: it would hold for later
// trades only.
func checkBooked(ctx context.Context, tx *Tx, facts blotter.InstrumentFacts) error {
	var account, multiplier, currency string
	row := tx.QueryRow(ctx, sqlBookedOtherwise, facts.Symbol, facts.Multiplier, facts.Currency)
	err := row.Scan(&account, &multiplier, &currency)
	switch {
	case errors.Is(err, blotter.ErrNotFound):
		return nil
	case err != nil:
		return err
	}

	return &blotter.Error{
		Op: "set instrument " + facts.Symbol, Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("account %s has trades booked with multiplier %s and currency %s; undo the import that "+
			"booked them (blotter trades imports list), or give a different contract a symbol of its own",
			account, multiplier, currency),
	}
}

// Instruments returns the facts that were stated of each of the symbols. A symbol without stated facts is in the map
// too, with nil facts.
func (db *DB) Instruments(ctx context.Context, symbols []string) (map[string]blotter.InstrumentFacts, error) {
	facts := make(map[string]blotter.InstrumentFacts, len(symbols))
	for _, symbol := range symbols {
		facts[symbol] = blotter.InstrumentFacts{Symbol: symbol}
	}

	err := db.ReadOnly(ctx, func(s *Session) error {
		found, err := collect(ctx, s, Instruments, sqlBookInstruments, symbols)
		for _, i := range found {
			facts[i.Symbol] = i.Facts()
		}
		return err
	})
	return facts, err
}
