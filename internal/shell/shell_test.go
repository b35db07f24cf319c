package shell_test

import (
	"testing"

	"github.com/blotterdb/blotter/internal/shell"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"trading": "trading", "a.b:c/d-e_1": "a.b:c/d-e_1",
		"": "''", "two words": "'two words'", "it's": `'it'\''s'`, "$(id)": "'$(id)'", "é": "'é'",
	} {
		if got := shell.Quote(text); got != want {
			t.Errorf("Quote(%q) = %s, want %s", text, got, want)
		}
	}
}
