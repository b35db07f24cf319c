package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/blotterdb/blotter/monitor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// monitorOptions are the flags of what looks after the database.
type monitorOptions struct {
	metrics string
	hosts   []string // names by which the metrics are asked for
	levels  thresholdFlags
	chosen  func() bool // whether somebody asked for the address
}

const metricsDefault = "127.0.0.1:9187"

func (o *monitorOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.metrics, "metrics", metricsDefault, "`address` of /metrics, /healthz and /readyz; off for none")
	cmd.Flags().StringSliceVar(&o.hosts, "http-host", nil, "`name` by which --metrics is asked for, besides localhost and this machine's; may be repeated")
	o.levels.add(cmd)
	o.chosen = func() bool { return cmd.Flags().Changed("metrics") }
}

// monitor makes the services that watch: statistics into the database, checks and the heartbeat, metrics.
func (d *daemon) monitor(tracer *monitor.Tracer, opts monitorOptions) error {
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
	d.services = append(d.services, named{"statistics", recorder}, named{"watcher", watcher})
	if opts.metrics == "off" {
		return nil
	}
	if _, _, err := net.SplitHostPort(opts.metrics); err != nil {
		return usagef("--metrics %q: want an address, as %s, or off", opts.metrics, metricsDefault)
	}
	handler, err := monitor.Handler(monitor.HandlerConfig{
		Collectors: []prometheus.Collector{&monitor.Collector{Tracer: tracer, Pools: d.db.PoolStats, Watcher: watcher}},
		Healthy:    d.health, Ready: monitor.Ready(d.db.DB),
	})
	if err != nil {
		return err
	}
	server := monitor.NewServer(handler, monitor.ServerConfig{Address: opts.metrics, Hosts: opts.hosts, Logger: d.log})
	d.services = append(d.services, named{"metrics", &optional{Server: server, log: d.log, required: opts.chosen()}})
	return nil
}

// checkHostNames refuses what is not the name of a host alone.
func checkHostNames(names []string) error {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "/:@*? ") {
			return usagef("--http-host %q: want the name of a host without scheme and port, as metrics.example.com", name)
		}
	}
	return nil
}

// health is what the first service that does not do its work says.
func (d *daemon) health() error {
	for _, s := range d.services {
		if err := s.Health(); err != nil {
			return fmt.Errorf("service %s: %w", s.name, err)
		}
	}
	return nil
}

// optional is a server that a daemon can do without, unless somebody asked for its address: several daemons of one
// machine share the default one.
type optional struct {
	*monitor.Server
	log      *slog.Logger
	required bool
}

// Start serves, or says that it does not.
func (o *optional) Start(ctx context.Context) error {
	err := o.Server.Start(ctx)
	switch {
	case err == nil:
		o.log.Info("metrics are served", "address", o.Address())
	case !o.required:
		o.log.Warn("no metrics: " + err.Error() + " (--metrics)")
		return nil
	}
	return err
}
