package postgres

import (
	"cmp"
	"context"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// BarFilter says which bars of one symbol to read.
type BarFilter struct {
	Symbol      string
	Timeframe   blotter.Timeframe // default "1d"
	From, To    time.Time         // From <= timestamp < To; zero is unbounded
	Limit       int               // the most bars; 0 is all
	NewestFirst bool              // default oldest first
	// Resample combines the bars of Timeframe into bars of this longer timeframe, a multiple of it: "1m" into "1h". A
	// bar has the first open, the highest high, the lowest low, the last close and the sum of the volumes. Intervals
	// without bars give none. An interval that From or To cuts is made from the bars that remain.
	Resample blotter.Timeframe
	Zone     string // time zone of days and longer intervals, for example America/New_York; default UTC
	// Adjusted adjusts prices for the corporate actions after each bar, so that the prices before and after a split can
	// be compared. The newest bar keeps its prices. Prices are multiplied by exact fractions and rounded to
	// blotter.AdjustedDigits; volumes are adjusted for splits. AdjClose stays that of the vendor. Bars that show the
	// contrary of what is known of their source are ErrConflict, unless Basis states which prices they are. Adjusted
	// bars within a day require Zone, unless the instrument has the calendar of an exchange. Resample is not allowed.
	Adjusted blotter.BarAdjustment
	Basis    blotter.PriceBasis
}

// The bounds that stand for "unbounded": with a bound the server prunes partitions, without one it does not.
var (
	earliestBar = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	latestBar   = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Symbol and timeframe are not read back with every row: they are those of the filter.
const (
	sqlBarColumns = `select id, timestamp, open, high, low, close, volume, adj_close, source, created_at
  from data_ingestion.market_data where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4 `
	sqlBarsOldest = sqlBarColumns + `order by timestamp limit $5`
	sqlBarsNewest = sqlBarColumns + `order by timestamp desc limit $5`
)

// Bars reads the bars of one symbol.
func (s *Session) Bars(ctx context.Context, f BarFilter) ([]blotter.Bar, error) {
	rows, reader, err := s.queryBars(ctx, &f)
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	var bars collector[blotter.Bar]
	for rows.Next() {
		if err := reader.scan(rows, bars.next()); err != nil {
			return nil, err
		}
	}
	return bars.rows(), rows.Err()
}

// StreamBars yields the bars of one symbol in constant memory. The session serves nothing else meanwhile.
func (s *Session) StreamBars(ctx context.Context, f BarFilter) iter.Seq2[blotter.Bar, error] {
	return func(yield func(blotter.Bar, error) bool) {
		rows, reader, err := s.queryBars(ctx, &f)
		if err != nil {
			yield(blotter.Bar{}, err)
			return
		}
		defer rows.Close()

		for rows.Next() {
			var bar blotter.Bar
			if err := reader.scan(rows, &bar); err != nil {
				yield(blotter.Bar{}, err)
				return
			}
			if !yield(bar, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(blotter.Bar{}, err)
		}
	}
}

// prepare sets the filter's defaults.
func (f *BarFilter) prepare() error {
	if f.Symbol == "" {
		return blotter.Invalid("symbol", f.Symbol, "the symbol of the bars")
	}
	f.Timeframe = cmp.Or(f.Timeframe, "1d")
	if f.From.IsZero() {
		f.From = earliestBar
	}
	if f.To.IsZero() {
		f.To = latestBar
	}
	return nil
}

// queryBars runs the query of a filter, and returns the reader of its rows.
func (s *Session) queryBars(ctx context.Context, f *BarFilter) (pgx.Rows, *barReader, error) {
	if err := f.prepare(); err != nil {
		return nil, nil, err
	}
	adjuster, err := s.adjuster(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	rows, err := s.queryStored(ctx, f)
	return rows, &barReader{filter: f, adjuster: adjuster}, err
}

// queryStored runs the query of a prepared filter.
func (s *Session) queryStored(ctx context.Context, f *BarFilter) (pgx.Rows, error) {
	var limit *int
	if f.Limit > 0 {
		limit = &f.Limit
	}
	if f.Resample != "" && f.Resample != f.Timeframe {
		return s.queryResampled(ctx, f, limit)
	}

	sql := sqlBarsOldest
	if f.NewestFirst {
		sql = sqlBarsNewest
	}
	return s.Query(ctx, sql, f.Symbol, f.Timeframe, f.From, f.To, limit)
}

// barReader reads rows of sqlBarColumns.
type barReader struct {
	filter   *BarFilter
	adjuster *barAdjuster // nil if prices are not adjusted
	source   string       // of the previous row: it is mostly the same, so its text is kept once
	raw      pgtype.DriverBytes
}

func (r *barReader) scan(rows pgx.Rows, b *blotter.Bar) error {
	err := rows.Scan(&b.ID, &b.Timestamp, &b.Open, &b.High, &b.Low, &b.Close, &b.Volume, &b.AdjClose,
		&r.raw, &b.CreatedAt)
	if string(r.raw) != r.source {
		r.source = string(r.raw)
	}
	b.Symbol = r.filter.Symbol
	b.Timeframe = cmp.Or(r.filter.Resample, r.filter.Timeframe)
	b.Source = r.source
	if r.adjuster != nil && err == nil {
		r.adjuster.apply(b)
	}
	return err
}

// Bars reads the bars of one symbol in a read-only session of its own.
func (db *DB) Bars(ctx context.Context, f BarFilter) (bars []blotter.Bar, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		bars, err = s.Bars(ctx, f)
		return err
	})
	return bars, err
}

// LatestBar reads the newest bar of a symbol. ErrNotFound if there is none. The timeframe "" is "1d".
func (db *DB) LatestBar(ctx context.Context, symbol string, timeframe blotter.Timeframe) (blotter.Bar, error) {
	f := BarFilter{Symbol: symbol, Timeframe: timeframe, NewestFirst: true, Limit: 1}
	bars, err := db.Bars(ctx, f)
	switch {
	case err != nil:
		return blotter.Bar{}, err
	case len(bars) == 0:
		return blotter.Bar{}, noBars(symbol, cmp.Or(timeframe, "1d"))
	}
	return bars[0], nil
}

// BarHistory reads the daily bars of the last so many days, newest first.
func (db *DB) BarHistory(ctx context.Context, symbol string, days int) ([]blotter.Bar, error) {
	if days <= 0 {
		return nil, blotter.Invalid("days", days, "a number above 0")
	}

	from := db.cfg.Clock().UTC().AddDate(0, 0, -days)
	return db.Bars(ctx, BarFilter{Symbol: symbol, From: from, NewestFirst: true})
}

// SymbolSummary summarizes the stored bars of one symbol in one timeframe.
type SymbolSummary struct {
	Symbol    string            `json:"symbol"`
	Timeframe blotter.Timeframe `json:"timeframe"`
	Bars      int64             `json:"bars"`
	From      time.Time         `json:"from"`
	To        time.Time         `json:"to"`
}

const sqlSymbols = `
select symbol, timeframe, count(*), min(timestamp), max(timestamp)
  from data_ingestion.market_data
 group by symbol, timeframe
 order by symbol, timeframe`

// Symbols summarizes the stored bars. It reads all of them.
func (db *DB) Symbols(ctx context.Context) (list []SymbolSummary, err error) {
	err = db.ReadOnly(ctx, func(s *Session) error {
		rows, err := s.Query(ctx, sqlSymbols)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[SymbolSummary])
		return err
	})
	return list, err
}
