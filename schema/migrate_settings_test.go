package schema_test

import (
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// An upgrade repairs what an earlier version made wrong because the database's settings were in effect.
func TestUpgradeRepairsEffectsOfSettings(t *testing.T) {
	t.Parallel()
	const beforeSettings = 19
	db := pgtest.Open(t)
	m := migrator(t, db.OwnerURL)
	if _, err := m.DownTo(t.Context(), beforeSettings); err != nil {
		t.Fatal(err)
	}
	conn := connectTo(t, db.AdminURL)
	execAll(t, conn,
		`set standard_conforming_strings = off`,
		`set escape_string_warning = off`,
		`set quote_all_identifiers = on`,
		`alter table shared.audit_cursor alter head set default '\x'`,
		`update shared.audit_cursor set head = default`,
		`alter function shared.masked(text, jsonb) set search_path = pg_catalog, pg_temp`,
		`alter function shared.cover(regclass, text, timestamptz) set search_path = pg_catalog, pg_temp`,
	)
	if head := textOf(t, conn, `select encode(head, 'escape') from shared.audit_cursor`); head != "x" {
		t.Fatalf("the head is %q, want what the setting makes of it", head)
	}

	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if drift, err := m.Verify(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("after the upgrade: %v, %v", drift, err)
	}
	if head := textOf(t, conn, `select encode(head, 'escape') from shared.audit_cursor`); head != "" {
		t.Errorf("the head is %q, want none", head)
	}
}
