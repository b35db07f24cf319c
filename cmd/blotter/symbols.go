package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// symbolsMax is the greatest number of symbols among which a misspelled one is looked for.
const symbolsMax = 100_000

const (
	sqlKnowsSymbol = `
select exists (select from data_ingestion.instruments where symbol = $1)
    or exists (select from execution.positions where symbol = $1)
    or exists (select from execution.orders where symbol = $1)`
	sqlKnownSymbols = `
select symbol from data_ingestion.instruments
union
select symbol from execution.positions
 order by 1 limit $1`
)

// checkSymbol returns an error if the database has no instrument, position or order with the symbol. An empty symbol
// means all symbols.
func checkSymbol(ctx context.Context, db *postgres.DB, symbol string) error {
	if symbol == "" {
		return nil
	}
	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		var known bool
		if err := s.QueryRow(ctx, sqlKnowsSymbol, symbol).Scan(&known); err != nil || known {
			return err
		}

		rows, err := s.Query(ctx, sqlKnownSymbols, symbolsMax)
		if err != nil {
			return err
		}
		symbols, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		const list = "; blotter bars list and blotter positions list --all show the symbols"
		hint := cmp.Or(didYouMean(symbol, symbols), list)
		text := fmt.Sprintf("there is no symbol %q%s", symbol, hint)
		return &blotter.Error{Kind: blotter.ErrNotFound, Message: text}
	}, postgres.Unlogged)
}
