package postgres

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/jackc/pgx/v5"
)

// Config says how to reach the database. Only URL is required: every other field has a default.
type Config struct {
	// URL of the database as postgres://user:password@host:port/database?..., or as key=value words. Environment
	// variables and files of libpq (PGHOST, PGPASSFILE, service files, ...) supply what it leaves out. Required.
	//
	// It may name several hosts (host=a,b), from which target_session_attrs chooses. Use primary or read-write for URL
	// and ServiceURL. For ReadOnlyURL and ReporterURL, read-write means a primary too, and read-only a replica.
	URL string
	// ReadOnlyURL, ServiceURL and ReporterURL are the URLs for the roles trading_readonly, trading_service and
	// trading_reporter. Default: URL, whose login must then be a member of these roles. In production, give every role
	// its own login: only then can no SQL of a read-only session change to another role.
	ReadOnlyURL string
	ServiceURL  string
	ReporterURL string

	// Service is the name of the program in connections, logs and statistics. Default "blotter".
	Service string

	// MaxConns is the most connections that each of the app, read-only and service pools opens; the reporter's pool
	// opens a sixth of it. Default 30, or fewer if the server allows fewer.
	MaxConns int
	// KeepConns is how many idle connections a pool keeps. One more is closed when it is released, unless a caller
	// waits for it. Default 10, at most MaxConns.
	KeepConns int
	// AcquireTimeout is how long to wait for a connection before ErrPoolTimeout. Default 30 s.
	AcquireTimeout time.Duration
	// MaxConnLifetime is the age at which a connection is replaced, within a tenth. Default 1 h.
	MaxConnLifetime time.Duration

	// StatementTimeout, LockTimeout and IdleInTransactionTimeout bound one statement, one wait for a lock and one pause
	// inside a transaction. Defaults 30 s, 10 s and 60 s; negative means no limit.
	StatementTimeout         time.Duration
	LockTimeout              time.Duration
	IdleInTransactionTimeout time.Duration

	// SynchronousCommit says what a COMMIT waits for: "on", "remote_apply", "remote_write", "local" or "off", like
	// PostgreSQL's synchronous_commit. With "off", an acknowledged fill may be lost when the server crashes. Default:
	// the URL's (?synchronous_commit=...), otherwise the server's if that is "on" or "remote_apply", otherwise "on". A
	// setting that a login has for itself never counts.
	SynchronousCommit string

	// MaxRetries is how often a transaction runs again after a serialization failure or deadlock. Default 5; negative
	// is never.
	MaxRetries int

	// LookOnly keeps Open from making partitions, for programs that only report.
	LookOnly bool

	// Tracer observes every statement of every pool; monitor.Tracer counts them. If it also implements pgx's other
	// tracers (batch, copy, connect) or Waiter, these are used as well. Default none.
	Tracer pgx.QueryTracer

	// Clock returns the present time, from which BarHistory counts back, and which is the ExecutedAt of a trade without
	// one. Columns like created_at have the server's now(). Default time.Now.
	Clock func() time.Time

	// Logger receives one line for each failed session and a debug line for each commit. Default slog.Default().
	Logger *slog.Logger
}

// lockTimeoutDefault is the default of Config.LockTimeout.
const lockTimeoutDefault = 10 * time.Second

// Waiter is a Tracer that also observes waits for connections.
type Waiter interface {
	// TraceWait reports how long a session waited for a connection; err is nil if it got one.
	TraceWait(service string, wait time.Duration, err error)
}

const (
	maxConnsDefault  = 30
	keepConnsDefault = 10
	reporterShare    = 6 // the reporter's pool is this fraction of MaxConns
	rollbackTimeout  = 5 * time.Second
	commitTimeout    = 30 * time.Second
)

// synchronousCommits are the values of Config.SynchronousCommit.
var synchronousCommits = []string{"on", "remote_apply", "remote_write", "local", "off"}

// withDefaults returns c with defaults in place of zero values.
func (c Config) withDefaults() Config {
	c.ReadOnlyURL = cmp.Or(c.ReadOnlyURL, c.URL)
	c.ServiceURL = cmp.Or(c.ServiceURL, c.URL)
	c.ReporterURL = cmp.Or(c.ReporterURL, c.URL)
	c.Service = cmp.Or(c.Service, "blotter")

	c.AcquireTimeout = cmp.Or(c.AcquireTimeout, 30*time.Second)
	c.MaxConnLifetime = cmp.Or(c.MaxConnLifetime, time.Hour)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, 30*time.Second)
	c.LockTimeout = cmp.Or(c.LockTimeout, lockTimeoutDefault)
	c.IdleInTransactionTimeout = cmp.Or(c.IdleInTransactionTimeout, 60*time.Second)
	c.MaxRetries = cmp.Or(c.MaxRetries, 5)

	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) validate() error {
	tooMany := c.MaxConns > 0 && c.KeepConns > c.MaxConns

	switch {
	case c.URL == "":
		return blotter.Invalid("Config.URL", c.URL, "the URL of a PostgreSQL database")
	case c.MaxConns < 0:
		return blotter.Invalid("Config.MaxConns", c.MaxConns, "zero for the default, or more")
	case c.KeepConns < 0 || tooMany:
		return blotter.Invalid("Config.KeepConns", c.KeepConns, "zero for the default, up to MaxConns")
	case c.AcquireTimeout < 0:
		return blotter.Invalid("Config.AcquireTimeout", c.AcquireTimeout, "zero for the default, or more")
	case c.MaxConnLifetime < 0:
		return blotter.Invalid("Config.MaxConnLifetime", c.MaxConnLifetime, "zero for the default, or more")
	case c.SynchronousCommit != "" && !slices.Contains(synchronousCommits, c.SynchronousCommit):
		return blotter.Invalid("Config.SynchronousCommit", c.SynchronousCommit,
			strings.Join(synchronousCommits, ", ")+", or nothing for the default")
	case len(c.Service) > 50:
		return blotter.Invalid("Config.Service", c.Service, "at most 50 bytes")
	}
	return nil
}

// urlFor returns the URL of the role's login.
func (c Config) urlFor(r connection.Role) string {
	switch r {
	case connection.Service:
		return c.ServiceURL
	case connection.ReadOnly:
		return c.ReadOnlyURL
	case connection.Reporter:
		return c.ReporterURL
	}
	return c.URL
}

// settings returns what its connections start with.
func (c Config) settings() connection.Settings {
	return connection.Settings{
		Service: c.Service, SynchronousCommit: c.SynchronousCommit,
		StatementTimeout: c.StatementTimeout, LockTimeout: c.LockTimeout,
		IdleInTransactionTimeout: c.IdleInTransactionTimeout,
	}
}

// String returns the configuration without its passwords.
func (c Config) String() string {
	redact := connection.RedactURL
	return fmt.Sprintf("postgres.Config{URL: %s, ReadOnlyURL: %s, ServiceURL: %s, ReporterURL: %s, "+
		"Service: %q, MaxConns: %d, KeepConns: %d, AcquireTimeout: %s}",
		redact(c.URL), redact(c.ReadOnlyURL), redact(c.ServiceURL), redact(c.ReporterURL),
		c.Service, c.MaxConns, c.KeepConns, c.AcquireTimeout)
}

// GoString keeps passwords out of %#v.
func (c Config) GoString() string { return c.String() }

// LogValue keeps passwords out of slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText keeps passwords out of JSON and other encodings.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
