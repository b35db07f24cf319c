package events

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the program of the processes that tests have die.
func TestMain(m *testing.M) {
	if orders := os.Getenv(relayOf); orders != "" {
		relayProcess(orders)
	}
	if text := os.Getenv(deathVariable); text != "" {
		dieAt(text)
	}
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}
