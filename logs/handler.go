package logs

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/service"
)

// Handler is a slog.Handler that stores records. It is safe for concurrent use, and so are those made from it.
type Handler struct {
	*store
	next  slog.Handler
	scope scope
}

// store holds the queue and its writer, which all handlers that were made from one handler share.
type store struct {
	cfg   Config
	queue chan row
	// closing keeps the queue open while records are put into it.
	closing sync.RWMutex
	closed  bool

	offered, written, dropped atomic.Int64
	losses                    losses // that no row tells of yet

	runner service.Runner

	mu   sync.Mutex
	lost error // why batches were given up at the end
}

// row is a record on its way.
type row struct {
	at                       time.Time
	level, message           string
	data                     []byte
	correlationID, eventType string
}

// NewHandler makes a handler. It starts nothing: records queue up until Start. Its error is ErrInvalid.
func NewHandler(cfg Config) (*Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &store{cfg: cfg, queue: make(chan row, cfg.Queue), runner: service.Runner{Name: "the log writer"}}
	return &Handler{store: s, next: cfg.Next}, nil
}

// Stats count records. Offered is Written + Dropped + Queued once nothing is on its way.
type Stats struct {
	Offered int64 // at Level or above
	Written int64
	Dropped int64 // the queue was full, or the database cannot hold them, or they came after Stop
	Queued  int   // waiting
}

// Stats tells how many records came and went.
func (s *store) Stats() Stats {
	return Stats{Offered: s.offered.Load(), Written: s.written.Load(), Dropped: s.dropped.Load(), Queued: len(s.queue)}
}

// ownKey marks the contexts of the writer: what goes wrong there is for the next handler alone.
type ownKey struct{}

// Enabled reports whether a record of the level goes anywhere.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.cfg.Level.Level() || h.next.Enabled(ctx, level)
}

// Handle queues the record, never waiting, and gives it to the next handler, whose error it returns.
func (h *Handler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= h.cfg.Level.Level() && ctx.Value(ownKey{}) == nil {
		h.offer(h.row(ctx, record))
	}
	if h.next.Enabled(ctx, record.Level) {
		return h.next.Handle(ctx, record)
	}
	return nil
}

// WithAttrs is the handler whose records have these attributes too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{store: h.store, next: h.next.WithAttrs(attrs), scope: h.scope.with(attrs)}
}

// WithGroup is the handler whose records have the attributes that follow in a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{store: h.store, next: h.next.WithGroup(name), scope: h.scope.group(name)}
}

func (s *store) offer(r row) {
	s.offered.Add(1)
	s.closing.RLock()
	defer s.closing.RUnlock()
	if !s.closed {
		select {
		case s.queue <- r:
			return
		default:
		}
	}
	s.drop(1, r.at)
}

// drop counts rows that are lost to the database, for the next report.
func (s *store) drop(n int64, at time.Time) {
	s.dropped.Add(n)
	s.losses.add(n, at)
}

// row makes of a record what is stored.
func (h *Handler) row(ctx context.Context, record slog.Record) row {
	r := row{
		at: record.Time, level: levelOf(record.Level), message: clean(record.Message, messageLengthMax),
		correlationID: blotter.CorrelationOf(ctx),
	}
	if r.at.IsZero() {
		r.at = time.Now()
	}

	e := h.scope.encoder()
	record.Attrs(func(a slog.Attr) bool {
		e.attr(a)
		return true
	})
	r.data = e.end()
	r.eventType = clip(e.eventType, eventTypeLengthMax)
	if r.correlationID == "" {
		r.correlationID = e.correlationID
	}

	r.correlationID = clip(clean(r.correlationID, messageLengthMax), correlationLengthMax)
	return r
}

// levelOf is the stored level: levels in between count as the lower one.
func levelOf(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warn"
	case level >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}
