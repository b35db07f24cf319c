package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func migrateVerify(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Compare the schema with the migrations; exit 1 if it differs",
		Long: `Compare every schema, table, column, constraint, index, policy, grant and
function of the database with those that the migrations of this version make,
and list what is missing, changed or added.`,
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

			err = set.print(cmd, append([]string{}, drift...), func(w io.Writer) error {
				if len(drift) == 0 {
					_, err := fmt.Fprintln(w, "the schema is as the migrations made it")
					return err
				}
				for _, d := range drift {
					fmt.Fprintln(w, term.PrintableLines(d))
				}
				return nil
			})
			return failIf(len(drift) > 0, err)
		},
	}
}
