package advisory_test

import (
	"testing"

	"github.com/blotterdb/blotter/internal/advisory"
	"github.com/blotterdb/blotter/pgtest"
)

func TestOneSessionHasTheLock(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	first := db.Connect(t, db.AdminURL)
	second := db.Connect(t, db.AdminURL)

	const key = 42
	if locked, err := advisory.TryLock(t.Context(), first, key, 0); err != nil || !locked {
		t.Fatalf("the first session: %t, %v, want the lock", locked, err)
	}
	if locked, err := advisory.TryLock(t.Context(), second, key, 0); err != nil || locked {
		t.Errorf("the second session: %t, %v, want no lock", locked, err)
	}

	if err := advisory.Unlock(t.Context(), first, key); err != nil {
		t.Fatal(err)
	}
	if locked, err := advisory.TryLock(t.Context(), second, key, advisory.Patience); err != nil || !locked {
		t.Errorf("the second session after Unlock: %t, %v, want the lock", locked, err)
	}
}
