package main

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func maintainCommand(set *settings) *cobra.Command {
	cmd := noun("maintain", "Vacuum, analyze, archive logs, verify: now, or see how it went",
		"  blotter maintain run all\n  blotter maintain status\n  blotter maintain history",
		maintainRun(set), maintainStatus(set), maintainHistory(set))
	cmd.Long = `Keep the database in order. The jobs:

    archive_logs    move old logs to the archive, drop the oldest there and
                    old statistics
    partitions      create partitions that are due, freeze closed ones
    vacuum_analyze  vacuum and analyze tables and partitions that need it
    analyze         gather statistics, of partitioned tables too
    verify          verify positions and orders against the trades
    reconcile       prove the analytics from the trades
    seal            seal new entries of the audit log
    outbox          drop partitions of the outbox that nobody needs

There is one runner a database: where another works, say so and do nothing. The
login of --owner-url (or --url) must be a member of trading_owner.`
	return cmd
}

// keepingFlags are the flags that say how long things are kept.
type keepingFlags struct {
	policyFlags
	logs maintenance.Retention
}

func (f *keepingFlags) add(cmd *cobra.Command) {
	f.policyFlags.add(cmd)
	cmd.Flags().IntVar(&f.logs.LiveDays, "retention-days", 30, "`days` that log rows stay in system_logs")
	cmd.Flags().IntVar(&f.logs.ArchiveDays, "archive-days", 90, "`days` that log rows stay in the archive then; 0 is for ever")
}

// configure applies the flags.
func (f *keepingFlags) configure(cfg *maintenance.Config) (err error) {
	if f.logs.LiveDays < 1 || f.logs.ArchiveDays < 0 {
		return usagef("--retention-days %d and --archive-days %d: want 1 or more, and 0 or more", f.logs.LiveDays, f.logs.ArchiveDays)
	}
	cfg.Logs = f.logs
	if cfg.Logs.ArchiveDays == 0 {
		cfg.Logs.ArchiveDays = -1
	}
	cfg.Partitions, err = f.policy()
	return err
}

// runner is the runner of the database of the flags, and what ends the server that had to be started.
func (s *settings) runner(ctx context.Context, analyticsURL string, change func(*maintenance.Config) error) (*maintenance.Runner, func(), error) {
	cfg := maintenance.Config{OwnerURL: "postgres://", Logger: s.logger()}
	if change != nil {
		if err := change(&cfg); err != nil {
			return nil, nil, err
		}
	}
	cfg.Jobs = maintenanceJobs(cfg.OwnerURL, nil, nil)
	if _, err := maintenance.New(cfg); err != nil { // before a server is started
		return nil, nil, usageError{err}
	}
	d := &database{ctx: ctx}
	if cfg.OwnerURL = s.urlOf("owner"); cfg.OwnerURL == "" {
		if err := d.own(ctx, s); err != nil {
			return nil, nil, err
		}
		cfg.OwnerURL = d.state.OwnerURL()
		if _, err := migrate(ctx, cfg.OwnerURL); err != nil {
			d.Close()
			return nil, nil, err
		}
	}
	trades := s.maintainedBooks(d, "") // a job that is not about the analytics does not want their database
	cfg.OpenBook = func(ctx context.Context) (*postgres.DB, func(), error) {
		db, _, done, err := trades(ctx)
		return db, done, err
	}
	cfg.Jobs = maintenanceJobs(cfg.OwnerURL, trades, s.maintainedBooks(d, analyticsURL))
	runner, err := maintenance.New(cfg)
	return runner, d.Close, err
}

// maintainedBooks opens the databases that jobs read: those of the flags, or the one whose server d has.
func (s *settings) maintainedBooks(d *database, analyticsURL string) books {
	return func(ctx context.Context) (trades, target *postgres.DB, done func(), err error) {
		cfg := postgres.Config{URL: cmp.Or(s.url, s.ownerURL), ReadOnlyURL: s.readOnlyURL, ServiceURL: s.serviceURL, ReporterURL: s.reporterURL}
		if d.state.DataDir != "" {
			cfg = d.state.Config()
		}
		cfg.Logger = s.logger()
		if trades, err = postgres.Open(ctx, cfg); err != nil {
			return nil, nil, nil, err
		}
		if err = s.checkOwner(ctx, trades); err != nil {
			trades.Close()
			return nil, nil, nil, err
		}
		if target, err = s.openAnalytics(ctx, trades, analyticsURL, postgres.Config{Logger: s.logger()}); err != nil {
			trades.Close()
			return nil, nil, nil, err
		}
		return trades, target, func() {
			target.Close()
			trades.Close()
		}, nil
	}
}

// quiet is for what a command reports itself.
var quiet = slog.New(slog.DiscardHandler)

// took writes how long something took, for people.
func took(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
