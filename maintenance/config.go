package maintenance

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/postgres"
)

// Config says what a Runner works on. The zero value of every field but OwnerURL works.
type Config struct {
	// OwnerURL is the database, for a login that is a member of trading_owner. Required.
	OwnerURL string
	// OpenBook opens the database for the job verify, which is not there without it; done is called when it has read.
	OpenBook func(ctx context.Context) (db *postgres.DB, done func(), err error)
	// Jobs are those of other packages.
	Jobs []Job
	// Every is how often a Scheduler runs a job, by its name, where not as often as the job says itself; negative is
	// never.
	Every map[string]time.Duration

	// Partitions is the policy of the job partitions.
	Partitions partition.Policy
	// Logs is the policy of the job archive_logs.
	Logs Retention

	// StatementTimeout bounds one statement of a job, a VACUUM of one partition included. Default 1 h.
	StatementTimeout time.Duration
	// LockTimeout is how long one statement waits for its lock. Default 5 s.
	LockTimeout time.Duration
	// VacuumDelay is how long VACUUM rests after each bit of work, to leave the disk to others. Default 2 ms, as
	// autovacuum does; negative is not at all.
	VacuumDelay time.Duration

	// Poll is how often a Scheduler looks what is due. Default 5 s.
	Poll time.Duration
	// RetryAfter is when a failed job is tried again; it doubles with each failure up to RetryMax, and is never longer
	// than the job's own period. Defaults 1 min and 1 h.
	RetryAfter, RetryMax time.Duration

	// Clock tells the time by which jobs are due. Default: the clock of the database.
	Clock func() time.Time
	// By is who runs the jobs, at most 200 characters. Default: this host and process.
	By string
	// Logger gets a line for each run and each failure. Default slog.Default().
	Logger *slog.Logger
}

// Retention is how long rows of the log are kept; the statistics of statements (performance_logs) as long as both together.
type Retention struct {
	LiveDays    int  // in system_logs; default 30
	ArchiveDays int  // then in archived_system_logs; default 90; negative is for ever
	Exact       bool // also move what is older than LiveDays of months that are not over, row by row

	// UnforcedMoves and UnforcedDrops are the rows that archive_logs may move or drop without force, whatever share of the
	// table they are. Defaults 1,000,000 and 10,000; a negative number
	// allows no rows. A move loses no rows; a drop does.
	UnforcedMoves, UnforcedDrops int64
}

const (
	liveDaysDefault    = 30
	archiveDaysDefault = 90
	retentionDaysMax   = 36_500

	unforcedMovesDefault = 1_000_000
	unforcedDropsDefault = 10_000

	byLengthMax = 200
)

func (c Config) withDefaults() Config {
	c.Logs.LiveDays = cmp.Or(c.Logs.LiveDays, liveDaysDefault)
	c.Logs.ArchiveDays = cmp.Or(c.Logs.ArchiveDays, archiveDaysDefault)
	c.Logs.UnforcedMoves = cmp.Or(c.Logs.UnforcedMoves, unforcedMovesDefault)
	c.Logs.UnforcedDrops = cmp.Or(c.Logs.UnforcedDrops, unforcedDropsDefault)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, time.Hour)
	c.LockTimeout = cmp.Or(c.LockTimeout, 5*time.Second)
	c.VacuumDelay = cmp.Or(c.VacuumDelay, 2*time.Millisecond)
	c.Poll = cmp.Or(c.Poll, 5*time.Second)
	c.RetryAfter = cmp.Or(c.RetryAfter, time.Minute)
	c.RetryMax = cmp.Or(c.RetryMax, time.Hour)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.By == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "?"
		}
		c.By = clip(fmt.Sprintf("%s, process %d", host, os.Getpid()), byLengthMax)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.OwnerURL == "":
		return blotter.Invalid("Config.OwnerURL", c.OwnerURL, "the URL of a PostgreSQL database")
	case c.Logs.LiveDays < 0 || c.Logs.LiveDays > retentionDaysMax:
		return blotter.Invalid("Config.Logs.LiveDays", c.Logs.LiveDays, fmt.Sprintf("0 for the default, up to %d", retentionDaysMax))
	case c.Logs.ArchiveDays > retentionDaysMax:
		return blotter.Invalid("Config.Logs.ArchiveDays", c.Logs.ArchiveDays, fmt.Sprintf("0 for the default, up to %d, or negative for ever", retentionDaysMax))
	case c.StatementTimeout < 0 || c.LockTimeout < 0:
		return blotter.Invalid("Config.StatementTimeout", min(c.StatementTimeout, c.LockTimeout), "zero for the default, or more: maintenance is always bounded")
	case c.Poll < 0 || c.RetryAfter < 0 || c.RetryMax < 0:
		return blotter.Invalid("Config.Poll", min(c.Poll, c.RetryAfter, c.RetryMax), "zero for the default, or more")
	case len([]rune(c.By)) > byLengthMax:
		return blotter.Invalid("Config.By", c.By, fmt.Sprintf("at most %d characters", byLengthMax))
	}
	return nil
}

// String is what tells configurations apart, without the password of the URL.
func (c Config) String() string {
	return fmt.Sprintf("maintenance.Config{OwnerURL: %s, Logs: %+v, Poll: %s, By: %q}", connection.RedactURL(c.OwnerURL), c.Logs, c.Poll, c.By)
}

// GoString keeps the password out of %#v.
func (c Config) GoString() string { return c.String() }

// LogValue keeps the password out of slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText keeps the password out of JSON and other encodings.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// clip shortens a text to so many characters.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
