package monitor

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// currentCall is the call that a connection is serving. It is kept with the connection, which serves one caller at a
// time: a context that carries it would cost an allocation for every query.
type currentCall struct {
	service   string
	operation *operation // nil between calls
	statement string
	start     time.Time
	rows      int64
	err       error
}

const currentCallKey = "blotter.monitor"

// currentCallOf returns the state of a connection.
func currentCallOf(conn *pgx.Conn) *currentCall {
	data := conn.PgConn().CustomData()
	if u, ok := data[currentCallKey].(*currentCall); ok {
		return u
	}
	u := &currentCall{service: serviceOf(conn.Config())}
	data[currentCallKey] = u
	return u
}

// serviceOf returns the name of a connection's service, postgres.Config.Service.
func serviceOf(cfg *pgx.ConnConfig) string {
	return clip(cfg.RuntimeParams["application_name"], serviceLengthMax)
}

func (t *Tracer) end(u *currentCall, err error) {
	if u.operation == nil {
		return // pgx refused the call, because the rows of another one are open
	}
	if u.err != nil {
		err = u.err
	}
	t.count(u.operation, call{took: time.Since(u.start), rows: u.rows, statement: u.statement, err: err})
	*u = currentCall{service: u.service}
}

// TraceQueryStart implements pgx.QueryTracer.
func (t *Tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	u := currentCallOf(conn)
	u.operation = t.operationOf(ctx, u.service, data.SQL)
	u.statement = data.SQL
	u.start = time.Now()
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t *Tracer) TraceQueryEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	u := currentCallOf(conn)
	u.rows = data.CommandTag.RowsAffected()
	t.end(u, data.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (t *Tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	u := currentCallOf(conn)
	for i, q := range data.Batch.QueuedQueries {
		if u.statement = q.SQL; !prepares(q.SQL) || i == len(data.Batch.QueuedQueries)-1 {
			break
		}
	}

	u.operation = t.operationOf(ctx, u.service, u.statement)
	u.start = time.Now()
	return ctx
}

// prepares reports whether a session sends the statement before those of the caller: BEGIN, or setting the account.
func prepares(sql string) bool {
	return strings.HasPrefix(sql, "begin") || strings.HasPrefix(sql, "select set_config(")
}

// TraceBatchQuery implements pgx.BatchTracer.
func (t *Tracer) TraceBatchQuery(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	u := currentCallOf(conn)
	if !prepares(data.SQL) {
		u.rows += data.CommandTag.RowsAffected()
	}
	if u.err == nil {
		u.err = data.Err
	}
}

// TraceBatchEnd implements pgx.BatchTracer.
func (t *Tracer) TraceBatchEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(currentCallOf(conn), data.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (t *Tracer) TraceCopyFromStart(
	ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData,
) context.Context {
	u := currentCallOf(conn)
	u.statement = "copy " + strings.Join(data.TableName, ".")
	u.operation = t.operationOf(ctx, u.service, "/*"+u.statement+"*/")
	u.start = time.Now()
	return ctx
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (t *Tracer) TraceCopyFromEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	u := currentCallOf(conn)
	u.rows = data.CommandTag.RowsAffected()
	t.end(u, data.Err)
}

type connectKey struct{}

// TraceConnectStart implements pgx.ConnectTracer.
func (t *Tracer) TraceConnectStart(ctx context.Context, data pgx.TraceConnectStartData) context.Context {
	u := &currentCall{operation: t.operation(serviceOf(data.ConnConfig), connect), start: time.Now()}
	return context.WithValue(ctx, connectKey{}, u)
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (t *Tracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	if u, ok := ctx.Value(connectKey{}).(*currentCall); ok {
		t.end(u, data.Err)
	}
}

// TraceWait implements postgres.Waiter: a caller waited for a connection of a pool.
func (t *Tracer) TraceWait(service string, wait time.Duration, err error) {
	t.count(t.operation(service, waitOperation), call{took: wait, err: err})
}
