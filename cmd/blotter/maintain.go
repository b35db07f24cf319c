package main

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func maintainCommand(set *settings) *cobra.Command {
	cmd := noun("maintain", "Run maintenance jobs, and see their results",
		"  blotter maintain run all\n  blotter maintain status\n  blotter maintain history",
		maintainRun(set), maintainStatus(set), maintainHistory(set))
	cmd.Long = `Keep the database in order. The jobs:

    archive_logs    move old log rows to the archive, drop the oldest there and
                    old statistics
    partitions      create partitions that are due, freeze closed ones
    vacuum_analyze  vacuum and analyze tables and partitions that need it
    analyze         gather statistics, also of partitioned tables
    verify          verify positions and orders against the trades
    reconcile       check the analytics against the trades
    seal            seal new entries of the audit log
    outbox          drop partitions of the outbox that all consumers have read

Each database has one runner at a time: while another works, a run reports that
and does nothing. The login of --owner-url (or --url) must be a member of
trading_owner.`

	return cmd
}

// retentionFlags are the flags for how long data is kept.
type retentionFlags struct {
	policyFlags
	logs maintenance.Retention
}

func (f *retentionFlags) add(cmd *cobra.Command) {
	f.policyFlags.add(cmd)
	cmd.Flags().IntVar(&f.logs.LiveDays, "retention-days", 30, "`days` that log rows stay in system_logs")
	cmd.Flags().IntVar(&f.logs.ArchiveDays, "archive-days", 90,
		"`days` that log rows then stay in the archive; 0 keeps them for ever")
}

// configure applies the flags.
func (f *retentionFlags) configure(cfg *maintenance.Config) (err error) {
	if f.logs.LiveDays < 1 {
		return usagef("invalid --retention-days %d: want 1 or more", f.logs.LiveDays)
	}
	if f.logs.ArchiveDays < 0 {
		return usagef("invalid --archive-days %d: want 0 or more", f.logs.ArchiveDays)
	}
	cfg.Logs = f.logs
	if cfg.Logs.ArchiveDays == 0 {
		cfg.Logs.ArchiveDays = -1
	}
	cfg.Partitions, err = f.policy()
	return err
}

// runner returns the runner of the database of the flags, with a configuration that configure may change. done stops
// the server if this command had to start it.
func (s *settings) runner(
	ctx context.Context, analyticsURL string, configure func(*maintenance.Config) error,
) (runner *maintenance.Runner, done func(), err error) {
	cfg := maintenance.Config{OwnerURL: "postgres://", Logger: s.logger()}
	if configure != nil {
		if err := configure(&cfg); err != nil {
			return nil, nil, err
		}
	}
	cfg.Jobs = maintenanceJobs(cfg.OwnerURL, nil, nil)
	if _, err := maintenance.New(cfg); err != nil { // checks the configuration before a server is started
		return nil, nil, usageError{err}
	}

	d := &database{ctx: ctx}
	if cfg.OwnerURL = s.urlOf("owner"); cfg.OwnerURL == "" {
		if err := d.startOwn(ctx, s); err != nil {
			return nil, nil, err
		}
		cfg.OwnerURL = d.state.OwnerURL()
		if _, err := migrate(ctx, cfg.OwnerURL); err != nil {
			d.Close()
			return nil, nil, err
		}
	}

	trades := s.bookOpener(d, "") // jobs that do not need the analytics do not open their database
	cfg.OpenBook = func(ctx context.Context) (*postgres.DB, func(), error) {
		db, _, done, err := trades(ctx)
		return db, done, err
	}
	cfg.Jobs = maintenanceJobs(cfg.OwnerURL, trades, s.bookOpener(d, analyticsURL))
	runner, err = maintenance.New(cfg)
	return runner, d.Close, err
}

// bookOpener returns a function that opens the databases of the flags, or that of the server of d.
func (s *settings) bookOpener(d *database, analyticsURL string) openBooks {
	return func(ctx context.Context) (trades, target *postgres.DB, done func(), err error) {
		cfg := postgres.Config{
			URL:         cmp.Or(s.url, s.ownerURL),
			ReadOnlyURL: s.readOnlyURL,
			ServiceURL:  s.serviceURL,
			ReporterURL: s.reporterURL,
		}
		if d.state.DataDir != "" {
			cfg = d.state.Config()
		}
		cfg.Logger = s.logger()
		if trades, err = postgres.Open(ctx, cfg); err != nil {
			return nil, nil, nil, err
		}

		if err = s.checkOwner(ctx, trades); err == nil {
			target, err = s.openAnalytics(ctx, trades, analyticsURL, postgres.Config{Logger: s.logger()})
		}
		if err != nil {
			trades.Close()
			return nil, nil, nil, err
		}
		done = func() {
			target.Close()
			trades.Close()
		}
		return trades, target, done, nil
	}
}

// quiet logs nothing. It is for errors that a command reports itself.
var quiet = slog.New(slog.DiscardHandler)
