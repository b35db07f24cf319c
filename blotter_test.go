package blotter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

func TestScopeOf(t *testing.T) {
	t.Parallel()

	ctx := context.Background()
	if scope, set := blotter.ScopeOf(ctx); set || scope != (blotter.Scope{}) {
		t.Errorf("an empty context has scope %+v", scope)
	}

	inner := blotter.WithAccount(blotter.WithAllAccounts(ctx), "A1")
	if scope, set := blotter.ScopeOf(inner); !set || scope != (blotter.Scope{Account: "A1"}) {
		t.Errorf("scope %+v, want that of A1", scope)
	}
	if scope, _ := blotter.ScopeOf(blotter.WithAllAccounts(inner)); scope != (blotter.Scope{All: true}) {
		t.Errorf("scope %+v, want all accounts", scope)
	}

	if _, set := blotter.ScopeOf(blotter.WithAccount(ctx, "")); !set {
		t.Error("an empty account id counts as no scope")
	}
}

func TestCheckAccountID(t *testing.T) {
	t.Parallel()

	for id, ok := range map[string]bool{
		"A": true, strings.Repeat("é", 50): true, "O'Neil; drop table": true,
		"": false, strings.Repeat("a", 51): false, "a\x00b": false, "\xff": false,
	} {
		if err := blotter.CheckAccountID(id); (err == nil) != ok || err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("CheckAccountID(%q): %v, want accepted %v", id, err, ok)
		}
	}
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()

	cause := errors.New("cause")
	timeout := &blotter.Error{
		Op: "acquire", Kind: blotter.ErrPoolTimeout, Message: "none free", Retry: true, Err: cause,
	}
	err := fmt.Errorf("wrapped: %w", timeout)
	for target, want := range map[error]bool{
		blotter.ErrPoolTimeout: true, blotter.ErrOperational: true, cause: true, blotter.ErrConflict: false,
	} {
		if got := errors.Is(err, target); got != want {
			t.Errorf("errors.Is(%v, %v) is %v, want %v", err, target, got, want)
		}
	}

	if !errors.Is(&blotter.Error{Kind: blotter.ErrNotReplicated}, blotter.ErrCommitUnknown) {
		t.Error("ErrNotReplicated is not ErrCommitUnknown")
	}

	if !blotter.Retryable(err) || blotter.Retryable(cause) ||
		blotter.Retryable(&blotter.Error{Kind: blotter.ErrCommitUnknown}) {
		t.Error("Retryable must follow Error.Retry")
	}
	if got, want := err.Error(), "wrapped: acquire: none free"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInvalidNamesFieldValueAndBound(t *testing.T) {
	t.Parallel()

	err := blotter.Invalid("symbol", strings.Repeat("x", 500), "1 to 32 characters")
	text := err.Error()
	if !strings.HasPrefix(text, `invalid symbol "xxx`) || !strings.HasSuffix(text, ": want 1 to 32 characters") ||
		len(text) > 150 {
		t.Errorf("got %q", text)
	}
}

func TestParseDecimal(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		"1.50": "1.5", "-0.0000000000000000001": "-0.0000000000000000001", "0": "0", "007": "7",
	} {
		if d, err := blotter.ParseDecimal(text); err != nil || d.String() != want {
			t.Errorf("ParseDecimal(%q) is %s, %v; want %s", text, d, err, want)
		}
	}

	for _, text := range []string{"", "x", "1e5", "1,5", "NaN", "0.12345678901234567891", "--1"} {
		if d, err := blotter.ParseDecimal(text); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("ParseDecimal(%q) is %s, %v; want ErrInvalid", text, d, err)
		}
	}
}

func TestBarCheck(t *testing.T) {
	t.Parallel()

	d := blotter.MustDecimal
	valid := blotter.Bar{
		Symbol: "A", Timestamp: time.Unix(0, 0), Open: d("2"), High: d("3"), Low: d("1"), Close: d("2"), Volume: d("0"),
	}
	for name, c := range map[string]struct {
		change   func(*blotter.Bar)
		negative bool
		want     string // the field that is invalid
	}{
		"valid":            {func(*blotter.Bar) {}, false, ""},
		"no symbol":        {func(b *blotter.Bar) { b.Symbol = "" }, false, "symbol"},
		"long symbol":      {func(b *blotter.Bar) { b.Symbol = strings.Repeat("A", 33) }, false, "symbol"},
		"no time":          {func(b *blotter.Bar) { b.Timestamp = time.Time{} }, false, "timestamp"},
		"zero price":       {func(b *blotter.Bar) { b.Open = d("0") }, false, "open"},
		"negative":         {func(b *blotter.Bar) { b.Low = d("-1") }, false, "low"},
		"negative allowed": {func(b *blotter.Bar) { b.Low = d("-1") }, true, ""},
		"high too low":     {func(b *blotter.Bar) { b.High = d("1.5") }, false, "high"},
		"low too high":     {func(b *blotter.Bar) { b.Low = d("2.5") }, false, "low"},
		"negative volume":  {func(b *blotter.Bar) { b.Volume = d("-1") }, false, "volume"},
	} {
		bar := valid
		c.change(&bar)
		err := bar.Check(c.negative)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), "invalid "+c.want+" ") {
			t.Errorf("%s: %v, want invalid %s", name, err, c.want)
		}
	}
}
