package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/web"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func usersAdd(set *settings) *cobra.Command {
	var accounts []string
	var operator bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user, or change one and end their sessions",
		Long: `Add a user who may sign in to the dashboard, or give an existing one other
accounts and another password, which ends their sessions. A user sees only their
accounts. --operator adds the pages about events and the database, which tell
of all accounts.

The password is asked for on the terminal, or read as one line from standard
input. It is stored as an argon2id hash.`,
		Example: `  blotter users add ann --accounts ACC1,ACC2
  blotter users add bob --accounts all --operator < password.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			user := web.User{Name: args[0], Operator: operator}
			for _, account := range accounts {
				if account == "all" {
					user.AllAccounts = true
				} else {
					user.Accounts = append(user.Accounts, account)
				}
			}
			if err := user.Check(); err != nil {
				return usageError{err}
			}

			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			for _, account := range user.Accounts {
				if err := checkAccount(blotter.WithAccount(cmd.Context(), account), db.DB); err != nil {
					return err
				}
			}
			password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr(), user.Name)
			if err != nil {
				return err
			}
			if err := web.AddUser(cmd.Context(), db.DB, user, password); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s may sign in\n", user.Name)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&accounts, "accounts", nil, "`accounts` that the user sees, or all")
	cmd.Flags().BoolVar(&operator, "operator", false, "the user sees the pages about events and the database too")
	return cmd
}

// readPassword asks for a password twice on a terminal, and reads a line from anything else.
func readPassword(in io.Reader, prompt io.Writer, user string) (string, error) {
	file, isFile := in.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !(errors.Is(err, io.EOF) && line != "") {
			return "", usagef("standard input has no password: give one as a line, or run the command in a terminal")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}

	var typed [2]string
	for i, question := range []string{"password of " + user, "again"} {
		fmt.Fprintf(prompt, "%s: ", question)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(prompt)
		if err != nil {
			return "", err
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", usagef("the two passwords differ; nothing was changed")
	}
	return typed[0], nil
}
