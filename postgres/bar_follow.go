package postgres

import (
	"context"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	sqlImportedBefore = `select exists (select from data_ingestion.imported_contents where content = $1)`
	sqlImported       = `insert into data_ingestion.imported_contents (content) values ($1) on conflict do nothing`
)

// sqlInstruments makes the instruments of new symbols. Columns that somebody stated stay.
const sqlInstruments = `
insert into data_ingestion.instruments as i (symbol, calendar, allows_negative)
select symbol, calendar, negative
  from unnest($1::text[], $2::text[], $3::bool[]) s(symbol, calendar, negative)
 order by symbol
on conflict (symbol) do update set allows_negative = true
 where excluded.allows_negative and not i.allows_negative and not 'allows_negative' = any(i.stated)`

// sqlCalendars corrects the calendars of instruments that the bars of several weeks show.
const sqlCalendars = `
update data_ingestion.instruments i set calendar = s.calendar
  from (select * from unnest($1::text[], $2::text[]) u(symbol, calendar) order by symbol) s
 where i.symbol = s.symbol and i.calendar <> s.calendar and not 'calendar' = any(i.stated)`

// sqlSources notes the sources of the bars of a series.
const sqlSources = `
insert into data_ingestion.bar_sources (symbol, timeframe, source)
select * from unnest($1::text[], $2::text[], $3::text[]) s(symbol, timeframe, source) order by 1, 2, 3
on conflict do nothing`

// newestBars reads the newest stored bar of each symbol among those of the file. A bar may be in the future but a price
// may not, because it would keep out every price until then; 24 hours is blotter.PriceAheadMax.
//
// Timestamps are compared as ranges of one instant, not as equal, so that the server looks them up by the key. Without
// statistics, equality would seem as selective on the index of timestamps, which has all symbols of a day under one.
const newestBars = `
with newest as materialized (
    select distinct on (m.symbol) m.symbol, m.close, m.timestamp, m.source
      from unnest($1::text[], $2::text[], $3::timestamptz[]) s(symbol, timeframe, timestamp),
           lateral (select * from data_ingestion.market_data m
                     where m.symbol = s.symbol and m.timeframe = s.timeframe
                       and m.timestamp between s.timestamp and s.timestamp
                       and m.timestamp between $4 and $5 and m.timestamp <= now() + interval '24 hours' offset 0) m
     order by m.symbol, m.timestamp desc, m.timeframe
)`

// sqlLatestPrices keeps the newest close of each symbol. A price is replaced only by a later one, unless it is dated
// too far ahead.
const sqlLatestPrices = newestBars + `
insert into data_ingestion.latest_prices as l (symbol, price, at, source)
select symbol, close, timestamp, source from newest order by symbol
on conflict (symbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
 where excluded.at > l.at or l.at > now() + interval '24 hours'
    or excluded.at = l.at and excluded.source = l.source and excluded.price <> l.price`

// sqlEvents writes one event for each symbol that changed.
const sqlEvents = newestBars + `
insert into events.outbox (channel, key, event_id, type, service, correlation_id, data)
select 'market_data', e.symbol, e.id, 'market_data_updated', 'data_ingestion', $6, jsonb_build_object(
           'symbol', e.symbol, 'inserted', e.inserted, 'updated', e.updated,
           'from', to_char(e.first at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'to', to_char(e.last at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'price', n.close::text, 'price_at', to_char(n.timestamp at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'source', n.source, 'currency', coalesce(i.currency, 'USD'))
  from unnest($7::text[], $8::uuid[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[])
           e(symbol, id, inserted, updated, first, last)
  left join newest n using (symbol)
  left join data_ingestion.instruments i using (symbol)
 order by e.symbol`

// follow writes what depends on the bars: instruments, newest prices, events.
func (f *barFile) follow(ctx context.Context, tx *Tx) error {
	var symbols, timeframes, sources []string
	var newest []time.Time
	for _, s := range f.seen.all {
		symbols = append(symbols, s.symbol)
		timeframes = append(timeframes, s.timeframe)
		sources = append(sources, s.source)
		newest = append(newest, s.to)
	}

	r := &f.im.result
	batch := &pgx.Batch{}
	f.queueInstruments(batch)
	if len(f.events) > 0 {
		batch.Queue(sqlSources, symbols, timeframes, sources)
	}
	batch.Queue(sqlLatestPrices, symbols, timeframes, newest, r.From, r.To)
	batch.Queue(sqlImported, f.content.Sum(nil)) // late: another import of the same content waits here

	if len(f.events) > 0 {
		tx.booked = true

		var changed []string
		var ids []uuid.UUID
		var inserted, updated []int64
		var first, last []time.Time
		for _, e := range f.events {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			changed = append(changed, e.symbol)
			ids = append(ids, id)
			inserted = append(inserted, e.inserted)
			updated = append(updated, e.updated)
			first = append(first, e.from)
			last = append(last, e.to)
		}
		batch.Queue(sqlEvents, symbols, timeframes, newest, r.From, r.To, blotter.CorrelationOf(ctx),
			changed, ids, inserted, updated, first, last)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// queueInstruments queues the statements that make the instruments of the file's symbols and correct their calendars.
func (f *barFile) queueInstruments(batch *pgx.Batch) {
	type evidence struct {
		saturdays, spanned int
		negative           bool
	}

	of := map[string]*evidence{}
	var names []string
	for _, s := range f.seen.all {
		e := of[s.symbol]
		if e == nil {
			e = &evidence{}
			of[s.symbol] = e
			names = append(names, s.symbol)
		}
		e.saturdays += s.week.saturdays
		e.spanned += s.week.spanned()
		e.negative = e.negative || s.negative
	}

	var calendars, sureNames, sureCalendars []string
	var negative []bool
	for _, name := range names {
		calendar, sure := calendarOf(name, of[name].saturdays, of[name].spanned)
		calendars = append(calendars, string(calendar))
		negative = append(negative, of[name].negative)
		if sure {
			sureNames = append(sureNames, name)
			sureCalendars = append(sureCalendars, string(calendar))
		}
	}

	batch.Queue(sqlInstruments, names, calendars, negative)
	if len(sureNames) > 0 {
		batch.Queue(sqlCalendars, sureNames, sureCalendars)
	}
}

const sqlAnalyzeBars = `select shared.analyze_bars($1)`

// AnalyzeBars updates the planner's statistics of the bars after imports that changed so many rows, if that is a tenth
// of the table or more. It does not wait for another session that does the same.
func (db *DB) AnalyzeBars(ctx context.Context, changed int64) error {
	return db.Transaction(blotter.WithAllAccounts(ctx), func(tx *Tx) error {
		if _, err := tx.Exec(ctx, "set local statement_timeout = "+connection.Milliseconds(importTimeout)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlAnalyzeBars, changed)
		return err
	})
}
