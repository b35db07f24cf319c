package schema_test

import (
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// The schema is the same in a database that has settings of its own.
func TestMigrateUnderOtherSettings(t *testing.T) {
	t.Parallel()
	db := pgtest.Blank(t)
	conn := connectTo(t, db.AdminURL)
	execAll(t, conn, `do $$ begin
		execute format('alter database %I set standard_conforming_strings = off', current_database());
		execute format('alter database %I set escape_string_warning = off', current_database());
		execute format('alter database %I set quote_all_identifiers = on', current_database());
	end $$`)

	m := migrator(t, db.OwnerURL)
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if drift, err := m.Verify(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("the schema differs: %v, %v", drift, err)
	}
	if head := textOf(t, conn, `select encode(head, 'escape') from shared.audit_cursor`); head != "" {
		t.Errorf("the first seal's predecessor is %q, want none", head)
	}
}
