package blotter_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/blotterdb/blotter"

// layers lists all packages in the order in which data flows. A package imports only packages above it.
var layers = []string{
	"",
	"internal/calendar", "internal/example", "internal/exchange", "internal/fileerror", "internal/health",
	"internal/libpq", "internal/ownership", "internal/ramdisk", "internal/service", "internal/spreadsheet",
	"internal/window", "internal/term", "internal/tidy", "internal/tidy/tidyreport", "internal/workbook",
	"internal/sqltext", "internal/tabular", "internal/advisory", "internal/retry", "internal/shell",
	"internal/numeric", "internal/pgerror", "internal/connection",
	"schema", "postgres", "barfile", "fillfile", "actionfile",
	"events", "analytics", "partition", "maintenance", "monitor", "audit",
	"logs", "internal/chart", "web", "embedded", "backup", "internal/compare", "internal/demo", "pgtest", "chaos", "cmd/blotter",
}

// rootMayImport is the only import of package blotter besides the standard library.
const rootMayImport = "github.com/quagmt/udecimal"

func TestImportTable(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}

	packages := strings.Fields(string(out))
	if len(packages) < 5 {
		t.Fatalf("found only %v", packages)
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
			own, isOwn := strings.CutPrefix(imported, module)
			own = strings.TrimPrefix(own, "/")
			switch {
			case isOwn && slices.Index(layers, own) >= layer:
				t.Errorf("%s imports %s, which is below it in the table", name, own)
			case layer == 0 && strings.Contains(imported, ".") && imported != rootMayImport:
				t.Errorf("package blotter imports %s; it may import the standard library and the decimal type",
					imported)
			}
		}
	}
}
