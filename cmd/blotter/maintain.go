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

    archive_logs    move old log rows to the archive, drop the oldest there
    partitions      make partitions that are due, freeze closed ones
    vacuum_analyze  vacuum and analyze tables and partitions that need it
    analyze         gather statistics, of partitioned tables too
    verify          prove positions and orders from the trades
    reconcile       prove the analytics from the trades
    seal            seal new entries of the audit log
    outbox          drop partitions of the outbox that nobody needs

There is one runner a database: where another works, say so and do nothing. The
login of --owner-url (or --url) must be a member of trading_owner.`
	return cmd
}

// runner is the runner of the database of the flags, and what ends the server that had to be started.
func (s *settings) runner(ctx context.Context, change func(*maintenance.Config)) (*maintenance.Runner, func(), error) {
	cfg := maintenance.Config{OwnerURL: "postgres://", Logger: s.logger()}
	if change != nil {
		change(&cfg)
	}
	cfg.Jobs = maintenanceJobs(cfg.OwnerURL, nil)
	if _, err := maintenance.New(cfg); err != nil { // before a server is started
		return nil, nil, usageError{err}
	}
	d := &database{ctx: ctx}
	if cfg.OwnerURL = cmp.Or(s.ownerURL, s.url); cfg.OwnerURL == "" {
		if err := d.own(ctx, s.embedded()); err != nil {
			return nil, nil, err
		}
		cfg.OwnerURL = d.state.OwnerURL()
		if _, err := migrate(ctx, cfg.OwnerURL); err != nil {
			d.Close()
			return nil, nil, err
		}
	}
	open := s.maintainedBooks(d)
	cfg.OpenBook = func(ctx context.Context) (*postgres.DB, func(), error) {
		db, _, done, err := open(ctx)
		return db, done, err
	}
	cfg.Jobs = maintenanceJobs(cfg.OwnerURL, open)
	runner, err := maintenance.New(cfg)
	return runner, d.Close, err
}

// maintainedBooks opens the databases that jobs read: those of the flags, or the one whose server d has.
func (s *settings) maintainedBooks(d *database) books {
	return func(ctx context.Context) (trades, target *postgres.DB, done func(), err error) {
		cfg := postgres.Config{URL: cmp.Or(s.url, s.ownerURL), ReadOnlyURL: s.readOnlyURL, ServiceURL: s.serviceURL, ReporterURL: s.reporterURL}
		if d.state.DataDir != "" {
			cfg = d.state.Config()
		}
		cfg.Logger = s.logger()
		if trades, err = postgres.Open(ctx, cfg); err != nil {
			return nil, nil, nil, err
		}
		return trades, trades, trades.Close, nil
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
