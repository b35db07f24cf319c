package postgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pool lends connections of one role. It adds three things to pgxpool: a limit on the wait with an error of its own, a
// number of connections to keep that is below the number it may open, and a reset of connections that come back.
type pool struct {
	role     connection.Role
	login    string // of its connections
	conns    *pgxpool.Pool
	keep     int32
	timeout  time.Duration
	service  string
	waiter   Waiter       // nil for none
	open     atomic.Int32 // connections that are open and not about to be closed
	waiting  atomic.Int32 // callers inside acquire
	trimming atomic.Bool  // only one trim runs at a time
	acquired atomic.Int64
	waited   atomic.Int64 // nanoseconds, all callers together
}

// surplus is the key under which a connection's custom data notes that it no longer counts as open.
const surplus = "blotter.surplus"

func newPool(cfg Config, home identity, r connection.Role, maxConns int, notice pgconn.NoticeHandler) (*pool, error) {
	url := cfg.urlFor(r)
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, connection.InvalidURL("Config.URL", url, err)
	}

	p := &pool{
		role: r, login: pc.ConnConfig.User, keep: int32(min(cfg.KeepConns, maxConns)),
		timeout: cfg.AcquireTimeout, service: cfg.Service,
	}
	p.waiter, _ = cfg.Tracer.(Waiter)

	pc.ConnConfig.Tracer = cfg.Tracer
	pc.ConnConfig.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) {
		noteUnreplicated(c, n)
		notice(c, n)
	}

	pc.MaxConns = int32(maxConns)
	pc.MinConns = 0
	pc.MaxConnLifetime = cfg.MaxConnLifetime - cfg.MaxConnLifetime/10
	pc.MaxConnLifetimeJitter = cfg.MaxConnLifetime / 10
	pc.MaxConnIdleTime = cfg.MaxConnLifetime
	connection.Prepare(pc.ConnConfig, cfg.settings(), r)
	if r.IsReadOnly() {
		pc.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
		validateServer(pc.ConnConfig)
	}

	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		if err := r.Check(ctx, c); err != nil {
			return err
		}
		if url != cfg.URL {
			if err := home.expect(ctx, r, c); err != nil {
				return err
			}
		}
		p.open.Add(1)
		return nil
	}
	pc.BeforeClose = func(c *pgx.Conn) {
		if _, gone := c.PgConn().CustomData()[surplus]; !gone {
			p.open.Add(-1)
		}
	}

	if p.conns, err = pgxpool.NewWithConfig(context.Background(), pc); err != nil {
		return nil, translate(context.Background(), "open pool", err)
	}
	return p, nil
}

// validateServer makes target_session_attrs ask what the server is, not what its sessions may do. Sessions of these
// pools are read-only, so read-write would refuse every server and read-only none. Here, read-write means a primary and
// read-only a replica.
//
// pgx keeps only the function that the word stands for.
func validateServer(cc *pgx.ConnConfig) {
	if cc.ValidateConnect == nil {
		return
	}

	is := func(f pgconn.ValidateConnectFunc) bool {
		return reflect.ValueOf(cc.ValidateConnect).Pointer() == reflect.ValueOf(f).Pointer()
	}
	switch {
	case is(pgconn.ValidateConnectTargetSessionAttrsReadWrite):
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	case is(pgconn.ValidateConnectTargetSessionAttrsReadOnly):
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsStandby
	}
}

// loan is a connection on loan from its pool.
type loan struct {
	*pgx.Conn
	pool   *pool
	pooled *pgxpool.Conn
	dirty  bool // a statement may have left something behind
}

// acquire takes a connection, within the pool's timeout.
func (p *pool) acquire(ctx context.Context) (*loan, error) {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)

	start := time.Now()
	bounded, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	pooled, err := p.conns.Acquire(bounded)

	waited := time.Since(start)
	p.waited.Add(int64(waited))
	p.acquired.Add(1)

	switch {
	case err == nil:
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		err = p.timeoutError()
	default:
		err = p.role.ExplainConnect(ctx, "acquire a connection as "+string(p.role), p.login, err)
	}
	if p.waiter != nil {
		p.waiter.TraceWait(p.service, waited, err)
	}
	if err != nil {
		return nil, err
	}
	return &loan{Conn: pooled.Conn(), pool: p, pooled: pooled}, nil
}

