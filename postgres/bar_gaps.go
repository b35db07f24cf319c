package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
	"github.com/jackc/pgx/v5"
)

// Gap is a run of days on which other symbols have bars and a symbol has none.
type Gap struct {
	From time.Time `json:"from"` // first missing day, midnight UTC
	To   time.Time `json:"to"`   // last missing day
	Days int       `json:"days"` // missing days; days on which no symbol has bars do not count
}

// sqlOwnDays lists the days from a symbol's first bar to its last, and whether it has bars on them. Each day is one
// index lookup. Days are those of the zone $5.
const sqlOwnDays = `
with symbol as (
    select (select min(timestamp) from data_ingestion.market_data
             where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4) as first,
           (select max(timestamp) from data_ingestion.market_data
             where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4) as last
)
select d::date, exists (
           select from data_ingestion.market_data m
            where m.symbol = $1 and m.timeframe = $2
              and m.timestamp >= d at time zone $5 and m.timestamp < (d + interval '1 day') at time zone $5
              and m.timestamp >= $3 and m.timestamp < $4)
  from symbol, generate_series(date_trunc('day', first at time zone $5), last at time zone $5, interval '1 day') d
 order by d`

// sqlOthersDays lists the days among $1 on which another symbol of the calendars $6 has bars.
const sqlOthersDays = `
select d
  from unnest($1::date[]) d
 where exists (
       select from data_ingestion.market_data m join data_ingestion.instruments i on i.symbol = m.symbol
        where m.timestamp >= d::timestamp at time zone $5 and m.timestamp < (d + 1)::timestamp at time zone $5
          and m.timeframe = $2 and m.timestamp >= $3 and m.timestamp < $4
          and case when $6 = '' then i.calendar <> 'all_days' else i.calendar = $6 end)
 order by d`

const sqlCalendar = `select calendar, 'calendar' = any(stated) from data_ingestion.instruments where symbol = $1`

// Gaps lists the days, between a symbol's first and last bar in the filter's range, on which other symbols have bars of
// that timeframe and it has none. Weekends and holidays of its exchange do not count. The exchange follows from the
// symbol or, failing that, from the days on which it has bars. For symbols that trade on all days, every day counts.
// ErrNotFound if there are no bars of the symbol.
func (db *DB) Gaps(ctx context.Context, f BarFilter) (gaps []Gap, err error) {
	if err := f.prepare(); err != nil {
		return nil, err
	}

	err = db.ReadOnly(ctx, func(s *Session) error {
		days, zone, err := ownDays(ctx, s, f)
		if err != nil {
			return err
		}
		if len(days) == 0 {
			return noBars(f.Symbol, f.Timeframe)
		}

		market, err := marketOf(ctx, s, f.Symbol, days)
		if err != nil {
			return err
		}

		var missing []time.Time
		for _, d := range days {
			if !d.own && market.trades(d.date) {
				missing = append(missing, d.date)
			}
		}
		if len(missing) == 0 {
			return nil
		}

		others, err := othersDays(ctx, s, f, missing, zone, market.peers)
		if err != nil {
			return err
		}
		gaps = runsOf(days, others)
		return nil
	})
	return gaps, err
}

// barDay is a day and whether a symbol has bars on it.
type barDay struct {
	date time.Time // midnight UTC of the date
	own  bool
}

// ownDays lists the days from a symbol's first bar to its last, for intraday bars in the zone of its exchange.
func ownDays(ctx context.Context, s *Session, f BarFilter) (days []barDay, zone string, err error) {
	zone = "UTC"
	length, _, _ := blotter.TimeframeLength(f.Timeframe)
	if listed := exchange.OfSymbol(f.Symbol); listed != nil && length > 0 && length < day {
		zone = listed.Zone
	}

	rows, err := s.Query(ctx, sqlOwnDays, f.Symbol, f.Timeframe, f.From, f.To, zone)
	if err != nil {
		return nil, "", err
	}
	days, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d barDay, err error) {
		err = row.Scan(&d.date, &d.own)
		return d, err
	})
	return days, zone, err
}

