package blotter_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/blotterdb/blotter"

// layers are the packages in the order in which data flows: each imports package blotter and at most what stands above
// it. A package that is not listed here does not exist yet.
var layers = []string{
	"", "internal/calendar", "internal/exchange", "internal/fileerror", "internal/health", "internal/ownership", "internal/spreadsheet", "internal/workbook",
	"internal/advisory", "internal/retry", "internal/shell", "internal/sqltext", "internal/numeric", "internal/pgerror", "internal/connection", "schema", "postgres", "barfile", "fillfile", "events", "analytics", "partition", "maintenance", "monitor", "audit", "logs", "web",
	"embedded", "pgtest", "chaos", "cmd/blotter",
}

// rootMayImport is what package blotter imports besides the standard library.
const rootMayImport = "github.com/quagmt/udecimal"

func TestImportTable(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 5 {
		t.Fatalf("only %v were found", packages)
	}
	for _, line := range packages {
		path, imports, _ := strings.Cut(line, ":")
		name := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		layer := slices.Index(layers, name)
		if layer < 0 {
			t.Errorf("package %s is not in the import table", name)
			continue
		}
		for _, imported := range strings.Split(imports, ",") {
			own, isOurs := strings.CutPrefix(imported, module)
			own = strings.TrimPrefix(own, "/")
			switch {
			case isOurs && slices.Index(layers, own) >= layer:
				t.Errorf("%s imports %s, which stands below it", name, own)
			case layer == 0 && strings.Contains(imported, ".") && imported != rootMayImport:
				t.Errorf("package blotter imports %s; it may import the standard library and the decimal type", imported)
			}
		}
	}
}
