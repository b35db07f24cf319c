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

// logFailure logs the one line of a failed session: what failed and why, how long it took, and who called. The level is
// debug for a missing row, for an error of the caller's own and for a session that the caller cancelled: the database
// did not fail.
func (db *DB) logFailure(ctx context.Context, what string, start time.Time, err error, panicked any) {
	var e *blotter.Error
	isOwn := !errors.As(err, &e)
	if isOwn {
		e = &blotter.Error{}
	}

	level := slog.LevelError
	if panicked == nil && (isOwn || e.Kind == blotter.ErrNotFound || cancelled(ctx, err)) {
		level = slog.LevelDebug
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

// cancelled reports whether a session failed because its caller cancelled it. A deadline that passed does not count.
func cancelled(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled)
}

func (db *DB) logCommit(ctx context.Context, start time.Time) {
	if db.log.Enabled(ctx, slog.LevelDebug) {
		db.log.LogAttrs(ctx, slog.LevelDebug, "transaction committed",
			slog.Int64("duration_ms", time.Since(start).Milliseconds()),
			slog.String("correlation_id", blotter.CorrelationOf(ctx)))
	}
}

const thisPackage = "github.com/blotterdb/blotter/postgres."

// caller returns the file and line of the first frame outside this package.
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
