package health_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blotterdb/blotter/internal/health"
)

func TestReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		messages := health.Messages{Failing: "it fails", Working: "it works"}
		away, full := errors.New("the server is away"), errors.New("the disk is full")
		ended, cancel := context.WithCancel(t.Context())
		cancel()

		var state health.State
		for _, step := range []struct {
			after time.Duration
			ctx   context.Context
			err   error
			want  string
		}{
			{0, t.Context(), nil, ""},
			{0, t.Context(), away, `level=WARN msg="it fails" n=1 error="the server is away"`},
			{time.Second, t.Context(), nil, `level=INFO msg="it works" n=1`},
			{time.Second, t.Context(), away, `level=WARN msg="it fails"`},
			{health.Patience - time.Second, t.Context(), away, ""},
			{time.Second, ended, away, ""},
			{0, t.Context(), away, `level=ERROR msg="it fails" n=1 error="the server is away"`},
			{time.Second, t.Context(), full, ""},
			{health.Patience, t.Context(), full, `level=ERROR msg="it fails" n=1 error="the disk is full"`},
			{time.Hour, t.Context(), full, ""},
			{0, t.Context(), nil, `level=INFO msg="it works"`},
		} {
			time.Sleep(step.after)
			out.Reset()
			state.Report(step.ctx, log, step.err, messages, "n", 1)

			said := strings.TrimSpace(out.String())
			if !strings.Contains(said, step.want) || (step.want == "") != (said == "") {
				t.Errorf("after %s, %v: got %q, want %q", step.after, step.err, said, step.want)
			}
			if !errors.Is(state.Err(), step.err) {
				t.Errorf("Err is %v, want %v", state.Err(), step.err)
			}
		}
	})
}