func (p *pool) timeoutError() error {
	stat := p.conns.Stat()
	return &blotter.Error{
		Op: "acquire a connection as " + string(p.role), Kind: blotter.ErrPoolTimeout, Retry: true,
		Message: fmt.Sprintf("no connection came free within %s: %d of %d are in use, %d callers wait; "+
			"shorten sessions or raise MaxConns", p.timeout, stat.AcquiredConns(), stat.MaxConns(), p.waiting.Load()),
	}
}

// release gives the connection back clean. It closes one that cannot be cleaned, and one beyond the number that the
// pool keeps while nobody waits.
func (l *loan) release() {
	if l.pooled == nil {
		return
	}
	if connection.HasPendingCancel(l.PgConn()) {
		l.close()
	}
	if l.dirty && !l.IsClosed() {
		l.reset()
	}
	if !l.IsClosed() && l.pool.shrink() {
		l.retire()
	}

	l.pooled.Release()
	l.pooled = nil
	l.pool.trim()
}

// retire closes a connection that shrink took off the count.
func (l *loan) retire() {
	l.PgConn().CustomData()[surplus] = true
	l.close()
}

// trim closes idle connections beyond those to keep: they came back while a caller waited, who then took another.
func (p *pool) trim() {
	if p.open.Load() <= p.keep || p.waiting.Load() > 0 || !p.trimming.CompareAndSwap(false, true) {
		return
	}
	defer p.trimming.Store(false)

	for _, pooled := range p.conns.AcquireAllIdle(context.Background()) {
		if p.shrink() {
			(&loan{Conn: pooled.Conn(), pool: p}).retire()
		}
		pooled.Release()
	}
}

func (l *loan) close() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	_ = l.Conn.Close(ctx)
}

// reset returns the connection to its initial state. DISCARD ALL ends settings, temporary tables, cursors, locks and
// listening. It also drops the role, which RESET ROLE takes from the start-up parameters again, and the pinned
// settings.
func (l *loan) reset() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()

	var current string
	var err error
	if l.PgConn().TxStatus() != 'I' {
		_, err = l.Exec(ctx, "rollback")
	}
	if err == nil {
		err = l.DeallocateAll(ctx)
	}
	for _, sql := range []string{"discard all", "reset role"} {
		if err == nil {
			_, err = l.Exec(ctx, sql)
		}
	}
	if err == nil {
		err = connection.Pin(ctx, l.Conn, l.pool.role)
	}
	if err == nil {
		err = l.QueryRow(ctx, "select current_user::text", pgx.QueryExecModeExec).Scan(&current)
	}
	if err != nil || current != string(l.pool.role) {
		l.close()
	}
	l.dirty = false
}

// shrink takes one connection off the count if the pool has more than it keeps and nobody waits for one.
func (p *pool) shrink() bool {
	for {
		n := p.open.Load()
		if n <= p.keep || p.waiting.Load() > 0 {
			return false
		}
		if p.open.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// PoolStats are the figures of one pool since Open.
type PoolStats struct {
	Role     string
	MaxConns int
	Open     int           // connections
	InUse    int           // of these
	Waiting  int           // callers at this moment
	Acquired int64         // sessions that asked for a connection
	Waited   time.Duration // that all of them together waited for it
}

// PoolStats returns the figures of the pools, in the order app, service, read-only, reporter.
func (db *DB) PoolStats() []PoolStats {
	var list []PoolStats
	for _, r := range sessionRoles() {
		p := db.pools[r]
		stat := p.conns.Stat()

		list = append(list, PoolStats{
			Role:     string(r),
			MaxConns: int(stat.MaxConns()),
			Open:     int(stat.TotalConns()),
			InUse:    int(stat.AcquiredConns()),
			Waiting:  int(p.waiting.Load()),
			Acquired: p.acquired.Load(),
			Waited:   time.Duration(p.waited.Load()),
		})
	}
	return list
}
