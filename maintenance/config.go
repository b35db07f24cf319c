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

// Config configures a Runner or a Scheduler. Only OwnerURL is required.
type Config struct {
	// OwnerURL is the URL of the database with a login that is a member of trading_owner.
	OwnerURL string
	// OpenBook opens the database for the job verify, which does not exist without it. The job calls done at its end.
	OpenBook func(ctx context.Context) (db *postgres.DB, done func(), err error)
	// Jobs are further jobs, of other packages.
	Jobs []Job
	// Every overrides the period at which a Scheduler runs a job, by the job's name. Negative means never.
	Every map[string]time.Duration

	// Partitions is the policy of the job partitions.
	Partitions partition.Policy
	// Logs is the policy of the job archive_logs.
	Logs Retention

	// StatementTimeout bounds one statement of a job, for example VACUUM of one partition. Default 1 h.
	StatementTimeout time.Duration
	// LockTimeout bounds the wait of a statement for its lock. Default 5 s.
	LockTimeout time.Duration
	// VacuumDelay is the pause of VACUUM after each unit of work, which leaves the disk to others. Default 2 ms, as in
	// autovacuum. Negative means no pause.
	VacuumDelay time.Duration

	// Poll is the time after which a Scheduler checks again which jobs are due. Default 5 s.
	Poll time.Duration
	// RetryAfter is the time after which a failed job is tried again. It doubles with each failure up to RetryMax,
	// and is never longer than the job's period. Defaults 1 min and 1 h.
	RetryAfter, RetryMax time.Duration

	// Clock returns the time by which jobs are due. Default: the clock of the database.
	Clock func() time.Time
	// By names the program that runs the jobs, in at most 200 characters. Default: this host and process.
	By string
	// Logger logs each run and each failure. Default slog.Default().
	Logger *slog.Logger
}

// Retention says how long logs are kept. The statistics of statements (performance_logs) are kept for the sum of both
// times.
type Retention struct {
	LiveDays    int  // in system_logs; default 30
	ArchiveDays int  // after that in archived_system_logs; default 90; negative means forever
	Exact       bool // also move rows older than LiveDays from months that are not over

	// UnforcedMoves and UnforcedDrops are the numbers of rows that archive_logs may move or drop without force,
	// whatever their share of the table. Defaults 1,000,000 and 10,000. Negative means none. A move loses no rows; a
	// drop does.
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
		return blotter.Invalid("Config.Logs.LiveDays", c.Logs.LiveDays,
			fmt.Sprintf("0 for the default, up to %d", retentionDaysMax))
	case c.Logs.ArchiveDays > retentionDaysMax:
		return blotter.Invalid("Config.Logs.ArchiveDays", c.Logs.ArchiveDays,
			fmt.Sprintf("0 for the default, up to %d, or negative for forever", retentionDaysMax))
	case c.StatementTimeout < 0 || c.LockTimeout < 0:
		return blotter.Invalid("Config.StatementTimeout", min(c.StatementTimeout, c.LockTimeout),
			"zero for the default, or more")
	case c.Poll < 0 || c.RetryAfter < 0 || c.RetryMax < 0:
		return blotter.Invalid("Config.Poll", min(c.Poll, c.RetryAfter, c.RetryMax), "zero for the default, or more")
	case len([]rune(c.By)) > byLengthMax:
		return blotter.Invalid("Config.By", c.By, fmt.Sprintf("at most %d characters", byLengthMax))
	}

	return nil
}

// String returns the configuration without the password of the URL.
func (c Config) String() string {
	return fmt.Sprintf("maintenance.Config{OwnerURL: %s, Logs: %+v, Poll: %s, By: %q}",
		connection.RedactURL(c.OwnerURL), c.Logs, c.Poll, c.By)
}

// GoString returns String, so that %#v does not print the password.
func (c Config) GoString() string { return c.String() }

// LogValue returns String, so that slog does not print the password.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns String, so that JSON and other encodings do not contain the password.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// clip returns a text shortened to so many characters.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
