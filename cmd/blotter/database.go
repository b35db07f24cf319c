package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
)

// database is an open database, and its server if this command had to start one.
type database struct {
	*postgres.DB
	server *embedded.Server
	state  embedded.State // of blotter's own server; zero with --url
	ctx    context.Context
}

// open opens the database of the flags: that of --url, otherwise blotter's own, which is started and migrated first.
func (s *settings) open(ctx context.Context) (*database, error) {
	return s.openWith(ctx, func(*postgres.Config) {})
}

// openWith does as open, with a configuration of the pools that change adjusts.
func (s *settings) openWith(ctx context.Context, change func(*postgres.Config)) (*database, error) {
	d := &database{ctx: ctx}
	cfg := postgres.Config{
		URL: s.url, ReadOnlyURL: s.readOnlyURL, ServiceURL: s.serviceURL, ReporterURL: s.reporterURL,
	}
	if s.url == "" {
		if err := d.startOwn(ctx, s); err != nil {
			return nil, err
		}
		cfg = d.state.Config()
		if _, err := migrate(ctx, d.state.OwnerURL()); err != nil {
			d.Close()
			return nil, err
		}
	}

	cfg.Logger = s.logger()
	change(&cfg)
	var err error
	if d.DB, err = postgres.Open(ctx, cfg); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// startOwn attaches to the running server of the data folder, or starts one that ends with this command.
func (d *database) startOwn(ctx context.Context, s *settings) (err error) {
	if err := s.checkOwn(); err != nil {
		return err
	}
	cfg := s.embedded()
	d.state, err = embedded.Attach(cfg)
	if err == nil || !errors.Is(err, embedded.ErrNotRunning) {
		return err
	}

	if d.server, err = embedded.Start(ctx, cfg); err != nil {
		return err
	}
	d.state = d.server.State
	return nil
}

func (s *settings) embedded() embedded.Config {
	return embedded.Config{DataDir: s.dataDir, BinDir: s.postgres, Logger: s.logger()}
}

// Close closes the database, and stops the server that this command started, at once if the command was interrupted.
func (d *database) Close() {
	if d.DB != nil {
		d.DB.Close()
	}
	switch {
	case d.server == nil:
	case d.ctx.Err() != nil:
		_ = d.server.Kill()
	default:
		_ = d.server.Stop()
	}
}

// migrate brings a database to the newest schema and returns the number of migrations that it applied.
func migrate(ctx context.Context, url string) (int, error) {
	m, err := schema.NewMigrator(ctx, url)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	applied, err := m.Up(ctx)
	return len(applied), err
}

// describe returns where the data is.
func (d *database) describe() string {
	if d.state.DataDir == "" {
		return "the database of --url"
	}
	return fmt.Sprintf("PostgreSQL %d in %s", d.state.Major, d.state.DataDir)
}
