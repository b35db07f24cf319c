package pgerror_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5/pgconn"
)

// The end of a context is found in the error of the call that it ended, however the server or the link reported it.
func TestTranslateFindsEndOfContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	for name, err := range map[string]error{
		"context":    ctx.Err(),
		"server":     &pgconn.PgError{Code: pgerror.QueryCanceled},
		"link":       errors.New("unexpected EOF"),
		"translated": &blotter.Error{Kind: blotter.ErrOperational, Message: "lost: conn closed"},
	} {
		got := pgerror.Translate(ctx, "test", err)
		if !errors.Is(got, context.Canceled) || !errors.Is(got, blotter.ErrOperational) {
			t.Errorf("%s: got %v, want an operational error with context.Canceled", name, got)
		}
	}

	unknown := &blotter.Error{Kind: blotter.ErrCommitUnknown, Err: errors.New("unexpected EOF")}
	if got := pgerror.Translate(ctx, "commit", unknown); errors.Is(got, context.Canceled) {
		t.Errorf("an unknown commit became %v: its context is not the cause", got)
	}
}

func TestTranslateKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	known := &blotter.Error{Kind: blotter.ErrData, Message: "known"}
	own := errors.New("the caller's own")

	for _, err := range []error{nil, known, own, fmt.Errorf("wrapped: %w", known)} {
		if got := pgerror.Translate(t.Context(), "test", err); got != err {
			t.Errorf("Translate(%v) = %v, want it unchanged", err, got)
		}
	}
}

// An invalid URL may contain a password, so the error shows no part of it.
func TestTranslateHidesInvalidURL(t *testing.T) {
	t.Parallel()
	_, err := pgconn.ParseConfig("postgres://user:s3cret@[broken")

	got := pgerror.Translate(t.Context(), "open", err)
	if !errors.Is(got, blotter.ErrInvalid) || strings.Contains(got.Error(), "s3cret") {
		t.Errorf("got %v, want ErrInvalid without the password", got)
	}
}
