package postgres_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"go.uber.org/goleak"
)

// TestMain runs the tests, or is the program that TestKilledClients kills.
func TestMain(m *testing.M) {
	if urls := os.Getenv(bookClientOf); urls != "" {
		bookClient(urls)
	}
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

func migrator(t *testing.T, url string) *schema.Migrator {
	t.Helper()
	m, err := schema.NewMigrator(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func as(t *testing.T, account string) context.Context {
	t.Helper()
	return blotter.WithAccount(t.Context(), account)
}

// makeAccount stores an account for which tests write rows.
func makeAccount(t *testing.T, db *postgres.DB, id string) {
	t.Helper()
	ctx := as(t, id)
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: id})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newOrder(account, id string) blotter.Order {
	return blotter.Order{
		AccountID: account, OrderID: id, Symbol: "AAPL", Side: blotter.Buy,
		OrderType: blotter.Limit, Quantity: blotter.MustDecimal("100"), Price: new(blotter.MustDecimal("189.50")),
	}
}

// countOrders returns how many orders the account sees.
func countOrders(t *testing.T, db *postgres.DB, account string) (n int) {
	t.Helper()
	ctx := as(t, account)
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		return s.QueryRow(ctx, `select count(*) from execution.orders where account_id = $1`, account).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantKind(t *testing.T, what string, err error, kind blotter.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want kind %q", what, err, kind)
	}
}
