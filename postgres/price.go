package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// PriceByHand is the source of the prices that SetPrice stores.
const PriceByHand = "manual"

const (
	sqlPriceFacts = `
select coalesce((select currency from data_ingestion.instruments where symbol = $1), 'USD'),
       coalesce((select allows_negative from data_ingestion.instruments where symbol = $1), false)`
	sqlSetPrice = `
insert into data_ingestion.latest_prices (symbol, price, at, source)
select $1, $2, coalesce($3, now()), $4
on conflict (symbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
returning symbol, price, at, source`
	sqlForgetPrice = `
with gone as (delete from data_ingestion.latest_prices where symbol = $1 returning 1)
select exists (select from gone) or exists (select from analytics.market_prices where symbol = $1)`
	sqlPrices = `
select coalesce(l.symbol, m.symbol), l.price, l.at, coalesce(l.source, ''), coalesce(i.currency, 'USD'), m.price, m.at,
       coalesce(m.source, ''), coalesce(m.currency, '')
  from data_ingestion.latest_prices l
  full join analytics.market_prices m on m.symbol = l.symbol
  left join data_ingestion.instruments i on i.symbol = coalesce(l.symbol, m.symbol)
 where $1::text[] = '{}' or coalesce(l.symbol, m.symbol) = any($1)
 order by 1`
)

// SetPrice replaces the last price of a symbol, however new that is, and emits an event, by which analytics in any
// database follow. A zero Price.At means now; the source is PriceByHand. Prices are in the currency of the instrument,
// so a currency other than "" must be that one. SetPrice acts as the service, whatever the context's account, and is
// audited.
//
// Errors: ErrInvalid for a price that is not valid for the symbol, for example below zero if the instrument does not
// allow that, or for a time before 1900 or more than blotter.PriceAheadMax ahead.
func (db *DB) SetPrice(
	ctx context.Context, price blotter.LatestPrice, currency string,
) (set blotter.LatestPrice, err error) {
	data := blotter.PriceData{
		Symbol: price.Symbol, Price: &price.Price, Source: PriceByHand, Correction: blotter.PriceSet,
	}
	var at *time.Time
	if !price.At.IsZero() {
		at = &price.At
		data.PriceAt = (*blotter.EventTime)(at)
	}
	if err := data.Check(time.Now()); err != nil {
		return blotter.LatestPrice{}, err
	}

	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *Tx) error {
		var negative bool
		if err := tx.QueryRow(ctx, sqlPriceFacts, price.Symbol).Scan(&data.Currency, &negative); err != nil {
			return err
		}
		if currency != "" && currency != data.Currency {
			return blotter.Invalid("currency", currency, data.Currency+", that of the instrument "+
				"(blotter instruments set "+price.Symbol+" --currency states another)")
		}
		if price.Price.Sign() <= 0 && !negative {
			return blotter.Invalid("price", price.Price.String(), "a price above 0: the instrument does not allow "+
				"others (blotter instruments set "+price.Symbol+" --allows-negative)")
		}

		row := tx.QueryRow(ctx, sqlSetPrice, price.Symbol, price.Price, at, PriceByHand)
		if err := row.Scan(&set.Symbol, &set.Price, &set.At, &set.Source); err != nil {
			return err
		}
		set.At = set.At.UTC()
		data.PriceAt = (*blotter.EventTime)(&set.At)
		return tx.emitPrice(ctx, &data, "SET PRICE")
	})
	return set, err
}

// ForgetPrice removes the price of a symbol, here and by an event in the analytics of any database, so that the next
// price counts whatever its time. It reports whether this database had a price; the event is emitted in either case.
// ForgetPrice acts as the service, whatever the context's account, and is audited.
func (db *DB) ForgetPrice(ctx context.Context, symbol string) (known bool, err error) {
	data := blotter.PriceData{Symbol: symbol, Source: PriceByHand, Correction: blotter.PriceForgotten}
	if err := data.Check(time.Now()); err != nil {
		return false, err
	}

	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *Tx) error {
		if err := tx.QueryRow(ctx, sqlForgetPrice, symbol).Scan(&known); err != nil {
			return err
		}
		return tx.emitPrice(ctx, &data, "FORGET PRICE")
	})
	return known, err
}

// emitPrice writes the audit entry of a correction and emits its event.
func (tx *Tx) emitPrice(ctx context.Context, data *blotter.PriceData, operation string) error {
	key := map[string]any{"symbol": data.Symbol}
	if data.Price != nil {
		key["price"] = data.Price.String()
		key["at"] = data.PriceAt
	}
	entry, err := json.Marshal(key)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlRecordAccess, "data_ingestion.latest_prices", operation, entry, ""); err != nil {
		return err
	}

	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return tx.Emit(ctx, blotter.Event{
		Channel: blotter.ChannelMarketData, Key: data.Symbol, Type: blotter.MarketDataUpdated,
		Service: blotter.ServiceDataIngestion, Data: encoded,
	})
}

// Prices returns the prices of the symbols, or of all symbols if none is given: the last prices of bars and of
// SetPrice, and the prices by which the analytics value positions, if they are in this database.
func (db *DB) Prices(ctx context.Context, symbols []string) (list []blotter.KnownPrice, err error) {
	if symbols == nil {
		symbols = []string{}
	}
	err = db.ReadOnly(ctx, func(s *Session) error {
		rows, err := s.Query(ctx, sqlPrices, symbols)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[blotter.KnownPrice])
		return err
	})
	return list, err
}
