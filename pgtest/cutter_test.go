package pgtest_test

import (
	"fmt"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// Whether a COMMIT takes effect depends on whether the server has heard of it; its client hears nothing either way. The
// links of others stay.
func TestCutter(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cutter, through := pgtest.NewCutter(t, db.AdminURL)
	db.Exec(t, "create table cuts (kind int)")
	other := db.Connect(t, through)
	for i, when := range []pgtest.Cut{pgtest.Unheard, pgtest.Heard, pgtest.Answered} {
		conn := db.Connect(t, through)
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("begin; insert into cuts values (%d)", when)); err != nil {
			t.Fatal(err)
		}
		cutter.AtCommit(when)
		if _, err := conn.Exec(t.Context(), "commit"); err == nil || cutter.Cuts() != i+1 {
			t.Errorf("cut %d: %v, %d cuts", when, err, cutter.Cuts())
		}
	}

	// The lock waits for a COMMIT that is under way.
	if _, err := other.Exec(t.Context(), "begin; lock table cuts"); err != nil {
		t.Fatal(err)
	}

	var stored string
	if err := other.QueryRow(t.Context(),
		"select string_agg(kind::text, ' ' order by kind) from cuts").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(int(pgtest.Heard), " ", int(pgtest.Answered)); stored != want {
		t.Errorf("the COMMITs %s took effect, want %s", stored, want)
	}

	cutter.AtMessage(2, pgtest.Unheard)
	if _, err := other.Exec(t.Context(), "select 1"); err != nil {
		t.Errorf("the message before: %v", err)
	}
	if _, err := other.Exec(t.Context(), "select 1"); err == nil {
		t.Error("the second message was not cut")
	}
}
