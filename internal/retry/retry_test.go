package retry

import (
	"context"
	"testing"
)

func TestPauseEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if !Pause(ctx, 0) {
		t.Error("a pause with a live context reports false, want true")
	}

	cancel()
	// Each pause may be over at once, all of a hundred are not.
	for range 100 {
		if !Pause(ctx, 6) {
			return
		}
	}
	t.Error("no pause noticed that the context had ended")
}

// A late attempt must not overflow the doubling.
func TestPauseOfALateAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	Pause(ctx, 1_000_000)
}