// othersDays returns the days among missing on which other symbols have bars.
func othersDays(
	ctx context.Context, s *Session, f BarFilter, missing []time.Time, zone, peers string,
) (map[time.Time]bool, error) {
	rows, err := s.Query(ctx, sqlOthersDays, missing, f.Timeframe, f.From, f.To, zone, peers)
	if err != nil {
		return nil, err
	}

	others := map[time.Time]bool{}
	var date time.Time
	_, err = pgx.ForEachRow(rows, []any{&date}, func() error {
		others[date.UTC()] = true
		return nil
	})
	return others, err
}

// runsOf joins missing days into gaps; a day with bars ends a gap.
func runsOf(days []barDay, others map[time.Time]bool) (gaps []Gap) {
	open := false // the previous day that counts is missing

	for _, d := range days {
		date := d.date.UTC()
		switch {
		case d.own:
			open = false
		case others[date] && open:
			last := &gaps[len(gaps)-1]
			last.To = date
			last.Days++
		case others[date]:
			gaps = append(gaps, Gap{date, date, 1})
			open = true
		}
	}
	return gaps
}

// market says when a symbol trades, and which symbols show that it could have traded.
type market struct {
	allDays bool
	listed  *exchange.Exchange // nil if it is not known
	peers   string             // the calendar of the other symbols, "" for all except those that trade on all days
}

// trades reports whether the market is open on a date.
func (m *market) trades(date time.Time) bool {
	switch {
	case m.allDays:
		return true
	case m.listed == nil:
		return date.Weekday() != time.Saturday && date.Weekday() != time.Sunday
	}
	return !m.listed.IsWeekend(date.Weekday()) && !m.listed.IsHoliday(date)
}

// marketOf returns the market of a symbol: the exchange that its calendar or the symbol names. Otherwise, the days on
// which it has bars show whether it trades on all days, and which exchange has its holidays.
func marketOf(ctx context.Context, s *Session, symbol string, days []barDay) (m market, err error) {
	var calendar string
	var stated bool
	err = s.QueryRow(ctx, sqlCalendar, symbol).Scan(&calendar, &stated)
	if err != nil && !errors.Is(err, blotter.ErrNotFound) {
		return m, err
	}

	m.listed = exchange.Named(calendar)
	if m.listed == nil && !stated {
		m.listed = exchange.OfSymbol(symbol)
	}
	if m.listed != nil {
		if !m.listed.HasHolidays() {
			m.peers = m.listed.Code
		}
		return m, nil
	}

	saturdays, spanned := 0, 0
	for _, d := range days {
		if d.date.Weekday() == time.Saturday {
			spanned++
			if d.own {
				saturdays++
			}
		}
	}

	m.allDays = calendar == string(blotter.AllDays)
	if spanned > 1 && !stated {
		m.allDays = 2*saturdays >= spanned // a single bar may be a stray one
	}
	if m.allDays {
		m.peers = string(blotter.AllDays)
		return m, nil
	}

	m.listed = exchangeByDays(days)
	return m, nil
}

// exchangeByDays returns the exchange whose holidays the bars of a symbol keep: New York's if they keep those, because
// most symbols without a suffix are listed there; otherwise the one that explains the most missing days, or nil.
func exchangeByDays(days []barDay) (best *exchange.Exchange) {
	explainsMost := 0
	for _, e := range exchange.All() {
		if !e.HasHolidays() {
			continue
		}

		kept, broken := 0, 0
		for _, d := range days {
			switch {
			case e.IsWeekend(d.date.Weekday()) || !e.IsHoliday(d.date):
			case d.own:
				broken++
			default:
				kept++
			}
		}

		if 4*broken > kept+broken {
			continue
		}
		if e.Code == exchange.US {
			return e
		}
		if kept > explainsMost {
			best = e
			explainsMost = kept
		}
	}
	return best
}

func noBars(symbol, timeframe string) error {
	return &blotter.Error{
		Op: "bars", Kind: blotter.ErrNotFound, Message: "no " + timeframe + " bars of " + symbol + " are stored",
	}
}
