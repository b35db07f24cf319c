// Package pgtest gives every test a PostgreSQL database of its own, migrated and empty, in a few tens of milliseconds.
//
//	func TestBuy(t *testing.T) {
//		t.Parallel()
//		db := pgtest.Open(t)
//		ctx := blotter.WithAccount(t.Context(), "ACC1")
//		err := db.Transaction(ctx, func(tx *postgres.Tx) error { ... })
//	}
//
// The first Open of a test binary starts a server (package embedded) on a copy of a migrated cluster, and every Open
// clones its database. The server ends with the process, however that ends, and leaves nothing behind. The cluster is
// made once a day and kept in the user's cache folder; NewFolder and MigratedFolder give copies to tests that start
// servers of their own. Where BLOTTER_TEST_URL names a server, that one is used: its login must be allowed to create
// databases and roles; databases and logins are removed again, and one template, blotter_test_template_..., stays for
// the next run.
//
// Sessions act as in production, with one login for each role, none an owner or superuser. Where there is no server and
// none can be had, tests fail; they do not skip.
//
// A Cutter cuts links at a COMMIT or at any other message, for tests of what becomes of work whose answer is lost.
//
// Replicas starts a primary with streaming replicas, which pause, lag, are promoted, killed and cut off, for tests of
// what a program does in a failover (on Unix):
//
//	cluster := pgtest.Replicas(t, 1)
//	primary, replica := cluster.Primary, cluster.Replicas[0]
//	replica.Pause(t)
//	primary.Kill(t)
//	replica.Promote(t)
package pgtest
