package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// BarImport is one import: the bars of one file.
type BarImport struct {
	// File names the origin in the quarantine.
	File string
	// Bars yields the bars. An error that is a *blotter.RejectedRow puts that row into the quarantine; any other error
	// ends the import without effect.
	Bars iter.Seq2[blotter.BarRow, error]
	// Prefer is a source whose bars replace another source's. Default: the bar that was there first stays.
	Prefer string
	// Strict ends the import without effect at the first rejected row.
	Strict bool
}

// ImportResult counts what became of the rows of a file: Read is the sum of the five that follow.
type ImportResult struct {
	Read        int64         `json:"read"`
	Inserted    int64         `json:"inserted"`
	Updated     int64         `json:"updated"`      // same source, different values
	Unchanged   int64         `json:"unchanged"`    // stored already, equal
	OtherSource int64         `json:"other_source"` // stored already with different values from another source, which stay
	Quarantined int64         `json:"quarantined"`
	From        time.Time     `json:"from,omitzero"` // timestamps of the bars read
	To          time.Time     `json:"to,omitzero"`
	Symbols     int64         `json:"symbols"`
	Elapsed     time.Duration `json:"elapsed_ns"`
}

const (
	importTimeout = 30 * time.Minute // bound of one statement of an import
	stageTable    = "blotter_bar_stage"
)

const sqlStage = `
create temporary table blotter_bar_stage (
    line bigint, symbol text, timeframe text, timestamp timestamptz,
    open numeric, high numeric, low numeric, close numeric, volume numeric, adj_close numeric, source text,
    check_type text, message text, raw_row text)`

var stageColumns = []string{
	"line", "symbol", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "adj_close", "source",
	"check_type", "message", "raw_row",
}

// ImportBars stores bars in one transaction: all of the file or nothing. They are copied into a stage, missing
// partitions are made in a transaction of their own, and one statement moves new and changed bars into market_data. A
// second import of the same file writes nothing. It acts as trading_service whatever the context's scope.
func (db *DB) ImportBars(ctx context.Context, in BarImport) (ImportResult, error) {
	start := time.Now()
	loan, err := db.pools[roleService].acquire(ctx)
	if err != nil {
		return ImportResult{}, err
	}
	defer loan.release()
	im := &importer{db: db, loan: loan, in: in}
	err = im.run(ctx)
	im.result.Elapsed = time.Since(start)
	if err != nil {
		db.logFailure(ctx, "import", start, err, nil)
		return ImportResult{}, err
	}
	return im.result, nil
}

// importer is one import on one connection, whose temporary stage goes with the connection's reset.
type importer struct {
	db     *DB
	loan   *loan
	in     BarImport
	result ImportResult
}

func (im *importer) run(ctx context.Context) error {
	if err := im.transaction(ctx, im.stage); err != nil {
		return err
	}
	if im.result.Read > im.result.Quarantined {
		if err := im.transaction(ctx, im.partitions); err != nil {
			return err
		}
	}
	for attempt := 0; ; attempt++ {
		err := im.transaction(ctx, im.store)
		if attempt >= im.db.cfg.MaxRetries || !errors.Is(err, blotter.ErrSerialization) || !pause(ctx, attempt) {
			return err
		}
	}
}

// transaction runs fn in a transaction on the import's own connection.
func (im *importer) transaction(ctx context.Context, fn func(context.Context, *Tx) error) error {
	session := &Session{loan: im.loan, keep: true, start: time.Now(), begin: "begin"}
	tx := &Tx{Session: session, db: im.db, savepoints: new(int)}
	limit := milliseconds(importTimeout)
	_, err := tx.Exec(ctx, "set local statement_timeout = "+limit+"; set local lock_timeout = "+limit)
	if err == nil {
		err = fn(ctx, tx)
	}
	if err != nil {
		tx.rollback(ctx)
		return translate("", err)
	}
	return tx.commit(ctx)
}

// stage copies every row of the file, good or rejected.
func (im *importer) stage(ctx context.Context, tx *Tx) error {
	if _, err := tx.Exec(ctx, sqlStage); err != nil {
		return err
	}
	next, stop := iter.Pull2(im.in.Bars)
	defer stop()
	source := &stageSource{im: im, next: next}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{stageTable}, stageColumns, source)
	if source.panicked != nil {
		tx.rollback(ctx)
		panic(source.panicked)
	}
	if source.err != nil {
		return source.err
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "analyze "+stageTable) // what follows is planned by its size
	return err
}

