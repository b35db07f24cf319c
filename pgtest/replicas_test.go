//go:build unix

package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// A cluster does what its methods say: replicas receive, pause, wait, are killed, come back and take over.
func TestReplicas(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Replicas(t, 2)
	primary, first, second := cluster.Primary, cluster.Replicas[0], cluster.Replicas[1]
	primary.Exec(t, "create table public.numbers (n int)")
	insert := func(node *pgtest.Node, n int) {
		t.Helper()
		node.Exec(t, "insert into public.numbers values ($1)", n)
	}
	count := func(node *pgtest.Node) int {
		t.Helper()
		return pgtest.Value[int](t, node.Database, "select count(*) from public.numbers")
	}

	insert(primary, 1)
	primary.CatchUp(t, first)
	primary.CatchUp(t, second)
	if count(first) != 1 || count(second) != 1 {
		t.Errorf("the replicas have %d and %d of 1 rows", count(first), count(second))
	}

	first.Pause(t)
	insert(primary, 2)
	primary.CatchUp(t, second)
	if count(first) != 1 || count(second) != 2 {
		t.Errorf("with the first one paused, the replicas have %d and %d of 2 rows", count(first), count(second))
	}
	first.Resume(t)
	primary.CatchUp(t, first)

	// A commit waits for a synchronous replica, and for none that is not.
	primary.Synchronous(t, first)
	first.Kill(t)
	if insertsWithin(t, primary.AdminURL, 200*time.Millisecond) {
		t.Error("a commit did not wait for a dead synchronous replica")
	}
	first.Start(t)
	insert(primary, 4)
	primary.Synchronous(t)
	second.Kill(t)
	insert(primary, 5)
	second.Start(t)
	primary.CatchUp(t, second)

	primary.Cut()
	if _, err := pgx.Connect(t.Context(), primary.AdminURL); err == nil {
		t.Error("a node that is cut off answers")
	}
	primary.Join()
	insert(primary, 6)
	primary.CatchUp(t, first)

	// A replica takes over, without what it did not receive, and the other one follows it.
	second.Detach(t)
	first.Detach(t)
	insert(primary, 100)
	primary.Kill(t)
	first.Promote(t)
	insert(first, 7)
	second.Follow(t, first)
	first.CatchUp(t, second)
	if have, want := count(second), 6+1; have != want { // the insert that did not wait was committed too
		t.Errorf("after the failover there are %d of %d rows", have, want)
	}
	conn := primary.Connect(t, cluster.URL("admin", "read-write", second, first))
	if _, err := conn.Exec(t.Context(), "insert into public.numbers values (8)"); err != nil {
		t.Errorf("a URL of two hosts: %v", err)
	}
}

// insertsWithin reports whether an insert was committed, on the replicas too, in that time.
func insertsWithin(t *testing.T, url string, limit time.Duration) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err = conn.Exec(ctx, "insert into public.numbers values (3)")
	return err == nil
}
