package monitor

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// HandlerConfig says what a Handler serves. The zero value works.
type HandlerConfig struct {
	// Collectors are served at /metrics, in addition to those of the Go runtime and the process.
	Collectors []prometheus.Collector
	// Healthy decides the answer of /healthz: nil while the process does its work. Default: always nil.
	Healthy func() error
	// Ready decides the answer of /readyz: nil while the process can serve; see Ready. Default: always nil.
	Ready func(ctx context.Context) error
}

const (
	scrapesAtOnce = 4 // more are refused with 503
	scrapeTimeout = 10 * time.Second
)

// Handler returns a handler that serves /metrics, /healthz and /readyz. The latter two answer 200 "ok", or 503 and one
// sentence. Handler returns an error if two collectors have a metric of the same name.
func Handler(cfg HandlerConfig) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}, cfg.Collectors...)
	for _, c := range all {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}

	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTimeout,
	})
	healthz := func(w http.ResponseWriter, _ *http.Request) {
		var err error
		if cfg.Healthy != nil {
			err = cfg.Healthy()
		}
		answer(w, err)
	}

	readyz := func(w http.ResponseWriter, r *http.Request) {
		var err error
		if cfg.Ready != nil {
			err = cfg.Ready(r.Context())
		}
		answer(w, err)
	}

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz)
	return mux, nil
}

// answer writes the answer of a health check.
func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

const (
	readyTimeout = 2 * time.Second
	readyFresh   = time.Second // for so long the last answer is given again
)

// Ready returns a function that returns nil if the database answers within two seconds. It queries the database at most
// once a second.
func Ready(db *postgres.DB) func(context.Context) error {
	var guard sync.Mutex
	var answered time.Time
	var last error
	return func(ctx context.Context) error {
		guard.Lock()
		defer guard.Unlock()

		if time.Since(answered) < readyFresh {
			return last
		}

		// The answer is for later callers too, so it does not end with this one.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()

		ctx = blotter.WithOperation(ctx, "monitor.ready")
		last = db.ReadOnly(ctx, func(s *postgres.Session) error {
			_, err := s.Exec(ctx, "select 1")
			return err
		})

		answered = time.Now()
		return last
	}
}
