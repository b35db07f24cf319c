package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is the database: one pool of connections for each role. It is safe for concurrent use.
type DB struct {
	cfg   Config
	home  identity
	log   *slog.Logger
	pools map[connection.Role]*pool
	// imports has one slot for each import that runs. An import may need a second connection, so they must not take
	// all.
	imports chan struct{}
	books   bookCache
	bell    bell
	// confirmation tracks commits that no synchronous replica confirmed.
	confirmation confirmation
	warned       sync.Map // texts of warnings that were logged, each once
}

// Open connects, checks that the schema has the version of this library and that the pools fit the server, and makes
// the partitions that are due, unless Config.LookOnly is set. A partition that cannot be made is a warning in the log.
// Close the DB.
//
// Connections of the other URLs are checked, as they are made, to lead to the database of Config.URL.
//
// Errors: ErrInvalid for a configuration that cannot work, ErrOperational if the server cannot be reached or its schema
// has another version, ErrPermission if the login may not act as trading_app.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()

	limit, home, err := inspect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := fit(&cfg, limit); err != nil {
		return nil, err
	}

	db := &DB{
		cfg: cfg, home: home, log: cfg.Logger, pools: map[connection.Role]*pool{},
		imports: make(chan struct{}, max(1, cfg.MaxConns/2)),
	}
	for _, r := range sessionRoles() {
		size := cfg.MaxConns
		if r == connection.Reporter {
			size = max(1, size/reporterShare)
		}
		if db.pools[r], err = newPool(cfg, home, r, size, db.warn); err != nil {
			db.Close()
			return nil, err
		}
	}

	if !cfg.LookOnly {
		if err := db.tryAhead(ctx); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// Close waits for the sessions in use and closes every connection. It is safe to call twice.
func (db *DB) Close() {
	for _, p := range db.pools {
		if p != nil {
			p.conns.Close()
		}
	}
}

// String returns the configuration without its passwords.
func (db *DB) String() string { return "postgres.DB{" + db.cfg.String() + "}" }

// GoString keeps passwords out of %#v.
func (db *DB) GoString() string { return db.String() }

// sqlInspect reads what Open needs before it makes pools: the connections that the server allows, and whether it was
// migrated.
const sqlInspect = `
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int,
       exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'shared' and c.relname = 'schema_version')`

// inspect returns how many connections the server allows and which database this is, and refuses a schema of another
// version.
func inspect(ctx context.Context, cfg Config) (limit int, home identity, err error) {
	cc, err := connection.ParseURL("Config.URL", cfg.URL)
	if err != nil {
		return 0, home, err
	}
	connection.Prepare(cc, cfg.settings(), connection.App)
	delete(cc.RuntimeParams, "role") // a database that was never migrated may have no roles
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return 0, home, translate(ctx, "open "+connection.RedactURL(cfg.URL), err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	if err := connection.Pin(ctx, conn, connection.App); err != nil {
		return 0, home, translate(ctx, "open", err)
	}

	var migrated bool
	if err := conn.QueryRow(ctx, sqlInspect).Scan(&limit, &migrated); err != nil {
		return 0, home, translate(ctx, "open", err)
	}
	if !migrated {
		return 0, home, schema.NotMigratedError()
	}

	if _, err := conn.Exec(ctx, "set role "+string(connection.App)); err != nil {
		return 0, home, connection.App.Explain(ctx, "open", cc.User, err)
	}
	if home, err = identify(ctx, conn); err != nil {
		return 0, home, translate(ctx, "open", err)
	}
	return limit, home, schema.CheckVersion(ctx, conn)
}

// sessionRoles returns the roles that sessions act as: all but the owner.
func sessionRoles() []connection.Role { return connection.Roles()[1:] }

// fit chooses the sizes of the pools, at most as many connections as the server allows.
func fit(cfg *Config, limit int) error {
	total := func(n int) int { return 3*n + max(1, n/reporterShare) }

	if cfg.MaxConns == 0 {
		cfg.MaxConns = maxConnsDefault
		for cfg.MaxConns > 1 && total(cfg.MaxConns) > limit {
			cfg.MaxConns--
		}
		if cfg.MaxConns < maxConnsDefault {
			cfg.Logger.Warn("pools are smaller than usual: the server allows few connections",
				"max_conns", cfg.MaxConns, "server_connections_max", limit)
		}
	} else if total(cfg.MaxConns) > limit {
		return blotter.Invalid("Config.MaxConns", cfg.MaxConns,
			fmt.Sprintf("pools that together open at most %d connections, which the server allows", limit))
	}

	cfg.KeepConns = cmp.Or(cfg.KeepConns, min(keepConnsDefault, cfg.MaxConns))
	return nil
}

const sqlEnsureAhead = `select shared.ensure_ahead()`

func (db *DB) ensureAhead(ctx context.Context, opts ...TxOption) error {
	return db.Transaction(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, sqlEnsureAhead)
		return err
	}, opts...)
}

// tryAhead makes the partitions that are due. A refusal of the server is a warning: the database can be used, and a
// write that finds no partition says so. A session that cannot be opened or breaks is an error.
func (db *DB) tryAhead(ctx context.Context) error {
	err := db.ensureAhead(ctx, Unlogged)
	if errors.Is(err, blotter.ErrNotReplicated) {
		db.log.Warn("partitions that are due were made, but no synchronous replica confirmed it", "error", err.Error())
		return nil
	}

	var pg *pgconn.PgError
	if errors.As(err, &pg) && pgerror.Severity(pg) == "ERROR" && ctx.Err() == nil {
		db.log.Warn("partitions that are due were not made; blotter doctor says what to do", "error", err.Error())
		return nil
	}
	return err
}

// stateNoPartition is the SQLSTATE of the warnings of shared.ensure_ahead, which name what it could not make.
const stateNoPartition = "01B19"

// warn logs a warning of shared.ensure_ahead, each once.
func (db *DB) warn(_ *pgconn.PgConn, n *pgconn.Notice) {
	if n.Code != stateNoPartition {
		return
	}
	if _, known := db.warned.LoadOrStore(n.Message, true); !known {
		db.log.Warn(n.Message, "hint", n.Hint)
	}
}

// poolFor checks the account id of the context's scope and returns the pool of the role that the scope needs.
func (db *DB) poolFor(ctx context.Context, readOnly bool) (*pool, blotter.Scope, error) {
	scope, isSet := blotter.ScopeOf(ctx)
	if isSet && !scope.All {
		if err := blotter.CheckAccountID(scope.Account); err != nil {
			return nil, scope, err
		}
	}

	r := connection.App
	switch {
	case readOnly && scope.All:
		r = connection.Reporter
	case readOnly:
		r = connection.ReadOnly
	case scope.All:
		r = connection.Service
	}
	return db.pools[r], scope, nil
}

// borrow takes a connection from the pool that poolFor returns.
func (db *DB) borrow(ctx context.Context, readOnly bool) (*loan, blotter.Scope, error) {
	p, scope, err := db.poolFor(ctx, readOnly)
	if err != nil {
		return nil, scope, err
	}
	loan, err := p.acquire(ctx)
	return loan, scope, err
}
