package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = "package p\n\nfunc f(a, b int, t struct{ A, B string }) (n int, err error) {\n" +
	"\tif a < b && a > 0 {\n\t\tn += g(t.A, t.B)\n\t}\n\tif err != nil {\n\t\treturn 0, err\n\t}\n\treturn n, " +
	"Invalid(a + b)\n}\n\n" +
	"const sql = `\nupdate x u set a = $1, b = v.b\n  from v\n where u.id = v.id and u.n < $2\n order by u.id`\n"

// keysOf returns the changes of a file of this text.
func keysOf(t *testing.T, text string) (keys []string, list []mutant) {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "p.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := generateAll(root, []string{"*.go"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		keys = append(keys, m.key())
	}
	return keys, list
}

func TestGenerate(t *testing.T) {
	t.Parallel()

	keys, list := keysOf(t, sample)
	for _, want := range []string{
		"`a < b → a <= b`", "`a > 0 → a >= 0`", "`a < b && a > 0 → a < b || a > 0`",
		"`if a < b && a > 0 → if not that`", "`if a < b && a > 0 → never`",
		"`n += g(t.A, t.B) → n -= g(t.A, t.B)`", "`t.A, t.B → t.B, t.A`", "`n += g(t.A, t.B) → nothing`",
		"`err != nil → err == nil`",
		"`return 0, err → no error`", "`return 0, err → nothing`", "`0 → 1`",
		"`u.n < $2 → true`", "`order by u.id → nothing`",
	} {
		if !slices.ContainsFunc(keys, func(key string) bool { return strings.HasSuffix(key, ": "+want) }) {
			t.Errorf("no mutant %s among\n%s", want, strings.Join(keys, "\n"))
		}
	}

	for _, m := range list {
		if strings.Contains(m.before, "a + b") && m.after != "nothing" {
			t.Errorf("the words of an error are changed: %s", m.key())
		}
	}

	for change, want := range map[string]string{
		"a = $1":    "a = coalesce(a, $1)",
		"b = v.b":   "b = u.b",
		"u.n < $2 ": "(u.n < $2 or true)",
	} {
		if !slices.ContainsFunc(list, func(m mutant) bool {
			return strings.Contains(
				string(m.apply([]byte(sample))), want)
		}) {
			t.Errorf("no mutant has %s for %s", want, change)
		}
	}
}

// The same seed tries the same mutants: they are generated in one order.
func TestOrderOfMutants(t *testing.T) {
	t.Parallel()
	first, list := keysOf(t, sample)
	second, _ := keysOf(t, sample)
	if !slices.Equal(first, second) {
		t.Error("generated twice, the mutants differ")
	}
	for _, m := range list {
		if changed := string(m.apply([]byte(sample))); changed == sample {
			t.Errorf("%s changes nothing", m.key())
		}
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()

	page := filepath.Join(t.TempDir(), "testing.md")
	text := "# Page\n\n- `p.go` `f`: `a < b → a <= b`: they are never equal\n- `p.go` `f`: `gone → nothing`: was " +
		"removed\n- `p.go` `f`: `no reason`:\n- `p.go` `sql`: any change: tried elsewhere\n"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	accepted, err := readAccepted(page)
	if err != nil || len(accepted) != 3 || !accepted["`p.go` `f`: `a < b → a <= b`"] {
		t.Fatalf("accepted are %v, %v; want three with a reason", accepted, err)
	}

	_, list := keysOf(t, sample)
	for _, m := range list {
		if want := m.function == "sql" || strings.HasSuffix(m.key(), "`a < b → a <= b`"); accepted.has(m) != want {
			t.Errorf("%s is accepted: %v, want %v", m.key(), !want, want)
		}
	}
	if stale := accepted.withoutMutant(list); len(stale) != 1 || !strings.Contains(stale[0], "gone") {
		t.Errorf("without a mutant are %q, want the one that is gone", stale)
	}
}

// Every file has tests, and every pattern of the lists names a file.
func TestTargets(t *testing.T) {
	t.Parallel()

	root := filepath.Join("..", "..")
	for _, pattern := range allFiles {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Errorf("%s names no file, %v", pattern, err)
		}
	}

	for file, want := range map[string]string{
		"position.go": ".", "postgres/booking_write.go": "./postgres", "postgres/book.go": "./postgres",
		"postgres/session.go": "./postgres",
		"analytics/fold.go":   "./analytics", "events/lane_mend.go": "./events", "audit/seal.go": "./audit",
		"partition/plan.go": "./partition",
	} {
		if stages := stagesOf(file); len(stages) == 0 || stages[0].pkg != want {
			t.Errorf("the tests of %s are %v, want some of %s", file, stages, want)
		}
	}
}
