package events

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// place lies between two steps of a pass. Tests interfere there.
type place string

const (
	beforeLock   place = "before the lock"   // of the cursor, in the round trip that also reads its window
	underLock    place = "under the lock"    // before the first statement after that round trip
	beforeEffect place = "before the effect" // before the handler, or before the script that appends to a stream
	afterEffect  place = "after the effect"  // after the handler, or before the answer of that script arrives
	beforeRecord place = "before the record" // of the messages that a relay has published
	beforeCommit place = "before the commit" // is sent
	afterCommit  place = "after the commit"  // is answered
)

// faults interferes with a pass from outside: it sees the statements of the pass as a tracer of pgx, its commands to
// Redis as a hook of go-redis, and the calls of the test's handler.
type faults struct {
	mu      sync.Mutex
	place   place
	visits  int // until act is called
	act     func(conn *pgx.Conn) error
	leaders map[*pgx.Conn]bool // connections that hold a cursor's lock; true until the first statement under it
}

// at has act called at the nth visit of a place, once. Its connection is nil where the place lies between two
// statements.
func (f *faults) at(place place, visit int, act func(conn *pgx.Conn) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.place = place
	f.visits = visit
	f.act = act
}

// visit calls what is to happen at a place. An error is for callers that can return it.
func (f *faults) visit(place place, conn *pgx.Conn) error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	if f.act == nil || f.place != place {
		f.mu.Unlock()
		return nil
	}
	f.visits--
	if f.visits > 0 {
		f.mu.Unlock()
		return nil
	}
	act := f.act
	f.act = nil
	f.mu.Unlock()

	return act(conn)
}

// interrupted is an error like that of a broken link.
var interrupted = &blotter.Error{Kind: blotter.ErrOperational, Message: "interrupted here"}

// interrupt fails the step that follows a place: it ends the database session, whose locks are free when it returns. It
// leaves behind what a crash there does.
func interrupt(t testing.TB, db *pgtest.Database) func(conn *pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		if conn != nil {
			db.Exec(t, `select pg_terminate_backend($1, 5000)`, conn.PgConn().PID())
		}
		return interrupted
	}
}

func (f *faults) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return f.begin(ctx, conn, []string{data.SQL})
}

func (f *faults) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	f.end(ctx, conn, data.Err)
}

func (f *faults) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	var statements []string
	for _, q := range data.Batch.QueuedQueries {
		statements = append(statements, q.SQL)
	}
	return f.begin(ctx, conn, statements)
}

func (f *faults) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (f *faults) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	f.end(ctx, conn, data.Err)
}

// statementsKey is the key of the statements in the context of a query or batch.
type statementsKey struct{}

func (f *faults) begin(ctx context.Context, conn *pgx.Conn, statements []string) context.Context {
	f.mu.Lock()
	first, leads := f.leaders[conn]
	if leads {
		f.leaders[conn] = false
	}
	f.mu.Unlock()

	last := statements[len(statements)-1]
	switch {
	case contains(statements, forLeader):
		_ = f.visit(beforeLock, conn)
	case leads && first && last != "rollback":
		_ = f.visit(underLock, conn)
	}
	if leads && last == "commit" {
		if contains(statements, sqlRecordBatch) {
			_ = f.visit(beforeRecord, conn)
		}
		_ = f.visit(beforeCommit, conn)
	}
	return context.WithValue(ctx, statementsKey{}, statements)
}

func (f *faults) end(ctx context.Context, conn *pgx.Conn, err error) {
	statements, _ := ctx.Value(statementsKey{}).([]string)
	last := statements[len(statements)-1]
	f.mu.Lock()
	_, leads := f.leaders[conn]
	if f.leaders == nil {
		f.leaders = map[*pgx.Conn]bool{}
	}
	if err == nil && contains(statements, forLeader) {
		f.leaders[conn] = true
	}
	if last == "commit" || last == "rollback" {
		delete(f.leaders, conn)
	}
	f.mu.Unlock()

	if leads && err == nil && last == "commit" {
		_ = f.visit(afterCommit, conn)
	}
}

// contains reports whether one of the statements has a part.
func contains(statements []string, part string) bool {
	for _, sql := range statements {
		if strings.Contains(sql, part) {
			return true
		}
	}
	return false
}

func (f *faults) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (f *faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !appends(cmd) {
			return next(ctx, cmd)
		}

		err := f.visit(beforeEffect, nil)
		if err == nil {
			err = next(ctx, cmd)
		}
		if err == nil {
			err = f.visit(afterEffect, nil)
		}
		if err != nil {
			cmd.SetErr(err)
		}

		return err
	}
}

// appends reports whether a command runs the script of the relay with messages.
func appends(cmd redis.Cmder) bool {
	const argsWithoutMessages = 9 // evalsha, the hash, the number of keys, the key, and those of outlet.put
	return strings.HasPrefix(cmd.Name(), "eval") && len(cmd.Args()) > argsWithoutMessages
}
