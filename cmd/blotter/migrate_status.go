package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/schema"
	"github.com/spf13/cobra"
)

func migrateStatus(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "List the migrations with their times; exit 1 if one is pending",
		Example: "  blotter migrate status",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, done, err := set.migrator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			list, err := m.Status(cmd.Context())
			if err != nil {
				return err
			}

			err = set.print(cmd, migrationsJSON(list), func(w io.Writer) error { return printMigrations(w, list) })
			isPending := func(s schema.MigrationStatus) bool { return s.Applied.IsZero() }
			return failIf(slices.ContainsFunc(list, isPending), err)
		},
	}
}

func migrationsJSON(list []schema.MigrationStatus) any {
	type migration struct {
		Version int64     `json:"version"`
		Name    string    `json:"name"`
		Applied time.Time `json:"applied,omitzero"`
	}
	migrations := []migration{}
	for _, s := range list {
		migrations = append(migrations, migration(s))
	}
	return migrations
}

func printMigrations(w io.Writer, list []schema.MigrationStatus) error {
	columns := []term.Column{{Name: "version", Right: true}, {Name: "applied"}, {Name: "name"}}
	var rows [][]string
	for _, s := range list {
		applied := "pending"
		if !s.Applied.IsZero() {
			applied = s.Applied.UTC().Format(time.DateTime)
		}
		rows = append(rows, []string{fmt.Sprint(s.Version), applied, s.Name})
	}
	return term.PrintTable(w, columns, rows)
}
