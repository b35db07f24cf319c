package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/spf13/cobra"
)

// settings are the values of the flags that every command has.
type settings struct {
	url, readOnlyURL, serviceURL, reporterURL string
	ownerURL                                  string
	dataDir, postgres                         string
	account                                   string
	allAccounts, json, verbose                bool

	now func() time.Time // the clock
}

func newRoot() *cobra.Command {
	set := settings{now: time.Now}
	var config string
	root := &cobra.Command{
		Use:   "blotter",
		Short: "The database of a trading system on PostgreSQL: bars, orders, fills, positions",
		Long: `blotter stores market data, orders, fills and positions in PostgreSQL, without
rounding.

Without --url it runs its own PostgreSQL in a data folder; no setup is needed.
Every flag can also be an environment variable (--data-dir is BLOTTER_DATA_DIR)
or a line of blotter.toml (data-dir = "..."). That file is read from the user's
configuration folder and, if it is trusted, from the working folder (blotter
config). A table such as [trades.import] sets the flags of one command.

Tables are as wide as the terminal or COLUMNS, otherwise 80 columns, and name
the columns that they hide. The exit status is 0 for success, 1 for a failure or
a finding, 2 for a wrong use of the command line (docs/cli.md).`,
		Example: `  blotter demo                      a first look, with synthetic bars
  blotter import ~/bars/*.csv       store bars
  blotter bars show AAPL --from 2024-01-01
  blotter up                        keep the database running between commands`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := bindSettings(cmd, config); err != nil {
				return err
			}
			if err := set.check(); err != nil {
				return err
			}
			cmd.SetContext(set.scope(cmd.Context()))
			return nil
		},
	}
	set.addFlags(root)
	root.PersistentFlags().StringVar(&config, "config", "", "configuration `file` (default: blotter.toml)")

	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("blotter {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		demoCommand(&set), importCommand(&set), barsCommand(&set),
		upCommand(&set), downCommand(&set), statusCommand(&set), psqlCommand(&set), migrateCommand(&set),
		partitionsCommand(&set), auditCommand(&set), backupCommand(&set), restoreCommand(&set),
		maintainCommand(&set), logsCommand(&set),
		ordersCommand(&set), tradesCommand(&set), positionsCommand(&set), pnlCommand(&set), verifyCommand(&set),
		accountsCommand(&set), instrumentsCommand(&set), pricesCommand(&set), actionsCommand(&set),
		serveCommand(&set), webCommand(&set), usersCommand(&set), eventsCommand(&set), analyticsCommand(&set),
		loadCommand(&set),
		doctorCommand(&set), performanceCommand(&set), rolesCommand(&set), configCommand(&set, &config),
	)
	refuseUnknownArgs(root)
	root.SetHelpCommand(helpCommand())
	root.SetUsageTemplate(narrow.Replace(root.UsageTemplate()))
	return root
}

// addFlags adds the flags that every command has.
func (s *settings) addFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&s.url, "url", "", "database `URL` (default: blotter's own database in --data-dir)")
	flags.StringVar(&s.dataDir, "data-dir", "", "`folder` of blotter's own database (default: the user's data folder)")
	flags.StringVar(&s.account, "account", "", "see and change only the rows of this `account`")
	flags.BoolVar(&s.allAccounts, "all-accounts", false, "see the rows of all accounts")
	flags.BoolVar(&s.json, "json", false, "print JSON")
	flags.StringVar(&s.postgres, "postgres", "", "`folder` of the PostgreSQL programs (default: found)")
	flags.StringVar(&s.readOnlyURL, "readonly-url", "", "`URL` of a login for trading_readonly (default: --url)")
	flags.StringVar(&s.serviceURL, "service-url", "", "`URL` of a login for trading_service (default: --url)")
	flags.StringVar(&s.reporterURL, "reporter-url", "", "`URL` of a login for trading_reporter (default: --url)")
	flags.StringVar(&s.ownerURL, "owner-url", "", "`URL` of a login for trading_owner (default: --url)")
	flags.BoolVar(&s.verbose, "verbose", false, "log to standard error")
}

// narrow makes help fit into 80 columns.
var narrow = strings.NewReplacer(
	".FlagUsages", ".FlagUsagesWrapped 80",
	"for more information about a command", "for more about a command",
)

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Example: "  blotter help import",
		// Help needs no settings, so a wrong one must not make it fail.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			found := cmd.Root()
			for _, word := range args {
				sub := findCommand(found, word)
				if sub == nil {
					return unknownCommand(found, word)
				}
				found = sub
			}

			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// findCommand returns the command of the name below parent, or nil.
func findCommand(parent *cobra.Command, name string) *cobra.Command {
	for _, sub := range parent.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}

// refuseUnknownArgs turns cobra's errors about arguments into usage errors that show the usage.
func refuseUnknownArgs(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		refuseUnknownArgs(sub)
	}

	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch err := check(cmd, args); {
		case err == nil:
			return nil
		case len(args) > 0 && cmd.HasSubCommands():
			return unknownCommand(cmd, args[0])
		case len(args) == 0:
			return usagef("%s needs an argument: want %s; see %[1]s --help", cmd.CommandPath(), cmd.UseLine())
		}
		last := args[len(args)-1]
		return usagef("unexpected argument %q: want %s; see %s --help", last, cmd.UseLine(), cmd.CommandPath())
	}
}

func (s *settings) check() error {
	for _, check := range []func() error{s.checkPassfiles, s.checkURLs, s.checkSockets} {
		if err := check(); err != nil {
			return err
		}
	}

	if s.account != "" && s.allAccounts {
		return usagef("--account and --all-accounts exclude each other; give one of them")
	}
	if s.account != "" {
		if err := blotter.CheckAccountID(s.account); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// scope returns the context with the account of the flags.
func (s *settings) scope(ctx context.Context) context.Context {
	switch {
	case s.allAccounts:
		return blotter.WithAllAccounts(ctx)
	case s.account != "":
		return blotter.WithAccount(ctx, s.account)
	}
	return ctx
}

// logger returns a logger that is silent without --verbose: a command reports an error once, in its last line.
func (s *settings) logger() *slog.Logger {
	if !s.verbose {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
