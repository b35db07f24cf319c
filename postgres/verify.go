package postgres

import (
	"context"
	_ "embed"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// catalog.txt describes every object of a freshly migrated database, one a line; TestCatalog writes it.
//
//go:embed catalog.txt
var expectedCatalog string

//go:embed catalog.sql
var sqlCatalog string

// Verify compares the live catalog with what the migrations make and lists the differences, each as a sentence. None
// means that the schema is as this version expects it.
func (m *Migrator) Verify(ctx context.Context) ([]string, error) {
	live, err := readCatalog(ctx, m.url)
	if err != nil {
		return nil, err
	}
	return compareCatalogs(strings.Split(strings.TrimSpace(expectedCatalog), "\n"), live), nil
}

func readCatalog(ctx context.Context, url string) ([]string, error) {
	conn, err := connectPlain(ctx, url)
	if err != nil {
		return nil, translate(ctx, "verify", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return collectCatalog(ctx, conn)
}

func collectCatalog(ctx context.Context, q Querier) ([]string, error) {
	lines, err := QueryCatalog(ctx, q, pgx.RowTo[string], sqlCatalog)
	slices.Sort(lines)
	return lines, translate(ctx, "verify", err)
}

// Drift is Migrator.Verify for whoever may only read: it needs no right but to look at the catalog.
func Drift(ctx context.Context, q Querier) ([]string, error) {
	live, err := collectCatalog(ctx, q)
	if err != nil {
		return nil, err
	}
	return compareCatalogs(strings.Split(strings.TrimSpace(expectedCatalog), "\n"), live), nil
}

// compareCatalogs lists objects that are missing, added, or described differently. A line is "kind name: description".
func compareCatalogs(expected, live []string) []string {
	want, have := byObject(expected), byObject(live)
	var differences []string
	for object, description := range want {
		switch found, exists := have[object]; {
		case !exists && ofATable(object, description, want, have):
		case !exists:
			differences = append(differences, object+" is missing")
		case found != description:
			differences = append(differences, object+" has changed: "+found+"; it was made as: "+description)
		}
	}
	for object, description := range have {
		if _, known := want[object]; !known && !ofATable(object, description, have, want) {
			differences = append(differences, object+" was added")
		}
	}
	slices.Sort(differences)
	return differences
}

// ofATable reports that an object belongs to a table that one catalog has and the other has not: naming the table is enough.
func ofATable(object, description string, has, hasNot map[string]string) bool {
	kind, name, _ := strings.Cut(object, " ")
	table := ""
	switch kind {
	case "column", "constraint":
		table = name[:strings.LastIndexByte(name, '.')]
	case "index":
		_, on, _ := strings.Cut(description, " ON ")
		table, _, _ = strings.Cut(on, " ")
	case "policy", "trigger", "rule":
		_, table, _ = strings.Cut(name, " of ")
	case "grants":
		if column, isColumn := strings.CutPrefix(name, "on column "); isColumn {
			table = column[:strings.LastIndexByte(column, '.')]
		}
		if granted, isTable := strings.CutPrefix(name, "on table "); isTable {
			table = granted
		}
	}
	_, here := has["table "+table]
	_, there := hasNot["table "+table]
	return here && !there
}

func byObject(lines []string) map[string]string {
	objects := map[string]string{}
	for _, line := range lines {
		object, description, _ := strings.Cut(line, ": ")
		objects[object] = description
	}
	return objects
}
