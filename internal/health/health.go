// Package health keeps whether a service does its work, and logs when that changes.
package health

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Patience is how long a service may fail before that is an error. Until then it is a warning: services try again, and a
// restarted server or a broken link heals by itself within seconds.
const Patience = 30 * time.Second

// State is the outcome of a service's last attempt. The zero value is healthy. It is safe for concurrent use.
type State struct {
	mu      sync.Mutex
	err     error
	since   time.Time // when the failures began
	alarmed bool      // an error was logged
}

// Err returns the error of the last attempt, or nil if it succeeded.
func (s *State) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.err
}

// Set keeps the outcome of an attempt and logs nothing.
func (s *State) Set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.err = err
}

// Messages are the log lines of a service that fails, and of one that works again.
type Messages struct{ Failing, Working string }

// Report keeps the outcome of an attempt and logs it if it is news: the first failure of a row as a warning, the first one
// after Patience as an error, and the end of the row. An attempt that was cut short because ctx ended says nothing.
func (s *State) Report(ctx context.Context, log *slog.Logger, err error, m Messages, attrs ...any) {
	if ctx.Err() != nil {
		return
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	before := s.err
	s.err = err

	switch {
	case err == nil && before != nil:
		log.InfoContext(ctx, m.Working, attrs...)
	case err != nil && before == nil:
		s.since, s.alarmed = time.Now(), false
		log.WarnContext(ctx, m.Failing, append(attrs, "error", err.Error())...)
	case err != nil && !s.alarmed && time.Since(s.since) >= Patience:
		s.alarmed = true
		log.ErrorContext(ctx, m.Failing, append(attrs, "error", err.Error(), "since", s.since.UTC().Format(time.RFC3339))...)
	}
}
