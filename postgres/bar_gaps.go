package postgres

import (
	"context"
	"time"

	"github.com/blotterdb/blotter"
)

// Gap is a run of days on which others have bars and a symbol has none.
type Gap struct {
	From time.Time `json:"from"` // first missing day, midnight UTC
	To   time.Time `json:"to"`   // last missing day
	Days int       `json:"days"` // that are missing: days on which nobody has bars do not count
}

// sqlGapDays lists the days of a symbol's calendar between its first and its last bar, whether it has bars on them and,
// where it has not, whether another symbol of its calendar has. Each day is one look into an index.
const sqlGapDays = `
with symbol as (
    select coalesce((select calendar from data_ingestion.instruments where symbol = $1), 'weekdays') as calendar,
           (select min(timestamp) from data_ingestion.market_data
             where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4) as first,
           (select max(timestamp) from data_ingestion.market_data
             where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4) as last
), days as (
    select calendar, d at time zone 'UTC' as day
      from symbol, generate_series(date_trunc('day', first at time zone 'UTC'), last at time zone 'UTC', interval '1 day') d
     where calendar = 'all_days' or extract(isodow from d) < 6
)
select day, own, not own and exists (
           select from data_ingestion.market_data m join data_ingestion.instruments i on i.symbol = m.symbol
            where m.timestamp >= day and m.timestamp < day + interval '24 hours' and m.timeframe = $2
              and m.timestamp >= $3 and m.timestamp < $4 and i.calendar = days.calendar)
  from days, lateral (select exists (
           select from data_ingestion.market_data m
            where m.symbol = $1 and m.timeframe = $2 and m.timestamp >= day and m.timestamp < day + interval '24 hours'
              and m.timestamp >= $3 and m.timestamp < $4) as own) present
 order by day`

// Gaps lists the days, between a symbol's first and last bar in the filter's range, on which other symbols of its
// calendar have bars of that timeframe and it has none: weekdays, or for symbols that trade on all days every day.
// ErrNotFound where there are no bars of the symbol.
func (db *DB) Gaps(ctx context.Context, f BarFilter) (gaps []Gap, err error) {
	if err := f.prepare(); err != nil {
		return nil, err
	}
	days := 0
	err = db.ReadOnly(ctx, func(s *Session) error {
		rows, err := s.Query(ctx, sqlGapDays, f.Symbol, f.Timeframe, f.From, f.To)
		if err != nil {
			return err
		}
		defer rows.Close()
		open := false // the day before, of those that count, is missing
		for ; rows.Next(); days++ {
			var day time.Time
			var own, others bool
			if err := rows.Scan(&day, &own, &others); err != nil {
				return err
			}
			switch {
			case own:
				open = false
			case others && open:
				last := &gaps[len(gaps)-1]
				last.To, last.Days = day.UTC(), last.Days+1
			case others:
				gaps, open = append(gaps, Gap{day.UTC(), day.UTC(), 1}), true
			}
		}
		return rows.Err()
	})
	if err == nil && days == 0 {
		return nil, noBars(f)
	}
	return gaps, err
}

func noBars(f BarFilter) error {
	return &blotter.Error{Op: "bars", Kind: blotter.ErrNotFound, Message: "no " + f.Timeframe + " bars of " + f.Symbol + " are stored"}
}
