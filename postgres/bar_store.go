package postgres

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	sqlCopyBars = `copy data_ingestion.market_data
    (symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source) from stdin (format binary)`
	sqlCopyStage = `copy blotter_bar_stage from stdin (format binary)`
)

const sqlStage = `
create temporary table blotter_bar_stage (
    line bigint, member text, symbol text, timeframe text, timestamp timestamptz,
    open numeric, high numeric, low numeric, close numeric, volume numeric, adj_close numeric, source text) on commit drop`

// copyBinary runs a COPY in binary format from a reader.
func (s *Session) copyBinary(ctx context.Context, sql string, from io.Reader) (int64, error) {
	if err := s.ready(ctx, "insert"); err != nil {
		return 0, err
	}
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	tag, err := s.loan.PgConn().CopyFrom(ctx, from, sql)
	return tag.RowsAffected(), s.fail(err)
}

// span is a range of time, both ends in it.
type span struct{ from, to time.Time }

// spans are ranges that need partitions, one a year.
type spans struct{ byYear map[int]span }

func (s *spans) empty() bool { return len(s.byYear) == 0 }

func (s *spans) add(at time.Time) {
	year := at.UTC().Year()
	known, found := s.byYear[year]
	if !found {
		if s.byYear == nil {
			s.byYear = map[int]span{}
		}
		known = span{at, at}
	}
	if at.Before(known.from) {
		known.from = at
	}
	if at.After(known.to) {
		known.to = at
	}
	s.byYear[year] = known
}

// coverage are the ranges that have partitions, to not included, in order.
type coverage []span

// miss notes the bars that no partition covers, and reports whether there are any.
func (c coverage) miss(bars []blotter.BarRow, needs *spans) (missing bool) {
	var last span
	for i := range bars {
		at := bars[i].Timestamp
		if !at.Before(last.from) && at.Before(last.to) {
			continue
		}
		n, found := slices.BinarySearchFunc(c, at, func(s span, at time.Time) int {
			switch {
			case at.Before(s.from):
				return 1
			case !at.Before(s.to):
				return -1
			}
			return 0
		})
		if found {
			last = c[n]
			continue
		}
		needs.add(at)
		missing = true
	}
	return missing
}

const sqlCoverage = `
select lower::timestamptz, upper::timestamptz from shared.partitions
 where table_name = 'data_ingestion.market_data'::regclass and not detach_pending order by 1`

func (im *importer) coverage(ctx context.Context, loan *loan) (coverage, error) {
	rows, err := loan.Query(ctx, sqlCoverage)
	if err != nil {
		return nil, translate("", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s span, err error) {
		err = row.Scan(&s.from, &s.to)
		return s, err
	})
	return list, translate("", err)
}

// makePartitions makes what the import needs, a transaction a year, on the given connection or on another. Made inside
// the file's transaction, two imports deadlock.
func (im *importer) makePartitions(ctx context.Context, on *loan, wait time.Duration) (coverage, error) {
	if on == nil {
		if im.db.cfg.MaxConns < 2 {
			return nil, partitionBusy(nil)
		}
		other, err := im.db.pools[roleService].acquire(ctx)
		if errors.Is(err, blotter.ErrPoolTimeout) {
			return nil, partitionBusy(err)
		} else if err != nil {
			return nil, err
		}
		defer other.release()
		on = other
	}
	years := make([]span, 0, len(im.needs.byYear))
	for _, s := range im.needs.byYear {
		years = append(years, s)
	}
	slices.SortFunc(years, func(a, b span) int { return a.from.Compare(b.from) })
	for _, year := range years {
		_, err := on.Exec(ctx, "begin; set local lock_timeout = "+milliseconds(cmp.Or(wait, importTimeout)))
		if err == nil {
			_, err = on.Exec(ctx, "select shared.ensure_partitions('data_ingestion.market_data', $1, $2)", year.from, year.to)
		}
		if err == nil {
			_, err = on.Exec(ctx, "commit")
		}
		if err != nil {
			_, _ = on.Exec(context.WithoutCancel(ctx), "rollback")
			failed := translate("", err)
			if wait > 0 && sqlState(failed) == "55P03" {
				return nil, partitionBusy(failed)
			}
			return nil, failed
		}
	}
	im.needs = spans{}
	return im.coverage(ctx, on)
}

