package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/blotterdb/blotter/monitor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// monitorOptions are the flags of the monitoring services.
type monitorOptions struct {
	metrics  string   // address
	hosts    []string // names under which the metrics are requested
	levels   thresholdFlags
	isChosen func() bool // reports whether the address was set
}

const metricsDefault = "127.0.0.1:9187"

func (o *monitorOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.metrics, "metrics", metricsDefault, "`address` of /metrics, /healthz and /readyz, or off")
	cmd.Flags().StringSliceVar(&o.hosts, "http-host", nil,
		"`name` under which --metrics and --http are requested, "+
			"besides localhost and that of this machine; may be repeated")
	o.levels.add(cmd)
	o.isChosen = func() bool { return cmd.Flags().Changed("metrics") }
}

// addMonitoring adds the services for statistics, checks and metrics.
func (d *daemon) addMonitoring(tracer *monitor.Tracer) error {
	opts := d.opts.monitorOptions
	thresholds, err := opts.levels.thresholds()
	if err != nil {
		return err
	}
	recorder, err := monitor.NewRecorder(d.db.DB, tracer, monitor.RecorderConfig{Logger: d.log})
	if err != nil {
		return err
	}

	checks := append(doctorChecks(thresholds), monitor.PoolCheck(d.db.PoolStats, thresholds))
	checks = append(checks, d.checks...)
	watcher, err := monitor.NewWatcher(d.db.DB, checks, monitor.WatcherConfig{Logger: d.log})
	if err != nil {
		return err
	}
	d.add("statistics", recorder)
	d.add("watcher", watcher)
	if err := d.addMetrics(tracer, watcher); err != nil {
		return err
	}
	return d.addDashboard(watcher)
}

// addDashboard adds the dashboard, whose findings are the watcher's.
func (d *daemon) addDashboard(watcher *monitor.Watcher) error {
	opts := d.opts.web
	if opts.address == "" {
		return nil
	}
	opts.hosts = d.opts.hosts
	pages, err := newDashboard(d.db.DB, opts, d.set.account, os.Stderr, d.log, watcher.Sight)
	if err != nil {
		return err
	}
	d.add("dashboard", pages)
	return nil
}

// addMetrics adds the HTTP server for metrics and health.
func (d *daemon) addMetrics(tracer *monitor.Tracer, watcher *monitor.Watcher) error {
	opts := d.opts.monitorOptions
	if opts.metrics == "off" {
		return nil
	}
	if _, _, err := net.SplitHostPort(opts.metrics); err != nil {
		return usagef("invalid --metrics %q: want an address, such as %s, or off", opts.metrics, metricsDefault)
	}

	handler, err := monitor.Handler(monitor.HandlerConfig{
		Collectors: []prometheus.Collector{&monitor.Collector{Tracer: tracer, Pools: d.db.PoolStats, Watcher: watcher}},
		Healthy:    d.health,
		Ready:      monitor.Ready(d.db.DB),
	})
	if err != nil {
		return err
	}
	server := monitor.NewServer(handler, monitor.ServerConfig{Address: opts.metrics, Hosts: opts.hosts, Logger: d.log})
	d.add("metrics", &optionalServer{Server: server, log: d.log, isRequired: opts.isChosen()})
	return nil
}

// checkHostNames returns an error if a name is not only that of a host.
func checkHostNames(names []string) error {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "/:@*? ") {
			return usagef("invalid --http-host %q: want a host name without scheme and port, "+
				"such as metrics.example.com", name)
		}
	}
	return nil
}

// optionalServer is a server that the daemon can do without unless its address was set, because several daemons of one
// machine have the same default.
type optionalServer struct {
	*monitor.Server
	log        *slog.Logger
	isRequired bool
}

// Start starts the server. It logs the failure of a server that is not required.
func (s *optionalServer) Start(ctx context.Context) error {
	err := s.Server.Start(ctx)
	if err == nil {
		s.log.Info("metrics are served", "address", s.Address())
		return nil
	}
	if s.isRequired {
		return err
	}
	s.log.Warn("no metrics: " + err.Error() + " (--metrics)")
	return nil
}
