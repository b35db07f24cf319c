package maintenance_test

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
)

// This example adds a job to those of the package, and runs all of them on a schedule.
func ExampleScheduler() {
	db, done := pgtest.OpenExample()
	defer done()

	ctx := context.Background()

	ran := make(chan string, 1)
	s, err := maintenance.NewScheduler(maintenance.Config{
		OwnerURL: db.OwnerURL,
		Logger:   db.Config.Logger,
		Jobs: []maintenance.Job{{
			Name: "reconcile", Short: "compare analytics with the trades", Every: 24 * time.Hour,
			Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
				ran <- "reconcile ran"
				return maintenance.Figures{"compared": 3}, nil
			},
		}},
	})
	if err != nil {
		panic(err)
	}

	if err := s.Start(ctx); err != nil {
		panic(err)
	}

	fmt.Println(<-ran)
	fmt.Println(s.Stop(ctx), s.Health() == nil)
	// Output:
	// reconcile ran
	// <nil> false
}
