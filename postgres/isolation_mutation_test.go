package postgres_test

import (
	"fmt"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// isolated opens a database with rows of two accounts in every tenant table, and in one leaf of each partitioned table.
func isolated(t *testing.T) *pgtest.Database {
	t.Helper()
	db := pgtest.Open(t)
	seed(t, db, "A1", "mine")
	seed(t, db, "A2", "theirs")
	return db
}

// usedRelations returns the tenant relations that have rows; leaves without rows are made the same way.
func usedRelations(t *testing.T, db *pgtest.Database) (used []string) {
	t.Helper()
	for _, name := range tenantRelations(t, db) {
		if pgtest.Value[bool](t, db, "select exists (select from "+name+")") {
			used = append(used, name)
		}
	}
	if len(used) < len(tenants)+2 {
		t.Fatalf("rows are only in %v", used)
	}
	return used
}

// Every tenant table and every leaf keeps accounts apart by its policies only.
func TestAccountsAreApartEverywhere(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	conn := db.Connect(t, db.AdminURL)
	for _, relation := range usedRelations(t, db) {
		faults, err := isolationFaults(t.Context(), conn, relation, "select 1")
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range faults {
			t.Error(fault)
		}
	}
}

// That test would notice a weakness: it fails if any policy of any table is dropped or loosened, or if row-level
// security is off or not forced.
func TestEveryPolicyIsNeeded(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	conn := db.Connect(t, db.AdminURL)
	mutants := 0
	for _, relation := range usedRelations(t, db) {
		for _, mutant := range []string{
			"drop policy blotter_roles on %s",
			"drop policy account_isolation on %s",
			"alter policy account_isolation on %s using (true)",
			"alter policy account_isolation on %s with check (true)",
			"alter policy account_isolation on %s to trading_app",
			"alter policy account_isolation on %s to trading_readonly",
			"alter policy blotter_roles on %s to trading_app, trading_readonly, trading_service, trading_reporter",
			"alter policy blotter_roles on %s to trading_app, trading_readonly, trading_service, trading_owner",
			"alter policy blotter_roles on %s to trading_app, trading_readonly, trading_reporter, trading_owner",
			"alter policy blotter_roles on %s to trading_app, trading_service, trading_reporter, trading_owner",
			"alter table %s no force row level security",
			"alter table %s disable row level security",
		} {
			sql := fmt.Sprintf(mutant, relation)
			faults, err := isolationFaults(t.Context(), conn, relation, sql)
			if err != nil {
				t.Fatal(err)
			}
			if mutants++; len(faults) == 0 {
				t.Errorf("nobody notices: %s", sql)
			}
		}
	}

	if mutants < 12*len(tenants) {
		t.Errorf("only %d mutants were tried", mutants)
	}
}
