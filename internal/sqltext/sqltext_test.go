package sqltext_test

import (
	"slices"
	"testing"

	"github.com/blotterdb/blotter/internal/sqltext"
)

func TestNextWord(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string][]string{
		"":                                      nil,
		"select 1, 'from x' -- from y\n":        {"select"},
		`select "a b"."c", d.e /* f */ from $1`: {"select", `"a b"."c"`, "d.e", "from"},
		"select $$from x$$, $t$ $$ $t$, y":      {"select", "y"},
		"select 'unfinished":                    {"select"},
		`select "unfinished`:                    {"select", `"unfinished`},
	} {
		var got []string
		for word, rest := sqltext.NextWord(sql); word != ""; word, rest = sqltext.NextWord(rest) {
			got = append(got, word)
		}

		if !slices.Equal(got, want) {
			t.Errorf("the words of %q are %q, want %q", sql, got, want)
		}
	}
}

// Tokens cover any text without a gap, and always advance.
func FuzzNext(f *testing.F) {
	for _, sql := range []string{"select $1, $tag$ x $tag$", `"a`, "'", "$", "1.5e9", "--", "/*", ".", "é.b"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for i := 0; i < len(sql); {
			_, end := sqltext.Next(sql, i)
			if end <= i || end > len(sql) {
				t.Fatalf("the token at %d of %q ends at %d", i, sql, end)
			}
			i = end
		}
	})
}
