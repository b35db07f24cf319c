package partition_test

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/pgtest"
)

// This example plans the partitions of a new database a year later. Run applies such a plan.
func ExamplePlan() {
	db, done := pgtest.OpenExample()
	defer done()

	ctx := context.Background()
	lock, err := partition.Lock(ctx, db.OwnerURL, "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = lock.Close(ctx) }()

	state, err := partition.Read(ctx, lock.Conn)
	if err != nil {
		panic(err)
	}

	later := time.Now().AddDate(0, 0, 365)
	steps, failures := partition.Plan(state, later, partition.Policy{})
	kinds := map[partition.Kind]bool{}
	for _, step := range steps {
		kinds[step.Kind] = true
	}
	fmt.Println("create:", kinds[partition.Create], "drop:", kinds[partition.Drop], "failures:", len(failures))
	// Output: create: true drop: false failures: 0
}
