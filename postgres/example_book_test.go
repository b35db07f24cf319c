package postgres_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Execute a trade by its order's id and the price alone: order, trade and position change in one transaction, or none
// of them does.
func ExampleTx_ExecuteTrade() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := blotter.WithAccount(context.Background(), "ACC123")
	order := blotter.Order{
		OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy, Quantity: blotter.MustDecimal("100"),
		Strategy: "trend",
	}
	if err := db.CreateOrder(ctx, &order); err != nil {
		fmt.Println(err)
	}

	executeTrade := func(orderID, tradeID, price string) (receipt postgres.Receipt, err error) {
		err = db.Transaction(ctx, func(tx *postgres.Tx) error {
			receipt, err = tx.ExecuteTrade(ctx,
				blotter.Trade{OrderID: orderID, TradeID: tradeID, Price: blotter.MustDecimal(price)})
			return err
		})
		return receipt, err
	}

	r, err := executeTrade("O-1", "T-1", "189.50")
	fmt.Println(r.Outcome, err)
	fmt.Println("order", r.Order.OrderID, r.Order.Status, r.Order.FilledQuantity, "at", r.Order.AvgFillPrice)
	fmt.Println("trade", r.Trade.Side, r.Trade.Quantity, r.Trade.Symbol, "at", r.Trade.Price, "for", r.Trade.Strategy)
	fmt.Println("position", r.Position.Quantity, r.Position.Symbol, "cost", r.Position.CostBasis)

	r, err = executeTrade("O-1", "T-1", "189.50") // sent again, as after any failure
	fmt.Println(r.Outcome, err)
	_, err = executeTrade("O-2", "T-2", "189.50")
	fmt.Println(err)
	// Output:
	// applied <nil>
	// order O-1 filled 100 at 189.5
	// trade buy 100 AAPL at 189.5 for trend
	// position 100 AAPL cost 18950
	// duplicate <nil>
	// execute trade T-2: there is no order O-2; create it first, or adopt it from its fills
}

// Many callers book their fills together: what arrives while a commit is under way is the next transaction.
func ExampleDB_NewBook() {
	db, done := pgtest.OpenExample()
	defer done()
	book, err := db.NewBook(postgres.BookConfig{})
	if err != nil {
		fmt.Println(err)
	}

	ctx := blotter.WithAllAccounts(context.Background())
	if err := book.Start(ctx); err != nil {
		fmt.Println(err)
	}

	var callers sync.WaitGroup
	for n := range 100 {
		callers.Go(func() {
			_, err := book.ExecuteTrade(ctx, blotter.Trade{
				AccountID: fmt.Sprint("ACC", n%5), TradeID: fmt.Sprint("T-", n), Symbol: "AAPL", Side: blotter.Buy,
				Quantity: blotter.MustDecimal("2"), Price: blotter.MustDecimal("189.50"),
			})
			if err != nil {
				fmt.Println(err)
			}
		})
	}

	callers.Wait()
	if err := book.Stop(ctx); err != nil { // books what still waits
		fmt.Println(err)
	}

	positions, err := db.Positions(ctx, postgres.PositionFilter{Symbol: "AAPL"})
	for _, p := range positions {
		fmt.Println(p.AccountID, p.Quantity, p.CostBasis, err)
	}

	// Output:
	// ACC0 40 7580 <nil>
	// ACC1 40 7580 <nil>
	// ACC2 40 7580 <nil>
	// ACC3 40 7580 <nil>
	// ACC4 40 7580 <nil>
}