// errPartitionBusy: a partition could not be made while rows were in hand.
var errPartitionBusy = errors.New("a partition could not be made beside the import")

func partitionBusy(cause error) error {
	return &blotter.Error{
		Kind: blotter.ErrOperational, SQLState: sqlState(cause), Err: errors.Join(errPartitionBusy, cause),
		Message: "a partition could not be made beside the import; nothing is stored, repeat it",
	}
}

const sqlMeets = `
select exists (
    select from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) s(symbol, timeframe, first, last),
        lateral (select from data_ingestion.market_data m
                  where m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp between s.first and s.last
                    and m.timestamp between $5 and $6 limit 1) stored)`

// meetsNothing reports that no bar of the file can be in the table yet, as far as its beginning tells: none of its
// series has a bar in the range that the file has, or, of a file that goes on, from its first bar in its direction.
func (f *barFile) meetsNothing(ctx context.Context, loan *loan) (bool, error) {
	var seen seriesSet
	for _, b := range f.ahead {
		for i := range b.bars {
			if err := seen.add(&b.bars[i].Bar); err != nil {
				return false, err
			}
		}
	}
	if len(seen.all) == 0 {
		return true, nil
	}
	var symbols, timeframes []string
	var first, last []time.Time
	from, to := latestBar, earliestBar
	for _, s := range seen.all {
		if !f.whole {
			if !s.last.After(s.first) {
				s.from = earliestBar
			}
			if !s.last.Before(s.first) {
				s.to = latestBar
			}
		}
		symbols, timeframes = append(symbols, s.symbol), append(timeframes, s.timeframe)
		first, last = append(first, s.from), append(last, s.to)
		if s.from.Before(from) {
			from = s.from
		}
		if s.to.After(to) {
			to = s.to
		}
	}
	var meets bool
	err := loan.QueryRow(ctx, sqlMeets, symbols, timeframes, first, last, from, to).Scan(&meets)
	return !meets && !(f.whole && seen.disordered()), translate("", err)
}

// sqlContradictions takes rows that repeat an earlier row of their key out of the stage, and those that contradict it
// into the quarantine. Rows stand in the stage in the order of the file, of an archive member by member.
const sqlContradictions = `
with numbered as (
    select ctid, first_value(ctid) over key as first from blotter_bar_stage
    window key as (partition by symbol, timeframe, timestamp order by ctid)
), removed as (
    delete from blotter_bar_stage s using numbered n where s.ctid = n.ctid and n.ctid <> n.first
    returning s.*, n.first
), contradicting as (
    select r.*, f.line as first_line, f.member as first_member, f.open as o, f.high as h, f.low as l, f.close as c, f.volume as v
      from removed r join blotter_bar_stage f on f.ctid = r.first
     where (r.open, r.high, r.low, r.close, r.volume, r.adj_close)
           is distinct from (f.open, f.high, f.low, f.close, f.volume, f.adj_close)
), quarantined as (
    insert into data_ingestion.data_quality_logs (symbol, check_type, message, file, line, raw_row)
    select symbol, 'contradiction', 'contradicts line ' || first_line || ' of ' || coalesce(first_member, 'the file') || ': open ' || o || ', high ' || h
               || ', low ' || l || ', close ' || c || ', volume ' || v,
           concat_ws('/', $1::text, member), line, concat_ws(',', timestamp, open, high, low, close, volume, adj_close)
      from contradicting where $2
     order by line
    on conflict do nothing
)
select count(*) from contradicting`

func (f *barFile) contradictions(ctx context.Context, tx *Tx) (n int64, err error) {
	err = tx.QueryRow(ctx, sqlContradictions, f.im.in.File, !f.im.in.DryRun).Scan(&n)
	return n, err
}

