package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/quagmt/udecimal"
)

// Seam is a place where bars of two sources meet in one series and their prices differ by a factor, for example because
// only one of the two is adjusted for splits.
type Seam struct {
	Symbol    string          `json:"symbol"`
	Timeframe string          `json:"timeframe"`
	At        time.Time       `json:"at"`    // of the last bar before the seam
	Close     blotter.Decimal `json:"close"` // of that bar
	Source    string          `json:"source"`
	Next      time.Time       `json:"next"` // of the first bar after the seam
	Open      blotter.Decimal `json:"open"` // of that bar
	Other     string          `json:"other_source"`
	Factor    blotter.Decimal `json:"factor"` // Open divided by Close, rounded to 4 decimal places
}

// String describes the seam in one line.
func (s *Seam) String() string {
	at := s.At.UTC().Format(time.DateOnly)
	next := s.Next.UTC().Format(time.DateOnly)
	return fmt.Sprintf("%s %s: close %s on %s (source %s), then open %s on %s (source %s), a factor of %s",
		s.Symbol, s.Timeframe, s.Close, at, s.Source, s.Open, next, s.Other, s.Factor)
}

var (
	// jumpMin is the smallest factor at a seam that is not a usual move of a price: the smallest split is 3 for 2.
	jumpMin = udecimal.MustParse("1.4")
	// factorMin is the smallest factor between two sources' closes of the same bars that is more than rounding or
	// another venue.
	factorMin = udecimal.MustParse("1.04")
	one       = udecimal.MustFromInt64(1, 0)
)

// jumps reports whether one of two prices with this ratio is at least least times the other.
func jumps(ratio, least blotter.Decimal) bool {
	inverse, err := one.Div(least)
	return err == nil && ratio.IsPos() && (!ratio.LessThan(least) || !ratio.GreaterThan(inverse))
}

// seamGap is the longest time between two neighbouring bars of short timeframes.
const seamGap = 10 * day

// gapOf returns the longest time between two neighbouring bars of a timeframe.
func gapOf(timeframe string) time.Duration {
	length, months, _ := blotter.TimeframeLength(timeframe)
	return max(seamGap, 5*(length+time.Duration(months)*31*day))
}

// sqlNeighbours reads the stored bars of another source before the first and after the last bar of each series of a
// file, unless the bar at that end of the file is another source's too. The files of a folder may be of several vendors
// although they have one source; $9 treats each of them as a source of its own.
const sqlNeighbours = `
select s.n, p.timestamp, p.close, p.source, n.timestamp, n.open, n.source
  from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::interval[])
           with ordinality s(symbol, timeframe, source, first, last, gap, n)
  left join lateral (
       select timestamp, close, source from data_ingestion.market_data m
        where m.symbol = s.symbol and m.timeframe = s.timeframe
          and m.timestamp < s.first and m.timestamp >= s.first - s.gap
          and m.timestamp between $7 and $8
        order by timestamp desc limit 1) p
    on (p.source <> s.source or $9 and s.source ~ '^(csv|json)(:|$)') and p.close > 0 and not exists (
       select from data_ingestion.market_data m where m.symbol = s.symbol and m.timeframe = s.timeframe
          and m.timestamp = s.first and m.timestamp between $7 and $8 and m.source <> s.source)
  left join lateral (
       select timestamp, open, source from data_ingestion.market_data m
        where m.symbol = s.symbol and m.timeframe = s.timeframe
          and m.timestamp > s.last and m.timestamp <= s.last + s.gap
          and m.timestamp between $7 and $8
        order by timestamp limit 1) n
    on (n.source <> s.source or $9 and s.source ~ '^(csv|json)(:|$)') and n.open > 0 and not exists (
       select from data_ingestion.market_data m where m.symbol = s.symbol and m.timeframe = s.timeframe
          and m.timestamp = s.last and m.timestamp between $7 and $8 and m.source <> s.source)
 where p.timestamp is not null or n.timestamp is not null`

