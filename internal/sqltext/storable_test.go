package sqltext_test

import (
	"testing"

	"github.com/blotterdb/blotter/internal/sqltext"
)

func TestStorable(t *testing.T) {
	t.Parallel()
	if got, want := sqltext.Storable("a\x00b\xffc"), "a\uFFFDb\uFFFDc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
