package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	shopspringpgx "github.com/jackc/pgx-shopspring-decimal"
	"github.com/shopspring/decimal"
)

const bars = 200_000

// shopspringBar is a bar as most Go programs have it.
type shopspringBar struct {
	ID                             int64
	Symbol, Timeframe              string
	Timestamp                      time.Time
	Open, High, Low, Close, Volume decimal.Decimal
	AdjClose                       *decimal.Decimal
	Source                         string
	CreatedAt                      time.Time
}

const sqlBars = `select id, symbol, timeframe, timestamp, open, high, low, close, volume, adj_close, source, created_at
	from data_ingestion.market_data where symbol = $1 and timeframe = $2 and timestamp >= $3 and timestamp < $4
	order by timestamp limit $5`

// Reading 200k bars into []Bar: at least 0.8 x the rows/s (at most 1.25 x the time) of a bare pgx loop over the same
// codec, and at least 3 x of shopspring decimals.
func BenchmarkReadBars(b *testing.B) {
	db := pgtest.Open(b)
	ctx := b.Context()
	db.Exec(b, `select shared.ensure_partitions('market_data', '2024-01-01', '2024-12-31')`)
	db.Exec(b, `insert into data_ingestion.market_data (symbol, timeframe, timestamp, open, high, low, close, volume,
		       adj_close, source)
		select 'SYM', '1m', timestamptz '2024-01-01 00:00Z' + n * interval '1 minute', 315.130005 + n % 97, 415.999999,
		       300.25, 315.130005 + n % 89, 1234567 + n, 301.5, 'bench'
		  from generate_series(1, $1) n`, bars)
	db.Exec(b, `vacuum analyze data_ingestion.market_data`)
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	args := []any{"SYM", "1m", first, last, (*int)(nil)}

	exact := bare(b, db.Config.ReadOnlyURL)
	loop := func() error {
		rows, err := exact.Query(ctx, sqlBars, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var list []blotter.Bar
		for rows.Next() {
			var r blotter.Bar
			err := rows.Scan(&r.ID, &r.Symbol, &r.Timeframe, &r.Timestamp, &r.Open, &r.High, &r.Low, &r.Close,
				&r.Volume, &r.AdjClose, &r.Source, &r.CreatedAt)
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return check(len(list), rows.Err())
	}
	other := bare(b, db.Config.ReadOnlyURL)
	shopspring := func() error {
		conn, err := other.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		shopspringpgx.Register(conn.Conn().TypeMap())
		rows, err := conn.Query(ctx, sqlBars, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var list []shopspringBar
		for rows.Next() {
			var r shopspringBar
			err := rows.Scan(&r.ID, &r.Symbol, &r.Timeframe, &r.Timestamp, &r.Open, &r.High, &r.Low, &r.Close,
				&r.Volume, &r.AdjClose, &r.Source, &r.CreatedAt)
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return check(len(list), rows.Err())
	}
	ours := func() error {
		list, err := db.Bars(ctx, postgres.BarFilter{Symbol: "SYM", Timeframe: "1m"})
		return check(len(list), err)
	}
	table := func() error {
		return db.ReadOnly(ctx, func(s *postgres.Session) error {
			list, err := postgres.MarketData.Find(ctx, s, postgres.Eq("symbol", "SYM"),
				postgres.Eq("timeframe", "1m"), postgres.Asc("timestamp"))
			return check(len(list), err)
		})
	}
	compare(b, 1,
		variant{"pgx_loop", repeat(loop)},
		variant{"Bars", repeat(ours)},
		variant{"Table_Find", repeat(table)},
		variant{"shopspring_loop", repeat(shopspring)})
}

func check(n int, err error) error {
	if err != nil || n != bars {
		return fmt.Errorf("%d bars, want %d: %w", n, bars, err)
	}
	return nil
}
