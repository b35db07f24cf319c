package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

const (
	// drainTime is the time that the daemon has to finish its work when it is stopped.
	drainTime = 20 * time.Second
	// logDrainTime is the part of it in which the end of the log is stored. Standard error has the log already, so a
	// database that is gone is not worth waiting for.
	logDrainTime = 3 * time.Second
	logService   = "logs"
)

type serveOptions struct {
	analyticsURL string
	redis        string // URL, "embedded", or "" for none
	maintenance  bool
	retention    retentionFlags
	monitorOptions
	web webOptions
}

func serveCommand(set *settings) *cobra.Command {
	var opts serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon: analytics, Redis, maintenance, dashboard",
		Long: `Run the daemon until it is interrupted. Its services:

    analytics    apply every trade and price to the analytics
    redis        publish every event to Redis (--redis)
    seal         seal the audit log
    maintenance  run the jobs that are due (--owner-url)
    watcher      check the database every minute, like blotter doctor
    statistics   store the statistics of services (blotter performance)
    metrics      serve /metrics, /healthz and /readyz (--metrics)
    dashboard    serve the pages of blotter web (--http)
    logs         store this log (blotter logs prints it)

Several daemons share the work without any configuration. If one is killed,
another replaces it within moments. Every change of state is logged.

With one login for each role, it needs --url, --service-url and --reporter-url,
and --owner-url for the maintenance, which is off otherwise.

Without --url, the database of --data-dir is started (as by blotter up) and ends
with the daemon; other commands can use it in the meantime.`,
		Example: `  blotter serve
  blotter serve --redis redis://localhost:6379
  blotter serve --url "$APP" --service-url "$SERVICE" \
      --reporter-url "$REPORTER" --owner-url "$OWNER"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cleanupTime.Store(int64(drainTime + logDrainTime))
			if err := opts.check(); err != nil { // before a server is started
				return err
			}
			return serve(cmd.Context(), set, opts)
		},
	}

	flags := cmd.Flags()
	analyticsFlag(cmd, &opts.analyticsURL)
	redisFlag(cmd, &opts.redis,
		"`URL` of a Redis to publish to, or \"embedded\" for a stand-in (default: $REDIS_URL, otherwise none)")
	opts.monitorOptions.flags(cmd)
	opts.web.add(cmd, "")
	flags.BoolVar(&opts.maintenance, "maintenance", true, "run maintenance jobs when they are due")
	opts.retention.add(cmd)
	return cmd
}

func (o *serveOptions) check() error {
	if _, err := o.levels.thresholds(); err != nil {
		return err
	}
	if err := checkHostNames(o.hosts); err != nil {
		return err
	}
	if err := o.web.check(); err != nil {
		return err
	}
	return o.retention.configure(&maintenance.Config{})
}

// redisFlag adds --redis. Its default is not printed, because it may contain a password.
func redisFlag(cmd *cobra.Command, url *string, usage string) {
	cmd.Flags().StringVar(url, "redis", os.Getenv("REDIS_URL"), usage)
	cmd.Flags().Lookup("redis").DefValue = ""
}

// service is a part of the daemon.
type service interface {
	Start(ctx context.Context) error // returns when the service runs; may be called twice
	Stop(ctx context.Context) error  // finishes the work; may be called twice
	Health() error                   // returns nil while the service works
}

// namedService is a service with its name in the log.
type namedService struct {
	name string
	service
}

// daemon is a running blotter serve.
type daemon struct {
	set      *settings
	opts     serveOptions
	log      *slog.Logger
	db       *database
	target   *postgres.DB    // of the analytics
	services []namedService  // in the order in which they start
	checks   []monitor.Check // of the services, besides those of doctor
	redis    *embedded.Redis // the stand-in, or nil
	stopOwn  func()          // stops the server that the daemon started, or nil
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
	d.log.Info("blotter is serving", "version", version(), "database", d.db.describe(), "pid", os.Getpid())

	<-ctx.Done()
	d.log.Info("blotter is stopping, and finishes its work")
	err := d.stop()
	d.log.Info("blotter has ended", usage()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "blotter:", term.PrintableLines(explain(err)))
		return exitStatus(1)
	}
	return nil
}

// open opens the databases and creates the services.
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
	if err := d.openDatabases(ctx, tracer); err != nil {
		return err
	}
	handler.Use(d.db.DB)

	d.add(logService, handler) // starts first and stops last
	for _, add := range []func(context.Context) error{d.addAnalytics, d.addRedis, d.addSealer, d.addMaintenance} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	return d.addMonitoring(tracer)
}

func (d *daemon) openDatabases(ctx context.Context, tracer *monitor.Tracer) (err error) {
	if d.set.url == "" {
		if d.stopOwn, err = d.set.startOwnServer(ctx); err != nil {
			return err
		}
	}
	d.db, err = d.set.openWith(ctx, func(cfg *postgres.Config) {
		cfg.Logger = d.log
		cfg.Tracer = tracer
	})
	if err != nil {
		return err
	}
	if err := d.db.CheckURLs(ctx); err != nil {
		return err
	}

	cfg := postgres.Config{Logger: d.log, Tracer: tracer}
	d.target, err = d.set.openAnalytics(ctx, d.db.DB, d.opts.analyticsURL, cfg)
	return err
}

func (d *daemon) add(name string, s service) {
	d.services = append(d.services, namedService{name, s})
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

	for _, s := range slices.Backward(d.services) {
		if s.name == logService {
			ctx, cancel = context.WithTimeout(ctx, logDrainTime)
			defer cancel()
		}
		if stopErr := s.Stop(ctx); stopErr != nil {
			err = errors.Join(err, fmt.Errorf("service %s: %w", s.name, stopErr))
			continue
		}
		d.log.Info("service stopped", "service", s.name)
	}
	return err
}

// health returns the error of the first service that does not work.
func (d *daemon) health() error {
	for _, s := range d.services {
		if err := s.Health(); err != nil {
			return fmt.Errorf("service %s: %w", s.name, err)
		}
	}
	return nil
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
	if d.stopOwn != nil {
		d.stopOwn()
	}
}

// startOwnServer starts the server of the data folder unless it runs already. If it started one, stop stops it.
func (s *settings) startOwnServer(ctx context.Context) (stop func(), err error) {
	if err := s.checkOwn(); err != nil {
		return nil, err
	}
	_, err = embedded.Attach(s.embedded())
	if err == nil || !errors.Is(err, embedded.ErrNotRunning) {
		return nil, err
	}

	if _, err := embedded.Up(ctx, s.embedded()); err != nil {
		return nil, err
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		_ = embedded.Down(ctx, s.embedded())
	}
	return stop, nil
}
