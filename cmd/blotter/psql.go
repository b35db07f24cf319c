package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/libpq"
	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/spf13/cobra"
)

func psqlCommand(set *settings) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:   "psql [-- ARGUMENTS...]",
		Short: "Open psql on the database",
		Long: `Open psql on the database: with --account as trading_app, which sees the rows of
that account, otherwise as trading_service, which sees all, or as the role of
--as. It logs in with the URL of that role (--service-url, --owner-url, ...),
otherwise with --url. ARGUMENTS after -- are passed to psql.`,
		Example: `  blotter psql
  blotter psql --account ACC123
  blotter psql --as readonly -- -c 'select * from data_ingestion.instruments'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch role {
			case "app", "service", "readonly", "reporter", "owner":
			case "":
				role = "service"
				if set.account != "" {
					role = "app"
				}
			default:
				return usagef("invalid --as %q: want app, service, readonly, reporter or owner", role)
			}

			url, folders := set.urlOf(role), []string{set.postgres}
			if url == "" {
				db, err := set.open(cmd.Context())
				if err != nil {
					return err
				}
				defer db.Close()
				url = db.state.URL(role, embedded.Database)
				folders = append(folders, db.state.BinDir)
			}
			program, err := findPsql(cmd.Context(), folders)
			if err != nil {
				return err
			}
			set.logger().Debug("run psql", "program", program)
			return runPsql(program, url, "trading_"+role, set.account, args)
		},
	}
	cmd.Flags().StringVar(&role, "as", "", "`role`: app, service, readonly, reporter or owner")
	return cmd
}

// findPsql returns the psql of the first folder that has one, otherwise that of PATH or of an installed PostgreSQL.
func findPsql(ctx context.Context, folders []string) (string, error) {
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if path, err := exec.LookPath(embedded.Binaries{Dir: folder}.Path("psql")); err == nil {
			return path, nil
		}
	}

	if path, err := ownership.LookPath("psql"); err == nil {
		return path, nil
	}
	if found, err := embedded.Find(ctx, "", "", 0); err == nil {
		if path, err := exec.LookPath(found.Path("psql")); err == nil {
			return path, nil
		}
	}
	return "", errors.New("psql is not installed; " +
		"install PostgreSQL's client package, or set --postgres to the folder that holds psql")
}

// runPsql hands the terminal to psql. The URL is passed in the environment, because everybody can see a command line.
func runPsql(program, url, role, account string, args []string) error {
	env, err := libpq.Environment(url)
	if err != nil {
		return err
	}
	secret, remove, err := libpq.KeySecret(url)
	if err != nil {
		return err
	}
	defer remove()
	options := "-c role=" + role
	if account != "" {
		options += " -c app.current_account_id=" + escapeOption(account)
	}

	cmd := exec.Command(program, args...)
	cmd.Stdin = os.Stdin
	cmd.Stdout = os.Stdout
	cmd.Stderr = os.Stderr
	cmd.Env = append(append(env, "PGOPTIONS="+options), secret...)
	signal.Ignore(os.Interrupt) // psql handles it
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// escapeOption writes a value for PGOPTIONS, where a backslash escapes spaces and backslashes.
func escapeOption(value string) string {
	return strings.NewReplacer(`\`, `\\`, " ", `\ `).Replace(value)
}
