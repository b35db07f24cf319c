package postgres

import (
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
	// imports holds a place for each import that runs: one may need a second connection, so they may not take all.
	imports chan struct{}
	books   bookCache
	bell    bell
	// confirmation is about commits that no synchronous replica confirmed.
	confirmation confirmation
	warned       sync.Map // texts of warnings that were logged: each once
}

// Open connects, checks that the schema is the one this version knows and that the pools fit the server, and makes the
// partitions that are due, unless Config.LookOnly. One that cannot be made is a warning in the log. The caller closes the
// DB.
//
// Every connection by a URL of its own is checked to lead to the database of URL, when it is made.
//
// Errors: ErrInvalid for a configuration that cannot work, ErrOperational where the server cannot be reached or the
// schema is another version's, ErrPermission where the login may not act as trading_app.
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
	db := &DB{cfg: cfg, home: home, log: cfg.Logger, pools: map[connection.Role]*pool{}, imports: make(chan struct{}, max(1, cfg.MaxConns/2))}
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

// String is the configuration without its passwords.
func (db *DB) String() string { return "postgres.DB{" + db.cfg.String() + "}" }

// GoString keeps passwords out of %#v.
func (db *DB) GoString() string { return db.String() }

// sqlInspect reads what Open has to know before it makes pools.
const sqlInspect = `
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int,
       exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'shared' and c.relname = 'schema_version')`

// inspect reports how many connections the server allows and which database this is, and refuses a schema of another
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

// fit settles the sizes of the pools against what the server allows.
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
			fmt.Sprintf("pools that open %d connections at most: the server allows %d", limit, limit))
	}
	setDefault(&cfg.KeepConns, min(keepConnsDefault, cfg.MaxConns))
	return nil
}

const sqlEnsureAhead = `select shared.ensure_ahead()`

func (db *DB) ensureAhead(ctx context.Context, opts ...Option) error {
	return db.Transaction(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, sqlEnsureAhead)
		return err
	}, opts...)
}

// tryAhead makes what is due. That it cannot be made is a warning: the database can be used, and the write that finds no
// partition says so. Where no session comes about, or it breaks, it is an error.
func (db *DB) tryAhead(ctx context.Context) error {
	err := db.ensureAhead(ctx, Unlogged)
	if errors.Is(err, blotter.ErrNotReplicated) {
		db.log.Warn("partitions that are due were made, and no synchronous replica has confirmed it", "error", err.Error())
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pgerror.Severity(pg) == "ERROR" && ctx.Err() == nil {
		db.log.Warn("partitions that are due were not made; blotter doctor says what to do", "error", err.Error())
		return nil
	}
	return err
}

// stateNoPartition is the state of the warning by which shared.ensure_ahead says what it could not make.
const stateNoPartition = "01B19"

// warn logs what shared.ensure_ahead could not make, once.
func (db *DB) warn(_ *pgconn.PgConn, n *pgconn.Notice) {
	if n.Code != stateNoPartition {
		return
	}
	if _, known := db.warned.LoadOrStore(n.Message, true); !known {
		db.log.Warn(n.Message, "hint", n.Hint)
	}
}

// poolFor is the pool whose role the context's scope calls for, after the account id was checked.
func (db *DB) poolFor(ctx context.Context, readOnly bool) (*pool, blotter.Scope, error) {
	scope, set := blotter.ScopeOf(ctx)
	if set && !scope.All {
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

// borrow takes a connection of the pool that poolFor names.
func (db *DB) borrow(ctx context.Context, readOnly bool) (*loan, blotter.Scope, error) {
	p, scope, err := db.poolFor(ctx, readOnly)
	if err != nil {
		return nil, scope, err
	}
	loan, err := p.acquire(ctx)
	return loan, scope, err
}