// stageSource turns the file's bars into rows of the stage.
type stageSource struct {
	im   *importer
	next func() (blotter.BarRow, error, bool)
	row  [14]any
	err  error
	// panicked is what the caller's iterator panicked with. pgx reads rows in a goroutine of its own, where a panic
	// would end the process; it goes on in the caller's.
	panicked any
}

func (s *stageSource) Next() (more bool) {
	defer func() {
		if s.panicked = recover(); s.panicked != nil {
			s.err, more = fmt.Errorf("panic: %v", s.panicked), false
		}
	}()
	bar, err, ok := s.next()
	if !ok {
		return false
	}
	r := &s.im.result
	r.Read++
	if err == nil {
		if r.From.IsZero() || bar.Timestamp.Before(r.From) {
			r.From = bar.Timestamp
		}
		if bar.Timestamp.After(r.To) {
			r.To = bar.Timestamp
		}
		s.row = [14]any{
			cmp.Or(bar.Line, r.Read), bar.Symbol, bar.Timeframe, bar.Timestamp, bar.Open, bar.High, bar.Low, bar.Close, bar.Volume,
			bar.AdjClose, bar.Source, nil, nil, nil,
		}
		return true
	}
	var rejected *blotter.RejectedRow
	if !errors.As(err, &rejected) || s.im.in.Strict {
		s.err = err
		return false
	}
	r.Quarantined++
	s.row = [14]any{
		rejected.Line, storable(rejected.Symbol), nil, nil, nil, nil, nil, nil, nil, nil, nil,
		rejected.Check, storable(rejected.Reason), storable(rejected.Raw),
	}
	return true
}

// storable is text as PostgreSQL can hold it: what is not UTF-8, or a NUL, becomes a replacement character.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

func (s *stageSource) Values() ([]any, error) { return s.row[:], nil }
func (s *stageSource) Err() error             { return s.err }

// sqlMakePartitions asks for the partitions of the years that the stage has rows in and no partition covers.
const sqlMakePartitions = `
with covered as materialized (
    select range_agg(tstzrange(lower::timestamptz, upper::timestamptz)) as leaves
      from shared.partitions where table_name = 'data_ingestion.market_data'::regclass
), needed as (
    select min(timestamp) as first, max(timestamp) as last
      from blotter_bar_stage where check_type is null
     group by date_trunc('year', timestamp)
)
select shared.ensure_partitions('data_ingestion.market_data', n.first, n.last)
  from needed n, covered c where (c.leaves @> tstzrange(n.first, n.last, '[]')) is not true
 order by n.first`

// partitions makes what is missing, outside of the transaction that stores: made inside, two imports deadlock.
func (im *importer) partitions(ctx context.Context, tx *Tx) error {
	_, err := tx.Exec(ctx, sqlMakePartitions)
	return err
}

// sqlContradictions moves rows that contradict an earlier row of the same key in the file into the quarantine.
const sqlContradictions = `
with numbered as (
    select ctid, first_value(ctid) over key as first from blotter_bar_stage where check_type is null
    window key as (partition by symbol, timeframe, timestamp order by line)
)
update blotter_bar_stage s
   set check_type = case when (s.open, s.high, s.low, s.close, s.volume, s.adj_close)
                is not distinct from (f.open, f.high, f.low, f.close, f.volume, f.adj_close)
            then 'repeated' else 'contradiction' end,
       message = 'contradicts line ' || f.line || ' of the file: open ' || f.open || ', high ' || f.high || ', low ' || f.low
            || ', close ' || f.close || ', volume ' || f.volume,
       raw_row = concat_ws(',', s.timestamp, s.open, s.high, s.low, s.close, s.volume, s.adj_close)
  from numbered n join blotter_bar_stage f on f.ctid = n.first
 where s.ctid = n.ctid and n.ctid <> n.first
returning s.check_type = 'contradiction'`