// checkNeighbours refuses the import if its bars would stand beside those of another source with prices of another
// scale.
func (f *barFile) checkNeighbours(ctx context.Context, tx *Tx) error {
	if f.im.in.Splice || f.im.result.Inserted+f.im.result.Updated == 0 {
		return nil
	}

	var symbols, timeframes, sources []string
	var first, last []time.Time
	var gaps []time.Duration
	longest := time.Duration(0)
	for _, s := range f.seen.all {
		gap := gapOf(s.timeframe)
		symbols = append(symbols, s.symbol)
		timeframes = append(timeframes, s.timeframe)
		sources = append(sources, s.source)
		first = append(first, s.from)
		last = append(last, s.to)
		gaps = append(gaps, gap)
		longest = max(longest, gap)
	}

	r := &f.im.result
	rows, err := tx.Query(ctx, sqlNeighbours, symbols, timeframes, sources, first, last, gaps,
		r.From.Add(-longest), r.To.Add(longest), f.im.straight)
	if err != nil {
		return err
	}
	defer rows.Close()

	for rows.Next() {
		var n int
		var before, after *time.Time
		var price, next *blotter.Decimal
		var source, other *string
		if err := rows.Scan(&n, &before, &price, &source, &after, &next, &other); err != nil {
			return err
		}

		s := f.seen.all[n-1]
		if before != nil {
			seam := Seam{At: *before, Close: *price, Source: *source, Next: s.from, Open: s.fromOpen, Other: s.source}
			if err := f.refuseSeam(s, seam); err != nil {
				return err
			}
		}
		if after != nil {
			seam := Seam{At: s.to, Close: s.toClose, Source: s.source, Next: *after, Open: *next, Other: *other}
			if err := f.refuseSeam(s, seam); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

// refuseSeam returns an error if prices jump at a seam.
func (f *barFile) refuseSeam(s *series, seam Seam) error {
	if !seam.Close.IsPos() {
		return nil
	}
	ratio, err := seam.Open.Div(seam.Close)
	if err != nil || !jumps(ratio, jumpMin) {
		return nil //nolint:nilerr // without a ratio there is no factor
	}

	seam.Symbol = s.symbol
	seam.Timeframe = s.timeframe
	seam.Factor = ratio.RoundBank(4)
	return f.refused(fmt.Sprintf("its prices do not continue those that are stored from another source: %s. "+
		"Is one of the two adjusted for splits? %s", seam.String(), seriesRemedy(s.symbol)))
}

// seriesRemedy says what to do about a file whose prices have another scale than the stored ones.
func seriesRemedy(symbol string) string {
	return "Give it a series of its own with --symbol " + ownSeries(symbol) +
		", or store it beside the other with --splice"
}

// ownSeries returns a symbol for a series that does not mix with the one of symbol.
func ownSeries(symbol string) string {
	base, _, _ := strings.Cut(symbol, ":")
	if symbol == base+":ADJ" {
		return base + ":ADJ2"
	}
	return base + ":ADJ"
}

func (f *barFile) refused(message string) error {
	return &blotter.Error{Op: "import " + f.im.in.File, Kind: blotter.ErrInvalid, Message: message}
}

// sqlDiffers lists the symbols of a file with a close that differs from the stored bar of the same key by more than 1
// %. The left joins here and in sqlOverlap are there for the plan: an inner join would begin with the table, whose new
// partitions have no statistics.
const sqlDiffers = `
with compared as materialized (
    select s.symbol, s.close, m.close as stored
      from blotter_bar_stage s
      left join data_ingestion.market_data m
        on m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp = s.timestamp
       and m.timestamp between $1 and $2 and m.symbol = any($3)
)
select distinct symbol from compared
 where stored > 0 and close > 0 and (close > stored * 1.01 or stored > close * 1.01)`

// sqlOverlap compares, for each series, the closes of bars that both the file and the table have: how many there are,
// how many differ, in how many the ranges of prices do not meet, how many ratios are near their median, the median, the
// ratios at both ends, and the worst example.
const sqlOverlap = `
with compared as materialized (
    select s.symbol, s.timeframe, s.timestamp, s.close, m.close as stored, m.source,
           s.low > m.high or s.high < m.low as apart
      from blotter_bar_stage s
      left join data_ingestion.market_data m
        on m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp = s.timestamp
       and m.timestamp between $1 and $2 and m.symbol = any($3)
     where s.symbol = any($3)
), common as materialized (
    select *, round(close / stored, 10) as ratio,
           row_number() over (partition by symbol, timeframe order by timestamp) as n,
           row_number() over (partition by symbol, timeframe order by timestamp desc) as back
      from compared where stored > 0 and close > 0
), middle as (
    select symbol, timeframe, percentile_disc(0.5) within group (order by ratio) as ratio,
           percentile_disc(0.5) within group (order by ratio) filter (where n <= 5) as first,
           percentile_disc(0.5) within group (order by ratio) filter (where back <= 5) as last
      from common group by symbol, timeframe
)
select c.symbol, c.timeframe, count(*),
       count(*) filter (where abs(c.ratio - 1) > 0.01), count(*) filter (where c.apart),
       count(*) filter (where abs(c.ratio - m.ratio) <= m.ratio * 0.02), m.ratio, m.first, m.last,
       (array_agg(c.timestamp order by c.apart desc, abs(c.ratio - 1) desc))[1],
       (array_agg(c.close order by c.apart desc, abs(c.ratio - 1) desc))[1],
       (array_agg(c.stored order by c.apart desc, abs(c.ratio - 1) desc))[1],
       (array_agg(c.source order by c.apart desc, abs(c.ratio - 1) desc))[1]
  from common c join middle m using (symbol, timeframe)
 group by c.symbol, c.timeframe, m.ratio, m.first, m.last
having count(*) filter (where abs(c.ratio - 1) > 0.01) > 0
 order by c.symbol, c.timeframe`

// overlap compares the bars of one series that both the file and the table have.
type overlap struct {
	Symbol, Timeframe               string
	Common, Differing, Apart, Alike int64
	Ratio, First, Last              blotter.Decimal
	At                              time.Time // of the worst example
	Close, Stored                   blotter.Decimal
	Source                          string
}

// commonMin is the smallest number of bars that shows a factor.
const commonMin = 3

// contradicts reports whether the bars are those of another instrument: half of them are nowhere near the stored ones,
// or differ without being a multiple.
func (o *overlap) contradicts() bool {
	if o.scaled() {
		return false
	}
	return 2*o.Apart > o.Common || o.Common >= 5 && 2*o.Differing > o.Common
}

// scaled reports whether nearly all closes are the same multiple of the stored ones.
func (o *overlap) scaled() bool { return o.Common >= commonMin && 10*o.Alike >= 9*o.Common }

// checkOverlap refuses the import if its bars contradict the stored ones of a symbol that is a guess, and if it would
// leave a series whose parts differ by a factor.
func (f *barFile) checkOverlap(ctx context.Context, tx *Tx, symbols []string) error {
	if f.im.in.Splice {
		return nil
	}

	overlaps, err := f.overlaps(ctx, tx, symbols)
	if err != nil {
		return err
	}
	for i := range overlaps {
		o := &overlaps[i]
		if f.im.in.Guessed && f.im.in.Prefer == "" && o.contradicts() {
			return f.refused(o.contradiction())
		}
		if err := f.checkScale(ctx, tx, o); err != nil {
			return err
		}
	}
	return nil
}

// overlaps compares the series of the file whose closes differ from the stored ones.
func (f *barFile) overlaps(ctx context.Context, tx *Tx, symbols []string) ([]overlap, error) {
	sql := sqlDiffers
	if len(symbols) > symbolsByKey {
		sql = strings.Replace(sql, "m.symbol = any($3)", "$3::text[] is null", 1)
		symbols = nil
	}
	r := &f.im.result
	rows, err := tx.Query(ctx, sql, r.From, r.To, symbols)
	if err != nil {
		return nil, err
	}
	differing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(differing) == 0 {
		return nil, err
	}

	if rows, err = tx.Query(ctx, sqlOverlap, r.From, r.To, differing); err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[overlap])
}

// contradiction describes the overlap of a file whose symbol is a wrong guess.
func (o *overlap) contradiction() string {
	return fmt.Sprintf("its symbol %s is a guess from its name, and its prices contradict the stored ones: "+
		"on %s it has the close %s, source %s has %s, and %d of %d bars differ. "+
		"Name the symbol of these prices with --symbol",
		o.Symbol, o.At.UTC().Format(time.DateOnly), o.Close, o.Source, o.Stored, o.Differing, o.Common)
}

// checkScale refuses the import if it would leave a series with parts of two scales.
func (f *barFile) checkScale(ctx context.Context, tx *Tx, o *overlap) error {
	least := factorMin
	if f.updates(o) {
		least = jumpMin // a source may correct its own bars
	}
	isPreferred := o.Source == f.im.in.Prefer // the stored bars stay
	if isPreferred || o.Common < commonMin || !jumps(o.First, least) && !jumps(o.Last, least) {
		return nil
	}
	leaves, err := f.leavesParts(ctx, tx, o, least)
	if err != nil || !leaves {
		return err
	}

	factor := o.Last
	if jumps(o.First, least) {
		factor = o.First
	}
	return f.refused(fmt.Sprintf("its prices of %s are %s times those of source %s in bars that both have "+
		"(on %s, for example, %s and %s), so the series would have two scales. Is one of the two adjusted? %s",
		o.Symbol, factor.RoundBank(4), o.Source, o.At.UTC().Format(time.DateOnly), o.Close, o.Stored,
		seriesRemedy(o.Symbol)))
}

// sqlLeaves reads whether the file has bars of a series that are not stored, and whether bars are stored before or
// after those of the file.
const sqlLeaves = `
select exists (select from blotter_bar_stage s
                where s.symbol = $1 and s.timeframe = $2
                  and not exists (select from data_ingestion.market_data m
                                   where m.symbol = s.symbol and m.timeframe = s.timeframe
                                     and m.timestamp = s.timestamp and m.timestamp between $3 and $4)),
       exists (select from data_ingestion.market_data m where m.symbol = $1 and m.timeframe = $2 and m.timestamp < $3),
       exists (select from data_ingestion.market_data m where m.symbol = $1 and m.timeframe = $2 and m.timestamp > $4)`

// leavesParts reports whether a series would have parts of two scales: stored bars would stay beside new or updated
// ones.
func (f *barFile) leavesParts(ctx context.Context, tx *Tx, o *overlap, least blotter.Decimal) (bool, error) {
	s := f.seen.byKey[[2]string{o.Symbol, o.Timeframe}]
	var more, before, after bool
	row := tx.QueryRow(ctx, sqlLeaves, s.symbol, s.timeframe, s.from, s.to)
	if err := row.Scan(&more, &before, &after); err != nil {
		return false, err
	}
	if f.updates(o) {
		return before && jumps(o.First, least) || after && jumps(o.Last, least), nil
	}
	return more, nil
}

// updates reports whether the bars of the file replace the stored ones.
func (f *barFile) updates(o *overlap) bool {
	source := f.seen.byKey[[2]string{o.Symbol, o.Timeframe}].source
	return o.Source == source && !f.before || source == f.im.in.Prefer
}

// sqlSeams lists the places of a series where the source changes and the price jumps.
const sqlSeams = `
select symbol, timeframe, timestamp, close, source, next, open, other, round(open / close, 4)
  from (select symbol, timeframe, timestamp, close, source,
               lead(timestamp) over w as next, lead(open) over w as open, lead(source) over w as other
          from data_ingestion.market_data
         where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4
        window w as (order by timestamp)) pairs
 where source <> other and close > 0 and open > 0 and next - timestamp <= $5
   and (open >= close * $6 or open * $6 <= close)
 order by timestamp
 limit $7`

// seamsMax is the most seams that Seams lists.
const seamsMax = 100

// Seams lists the places in the filter's range where bars of two sources meet in a series and their prices differ by a
// factor of 1.4 or more, at most 100.
func (db *DB) Seams(ctx context.Context, f BarFilter) (seams []Seam, err error) {
	if err := f.prepare(); err != nil {
		return nil, err
	}
	err = db.ReadOnly(ctx, func(s *Session) error {
		seams, err = SeamsOf(ctx, s, f.Symbol, f.Timeframe, f.From, f.To)
		return err
	})
	return seams, err
}

// SeamsOf lists the seams of one series, like DB.Seams, in a session. A zero time is unbounded.
func SeamsOf(ctx context.Context, q Querier, symbol, timeframe string, from, to time.Time) ([]Seam, error) {
	filter := BarFilter{Symbol: symbol, Timeframe: timeframe, From: from, To: to}
	if err := filter.prepare(); err != nil {
		return nil, err
	}

	rows, err := q.Query(ctx, sqlSeams, filter.Symbol, filter.Timeframe, filter.From, filter.To,
		gapOf(filter.Timeframe), jumpMin, seamsMax)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Seam])
}
