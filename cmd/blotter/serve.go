package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// service is a part of the daemon.
type service interface {
	Start(ctx context.Context) error // returns when it runs; safe twice
	Stop(ctx context.Context) error  // drains and waits; safe twice
	Health() error                   // nil while it does its work
}

// daemon is a running blotter serve: its database, its services in the order in which they start.
type daemon struct {
	set      *settings
	opts     serveOptions
	log      *slog.Logger
	db       *database
	target   *postgres.DB // of the analytics
	services []named
	checks   []monitor.Check // of the services, besides those of doctor
	redis    *embedded.Redis // the stand-in; nil without
	down     func()          // ends the server that serve started
}

type named struct {
	name string
	service
}

const (
	// drainTime is how long the daemon may take to end what is under way.
	drainTime = 20 * time.Second
	// logDrainTime is how long of that it may take to store the end of its log, which standard error has already: a
	// database that is gone is not waited for.
	logDrainTime = 3 * time.Second
	logService   = "logs"
)

type serveOptions struct {
	analyticsURL string
	redis        string // URL, "embedded", or "" for none
	maintenance  bool
	keeping      keepingFlags
	monitorOptions
}

func serveCommand(set *settings) *cobra.Command {
	var opts serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon: analytics, Redis, maintenance, metrics",
		Long: `Run the daemon until it is interrupted. Its services:

    analytics    fold every trade and price into the analytics
    redis        publish every event to Redis (--redis)
    seal         seal the audit log
    maintenance  run the jobs that are due (--owner-url)
    watcher      check the database every minute, as blotter doctor
    statistics   store what services asked of the database (blotter performance)
    metrics      serve /metrics, /healthz and /readyz (--metrics)
    logs         store this log (blotter logs reads it)

Any number of daemons share the work without being told of each other; one that
is killed is replaced by another within a moment. A line is logged for every
change of state.

With one login for each role it needs --url, --service-url and --reporter-url,
and --owner-url for the maintenance, which is off without.

Without --url the database of --data-dir is started (as by blotter up) and ends
with the daemon; other commands use it meanwhile.`,
		Example: `  blotter serve
  blotter serve --redis redis://localhost:6379
  blotter serve --url "$APP" --service-url "$SERVICE" \
      --reporter-url "$REPORTER" --owner-url "$OWNER"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cleanUpTime.Store(int64(drainTime + logDrainTime))
			if _, err := opts.levels.thresholds(); err != nil { // before a server is started
				return err
			}
			if err := checkHostNames(opts.hosts); err != nil {
				return err
			}
			if err := opts.keeping.configure(&maintenance.Config{}); err != nil {
				return err
			}
			return serve(cmd.Context(), set, opts)
		},
	}
	analyticsFlag(cmd, &opts.analyticsURL)
	flags := cmd.Flags()
	redisFlag(cmd, &opts.redis, "`URL` of a Redis to publish to, or \"embedded\" for a stand-in (default $REDIS_URL, else none)")
	opts.monitorOptions.flags(cmd)
	flags.BoolVar(&opts.maintenance, "maintenance", true, "run maintenance jobs when they are due")
	opts.keeping.add(cmd)
	return cmd
}

// redisFlag adds --redis, whose default, which may hold a password, is not printed.
func redisFlag(cmd *cobra.Command, url *string, usage string) {
	cmd.Flags().StringVar(url, "redis", os.Getenv("REDIS_URL"), usage)
	cmd.Flags().Lookup("redis").DefValue = ""
}

func analyticsFlag(cmd *cobra.Command, url *string) {
	cmd.Flags().StringVar(url, "analytics-url", "", "database `URL` of the analytics (default: that of the trades)")
}

func serve(ctx context.Context, set *settings, opts serveOptions) error {
	d := &daemon{set: set, opts: opts}
	defer d.close()
	if err := d.open(ctx); err != nil {
		return err
	}
	if err := d.start(ctx); err != nil {
		return errors.Join(err, d.stop())
	}
	d.log.Info("blotter serves", "version", version(), "database", d.db.describe(), "pid", os.Getpid())
	<-ctx.Done()
	d.log.Info("blotter ends: what is under way is finished")
	err := d.stop()
	d.log.Info("blotter has ended", usage()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "blotter:", printableLines(explain(err)))
		return exitStatus(1)
	}
	return nil
}

// open opens the databases and makes the services.
func (d *daemon) open(ctx context.Context) (err error) {
	handler, err := logs.NewHandler(logs.Config{Service: "blotter"})
	if err != nil {
		return err
	}
	d.log = slog.New(handler)
	tracer, err := monitor.NewTracer(monitor.TracerConfig{})
	if err != nil {
		return err
	}
	if d.set.url == "" {
		if d.down, err = d.set.bringUp(ctx); err != nil {
			return err
		}
	}
	if d.db, err = d.set.openWith(ctx, func(cfg *postgres.Config) { cfg.Logger, cfg.Tracer = d.log, tracer }); err != nil {
		return err
	}
	if err := d.db.CheckURLs(ctx); err != nil {
		return err
	}
	handler.Use(d.db.DB)
	if d.target, err = d.set.openAnalytics(ctx, d.db.DB, d.opts.analyticsURL, postgres.Config{Logger: d.log, Tracer: tracer}); err != nil {
		return err
	}
	d.services = []named{{logService, handler}} // the first to start is the last to end
	for _, add := range []func(context.Context) error{d.addAnalytics, d.addRedis, d.addSealer, d.addMaintenance} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	return d.monitor(tracer, d.opts.monitorOptions)
}

func (d *daemon) start(ctx context.Context) error {
	for _, s := range d.services {
		if err := s.Start(ctx); err != nil {
			return fmt.Errorf("service %s: %w", s.name, err)
		}
		d.log.Info("service started", "service", s.name)
	}
	return nil
}

// stop stops the services, the last one first.
func (d *daemon) stop() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	for i := len(d.services) - 1; i >= 0; i-- {
		s := d.services[i]
		if s.name == logService {
			ctx, cancel = context.WithTimeout(ctx, logDrainTime)
			defer cancel()
		}
		if stopping := s.Stop(ctx); stopping != nil {
			err = errors.Join(err, fmt.Errorf("service %s: %w", s.name, stopping))
			continue
		}
		d.log.Info("service stopped", "service", s.name)
	}
	return err
}

func (d *daemon) close() {
	if d.redis != nil {
		d.redis.Close()
	}
	if d.target != nil {
		d.target.Close()
	}
	if d.db != nil {
		d.db.Close()
	}
	if d.down != nil {
		d.down()
	}
}

// bringUp starts the server of the data folder unless it runs, and returns what ends it again.
func (s *settings) bringUp(ctx context.Context) (down func(), err error) {
	if err := s.checkOwn(); err != nil {
		return nil, err
	}
	if _, err := embedded.Attach(s.embedded()); err == nil || !errors.Is(err, embedded.ErrNotRunning) {
		return nil, err
	}
	if _, err := embedded.Up(ctx, s.embedded()); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		_ = embedded.Down(ctx, s.embedded())
	}, nil
}

// openAnalytics opens the database of the analytics: the one of the URL, else that of the trades.
func (s *settings) openAnalytics(ctx context.Context, trades *postgres.DB, url string, cfg postgres.Config) (*postgres.DB, error) {
	if url == "" {
		return trades, nil
	}
	cfg.URL = url
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("the database of the analytics: %s", explain(err))
	}
	return db, nil
}
