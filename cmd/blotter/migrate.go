package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/schema"
	"github.com/spf13/cobra"
)

func migrateCommand(set *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the schema of a database up to date, back, or check it",
		Example: "  blotter migrate up --url postgres://owner@db.example/trading\n  blotter migrate status",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("say which: blotter migrate up, down, status or verify")
		},
	}
	cmd.AddCommand(migrateUp(set), migrateDown(set), migrateStatus(set), migrateVerify(set))
	return cmd
}

// owner is the URL of the database of the flags for the login that owns it, and what ends the server that had to be
// started.
func (s *settings) owner(ctx context.Context) (url string, done func(), err error) {
	if url := s.urlOf("owner"); url != "" {
		return url, func() {}, nil
	}
	d := &database{ctx: ctx}
	if err := d.own(ctx, s); err != nil {
		return "", nil, err
	}
	return d.state.OwnerURL(), d.Close, nil
}

// migrator opens the database of the flags as its owner.
func (s *settings) migrator(ctx context.Context) (*schema.Migrator, func(), error) {
	url, done, err := s.owner(ctx)
	if err != nil {
		return nil, nil, err
	}
	m, err := schema.NewMigrator(ctx, url)
	if err != nil {
		done()
		return nil, nil, err
	}
	return m, func() { _ = m.Close(); done() }, nil
}

func migrateUp(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Apply every pending migration",
		Long: `Apply every pending migration, under a lock: it may run twice, and on two
machines at once. The first time, the login needs CREATEROLE and must own the
database.`,
		Example: "  blotter migrate up\n  blotter migrate up --url postgres://owner@db.example/trading",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, done, err := set.migrator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			applied, err := m.Up(cmd.Context())
			return set.printMigrated(cmd, "applied", applied, err)
		},
	}
}

func migrateDown(set *settings) *cobra.Command {
	var to int64
	var yes bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Undo migrations, and lose what is in their tables",
		Long: `Undo every migration above the version of --to, newest first. Tables that these
migrations made are dropped with all their rows.`,
		Example: "  blotter migrate down --to 8 --yes\n  blotter migrate down --to 0 --yes     remove everything",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to < 0 || !yes {
				return usagef("migrate down drops tables and their rows: say --to VERSION and --yes")
			}
			m, done, err := set.migrator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			undone, err := m.DownTo(cmd.Context(), to)
			return set.printMigrated(cmd, "undone", undone, err)
		},
	}
	cmd.Flags().Int64Var(&to, "to", -1, "`version` to go back to; 0 removes everything")
	cmd.Flags().BoolVar(&yes, "yes", false, "drop the tables with their rows")
	return cmd
}

func (s *settings) printMigrated(cmd *cobra.Command, verb string, versions []int64, err error) error {
	if err != nil {
		return err
	}
	if s.json {
		return printJSON(cmd.OutOrStdout(), map[string][]int64{verb: append([]int64{}, versions...)})
	}
	if len(versions) == 0 {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing to do")
		return err
	}
	for _, v := range versions {
		fmt.Fprintf(cmd.OutOrStdout(), "%s %d\n", verb, v)
	}
	return nil
}

func migrateStatus(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "List migrations and when they ran; exit 1 if one is pending",
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
			pending := false
			for _, s := range list {
				pending = pending || s.Applied.IsZero()
			}
			if set.json {
				err = printMigrationsJSON(cmd.OutOrStdout(), list)
			} else {
				err = printTable(cmd.OutOrStdout(), []string{"version", "applied", "name"}, []int{0}, func(row func(...string)) {
					for _, s := range list {
						when := "pending"
						if !s.Applied.IsZero() {
							when = s.Applied.UTC().Format(time.DateTime)
						}
						row(fmt.Sprint(s.Version), when, s.Name)
					}
				})
			}
			if err == nil && pending {
				return exitStatus(1)
			}
			return err
		},
	}
}

func printMigrationsJSON(w io.Writer, list []schema.MigrationStatus) error {
	type migration struct {
		Version int64     `json:"version"`
		Name    string    `json:"name"`
		Applied time.Time `json:"applied,omitzero"`
	}
	migrations := []migration{}
	for _, s := range list {
		migrations = append(migrations, migration(s))
	}
	return printJSON(w, migrations)
}

func migrateVerify(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Compare the live schema with the migrations; exit 1 if it differs",
		Long: `Compare every schema, table, column, constraint, index, policy, grant and
function of the live database with what this version's migrations make, and
list what is missing, changed or added.`,
		Example: "  blotter migrate verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, done, err := set.migrator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			drift, err := m.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), append([]string{}, drift...))
			} else if len(drift) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "the schema is as the migrations made it")
			}
			for _, d := range drift {
				if !set.json {
					fmt.Fprintln(cmd.OutOrStdout(), printableLines(d))
				}
			}
			if err == nil && len(drift) > 0 {
				return exitStatus(1)
			}
			return err
		},
	}
}
