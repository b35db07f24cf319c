package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

const sqlStage = `
create temporary table blotter_bar_stage (
    line bigint, member text, symbol text, timeframe text, timestamp timestamptz,
    open numeric, high numeric, low numeric, close numeric, volume numeric, adj_close numeric, source text
) on commit drop`

// fromStage moves the stage into the table.
func (f *barFile) fromStage(ctx context.Context, tx *Tx) error {
	if err := f.dropContradictions(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "analyze blotter_bar_stage"); err != nil { // for the plans of what follows
		return err
	}

	if !f.im.in.DryRun && !f.im.needs.empty() {
		if _, err := f.im.makePartitions(ctx, nil, partitionWait); err != nil {
			return err
		}
	}
	// The symbols are a parameter, so that the plan reads them by the key even while a new partition has no statistics.
	var symbols []string
	for _, e := range f.events {
		symbols = append(symbols, e.symbol)
	}
	if err := tx.QueryRow(ctx, sqlImportedBefore, f.content.Sum(nil)).Scan(&f.before); err != nil {
		return err
	}
	if err := f.checkOverlap(ctx, tx, symbols); err != nil {
		return err
	}
	return f.storeChanges(ctx, tx, symbols)
}

// dropContradictions quarantines rows that contradict an earlier row of the file.
func (f *barFile) dropContradictions(ctx context.Context, tx *Tx) error {
	if !f.seen.disordered() {
		return nil
	}

	contradictions, err := f.contradictions(ctx, tx)
	if err != nil {
		return err
	}
	f.im.result.Quarantined += contradictions
	if f.im.in.Strict && contradictions > 0 {
		return &blotter.Error{
			Op: "import " + f.im.in.File, Kind: blotter.ErrData,
			Message: fmt.Sprintf("%d rows contradict an earlier row of the same bar; "+
				"import without --strict to quarantine them", contradictions),
		}
	}
	return nil
}

// storeChanges writes new and changed bars, or counts them in a dry run. It repeats that for rows that another session
// wrote meanwhile, which only another statement sees.
func (f *barFile) storeChanges(ctx context.Context, tx *Tx, symbols []string) error {
	sql := sqlStore
	if f.im.in.DryRun {
		sql = sqlCompare
	}
	r := &f.im.result
	r.Inserted = 0

	changes := map[string]*symbolChange{}
	for round := 0; round == 0 || round < 3 && f.missed > 0; round++ {
		if err := f.compare(ctx, tx, sql, symbols, changes); err != nil {
			return err
		}
	}

	f.events = nil
	for _, c := range changes {
		f.events = append(f.events, *c)
	}
	r.Unchanged = r.Read - r.Inserted - r.Updated - r.OtherSource - r.Quarantined
	return nil
}

// sqlContradictions removes rows that repeat an earlier row of their key from the stage, and quarantines those that
// contradict it. The stage has the rows in the order of the file, for an archive member by member.
const sqlContradictions = `
with numbered as (
    select ctid, first_value(ctid) over key as first from blotter_bar_stage
    window key as (partition by symbol, timeframe, timestamp order by ctid)
), removed as (
    delete from blotter_bar_stage s using numbered n where s.ctid = n.ctid and n.ctid <> n.first
    returning s.*, n.first
), contradicting as (
    select r.*, f.line as first_line, f.member as first_member,
           f.open as o, f.high as h, f.low as l, f.close as c, f.volume as v
      from removed r join blotter_bar_stage f on f.ctid = r.first
     where (r.open, r.high, r.low, r.close, r.volume, r.adj_close)
           is distinct from (f.open, f.high, f.low, f.close, f.volume, f.adj_close)
), quarantined as (
    insert into data_ingestion.data_quality_logs (symbol, check_type, message, file, line, raw_row)
    select symbol, 'contradiction', 'contradicts line ' || first_line || ' of ' || coalesce(first_member, 'the file')
               || ': open ' || o || ', high ' || h || ', low ' || l || ', close ' || c || ', volume ' || v,
           concat_ws('/', $1::text, member), line, concat_ws(',', timestamp, open, high, low, close, volume, adj_close)
      from contradicting where $2
     order by line
    on conflict do nothing
)
select count(*) from contradicting`

