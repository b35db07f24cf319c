package postgres

import (
	"context"

	"github.com/blotterdb/blotter"
)

type TradeFilter struct{}

func (db *DB) Trades(ctx context.Context, f TradeFilter) (list []blotter.Trade, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		list, err = Trades.Find(ctx, s, Asc("id"))
		return err
	})
	return list, err
}
