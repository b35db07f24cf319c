package main

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
)

func (d *daemon) addAnalytics(context.Context) error {
	s, err := analytics.New(analytics.Config{Source: d.db.DB, Target: d.target, Logger: d.log})
	if err == nil {
		d.add("analytics", s)
	}
	return err
}

func (d *daemon) addRedis(context.Context) error {
	url := d.opts.redis
	switch url {
	case "", "off":
		return nil
	case "embedded":
		var err error
		if d.redis, err = embedded.StartRedisStandIn(); err != nil {
			return err
		}
		url = d.redis.URL
		d.log.Info("a stand-in for Redis runs in this process", "url", url)
	}

	relay, err := events.NewRelay(events.RelayConfig{DB: d.db.DB, URL: url, Logger: d.log})
	if err != nil {
		return usageError{fmt.Errorf("--redis: %w", err)}
	}
	d.add("redis", relay)
	d.checks = append(d.checks, monitor.RedisCheck(url))
	return nil
}

func (d *daemon) addSealer(context.Context) error {
	s, err := audit.New(d.db.DB, audit.Config{Logger: d.log})
	if err == nil {
		d.add("seal", s)
	}
	return err
}

// addMaintenance adds the scheduler if the login may act as the owner.
func (d *daemon) addMaintenance(ctx context.Context) error {
	if !d.opts.maintenance {
		return nil
	}
	url := d.set.urlOf("owner")
	if url == "" {
		url = d.db.state.OwnerURL()
	}
	conn, err := postgres.ConnectOwner(ctx, url, "blotter")
	if err != nil && d.set.ownerURL == "" {
		d.log.Warn("maintenance is off: no login for trading_owner; set one with --owner-url", "error", explain(err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("--owner-url: %s", explain(err))
	}
	err = d.db.CheckOwner(ctx, conn)
	_ = conn.Close(ctx)
	if err != nil {
		return err
	}

	both := func(context.Context) (trades, target *postgres.DB, done func(), err error) {
		return d.db.DB, d.target, func() {}, nil
	}
	cfg := maintenance.Config{
		OwnerURL: url,
		OpenBook: func(context.Context) (*postgres.DB, func(), error) { return d.db.DB, func() {}, nil },
		Jobs:     maintenanceJobs(url, both, both),
		Logger:   d.log,
	}
	if err := d.opts.retention.configure(&cfg); err != nil {
		return err
	}
	s, err := maintenance.NewScheduler(cfg)
	if err == nil {
		d.add("maintenance", s)
	}
	return err
}
