package audit_test

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// The log shows, sealed and proved, which user changed an order.
func Example() {
	db, done := pgtest.OpenExample()
	defer done()
	ctx := blotter.WithUser(blotter.WithAccount(context.Background(), "ACC123"), "ann")
	order := blotter.Order{OrderID: "O-1", Symbol: "AAPL", Side: blotter.Buy, Quantity: blotter.MustDecimal("100")}
	_ = db.CreateOrder(ctx, &order)
	_ = db.CancelOrder(ctx, &order)

	entries, err := db.AuditLog(ctx, postgres.AuditFilter{UserID: "ann", Table: "execution.orders"})
	for _, e := range entries {
		fmt.Println(e.Operation, string(e.Key), err)
	}
	sealed, err := audit.Seal(ctx, db.DB, 0)
	fmt.Println("sealed", sealed, err)
	report, err := audit.VerifyDatabase(ctx, db.DB, nil)
	fmt.Println("broken:", report.Broken(), err)
	// Output:
	// INSERT {"order_id": "O-1", "account_id": "ACC123"} <nil>
	// UPDATE {"order_id": "O-1", "account_id": "ACC123"} <nil>
	// sealed 3 <nil>
	// broken: false <nil>
}
