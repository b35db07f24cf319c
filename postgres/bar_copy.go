package postgres

import (
	"context"
	"io"
	"time"
)

const (
	sqlCopyBars = `copy data_ingestion.market_data
    (symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source) from stdin (format binary)`
	sqlCopyStage = `copy blotter_bar_stage from stdin (format binary)`
)

// copyBinary runs a COPY in binary format from a reader.
func (s *Session) copyBinary(ctx context.Context, sql string, from io.Reader) (int64, error) {
	if err := s.ready(ctx, "insert"); err != nil {
		return 0, err
	}
	if err := s.open(ctx); err != nil {
		return 0, err
	}

	tag, err := s.loan.PgConn().CopyFrom(ctx, from, sql)
	return tag.RowsAffected(), s.fail(ctx, err)
}

const sqlMeets = `
select exists (
    select from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) s(symbol, timeframe, first, last),
        lateral (select from data_ingestion.market_data m
                  where m.symbol = s.symbol and m.timeframe = s.timeframe and m.timestamp between s.first and s.last
                    and m.timestamp between $5 and $6 limit 1) stored)`

// meetsNothing reports whether, as far as the beginning of the file shows, no bar of it can be in the table: none of
// its series has a stored bar in the range of the file or, if the file goes on, from its first bar in its direction.
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
		symbols = append(symbols, s.symbol)
		timeframes = append(timeframes, s.timeframe)
		first = append(first, s.from)
		last = append(last, s.to)
		if s.from.Before(from) {
			from = s.from
		}
		if s.to.After(to) {
			to = s.to
		}
	}

	var meets bool
	err := loan.QueryRow(ctx, sqlMeets, symbols, timeframes, first, last, from, to).Scan(&meets)
	return !meets && !(f.whole && seen.disordered()), translate(ctx, "", err)
}