// differingRows are the staged rows that the table does not have as they are.
const differingRows = `
with differing as materialized (
    select s.symbol, s.timeframe, s.timestamp, s.open, s.high, s.low, s.close, s.volume, s.adj_close, s.source,
           m.symbol is not null as stored, m.symbol is not null and (m.source = s.source and not $5 or s.source = $1) as ours
      from blotter_bar_stage s
      left join data_ingestion.market_data m
        on m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp = s.timestamp
       and m.timestamp between $2 and $3 and m.symbol = any($4)
     where m.symbol is null or (m.open, m.high, m.low, m.close, m.volume, m.adj_close)
           is distinct from (s.open, s.high, s.low, s.close, s.volume, s.adj_close)
)`

// sqlStore moves the stage into market_data: new bars are inserted, changed bars of the same (or the preferred) source
// updated unless the same file was imported before, equal bars and other sources' left alone. Keys are written in order, so that two imports do not deadlock.
// missed counts rows that somebody else wrote since the statement began.
const sqlStore = differingRows + `, written as (
    insert into data_ingestion.market_data as m
           (symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source)
    select symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source
      from differing where not stored or ours
     order by symbol, timeframe, timestamp
    on conflict (symbol, timeframe, timestamp) do update
       set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
           volume = excluded.volume, adj_close = excluded.adj_close, source = excluded.source
     where (m.source = excluded.source and not $5 or excluded.source = $1)
       and (m.open, m.high, m.low, m.close, m.volume, m.adj_close)
           is distinct from (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.adj_close)
    returning symbol, timeframe, timestamp
)
select symbol, count(w.symbol) filter (where not stored), count(w.symbol) filter (where stored),
       count(*) filter (where stored and not ours), count(*) filter (where w.symbol is null and (ours or not stored)),
       min(w.timestamp), max(w.timestamp)
  from differing left join written w using (symbol, timeframe, timestamp)
 group by symbol`

// sqlCompare counts what sqlStore would do.
const sqlCompare = differingRows + `
select symbol, count(*) filter (where not stored), count(*) filter (where ours), count(*) filter (where stored and not ours), 0,
       min(timestamp), max(timestamp)
  from differing group by symbol`

// symbolChange is what an import changed of a symbol.
type symbolChange struct {
	symbol            string
	inserted, updated int64
	from, to          time.Time
}

// symbolsByKey is the most symbols of a file whose bars are looked up symbol by symbol. More are read by their range of
// time alone: comparing each stored bar with a long list of symbols took 20 s for 6,000 of them.
const symbolsByKey = 200

// compare runs sqlStore or sqlCompare and adds up what it says.
func (f *barFile) compare(ctx context.Context, tx *Tx, sql string, symbols []string, changes map[string]*symbolChange) error {
	r := &f.im.result
	r.OtherSource, f.missed = 0, 0
	if len(symbols) > symbolsByKey {
		sql, symbols = strings.Replace(sql, "m.symbol = any($4)", "$4::text[] is null", 1), nil
	}
	rows, err := tx.Query(ctx, sql, f.im.in.Prefer, r.From, r.To, symbols, f.before)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c symbolChange
		var other, missed int64
		var from, to *time.Time
		if err := rows.Scan(&c.symbol, &c.inserted, &c.updated, &other, &missed, &from, &to); err != nil {
			return err
		}
		r.Inserted, r.Updated, r.OtherSource, f.missed = r.Inserted+c.inserted, r.Updated+c.updated, r.OtherSource+other, f.missed+missed
		if c.inserted+c.updated == 0 {
			continue
		}
		c.from, c.to = *from, *to
		if known := changes[c.symbol]; known != nil {
			c.inserted, c.updated = c.inserted+known.inserted, c.updated+known.updated
			c.from, c.to = minTime(c.from, known.from), maxTime(c.to, known.to)
		}
		changes[c.symbol] = &c
	}
	return rows.Err()
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

const (
	sqlImportedBefore = `select exists (select from data_ingestion.imported_contents where content = $1)`
	sqlImported       = `insert into data_ingestion.imported_contents (content) values ($1) on conflict do nothing`
)

// sqlInstruments makes the instruments of new symbols; one that has bars on Saturdays, of this file or of a later one,
// trades on all days.
const sqlInstruments = `
insert into data_ingestion.instruments as i (symbol, calendar, allows_negative)
select symbol, case when bool_or(saturday) then 'all_days' else 'weekdays' end, bool_or(negative)
  from unnest($1::text[], $2::bool[], $3::bool[]) s(symbol, saturday, negative)
 group by symbol order by symbol
on conflict (symbol) do update set allows_negative = i.allows_negative or excluded.allows_negative,
       calendar = case when excluded.calendar = 'all_days' then 'all_days' else i.calendar end
 where excluded.allows_negative and not i.allows_negative or excluded.calendar = 'all_days' and i.calendar <> 'all_days'`

