package schema

import (
	"context"
	_ "embed"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// expectedCatalog describes every object of a freshly migrated database, one a line. `make catalog` writes it.
//
//go:embed catalog.txt
var expectedCatalog string

//go:embed catalog.sql
var sqlCatalog string

// Querier is a session or a connection in which Drift reads the catalog, for example a *postgres.Session or a
// *pgx.Conn.
type Querier = connection.Querier

// Drift compares the live catalog with the one that the migrations make, like Migrator.Verify, for a session that may
// only read.
func Drift(ctx context.Context, q Querier) ([]string, error) {
	live, err := collectCatalog(ctx, q)
	if err != nil {
		return nil, err
	}
	return compareCatalogs(expectedLines(), live), nil
}

func expectedLines() []string { return strings.Split(strings.TrimSpace(expectedCatalog), "\n") }

func readCatalog(ctx context.Context, url string) ([]string, error) {
	conn, err := connection.Plain(ctx, url)
	if err != nil {
		return nil, pgerror.Translate(ctx, "verify", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	return collectCatalog(ctx, conn)
}

func collectCatalog(ctx context.Context, q connection.Querier) ([]string, error) {
	lines, err := connection.QueryCatalog(ctx, q, pgx.RowTo[string], sqlCatalog)
	slices.Sort(lines)
	return lines, pgerror.Translate(ctx, "verify", err)
}

// compareCatalogs lists objects that are missing, added, or described differently. A line is "kind name: description".
func compareCatalogs(expected, live []string) []string {
	want := byObject(expected)
	have := byObject(live)

	var differences []string
	for object, description := range want {
		switch found, exists := have[object]; {
		case !exists && belongsToMissingTable(object, description, want, have):
		case !exists:
			differences = append(differences, object+" is missing")
		case found != description:
			differences = append(differences, object+" has changed: "+found+"; it was made as: "+description)
		}
	}
	for object, description := range have {
		if _, known := want[object]; !known && !belongsToMissingTable(object, description, have, want) {
			differences = append(differences, object+" was added")
		}
	}

	slices.Sort(differences)
	return differences
}

// belongsToMissingTable reports whether an object of the catalog in belongs to a table that the catalog other lacks: it
// is enough to report the table.
func belongsToMissingTable(object, description string, in, other map[string]string) bool {
	table := "table " + tableOf(object, description)
	_, here := in[table]
	_, there := other[table]
	return here && !there
}

// tableOf returns the table to which an object belongs, or "".
func tableOf(object, description string) string {
	kind, name, _ := strings.Cut(object, " ")

	switch kind {
	case "column", "constraint":
		return name[:strings.LastIndexByte(name, '.')]
	case "index":
		_, on, _ := strings.Cut(description, " ON ")
		table, _, _ := strings.Cut(on, " ")
		return table
	case "policy", "trigger", "rule":
		_, table, _ := strings.Cut(name, " of ")
		return table
	case "grants":
		if column, isColumn := strings.CutPrefix(name, "on column "); isColumn {
			return column[:strings.LastIndexByte(column, '.')]
		}
		if table, isTable := strings.CutPrefix(name, "on table "); isTable {
			return table
		}
	}
	return ""
}

func byObject(lines []string) map[string]string {
	objects := map[string]string{}
	for _, line := range lines {
		object, description, _ := strings.Cut(line, ": ")
		objects[object] = description
	}
	return objects
}
