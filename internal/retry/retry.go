package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause waits before the attempt that follows attempt (0 is the first): a random time up to 5 ms, doubling with each
// attempt to 320 ms. It reports false if the context ended meanwhile.
func Pause(ctx context.Context, attempt int) bool {
	longest := 5 * time.Millisecond << min(attempt, 6)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()

	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