// sqlStore moves the stage into market_data: new bars are inserted, changed bars of the same (or the preferred) source
// updated, equal bars and other sources' left alone. Keys are written in order, so that two imports do not deadlock.
const sqlStore = `
with staged as materialized (
    select s.symbol, s.timeframe, s.timestamp, s.open, s.high, s.low, s.close, s.volume, s.adj_close, s.source,
           m.symbol is not null as stored, m.source = s.source or s.source = $1 as ours,
           (m.open, m.high, m.low, m.close, m.volume, m.adj_close)
               is distinct from (s.open, s.high, s.low, s.close, s.volume, s.adj_close) as differs
      from blotter_bar_stage s
      left join data_ingestion.market_data m
        on m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp = s.timestamp
       and m.timestamp between $2 and $3 and m.symbol = any($4)
     where s.check_type is null
), written as (
    insert into data_ingestion.market_data as m
           (symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source)
    select symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source
      from staged where not stored or ours and differs
     order by symbol, timeframe, timestamp
    on conflict (symbol, timeframe, timestamp) do update
       set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
           volume = excluded.volume, adj_close = excluded.adj_close, source = excluded.source
     where (m.source = excluded.source or excluded.source = $1)
       and (m.open, m.high, m.low, m.close, m.volume, m.adj_close)
           is distinct from (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.adj_close)
    returning 1
)
select (select count(*) from written),
       count(*) filter (where stored and ours and differs),
       count(*) filter (where stored and not ours and differs)
  from staged`

// sqlInstruments makes the instruments of new symbols; one that has daily bars on weekends trades on all days.
const sqlInstruments = `
insert into data_ingestion.instruments (symbol, calendar)
select symbol, case when bool_or(timeframe <> '1w' and extract(isodow from timestamp at time zone 'UTC') >= 6)
                    then 'all_days' else 'weekdays' end
  from blotter_bar_stage where check_type is null
 group by symbol order by symbol
on conflict do nothing`

// sqlLatestPrices keeps the newest close of each symbol; prices move only forward in time.
const sqlLatestPrices = `
insert into data_ingestion.latest_prices as l (symbol, price, at, source)
select distinct on (m.symbol) m.symbol, m.close, m.timestamp, m.source
  from (select symbol, timeframe, max(timestamp) as timestamp from blotter_bar_stage where check_type is null group by 1, 2) s
  join data_ingestion.market_data m on m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp = s.timestamp
 where m.timestamp between $1 and $2
 order by m.symbol, m.timestamp desc, m.timeframe
on conflict (symbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
 where excluded.at > l.at or excluded.at = l.at and excluded.source = l.source and excluded.price <> l.price`

const sqlQuarantine = `
insert into data_ingestion.data_quality_logs (symbol, check_type, message, file, line, raw_row)
select coalesce(symbol, ''), check_type, message, $1, line, raw_row
  from blotter_bar_stage where check_type <> 'repeated'
 order by line
on conflict do nothing`

const sqlStagedSymbols = `select array_agg(distinct symbol) from blotter_bar_stage where check_type is null`

// store moves the stage into the tables.
func (im *importer) store(ctx context.Context, tx *Tx) error {
	r := im.result
	rejected := r.Quarantined
	contradictions, err := im.contradictions(ctx, tx)
	if err != nil {
		return err
	}
	// The symbols are a parameter so that the plan reads them by the key even while a new partition has no statistics.
	var symbols []string
	if err := tx.QueryRow(ctx, sqlStagedSymbols).Scan(&symbols); err != nil {
		return err
	}
	r.Symbols = int64(len(symbols))
	var written, changed int64
	batch := &pgx.Batch{}
	batch.Queue(sqlStore, im.in.Prefer, r.From, r.To, symbols).QueryRow(func(row pgx.Row) error {
		return row.Scan(&written, &changed, &r.OtherSource)
	})
	batch.Queue(sqlInstruments)
	batch.Queue(sqlLatestPrices, r.From, r.To)
	batch.Queue(sqlQuarantine, im.in.File)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	r.Quarantined = rejected + contradictions
	r.Updated = min(changed, written)
	r.Inserted = written - r.Updated
	r.Unchanged = r.Read - r.Inserted - r.Updated - r.OtherSource - r.Quarantined
	if im.in.Strict && contradictions > 0 {
		return &blotter.Error{Op: "import " + im.in.File, Kind: blotter.ErrData, Message: fmt.Sprintf("%d rows contradict an earlier row of the same bar; import without --strict to quarantine them", contradictions)}
	}
	im.result = r
	return nil
}

func (im *importer) contradictions(ctx context.Context, tx *Tx) (n int64, err error) {
	rows, err := tx.Query(ctx, sqlContradictions)
	if err != nil {
		return 0, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	for _, contradicts := range found {
		if contradicts {
			n++
		}
	}
	return n, err
}
