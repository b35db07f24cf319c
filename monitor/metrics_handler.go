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
	// Collectors are served by /metrics, besides those of the Go runtime and the process: a Collector, and those of others.
	Collectors []prometheus.Collector
	// Healthy is what /healthz answers by: nil while the process does its work. Default: always.
	Healthy func() error
	// Ready is what /readyz answers by: nil while the process can serve, as Ready says. Default: always.
	Ready func(ctx context.Context) error
}

const (
	scrapesAtOnce = 4 // more are refused with 503
	scrapeTimeout = 10 * time.Second
)

// Handler serves /metrics, /healthz and /readyz. The latter two answer 200 "ok", or 503 and one sentence.
//
// Errors: where two collectors have a metric of one name.
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
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTimeout}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		var err error
		if cfg.Healthy != nil {
			err = cfg.Healthy()
		}
		answer(w, err)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		var err error
		if cfg.Ready != nil {
			err = cfg.Ready(r.Context())
		}
		answer(w, err)
	})
	return mux, nil
}

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
	readyFresh   = time.Second // an answer is given again for so long, however many ask
)

// Ready reports whether a database answers within two seconds. It asks it once a second at most.
func Ready(db *postgres.DB) func(context.Context) error {
	var guard sync.Mutex
	var asked time.Time
	var last error
	return func(ctx context.Context) error {
		guard.Lock()
		defer guard.Unlock()
		if time.Since(asked) < readyFresh {
			return last
		}
		// The asker may go away; the answer is for those who ask next as well.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		ctx = blotter.WithOperation(ctx, "monitor.ready")
		last = db.ReadOnly(ctx, func(s *postgres.Session) error {
			_, err := s.Exec(ctx, "select 1")
			return err
		})
		asked = time.Now()
		return last
	}
}
