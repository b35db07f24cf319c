package postgres_test

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Execute a trade by its order's id and the price alone: order, trade and position change in one transaction, or none of
// them does.
func ExampleTx_ExecuteTrade() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := blotter.WithAccount(context.Background(), "ACC123")
	order := blotter.Order{OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy, Quantity: blotter.MustDecimal("100"), Strategy: "trend"}
	if err := db.CreateOrder(ctx, &order); err != nil {
		fmt.Println(err)
	}

	executeTrade := func(orderID, tradeID, price string) (receipt postgres.Receipt, err error) {
		err = db.Transaction(ctx, func(tx *postgres.Tx) error {
			receipt, err = tx.ExecuteTrade(ctx, blotter.Trade{OrderID: orderID, TradeID: tradeID, Price: blotter.MustDecimal(price)})
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
