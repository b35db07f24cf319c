package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ownership"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func psqlCommand(set *settings) *cobra.Command {
	var login string
	cmd := &cobra.Command{
		Use:   "psql [-- ARGUMENTS...]",
		Short: "Open psql on the database",
		Long: `Open psql on the database. With --account as trading_app, for that account's
rows; else as trading_service, for all; or as the role of --as. It logs in by
the URL of that role (--service-url, --owner-url, ...), else by --url. What
follows -- is handed to psql.`,
		Example: `  blotter psql
  blotter psql --account ACC123
  blotter psql --as readonly -- -c 'select * from data_ingestion.instruments'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch login {
			case "app", "service", "readonly", "reporter", "owner":
			case "":
				login = "service"
				if set.account != "" {
					login = "app"
				}
			default:
				return usagef("--as %s: want app, service, readonly, reporter or owner", login)
			}
			url, folders := set.urlOf(login), []string{set.postgres}
			if url == "" {
				db, err := set.open(cmd.Context())
				if err != nil {
					return err
				}
				defer db.Close()
				url = db.state.URL(login, embedded.Database)
				folders = append(folders, db.state.BinDir)
			}
			program, err := findPsql(cmd.Context(), folders)
			if err != nil {
				return err
			}
			set.logger().Debug("run psql", "program", program)
			return runPsql(program, url, "trading_"+login, set.account, args)
		},
	}
	cmd.Flags().StringVar(&login, "as", "", "`role`: app, service, readonly, reporter or owner")
	return cmd
}

// findPsql returns the psql of one of the folders, otherwise that of PATH or of an installed PostgreSQL.
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
	return "", errors.New("psql is not installed; install PostgreSQL's client package, or set --postgres to the folder that holds psql")
}

// runPsql hands the terminal to psql. The URL goes by the environment: a command line is for everybody to see.
func runPsql(program, url, role, account string, args []string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("the URL does not parse")
	}
	options := "-c role=" + role
	if account != "" {
		options += " -c app.current_account_id=" + escapeOption(account)
	}
	secret, done, err := keySecret(url)
	if err != nil {
		return err
	}
	defer done()
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(append(os.Environ(), linkSettings(url)...), "PGHOST="+cfg.Host, fmt.Sprintf("PGPORT=%d", cfg.Port), "PGDATABASE="+cfg.Database,
		"PGUSER="+cfg.User, "PGPASSWORD="+cfg.Password, "PGOPTIONS="+options)
	cmd.Env = append(cmd.Env, secret...)
	signal.Ignore(os.Interrupt) // it is psql's
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// escapeOption writes a value for PGOPTIONS, where spaces and backslashes are escaped by a backslash.
func escapeOption(value string) string {
	var escaped []rune
	for _, r := range value {
		if r == ' ' || r == '\\' {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, r)
	}
	return string(escaped)
}

// linkVariables are the settings of a URL that say how the link to the server is made and secured, and the environment
// variables by which psql takes them. Without them it would be content with less than the URL asks for.
var linkVariables = map[string]string{
	"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslcrl": "PGSSLCRL",
	"sslsni": "PGSSLSNI", "sslnegotiation": "PGSSLNEGOTIATION", "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
	"channel_binding": "PGCHANNELBINDING", "gssencmode": "PGGSSENCMODE", "require_auth": "PGREQUIREAUTH",
	"connect_timeout": "PGCONNECT_TIMEOUT", "target_session_attrs": "PGTARGETSESSIONATTRS",
}

var wordOfURL = regexp.MustCompile(`(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

// wordsOf are the settings of a URL or of its key=value form, less those before a URL's question mark.
func wordsOf(text string) url.Values {
	if u, err := url.Parse(text); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		return u.Query()
	}
	values := url.Values{}
	for _, word := range wordOfURL.FindAllStringSubmatch(text, -1) {
		values.Set(word[1], unquoteWord(word[2]))
	}
	return values
}

var escapedRune = regexp.MustCompile(`\\(.)`)

func unquoteWord(word string) string {
	if len(word) > 1 && word[0] == '\'' {
		word = word[1 : len(word)-1]
	}
	return escapedRune.ReplaceAllString(word, "$1")
}

// linkSettings are the environment variables for the settings of a URL or of its key=value form.
func linkSettings(text string) (variables []string) {
	values := wordsOf(text)
	for setting, variable := range linkVariables {
		if value := values.Get(setting); value != "" {
			variables = append(variables, variable+"="+value)
		}
	}
	return variables
}
