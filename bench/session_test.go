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

// bare opens a plain pgxpool as the same login, with the same server-side timeouts: what they cost is the server's, and
// the variants without_timeouts show it.
func bare(b testing.TB, url string, settings ...string) *pgxpool.Pool {
	b.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		b.Fatal(err)
	}

	if settings == nil {
		settings = []string{
			"statement_timeout", "30000", "lock_timeout", "10000", "idle_in_transaction_session_timeout", "60000",
		}
	}

	for i := 0; i+1 < len(settings); i += 2 {
		cfg.ConnConfig.RuntimeParams[settings[i]] = settings[i+1]
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

// months stores two years of daily bars of some symbols.
func months(b *testing.B, db *pgtest.Database) {
	b.Helper()
	db.Exec(b, `select shared.ensure_partitions('market_data', '2024-01-01', '2025-12-31')`)
	db.Exec(b, `insert into data_ingestion.market_data (symbol, timeframe, timestamp, open, high, low, close, volume,
		       source)
		select 'SYM' || s, '1d', d, 189.5, 191.25, 188.0312, 190.07, 1234567, 'bench'
		  from generate_series(1, 50) s, generate_series('2024-01-01', '2025-12-31', interval '1 day') d`)
	db.Exec(b, `vacuum analyze data_ingestion.market_data`)
}

const sqlRange = `select timestamp, open, high, low, close, volume from data_ingestion.market_data
	where symbol = $1 and timeframe = '1d' and timestamp >= $2 and timestamp < $3 order by timestamp`

var from = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// readDays does the same work with each kind of query.
func readDays(ctx context.Context, days int, query func(context.Context, string, ...any) (pgx.Rows, error)) error {
	rows, err := query(ctx, sqlRange, "SYM7", from, from.AddDate(0, 0, days))
	if err != nil {
		return err
	}

	n := 0
	var bar blotter.Bar
	for rows.Next() {
		if err := rows.Scan(&bar.Timestamp, &bar.Open, &bar.High, &bar.Low, &bar.Close, &bar.Volume); err != nil {
			return err
		}
		n++
	}

	if err := rows.Err(); err != nil || n != days {
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

// A read-only session with one query against the same query on a bare pool: at most 1.05 x, and 1.10 x with an account,
// whose price is one small statement in the same round trip, whatever the query's size.
func BenchmarkReadOnlyOneQuery(b *testing.B) {
	db := pgtest.Open(b)
	months(b, db)
	pool, plain := bare(b, db.Config.ReadOnlyURL), bare(b, db.Config.ReadOnlyURL, "jit", "off")
	ctx := b.Context()
	account := blotter.WithAccount(ctx, "ACC123")

	for _, days := range []int{31, 365} {
		session := func(ctx context.Context) func() error {
			return func() error {
				return db.ReadOnly(ctx, func(s *postgres.Session) error { return readDays(ctx, days, s.Query) })
			}
		}

		b.Run(fmt.Sprint(days, "_bars"), func(b *testing.B) {
			compare(b, 500,
				variant{"pgx_query", repeat(func() error { return readDays(ctx, days, pool.Query) })},
				variant{"ReadOnly", repeat(session(ctx))},
				variant{"ReadOnly_account", repeat(session(account))},
				variant{"pgx_without_timeouts", repeat(func() error { return readDays(ctx, days, plain.Query) })})
		})
	}
}

const sqlInsert = `insert into logging.performance_logs (service, operation, execution_time_ms) values ($1, 'bench', 1)`

// A transaction with one statement against pgx.BeginFunc with the same: at most 1.05 x.
func BenchmarkTransactionOneStatement(b *testing.B) {
	for name, sql := range map[string]string{
		"write": sqlInsert,
		"read":  `select 1 from strategy_engine.strategies where strategy_id = $1`,
	} {
		b.Run(name, func(b *testing.B) {
			db := pgtest.Open(b)
			pool, plain := bare(b, db.Config.URL), bare(b, db.Config.URL, "jit", "off")
			ctx := b.Context()
			account := blotter.WithAccount(ctx, "ACC123")

			transaction := func(ctx context.Context) func() error {
				return func() error {
					return db.Transaction(ctx, func(tx *postgres.Tx) error {
						_, err := tx.Exec(ctx, sql, "S-1")
						return err
					})
				}
			}
			begin := func(pool *pgxpool.Pool) func() error {
				return func() error {
					return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
						_, err := tx.Exec(ctx, sql, "S-1")
						return err
					})
				}
			}

			compare(b, 500,
				variant{"pgx_BeginFunc", repeat(begin(pool))},
				variant{"Transaction", repeat(transaction(ctx))},
				variant{"Transaction_account", repeat(transaction(account))},
				variant{"pgx_without_timeouts", repeat(begin(plain))})
		})
	}
}