// contradictions returns how many rows contradict an earlier one.
func (f *barFile) contradictions(ctx context.Context, tx *Tx) (n int64, err error) {
	err = tx.QueryRow(ctx, sqlContradictions, f.im.in.File, !f.im.in.DryRun).Scan(&n)
	return n, err
}

// differingRows selects the staged rows that are not in the table with the same values.
const differingRows = `
with differing as materialized (
    select s.symbol, s.timeframe, s.timestamp, s.open, s.high, s.low, s.close, s.volume, s.adj_close, s.source,
           m.symbol is not null as stored,
           m.symbol is not null and (m.source = s.source and not $5 or s.source = $1) as ours
      from blotter_bar_stage s
      left join data_ingestion.market_data m
        on m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp = s.timestamp
       and m.timestamp between $2 and $3 and m.symbol = any($4)
     where m.symbol is null or (m.open, m.high, m.low, m.close, m.volume, m.adj_close)
           is distinct from (s.open, s.high, s.low, s.close, s.volume, s.adj_close)
)`

// sqlStore moves the stage into market_data. It inserts new bars, and updates changed bars of the same (or the
// preferred) source unless the same file was imported before. Equal bars and those of other sources stay. It writes
// keys in order, so that two imports do not deadlock. The fourth count is of rows that another session wrote since the
// statement began.
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
           is distinct from (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume,
                             excluded.adj_close)
    returning symbol, timeframe, timestamp
)
select symbol, count(w.symbol) filter (where not stored), count(w.symbol) filter (where stored),
       count(*) filter (where stored and not ours), count(*) filter (where w.symbol is null and (ours or not stored)),
       min(w.timestamp), max(w.timestamp)
  from differing left join written w using (symbol, timeframe, timestamp)
 group by symbol`

// sqlCompare counts what sqlStore would do.
const sqlCompare = differingRows + `
select symbol, count(*) filter (where not stored), count(*) filter (where ours),
       count(*) filter (where stored and not ours), 0,
       min(timestamp), max(timestamp)
  from differing group by symbol`

// symbolChange counts the bars of a symbol that an import changed.
type symbolChange struct {
	symbol            string
	inserted, updated int64
	from, to          time.Time
}

// symbolsByKey is the most symbols of a file whose bars are looked up symbol by symbol. More are read by their range of
// time only: comparing each stored bar with a list of 6,000 symbols took 20 s.
const symbolsByKey = 200

// compare runs sqlStore or sqlCompare and adds its counts to the result and to changes.
func (f *barFile) compare(
	ctx context.Context, tx *Tx, sql string, symbols []string, changes map[string]*symbolChange,
) error {
	if len(symbols) > symbolsByKey {
		sql = strings.Replace(sql, "m.symbol = any($4)", "$4::text[] is null", 1)
		symbols = nil
	}
	r := &f.im.result
	rows, err := tx.Query(ctx, sql, f.im.in.Prefer, r.From, r.To, symbols, f.before)
	if err != nil {
		return err
	}
	defer rows.Close()

	r.OtherSource = 0
	f.missed = 0
	for rows.Next() {
		var c symbolChange
		var other, missed int64
		var from, to *time.Time
		if err := rows.Scan(&c.symbol, &c.inserted, &c.updated, &other, &missed, &from, &to); err != nil {
			return err
		}

		r.Inserted += c.inserted
		r.Updated += c.updated
		r.OtherSource += other
		f.missed += missed
		if c.inserted+c.updated > 0 {
			c.from = *from
			c.to = *to
			c.merge(changes[c.symbol])
			changes[c.symbol] = &c
		}
	}
	return rows.Err()
}

// merge adds an earlier change of the symbol, which may be nil.
func (c *symbolChange) merge(earlier *symbolChange) {
	if earlier == nil {
		return
	}

	c.inserted += earlier.inserted
	c.updated += earlier.updated
	if earlier.from.Before(c.from) {
		c.from = earlier.from
	}
	if earlier.to.After(c.to) {
		c.to = earlier.to
	}
}
