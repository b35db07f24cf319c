// Command blotter is the database layer of a trading system on the command line. See blotter --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
	_ "time/tzdata" // zones by name, on systems that have none installed

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
)

func main() {
	os.Exit(run())
}

// cleanupTime is the time, in nanoseconds, that an interrupted command has to clean up, if that is more than
// cleanupTimeMin. The daemon sets it.
var cleanupTime atomic.Int64

// cleanupTimeMin is the time that every interrupted command has to clean up. Then the program exits even if it hangs on
// a file: uncommitted work is rolled back, and the watchdog stops the database.
const cleanupTimeMin = 700 * time.Millisecond

const interrupted = "blotter: interrupted; nothing is half done, run the same command again to continue"

// run runs the program and returns its exit status: 0 for success, 1 for a failure, 2 for a wrong use of the command
// line.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once

		select {
		case <-ended:
		case <-time.After(max(cleanupTimeMin, time.Duration(cleanupTime.Load()))):
			fmt.Fprintln(os.Stderr, interrupted)
			os.Exit(1)
		}
	}()

	status, message := ending(ctx, newRoot().ExecuteContext(ctx))
	if message != "" {
		fmt.Fprintln(os.Stderr, message)
	}
	return status
}

// ending returns the exit status of a command that returned err, and the line that says why it failed. A command that
// has said everything itself gets no line.
func ending(ctx context.Context, err error) (status int, message string) {
	var usage usageError
	var said exitStatus
	switch {
	case err == nil:
		return 0, ""
	case errors.As(err, &said):
		return int(said), ""
	case ctx.Err() != nil:
		return 1, interrupted
	case errors.As(err, &usage):
		return 2, "blotter: " + term.PrintableLines(err.Error())
	}
	return 1, "blotter: " + term.PrintableLines(explain(err))
}

// explain returns the text of an error for people: without the operation that opened the database, and with advice
// where a file is the cause.
func explain(err error) string {
	var e *blotter.Error
	if errors.As(err, &e) && e.Op == "open" {
		return e.Message
	}
	return explainFile(err)
}

// usageError reports a wrong use of the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitStatus ends the program with a status after the command has printed everything.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
