package postgres

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/jackc/pgx/v5"
)

// Config says how to reach the database. The zero value of every field but URL works.
type Config struct {
	// URL of the database as postgres://user:password@host:port/database?..., or as key=value words. Environment
	// variables and files of libpq (PGHOST, PGPASSFILE, service files, ...) fill what it leaves open. Required.
	//
	// It may name several hosts (host=a,b), of which target_session_attrs chooses: primary or read-write for this one and
	// ServiceURL. For ReadOnlyURL and ReporterURL, read-write is a primary too, and read-only a replica.
	URL string
	// ReadOnlyURL, ServiceURL and ReporterURL are logins of their own for the roles trading_readonly, trading_service
	// and trading_reporter. Default: URL, whose login must then be a member of these roles. Production gives every role
	// its own login: only then can no SQL of a read-only session become another role.
	ReadOnlyURL string
	ServiceURL  string
	ReporterURL string

	// Service is the name under which connections, logs and statistics appear. Default "blotter".
	Service string

	// MaxConns is the most connections that each of the app, read-only and service pools opens (the reporter's: a
	// sixth). Default 30, or fewer where the server allows fewer.
	MaxConns int
	// KeepConns is how many connections a pool keeps when they are idle; one more is closed on release unless somebody
	// waits for it. Default 10, at most MaxConns.
	KeepConns int
	// AcquireTimeout is how long to wait for a connection before ErrPoolTimeout. Default 30 s.
	AcquireTimeout time.Duration
	// MaxConnLifetime is the age at which a connection is replaced, give or take a tenth. Default 1 h.
	MaxConnLifetime time.Duration

	// StatementTimeout, LockTimeout and IdleInTransactionTimeout bound what one statement, one wait for a lock and one
	// pause inside a transaction may take. Defaults 30 s, 10 s and 60 s; negative is no limit.
	StatementTimeout         time.Duration
	LockTimeout              time.Duration
	IdleInTransactionTimeout time.Duration

	// SynchronousCommit is what a COMMIT waits for: "on", "remote_apply", "remote_write", "local" or "off", as PostgreSQL's
	// synchronous_commit. With "off" an acknowledged fill may be lost when the server dies. Default that of the URL
	// (?synchronous_commit=...), otherwise the server's if that is "on" or "remote_apply", otherwise "on". What a login has
	// set for itself never counts.
	SynchronousCommit string

	// MaxRetries is how often a transaction is tried again after a serialization failure or deadlock. Default 5;
	// negative is never.
	MaxRetries int

	// LookOnly has Open make no partitions, for programs that report what is.
	LookOnly bool

	// Tracer is told of every statement of every pool, as monitor.Tracer is, which counts them. What it has of pgx's
	// other tracers (batch, copy, connect) is used as well, and so is a Waiter. Default none.
	Tracer pgx.QueryTracer

	// Clock gives the time from which BarHistory counts back, and the ExecutedAt of a trade without one. The server's now()
	// stamps what a transaction stamps by itself, as created_at. Default time.Now.
	Clock func() time.Time

	// Logger gets one line for each failed session and a debug line for each commit. Default slog.Default().
	Logger *slog.Logger
}

// Waiter is a Tracer that is also told how long each session waited for a connection of its pool; err is nil where it got
// one.
type Waiter interface {
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

// withDefaults fills what is zero.
func (c Config) withDefaults() Config {
	setDefault(&c.ReadOnlyURL, c.URL)
	setDefault(&c.ServiceURL, c.URL)
	setDefault(&c.ReporterURL, c.URL)
	setDefault(&c.Service, "blotter")
	setDefault(&c.AcquireTimeout, 30*time.Second)
	setDefault(&c.MaxConnLifetime, time.Hour)
	setDefault(&c.StatementTimeout, 30*time.Second)
	setDefault(&c.LockTimeout, 10*time.Second)
	setDefault(&c.IdleInTransactionTimeout, 60*time.Second)
	setDefault(&c.MaxRetries, 5)
	setDefault(&c.Logger, slog.Default())
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
	switch {
	case c.URL == "":
		return blotter.Invalid("Config.URL", c.URL, "the URL of a PostgreSQL database")
	case c.MaxConns < 0:
		return blotter.Invalid("Config.MaxConns", c.MaxConns, "zero for the default, or more")
	case c.KeepConns < 0 || c.MaxConns > 0 && c.KeepConns > c.MaxConns:
		return blotter.Invalid("Config.KeepConns", c.KeepConns, "zero for the default, up to MaxConns")
	case c.AcquireTimeout < 0:
		return blotter.Invalid("Config.AcquireTimeout", c.AcquireTimeout, "zero for the default, or more")
	case c.MaxConnLifetime < 0:
		return blotter.Invalid("Config.MaxConnLifetime", c.MaxConnLifetime, "zero for the default, or more")
	case c.SynchronousCommit != "" && !slices.Contains(synchronousCommits, c.SynchronousCommit):
		return blotter.Invalid("Config.SynchronousCommit", c.SynchronousCommit, strings.Join(synchronousCommits, ", ")+", or nothing for the default")
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
		StatementTimeout: c.StatementTimeout, LockTimeout: c.LockTimeout, IdleInTransactionTimeout: c.IdleInTransactionTimeout,
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
