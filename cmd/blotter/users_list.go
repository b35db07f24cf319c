package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/web"
	"github.com/spf13/cobra"
)

func usersList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the users of the dashboard",
		Example: "  blotter users list\n  blotter users list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			users, err := web.Users(cmd.Context(), db.DB)
			if err != nil {
				return err
			}

			list := append([]web.User{}, users...)
			return set.print(cmd, list, func(w io.Writer) error { return printUsers(w, list) })
		},
	}
}

func printUsers(w io.Writer, users []web.User) error {
	if len(users) == 0 {
		_, err := fmt.Fprintln(w, "no users; blotter users add NAME --accounts all adds one")
		return err
	}

	columns := []term.Column{{Name: "user"}, {Name: "accounts"}, {Name: "operator"}, {Name: "since"}}
	var rows [][]string

	for _, u := range users {
		accounts := strings.Join(u.Accounts, ", ")
		if u.AllAccounts {
			accounts = "all"
		}

		operator := ""
		if u.Operator {
			operator = "yes"
		}

		rows = append(rows, []string{u.Name, accounts, operator, instant(u.CreatedAt)})
	}

	return term.PrintTable(w, columns, rows)
}
