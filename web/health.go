package web

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
)

const (
	checkEvery = time.Minute      // at most, while somebody looks
	checkTime  = 60 * time.Second // that the checks may take
)

// healthKeeper has the results of the checks: those of a Watcher, or its own, which it runs at most once a minute and
// only when somebody looks.
type healthKeeper struct {
	cfg Config

	mu      sync.Mutex
	running bool
	last    monitor.Sight
}

func newHealthKeeper(cfg Config) *healthKeeper { return &healthKeeper{cfg: cfg} }

// sight returns the last results. If they are old, it runs the checks in the background, and calls done afterwards.
func (h *healthKeeper) sight(done func()) monitor.Sight {
	if h.cfg.Sight != nil {
		return h.cfg.Sight()
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	isOld := h.last.At.IsZero() || h.cfg.Clock().Sub(h.last.At) >= checkEvery
	if isOld && !h.running && len(h.cfg.Checks) > 0 {
		h.running = true
		go h.check(done)
	}
	return h.last
}

func (h *healthKeeper) check(done func()) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	outcomes := monitor.Run(ctx, h.cfg.DB, h.cfg.Checks)

	h.mu.Lock()
	h.running = false
	h.last = monitor.Sight{At: h.cfg.Clock(), Outcomes: outcomes}
	h.mu.Unlock()
	done()
}

// healthLine says in one line whether everything is healthy.
type healthLine struct {
	Class    string // "good", "warning", "critical", or "unknown"
	Text     string
	Href     string // where the findings are, or "" for a viewer who is not an operator
	Findings []monitor.Finding
	At       cell
}

func (d *Dashboard) healthLine(r *request) healthLine {
	sight := d.health.sight(d.live.announceAll)
	line := healthLine{Class: "unknown", Text: "The checks of the database are running."}
	if r.viewer.operator {
		line.Href = r.linkTo("/database")
	}
	if sight.At.IsZero() {
		return line
	}

	line.At = instant(sight.At, r.zone)
	findings := monitor.Findings(sight.Outcomes)
	isCritical := func(f monitor.Finding) bool { return f.Severity == monitor.Critical }
	switch {
	case len(findings) == 0:
		line.Class = "good"
		line.Text = "All is well: " + term.Count(len(sight.Outcomes), "check", "checks") + " found nothing."
	case slices.ContainsFunc(findings, isCritical):
		line.Class = "critical"
		line.Text = term.Count(len(findings), "finding needs", "findings need") + " attention."
	default:
		line.Class = "warning"
		line.Text = term.Count(len(findings), "warning", "warnings") + "."
	}
	if r.viewer.operator {
		line.Findings = findings
	}
	return line
}

const (
	lagEvery   = 15 * time.Second
	lagSamples = 240 // an hour
)

// lagHistory remembers how far the consumers were behind in the last hour, while somebody looked.
type lagHistory struct {
	clock func() time.Time

	mu      sync.Mutex
	at      time.Time
	samples map[string][]chart.Point // by consumer
}

// sample reads how far the consumers are behind, if the last time was long enough ago.
func (h *lagHistory) sample(ctx context.Context, db *postgres.DB) {
	now := h.clock()
	h.mu.Lock()
	isDue := h.at.IsZero() || now.Sub(h.at) >= lagEvery
	if isDue {
		h.at = now
	}
	h.mu.Unlock()
	if !isDue {
		return
	}

	list, err := events.ReadStatus(blotter.WithAllAccounts(ctx), db)
	if err == nil {
		h.keep(list, now)
	}
}

func (h *lagHistory) keep(list []events.ConsumerStatus, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.samples == nil {
		h.samples = map[string][]chart.Point{}
	}
	for _, c := range list {
		value := blotter.MustDecimal(fmt.Sprint(c.Lag.Events))
		kept := append(h.samples[c.Consumer], chart.Point{At: now, Value: value})
		if len(kept) > lagSamples {
			kept = kept[1:]
		}
		h.samples[c.Consumer] = kept
	}
}

// of returns the samples of a consumer.
func (h *lagHistory) of(consumer string) []chart.Point {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.samples[consumer])
}
