package postgres

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// logFailure is the one line of a failed session: what, why, how long, and who called. A missing row is no failure of
// the database and is a debug line; so are an error of the caller's own and a session that the caller cancelled.
func (db *DB) logFailure(ctx context.Context, what string, start time.Time, err error, panicked any) {
	level := slog.LevelError
	var e *blotter.Error
	if !errors.As(err, &e) {
		e = &blotter.Error{}
		level = slog.LevelDebug
	}
	if e.Kind == blotter.ErrNotFound {
		level = slog.LevelDebug
	}
	if cancelled(ctx, err) {
		level = slog.LevelDebug
	}
	if panicked != nil {
		level = slog.LevelError
	}
	if !db.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("op", e.Op), slog.String("kind", string(e.Kind)), slog.String("sqlstate", e.SQLState),
		slog.String("constraint", e.Constraint), slog.Int64("duration_ms", time.Since(start).Milliseconds()),
		slog.String("correlation_id", blotter.CorrelationOf(ctx)), slog.String("caller", caller()),
		slog.String("error", err.Error()),
	}
	if panicked != nil {
		attrs = append(attrs, slog.String("stack", string(debug.Stack())))
	}
	db.log.LogAttrs(ctx, level, what+" failed", attrs...)
}

// cancelled reports whether a session failed because its caller no longer wanted it. A deadline that passed is not that.
func cancelled(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled)
}

func (db *DB) logCommit(ctx context.Context, start time.Time) {
	if db.log.Enabled(ctx, slog.LevelDebug) {
		db.log.LogAttrs(ctx, slog.LevelDebug, "transaction committed",
			slog.Int64("duration_ms", time.Since(start).Milliseconds()), slog.String("correlation_id", blotter.CorrelationOf(ctx)))
	}
}

const thisPackage = "github.com/blotterdb/blotter/postgres."

// caller is file and line of the first frame outside this package.
func caller() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, thisPackage) && !strings.HasPrefix(frame.Function, "runtime.") || !more {
			return frame.File + ":" + strconv.Itoa(frame.Line)
		}
	}
}
