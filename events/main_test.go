package events

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if orders := os.Getenv(relayOf); orders != "" {
		relayProcess(orders)
	}
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}
