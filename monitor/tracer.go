package monitor

import (
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Tracer counts what services ask of the database, by service and operation: put it into postgres.Config.Tracer of every
// DB of the process. Its memory is bounded whatever the statements are, and a query costs it no allocation, unless its
// operation is a new one. It is safe for concurrent use.
//
// A round trip is a call: a batch counts once, under its first statement that does work, with the rows of all. The time
// of a query ends when its rows are closed, so it includes what the caller does between them.
//
// An operation's name comes from blotter.WithOperation, else from the statement: its leading comment, or its verb and
// first table.
type Tracer struct {
	cfg        TracerConfig
	seed       maphash.Seed
	guard      sync.Mutex // of adding to operations
	operations atomic.Pointer[map[operationKey]*operation]
	statements [statementSlots]statement
	slow       *slowRing
}

// TracerConfig says what a Tracer keeps. The zero value works.
type TracerConfig struct {
	// SlowAfter is the time from which on a call is slow. Default 1 s.
	SlowAfter time.Duration
	// MaxOperations is how many operations are told apart, of all services together; the others of a service are counted
	// as "other". Default 200; each takes 5 kB.
	MaxOperations int
	// SlowKept is how many of the last slow calls are kept. Default 100.
	SlowKept int
}

const (
	statementSlots = 1024    // statements whose operation is remembered
	otherOperation = "other" // what is beyond MaxOperations
	waitOperation  = "pool.wait"
	connect        = "connect"
)

type operationKey struct{ service, name string }

// statement remembers which operation a statement is, by its hash: the text of a million statements is not kept.
type statement struct {
	guard     sync.Mutex
	hash      uint64
	service   string
	operation *operation
}

// NewTracer makes a tracer.
//
// Errors: ErrInvalid for a limit below zero.
func NewTracer(cfg TracerConfig) (*Tracer, error) {
	switch {
	case cfg.SlowAfter < 0:
		return nil, blotter.Invalid("TracerConfig.SlowAfter", cfg.SlowAfter, "zero for the default, or more")
	case cfg.MaxOperations < 0:
		return nil, blotter.Invalid("TracerConfig.MaxOperations", cfg.MaxOperations, "zero for the default, or more")
	case cfg.SlowKept < 0:
		return nil, blotter.Invalid("TracerConfig.SlowKept", cfg.SlowKept, "zero for the default, or more")
	}
	setDefault(&cfg.SlowAfter, time.Second)
	setDefault(&cfg.MaxOperations, 200)
	setDefault(&cfg.SlowKept, 100)
	t := &Tracer{cfg: cfg, seed: maphash.MakeSeed(), slow: newSlowRing(cfg.SlowKept)}
	t.operations.Store(&map[operationKey]*operation{})
	return t, nil
}

// Track counts a call that ran elsewhere: of another database, or of a program that measures itself.
func (t *Tracer) Track(service, operation string, d time.Duration) {
	t.count(t.operation(clip(service, serviceLengthMax), clip(operation, nameLengthMax)), call{took: d})
}

// Slow are the last slow calls, oldest first.
func (t *Tracer) Slow() []Slow {
	calls, _, _ := t.slow.since(0)
	return calls
}

// operation is the one of a name, made where it is new and there is room.
func (t *Tracer) operation(service, name string) *operation {
	known := *t.operations.Load()
	if o := known[operationKey{service, name}]; o != nil {
		return o
	}
	if o := t.overflow(known, service); o != nil {
		return o
	}
	return t.addOperation(service, name)
}

// named is operation, of a name that is no string yet and need not become one.
func (t *Tracer) named(service string, name []byte) *operation {
	known := *t.operations.Load()
	if o := known[operationKey{service, string(name)}]; o != nil {
		return o
	}
	if o := t.overflow(known, service); o != nil {
		return o
	}
	return t.addOperation(service, string(name))
}

func (t *Tracer) addOperation(service, name string) *operation {
	t.guard.Lock()
	defer t.guard.Unlock()
	known := *t.operations.Load()
	if o := known[operationKey{service, name}]; o != nil { // made meanwhile
		return o
	}
	if o := t.overflow(known, service); o != nil {
		return o
	}
	if len(known) >= t.cfg.MaxOperations {
		name = otherOperation
	}
	if len(known) >= 2*t.cfg.MaxOperations {
		service = otherOperation
	}
	o := &operation{service: strings.Clone(service), name: strings.Clone(name)}
	more := maps.Clone(known)
	more[operationKey{o.service, o.name}] = o
	t.operations.Store(&more)
	return o
}

// overflow is the operation under which a service's calls are counted that have no room: its own, unless there are as
// many services as operations. It is nil while there is room, and before it is made.
func (t *Tracer) overflow(known map[operationKey]*operation, service string) *operation {
	switch {
	case len(known) < t.cfg.MaxOperations:
		return nil
	case len(known) < 2*t.cfg.MaxOperations:
		return known[operationKey{service, otherOperation}]
	}
	if o := known[operationKey{service, otherOperation}]; o != nil {
		return o
	}
	return known[operationKey{otherOperation, otherOperation}]
}

// operationOf is the operation of a statement: named by the context, or remembered by the statement's hash.
func (t *Tracer) operationOf(ctx context.Context, service, sql string) *operation {
	if name := blotter.OperationOf(ctx); name != "" {
		if len(name) > nameLengthMax {
			name = clip(name, nameLengthMax)
		}
		return t.operation(service, name)
	}
	hash := maphash.String(t.seed, sql)
	s := &t.statements[hash%statementSlots]
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.hash != hash || s.service != service || s.operation == nil {
		var name [nameLengthMax]byte
		s.hash, s.service, s.operation = hash, service, t.named(service, appendNameOf(name[:0], sql))
	}
	return s.operation
}

// call is one call that ended.
type call struct {
	took      time.Duration
	rows      int64
	statement string
	err       error
}

func (t *Tracer) count(o *operation, c call) {
	o.add(c.took, c.rows)
	if c.err != nil {
		o.errors[kindOf(c.err)].Add(1)
	}
	if c.took < t.cfg.SlowAfter {
		return
	}
	o.slow.Add(1)
	t.slow.add(Slow{
		At: time.Now().UTC(), Service: o.service, Operation: o.name, Duration: c.took, Rows: c.rows,
		Statement: redact(c.statement), Failed: c.err != nil,
	})
	switch o.name {
	case flushOperation, waitOperation, connect: // what writes slow calls down must not ring for itself, nor for its way there
	default:
		t.slow.ring()
	}
}

// kindOf is the place of an error's kind in kinds.
func kindOf(err error) int {
	var e *blotter.Error
	if errors.As(pgerror.Translate(context.Background(), "", err), &e) {
		if at := slices.Index(kinds[:], e.Kind); at >= 0 {
			return at
		}
	}
	return len(kinds) - 1
}

var (
	_ pgx.QueryTracer    = (*Tracer)(nil)
	_ pgx.BatchTracer    = (*Tracer)(nil)
	_ pgx.CopyFromTracer = (*Tracer)(nil)
	_ pgx.ConnectTracer  = (*Tracer)(nil)
	_ postgres.Waiter    = (*Tracer)(nil)
)
