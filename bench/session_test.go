package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// bare is a plain pgxpool as the same login.
func bare(b *testing.B, url string) *pgxpool.Pool {
	b.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		b.Fatal(err)
	}
	cfg.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		postgres.RegisterTypes(c.TypeMap())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

// month stores a month of daily bars of some symbols.
func months(b *testing.B, db *pgtest.Database) {
	b.Helper()
	db.Exec(b, `select shared.ensure_partitions('market_data', '2024-01-01', '2025-12-31')`)
	db.Exec(b, `insert into data_ingestion.market_data (symbol, timeframe, timestamp, open, high, low, close, volume, source)
		select 'SYM' || s, '1d', d, 189.5, 191.25, 188.0312, 190.07, 1234567, 'bench'
		  from generate_series(1, 50) s, generate_series('2024-01-01', '2025-12-31', interval '1 day') d`)
	db.Exec(b, `vacuum analyze data_ingestion.market_data`)
}

const sqlMonth = `select timestamp, close from data_ingestion.market_data
	where symbol = $1 and timeframe = '1d' and timestamp >= $2 and timestamp < $3 order by timestamp`

var from, to = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)

// readMonth is the same work on whatever is asked.
func readMonth(ctx context.Context, query func(context.Context, string, ...any) (pgx.Rows, error)) error {
	rows, err := query(ctx, sqlMonth, "SYM7", from, to)
	if err != nil {
		return err
	}
	n := 0
	var at time.Time
	var price blotter.Decimal
	for rows.Next() {
		if err := rows.Scan(&at, &price); err != nil {
			return err
		}
		n++
	}
	if err := rows.Err(); err != nil || n != 31 {
		return fmt.Errorf("%d bars, %w", n, err)
	}
	return nil
}

func repeat(do func() error) func(int) error {
	return func(n int) error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

// A read-only session with one query against the same query on a bare pool: at most 1.05 x, and 1.10 x with an account.
func BenchmarkReadOnlyOneQuery(b *testing.B) {
	db := pgtest.Open(b)
	months(b, db)
	pool := bare(b, db.Config.ReadOnlyURL)
	ctx := b.Context()
	account := blotter.WithAccount(ctx, "ACC123")
	session := func(ctx context.Context) func() error {
		return func() error {
			return db.ReadOnly(ctx, func(s *postgres.Session) error { return readMonth(ctx, s.Query) })
		}
	}
	compare(b, 500,
		variant{"pgx_query", repeat(func() error { return readMonth(ctx, pool.Query) })},
		variant{"ReadOnly", repeat(session(ctx))},
		variant{"ReadOnly_account", repeat(session(account))})
}

const sqlInsert = `insert into strategy_engine.strategies (strategy_id, name) values ($1, 'bench')
	on conflict (strategy_id) do update set version = strategies.version + 1`

// A transaction with one statement against pgx.BeginFunc with the same: at most 1.05 x.
func BenchmarkTransactionOneStatement(b *testing.B) {
	for name, sql := range map[string]string{"write": sqlInsert, "read": `select 1 from strategy_engine.strategies where strategy_id = $1`} {
		b.Run(name, func(b *testing.B) {
			db := pgtest.Open(b)
			pool := bare(b, db.Config.URL)
			ctx := b.Context()
			account := blotter.WithAccount(ctx, "ACC123")
			transaction := func(ctx context.Context) func() error {
				return func() error {
					return db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql, "S-1"); return err })
				}
			}
			compare(b, 500,
				variant{"pgx_BeginFunc", repeat(func() error {
					return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, sql, "S-1"); return err })
				})},
				variant{"Transaction", repeat(transaction(ctx))},
				variant{"Transaction_account", repeat(transaction(account))})
		})
	}
}
