package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// With one URL, of a login that is a member of every role, or with one URL for each role: sessions act as the role of
// their scope, and the owner's connection as the owner.
func TestHandlesFromOneURLOrFour(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	one := withUser(t, db, "all_"+db.Name,
		"trading_owner, trading_app, trading_service, trading_readonly, trading_reporter")
	for name, urls := range map[string]struct {
		cfg   postgres.Config
		owner string
	}{
		"one URL": {postgres.Config{URL: one}, one}, "four": {db.Config, db.OwnerURL},
	} {
		urls.cfg.MaxConns = 2
		handles, err := postgres.Open(t.Context(), urls.cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		var got []string
		for _, ctx := range []context.Context{as(t, "A1"), blotter.WithAllAccounts(t.Context())} {
			must(t, handles.Transaction(ctx, func(tx *postgres.Tx) error { got = append(got, actingAs(t, ctx, tx)); return nil }))
			must(t, handles.ReadOnly(ctx, func(s *postgres.Session) error { got = append(got, actingAs(t, ctx, s)); return nil }))
		}
		handles.Close()

		owner, err := postgres.ConnectOwner(t.Context(), urls.owner, "test")
		must(t, err)
		got = append(got, actingAs(t, t.Context(), owner))
		must(t, owner.Close(t.Context()))
		if all := strings.Join(got,
			" "); all != "trading_app trading_readonly trading_service trading_reporter trading_owner" {
			t.Errorf("%s: sessions act as %s", name, all)
		}
	}
}

func actingAs(t *testing.T, ctx context.Context, q postgres.Querier) (role string) {
	t.Helper()
	must(t, q.QueryRow(ctx, "select current_user::text").Scan(&role))
	return role
}

// withUser creates a login with these roles for the test, and returns its URL.
func withUser(t *testing.T, db *pgtest.Database, name, roles string) string {
	t.Helper()
	db.Exec(t, fmt.Sprintf("create role %s login password 'x' in role %s", name, roles))
	t.Cleanup(func() { // after its connections are closed
		conn, err := pgx.Connect(context.Background(), db.AdminURL)
		if err == nil {
			_, err = conn.Exec(context.Background(), "drop owned by "+name+"; drop role "+name)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})

	cfg, err := pgx.ParseConfig(db.Config.URL)
	if err != nil {
		t.Fatal(err)
	}

	url := strings.Replace(db.Config.URL, cfg.User, name, 1)
	if cfg.Password != "" {
		url = strings.Replace(url, ":"+cfg.Password+"@", ":x@", 1)
	}

	return url
}
