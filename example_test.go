package blotter_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
)

func ExamplePosition_Apply() {
	var position blotter.Position
	for _, trade := range []blotter.Trade{
		{TradeID: "1", Side: blotter.Buy, Quantity: blotter.MustDecimal("10"), Price: blotter.MustDecimal("100")},
		{TradeID: "2", Side: blotter.Sell, Quantity: blotter.MustDecimal("4"), Price: blotter.MustDecimal("110")},
	} {
		trade.AccountID = "ACC123"
		trade.Symbol = "AAPL"
		after, effect, err := position.Apply(trade)
		if err != nil {
			panic(err)
		}

		position = after
		fmt.Println(effect.Kind, position.Quantity, "at", position.AvgPrice, "realized", effect.RealizedPnL)
	}
	// Output:
	// open 10 at 100 realized 0
	// reduce 6 at 100 realized 40
}

func ExampleOrder_WithFill() {
	order, err := blotter.Order{
		AccountID: "ACC123", OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy, Quantity: blotter.MustDecimal("10"),
	}.New()
	if err != nil {
		panic(err)
	}

	trade := blotter.Trade{
		AccountID: "ACC123", OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy,
		Quantity: blotter.MustDecimal("4"), Price: blotter.MustDecimal("100"),
	}
	filled, err := order.WithFill(trade, false)
	fmt.Println(order.Status, "->", filled.Status, filled.Open(), "open", err)

	trade.Quantity = blotter.MustDecimal("7")
	_, err = filled.WithFill(trade, false)
	fmt.Println(errors.Is(err, blotter.ErrOverfill), err)
	// Output:
	// pending -> partially_filled 6 open <nil>
	// true invalid quantity 7: want at most 6, the open quantity of order O-1
}

func ExampleTrade_SetFees() {
	trade := blotter.Trade{Currency: "USD"}
	trade.SetFees(
		blotter.TradeFee{Currency: "USD", Amount: blotter.MustDecimal("1.50")},
		blotter.TradeFee{Currency: "USD", Amount: blotter.MustDecimal("0.02")},
		blotter.TradeFee{Currency: "BNB", Amount: blotter.MustDecimal("0.001")},
	)
	fmt.Println(trade.Commission, trade.CommissionCurrency, "and", trade.OtherFees)
	// Output: 1.52 USD and 0.001 BNB
}

func ExampleWithAccount() {
	ctx := blotter.WithAccount(context.Background(), "ACC123")
	ctx = blotter.WithUser(ctx, "alice")

	scope, set := blotter.ScopeOf(ctx)
	fmt.Println(scope.Account, scope.All, set, blotter.UserOf(ctx))
	// Output: ACC123 false true alice
}

func ExampleTimeframe_Length() {
	for _, timeframe := range []blotter.Timeframe{"5m", "3mo", "7x"} {
		fixed, months, err := timeframe.Length()
		fmt.Println(fixed, months, err)
	}
	// Output:
	// 5m0s 0 <nil>
	// 0s 3 <nil>
	// 0s 0 invalid timeframe "7x": want a number and a unit (s, m, h, d, w, mo), for example 5m or 1d
}

func ExampleParseDecimal() {
	price, err := blotter.ParseDecimal("100.10")
	fmt.Println(price, err)

	_, err = blotter.ParseDecimal("1e5")
	fmt.Println(errors.Is(err, blotter.ErrInvalid), err)
	// Output:
	// 100.1 <nil>
	// true invalid decimal "1e5": want a plain decimal number with at most 19 digits after the point
}