// newestBars is the newest stored bar of each symbol among those that the file has. As ranges of one instant, and not as
// equal, timestamps are looked up by the key: without statistics, equal ones seem as rare by their own index, which has all
// symbols of a day under one.
const newestBars = `
with newest as materialized (
    select distinct on (m.symbol) m.symbol, m.close, m.timestamp, m.source
      from unnest($1::text[], $2::text[], $3::timestamptz[]) s(symbol, timeframe, timestamp),
           lateral (select * from data_ingestion.market_data m
                     where m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp between s.timestamp and s.timestamp
                       and m.timestamp between $4 and $5 offset 0) m
     order by m.symbol, m.timestamp desc, m.timeframe
)`

// sqlLatestPrices keeps the newest close of each symbol; prices move only forward in time.
const sqlLatestPrices = newestBars + `
insert into data_ingestion.latest_prices as l (symbol, price, at, source)
select symbol, close, timestamp, source from newest order by symbol
on conflict (symbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
 where excluded.at > l.at or excluded.at = l.at and excluded.source = l.source and excluded.price <> l.price`

// sqlEvents tells the rest of the system what changed: one event a symbol.
const sqlEvents = newestBars + `
insert into events.outbox (channel, key, event_id, type, service, correlation_id, data)
select 'market_data', e.symbol, e.id, 'market_data_updated', 'data_ingestion', $6, jsonb_build_object(
           'symbol', e.symbol, 'inserted', e.inserted, 'updated', e.updated,
           'from', to_char(e.first at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'to', to_char(e.last at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'price', n.close::text, 'price_at', to_char(n.timestamp at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'source', n.source)
  from unnest($7::text[], $8::uuid[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[])
           e(symbol, id, inserted, updated, first, last)
  left join newest n using (symbol)
 order by e.symbol`

const sqlQuarantine = `
insert into data_ingestion.data_quality_logs (symbol, check_type, message, file, line, raw_row)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
on conflict do nothing`

// follow writes what depends on the bars: instruments, newest prices, events.
func (f *barFile) follow(ctx context.Context, tx *Tx) error {
	var symbols, timeframes []string
	var saturday, negative []bool
	var newest []time.Time
	for _, s := range f.seen.all {
		symbols, timeframes, newest = append(symbols, s.symbol), append(timeframes, s.timeframe), append(newest, s.to)
		saturday, negative = append(saturday, s.saturday), append(negative, s.negative)
	}
	r := &f.im.result
	batch := &pgx.Batch{}
	batch.Queue(sqlInstruments, symbols, saturday, negative)
	batch.Queue(sqlLatestPrices, symbols, timeframes, newest, r.From, r.To)
	batch.Queue(sqlImported, f.content.Sum(nil)) // late: an import of the same waits here until this one ends
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
			changed, ids = append(changed, e.symbol), append(ids, id)
			inserted, updated = append(inserted, e.inserted), append(updated, e.updated)
			first, last = append(first, e.from), append(last, e.to)
		}
		batch.Queue(sqlEvents, symbols, timeframes, newest, r.From, r.To, blotter.CorrelationOf(ctx),
			changed, ids, inserted, updated, first, last)
	}
	return tx.SendBatch(ctx, batch).Close()
}

const sqlAnalyzeBars = `select shared.analyze_bars($1)`

// AnalyzeBars gathers the planner's statistics of the bars after imports that changed so many rows, if that is a tenth
// of the table or more. Somebody else who does the same is not waited for.
func (db *DB) AnalyzeBars(ctx context.Context, changed int64) error {
	return db.Transaction(blotter.WithAllAccounts(ctx), func(tx *Tx) error {
		if _, err := tx.Exec(ctx, "set local statement_timeout = "+milliseconds(importTimeout)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlAnalyzeBars, changed)
		return err
	})
}
