package monitor

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// What pgx calls. A connection serves one caller at a time, so what is under way is kept with the connection: a context
// that carries it would be an allocation for every query.

// underWay is what a connection is doing.
type underWay struct {
	service   string
	operation *operation // nil between calls
	statement string
	start     time.Time
	rows      int64
	err       error
}

const underWayKey = "blotter.monitor"

func stateOf(conn *pgx.Conn) *underWay {
	data := conn.PgConn().CustomData()
	if u, ok := data[underWayKey].(*underWay); ok {
		return u
	}
	u := &underWay{service: serviceOf(conn.Config())}
	data[underWayKey] = u
	return u
}

// serviceOf is the name that a connection goes by: postgres.Config.Service.
func serviceOf(cfg *pgx.ConnConfig) string {
	return clip(cfg.RuntimeParams["application_name"], serviceLengthMax)
}

func (t *Tracer) end(u *underWay, err error) {
	if u.operation == nil {
		return // a call that was refused while another's rows were open
	}
	if u.err != nil {
		err = u.err
	}
	t.count(u.operation, call{took: time.Since(u.start), rows: u.rows, statement: u.statement, err: err})
	*u = underWay{service: u.service}
}

// TraceQueryStart is for pgx.
func (t *Tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	u := stateOf(conn)
	u.operation, u.statement, u.start = t.operationOf(ctx, u.service, data.SQL), data.SQL, time.Now()
	return ctx
}

// TraceQueryEnd is for pgx.
func (t *Tracer) TraceQueryEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	u := stateOf(conn)
	u.rows = data.CommandTag.RowsAffected()
	t.end(u, data.Err)
}

// TraceBatchStart is for pgx.
func (t *Tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	u := stateOf(conn)
	for i, q := range data.Batch.QueuedQueries {
		if u.statement = q.SQL; !prepares(q.SQL) || i == len(data.Batch.QueuedQueries)-1 {
			break
		}
	}
	u.operation, u.start = t.operationOf(ctx, u.service, u.statement), time.Now()
	return ctx
}

// prepares reports a statement that a session sends ahead of the caller's: BEGIN, and the account.
func prepares(sql string) bool {
	return strings.HasPrefix(sql, "begin") || strings.HasPrefix(sql, "select set_config(")
}

// TraceBatchQuery is for pgx.
func (t *Tracer) TraceBatchQuery(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	u := stateOf(conn)
	if !prepares(data.SQL) {
		u.rows += data.CommandTag.RowsAffected()
	}
	if u.err == nil {
		u.err = data.Err
	}
}

// TraceBatchEnd is for pgx.
func (t *Tracer) TraceBatchEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(stateOf(conn), data.Err)
}

// TraceCopyFromStart is for pgx.
func (t *Tracer) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	u := stateOf(conn)
	u.statement = "copy " + strings.Join(data.TableName, ".")
	u.operation, u.start = t.operationOf(ctx, u.service, "/*"+u.statement+"*/"), time.Now()
	return ctx
}

// TraceCopyFromEnd is for pgx.
func (t *Tracer) TraceCopyFromEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	u := stateOf(conn)
	u.rows = data.CommandTag.RowsAffected()
	t.end(u, data.Err)
}

type connectKey struct{}

// TraceConnectStart is for pgx.
func (t *Tracer) TraceConnectStart(ctx context.Context, data pgx.TraceConnectStartData) context.Context {
	u := &underWay{operation: t.operation(serviceOf(data.ConnConfig), connect), start: time.Now()}
	return context.WithValue(ctx, connectKey{}, u)
}

// TraceConnectEnd is for pgx.
func (t *Tracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	if u, ok := ctx.Value(connectKey{}).(*underWay); ok {
		t.end(u, data.Err)
	}
}

// TraceWait is for package postgres: how long a caller waited for a connection of a pool.
func (t *Tracer) TraceWait(service string, wait time.Duration, err error) {
	t.count(t.operation(service, waitOperation), call{took: wait, err: err})
}
