package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// An access is recorded, for the account of the session, before it takes place. Without the entry, it does not take
// place.
func TestAuditOfReading(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	_, since := entries(t, db, 0)
	key := map[string]string{"symbol": "AAPL"}
	app := blotter.WithUser(as(t, "A1"), "ann")
	if err := db.Audit(app,
		postgres.Access{Table: "execution.trades", Operation: "read", Key: key, Account: "A2"}); err != nil {
		t.Fatal(err)
	}

	read := postgres.Audited(postgres.Access{Table: "execution.orders", Operation: "export", Account: "A2"})
	all := blotter.WithAllAccounts(t.Context())
	err := db.ReadOnly(all, func(s *postgres.Session) error {
		log, err := s.AuditLog(all, postgres.AuditFilter{Operation: "export"})
		if len(log) != 1 {
			t.Errorf("while it is read, the log has %d entries of it", len(log))
		}
		return err
	}, read)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Transaction(all, func(*postgres.Tx) error { return nil }, read); err != nil {
		t.Fatal(err)
	}

	log, err := db.AuditLog(all, postgres.AuditFilter{After: &blotter.AuditEntry{ID: since}})
	if err != nil || len(log) != 3 {
		t.Fatalf("%d entries, %v", len(log), err)
	}
	if e := log[0]; e.AccountID != "A1" || e.UserID != "ann" || e.Role != "trading_app" ||
		string(e.Key) != `{"symbol": "AAPL"}` {
		t.Errorf("of one account: %+v", e)
	}
	if e := log[1]; e.AccountID != "A2" || e.Role != "trading_service" || e.Key != nil {
		t.Errorf("of all accounts: %+v", e)
	}

	for _, bad := range []postgres.Access{
		{Operation: "read"},
		{Table: "t"},
		{Table: "t", Operation: "update"},
		{Table: "t", Operation: "read", Key: make(chan int)},
	} {
		err := db.ReadOnly(app, func(*postgres.Session) error { t.Errorf("%+v: was read", bad); return nil }, postgres.Audited(bad))
		if !errors.Is(err, blotter.ErrInvalid) && !errors.Is(err, blotter.ErrData) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// The log is filtered by user, table and time, and read page by page in both directions.
func TestAuditFilters(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for i := range 7 {
		ctx := blotter.WithCorrelation(blotter.WithUser(as(t, fmt.Sprintf("A%d", i%2)), fmt.Sprintf("u%d", i%3)),
			fmt.Sprintf("c%d", i))
		if err := db.Audit(ctx, postgres.Access{Table: []string{"execution.trades", "execution.orders"}[i%2], Operation: []string{"read", "export"}[i/4]}); err != nil {
			t.Fatal(err)
		}
	}

	all := blotter.WithAllAccounts(t.Context())
	first, err := db.AuditLog(all, postgres.AuditFilter{Limit: 3})
	if err != nil || len(first) != 3 {
		t.Fatal(len(first), err)
	}

	for name, test := range map[string]struct {
		filter postgres.AuditFilter
		want   string
	}{
		"all":         {postgres.AuditFilter{}, "c0 c1 c2 c3 c4 c5 c6"},
		"newest":      {postgres.AuditFilter{NewestFirst: true, Limit: 2}, "c6 c5"},
		"page":        {postgres.AuditFilter{After: &first[2], Limit: 2}, "c3 c4"},
		"back":        {postgres.AuditFilter{After: &first[2], NewestFirst: true}, "c1 c0"},
		"account":     {postgres.AuditFilter{Account: "A1"}, "c1 c3 c5"},
		"user":        {postgres.AuditFilter{UserID: "u1"}, "c1 c4"},
		"table":       {postgres.AuditFilter{Table: "execution.trades"}, "c0 c2 c4 c6"},
		"operation":   {postgres.AuditFilter{Operation: "export"}, "c4 c5 c6"},
		"correlation": {postgres.AuditFilter{CorrelationID: "c5"}, "c5"},
		"role":        {postgres.AuditFilter{Role: "trading_service"}, ""},
		"login":       {postgres.AuditFilter{Login: first[0].Login, Limit: 1}, "c0"},
		"time":        {postgres.AuditFilter{From: first[1].Timestamp, To: first[2].Timestamp}, "c1"},
	} {
		log, err := db.AuditLog(all, test.filter)
		var got []string
		for _, e := range log {
			got = append(got, e.CorrelationID)
		}
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, %v; want %s", name, got, err, test.want)
		}
	}
}
