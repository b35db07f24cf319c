package postgres

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/jackc/pgx/v5"
)

// onPrimary is the key under which a connection's custom data notes that its server is a primary, which it remains.
const onPrimary = "blotter.primary"

// isReplica reports whether the connection leads to a replica.
func (l *loan) isReplica(ctx context.Context) (replica bool, err error) {
	data := l.PgConn().CustomData()
	if _, known := data[onPrimary]; known {
		return false, nil
	}

	err = l.QueryRow(ctx, "select pg_is_in_recovery()", pgx.QueryExecModeExec).Scan(&replica)
	if err != nil {
		return false, translate(ctx, "ask whether the server is a replica", err)
	}
	if !replica {
		data[onPrimary] = true
	}
	return replica, nil
}

// borrowFor takes a connection for a read-only session that may need the primary. It reports whether the connection is
// one of the service role, whose transactions must be made read-only.
func (db *DB) borrowFor(
	ctx context.Context, need primaryNeed,
) (l *loan, scope blotter.Scope, rerouted bool, err error) {
	l, scope, err = db.borrow(ctx, true)
	if err != nil || need == primaryAny {
		return l, scope, false, err
	}
	replica, err := l.isReplica(ctx)
	if err == nil && !replica {
		return l, scope, false, nil
	}

	r := l.pool.role
	l.release()
	if err != nil {
		return nil, scope, false, err
	}
	if need == primaryOnly || !scope.All {
		return nil, scope, false, needsPrimary(r)
	}

	l, err = db.pools[connection.Service].acquire(ctx)
	if err != nil {
		return nil, scope, false, err
	}
	if replica, err = l.isReplica(ctx); err == nil && replica {
		err = needsPrimary(connection.Service)
	}
	if err != nil {
		l.release()
		return nil, scope, false, err
	}
	return l, scope, true, nil
}

func needsPrimary(r connection.Role) error {
	return &blotter.Error{
		Op: "read from the primary", Kind: blotter.ErrOperational,
		Message: fmt.Sprintf("%s leads to a replica, where this cannot be read correctly; "+
			"give it the URL of the primary", r.Setting()),
	}
}
