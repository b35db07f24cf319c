package pgtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Databases do not see each other, are empty, act as production's roles, and are gone when their test ends.
func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()

	var names []string
	var watcher *pgtest.Database
	t.Run("in use", func(t *testing.T) {
		for i := range 3 {
			db := pgtest.Open(t)
			names = append(names, db.Name)
			ctx := blotter.WithAllAccounts(t.Context())
			err := db.Transaction(ctx, func(tx *postgres.Tx) error {
				var role string
				var symbols int
				err := tx.QueryRow(ctx,
					"select current_user::text, (select count(*) from data_ingestion.instruments)").Scan(&role,
					&symbols)
				if role != "trading_service" || symbols != 0 {
					t.Errorf("database %d acts as %s and holds %d instruments", i, role, symbols)
				}
				if err != nil {
					return err
				}
				return postgres.Instruments.Insert(ctx, tx, &blotter.Instrument{Symbol: "ES"})
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	watcher = pgtest.Blank(t)
	for _, name := range names {
		if pgtest.Value[bool](t, watcher, "select exists (select from pg_database where datname = $1)", name) {
			t.Errorf("database %s is left", name)
		}
	}
}

func TestBlankHasNoSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.Blank(t)
	if pgtest.Value[bool](t, db, "select to_regnamespace('execution') is not null") {
		t.Error("a blank database has blotter's schemas")
	}
}

func TestConfigCanBeChanged(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Service = "mine" })
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		var name string
		err := tx.QueryRow(t.Context(), "select current_setting('application_name')").Scan(&name)
		if name != "mine" {
			t.Errorf("the connection is named %q", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	pgtest.Open(b) // the server and its template
	for b.Loop() {
		pgtest.Open(b)
	}
}

func ExampleOpenExample() {
	db, done := pgtest.OpenExample()
	defer done()
	bars, err := db.Bars(context.Background(), postgres.BarFilter{Symbol: "AAPL"})
	fmt.Println(len(bars), err)
	// Output: 0 <nil>
}
