package example_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blotterdb/blotter/internal/example"
)

const avanza = `# Avanza
account: A
round: -1
bytes: Latin-1 CRLF
-- file --
Köp;1
-- fills --
one
two
`

func load(t *testing.T, text string) ([]example.Example, error) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return example.Load(folder)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	all, err := load(t, avanza)
	if err != nil || len(all) != 1 {
		t.Fatalf("got %v, %v; want one example", all, err)
	}

	e := all[0]
	if e.Name != "Avanza" || e.File() != "K\xf6p;1\r\n" || !slices.Equal(e.Lines("fills"), []string{"one", "two"}) {
		t.Errorf("got %q, %q, %q", e.Name, e.File(), e.Lines("fills"))
	}

	var options struct {
		Account string
		Round   int
		Zone    string
	}
	e.SetOptions(&options)
	if options.Account != "A" || options.Round != -1 || options.Zone != "" {
		t.Errorf("got %+v", options)
	}
}

func TestInvalidExample(t *testing.T) {
	t.Parallel()
	if all, err := load(t, "# Avanza\na line that is not a setting\n"); err == nil {
		t.Errorf("got %v, want an error", all)
	}
	if all, err := example.Load(t.TempDir()); err == nil {
		t.Errorf("got %v of an empty folder, want an error", all)
	}
}
