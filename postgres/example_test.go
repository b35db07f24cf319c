package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Create an order. It is committed if the function returns nil, and leaves no trace if it returns an error.
func ExampleDB_Transaction() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := blotter.WithAccount(context.Background(), "ACC123")

	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := postgres.Accounts.Upsert(ctx, tx, &blotter.Account{AccountID: "ACC123"}); err != nil {
			return err
		}
		order := blotter.Order{
			AccountID: "ACC123", OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy, OrderType: blotter.Limit,
			Quantity: blotter.MustDecimal("100"), Price: new(blotter.MustDecimal("189.50")),
		}
		if err := postgres.Orders.Insert(ctx, tx, &order); err != nil {
			return err
		}
		fmt.Println(order.OrderID, order.Status, order.Quantity, "at", order.Price, "version", order.Version)
		return nil
	})
	fmt.Println(err)
	// Output:
	// O-1 pending 100 at 189.5 version 1
	// <nil>
}

// Read the market history of a symbol for N days, newest first.
func ExampleDB_BarHistory() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := context.Background()
	today := time.Now().UTC().Truncate(24 * time.Hour)
	bars := func(yield func(blotter.BarRow, error) bool) {
		for i := range 10 {
			price := blotter.MustDecimal(fmt.Sprintf("10%d.25", i))
			bar := blotter.Bar{
				Symbol: "AAPL", Timeframe: "1d", Timestamp: today.AddDate(0, 0, i-9), Source: "example",
				Open: price, High: price, Low: price, Close: price, Volume: blotter.MustDecimal("1000"),
			}
			if !yield(blotter.BarRow{Bar: bar}, nil) {
				return
			}
		}
	}
	result, err := db.ImportBars(ctx, postgres.BarImport{File: "example", Bars: bars})
	fmt.Println(result.Inserted, "inserted", err)

	history, err := db.BarHistory(ctx, "AAPL", 3)
	for _, bar := range history {
		fmt.Println(int(today.Sub(bar.Timestamp).Hours()/24), "days ago:", bar.Close)
	}
	fmt.Println(err)
	// Output:
	// 10 inserted <nil>
	// 0 days ago: 109.25
	// 1 days ago: 108.25
	// 2 days ago: 107.25
	// <nil>
}

// Read every open position of an account, valued at the last known price, and the total.
func ExampleDB_ReadOnly() {
	db, done := pgtest.OpenExample()
	defer done()
	makeExamplePositions(db)
	ctx := blotter.WithAccount(context.Background(), "ACC123")

	var summary []blotter.PositionValue
	var total blotter.Decimal
	err := db.ReadOnly(ctx, func(s *postgres.Session) (err error) {
		summary, err = postgres.PositionValues.Find(ctx, s,
			postgres.Eq("account_id", "ACC123"), postgres.Ne("quantity", blotter.Decimal{}), postgres.Asc("symbol"))
		if err != nil {
			return err
		}
		return s.QueryRow(ctx, `select sum(market_value) from execution.position_values where account_id = $1`,
			"ACC123").Scan(&total)
	}, postgres.Snapshot)
	for _, p := range summary {
		fmt.Println(p.Symbol, p.Quantity, "at", p.AvgPrice, "worth", p.MarketValue, "unrealized", p.UnrealizedPnL)
	}
	fmt.Println("total", total, err)
	// Output:
	// AAPL 100 at 189.5 worth 19500 unrealized 550
	// TSLA -10 at 250 worth -2400 unrealized 100
	// total 17100 <nil>
}

// makeExamplePositions stores positions as trades would have made them.
func makeExamplePositions(db *pgtest.Database) {
	ctx := blotter.WithAllAccounts(context.Background())
	d := blotter.MustDecimal
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: "ACC123"}); err != nil {
			return err
		}

		for _, p := range []blotter.Position{
			{AccountID: "ACC123", Symbol: "AAPL", Quantity: d("100"), CostBasis: d("18950")},
			{AccountID: "ACC123", Symbol: "TSLA", Quantity: d("-10"), CostBasis: d("2500")},
			{AccountID: "ACC123", Symbol: "KO"}, // flat
		} {
			if err := postgres.Positions.Insert(ctx, tx, &p); err != nil {
				return err
			}
		}

		prices := []blotter.LatestPrice{
			{Symbol: "AAPL", Price: d("195"), At: time.Now(), Source: "example"},
			{Symbol: "TSLA", Price: d("240"), At: time.Now(), Source: "example"},
		}
		_, err := postgres.LatestPrices.CopyIn(ctx, tx, prices)
		return err
	})
	if err != nil {
		panic(err)
	}
}

// Undo a part of a transaction that fails.
func ExampleTx_Savepoint() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := blotter.WithAllAccounts(context.Background())
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := postgres.Instruments.Insert(ctx, tx, &blotter.Instrument{Symbol: "ES"}); err != nil {
			return err
		}
		err := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
			return postgres.Instruments.Insert(ctx, tx, &blotter.Instrument{Symbol: "ES"})
		})
		fmt.Println("again:", errors.Is(err, blotter.ErrIntegrity))
		return nil // the first one stays
	})

	fmt.Println(err)

	// Output:
	// again: true
	// <nil>
}

// queries is like code generated by sqlc, for an interface that a session satisfies.
type queries struct {
	db interface {
		Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
		Query(context.Context, string, ...any) (pgx.Rows, error)
		QueryRow(context.Context, string, ...any) pgx.Row
		SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
		CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error)
	}
}

const listStrategies = `-- name: ListStrategies :many
select strategy_id from strategy_engine.strategies where status = $1 order by strategy_id`

func (q *queries) ListStrategies(ctx context.Context, status string) ([]string, error) {
	rows, err := q.db.Query(ctx, listStrategies, status)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		items = append(items, id)
	}

	return items, rows.Err()
}

// Run code generated by sqlc, unchanged, in a transaction.
func ExampleTx_sqlc() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := blotter.WithAllAccounts(context.Background())
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		for _, id := range []string{"trend", "pairs"} {
			if err := postgres.Strategies.Insert(ctx, tx, &blotter.Strategy{StrategyID: id, Name: id}); err != nil {
				return err
			}
		}
		active, err := (&queries{db: tx}).ListStrategies(ctx, "active")
		fmt.Println(active, slices.IsSorted(active))
		return err
	})

	fmt.Println(err)

	// Output:
	// [pairs trend] true
	// <nil>
}
