package health

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Patience is how long a service may fail before that is an error. Until then it is a warning: services try again, and
// a restarted server or a broken link heals by itself within seconds.
const Patience = 30 * time.Second

// State is the outcome of a service's last attempt. The zero value is healthy. It is safe for concurrent use.
type State struct {
	mu     sync.Mutex
	err    error
	since  time.Time // when the failures began
	logged time.Time // when one of them was last logged
	text   string    // of the error that was logged last
	alarm  bool      // it was logged as an error
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

// Report keeps the outcome of an attempt and logs it if it is news. The first of several failures is a warning. One
// that lasts for Patience is an error, and so is another error after that, at most once every Patience. An attempt that
// was cut short because ctx ended is not reported.
func (s *State) Report(ctx context.Context, log *slog.Logger, err error, m Messages, attrs ...any) {
	if ctx.Err() != nil {
		return
	}

	level, news := s.next(err)
	switch {
	case !news:
	case err == nil:
		log.InfoContext(ctx, m.Working, attrs...)
	default:
		log.Log(ctx, level, m.Failing, append(attrs, "error", err.Error())...)
	}
}

// next keeps the outcome, and returns whether to log it and at which level.
func (s *State) next(err error) (level slog.Level, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	before, now := s.err, time.Now()
	s.err = err

	switch {
	case err == nil:
		return slog.LevelInfo, before != nil
	case before == nil:
		s.since, s.alarm = now, false
		level = slog.LevelWarn
	case !s.alarm && now.Sub(s.since) >= Patience,
		s.alarm && now.Sub(s.logged) >= Patience && err.Error() != s.text:
		s.alarm = true
		level = slog.LevelError
	default:
		return 0, false
	}
	s.logged, s.text = now, err.Error()

	return level, true
}
