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
)

func main() {
	os.Exit(run())
}

// cleanUpTime is how long an interrupted command may take to clean up, in nanoseconds. The daemon takes longer.
var cleanUpTime atomic.Int64

const (
	interrupted = "blotter: interrupted; nothing is half done, run the same command to go on"
	// interruptedTime is how long an interrupted command may take to clean up. After that the program ends all the same,
	// as when it hangs on a file: what is not committed is not there, and the watchdog stops the database.
	interruptedTime = 700 * time.Millisecond
)

// run is the whole program: 0 is success, 1 a failure, 2 a wrong use of the command line.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once
		time.Sleep(max(interruptedTime, time.Duration(cleanUpTime.Load())))
		fmt.Fprintln(os.Stderr, interrupted)
		os.Exit(1)
	}()
	err := newRoot().ExecuteContext(ctx)
	var usage usageError
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, interrupted)
		return 1
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "blotter:", printableLines(err.Error()))
		return 2
	}
	fmt.Fprintln(os.Stderr, "blotter:", printableLines(explain(err)))
	return 1
}

// explain returns the sentence for people: what a library error says, without the operation where that says nothing more,
// and what is wrong with a file in words that say what to do.
func explain(err error) string {
	var e *blotter.Error
	if errors.As(err, &e) && e.Op == "open" {
		return e.Message
	}
	return explainFile(err)
}

// usageError is a wrong use of the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitStatus ends the program with a status after it has said everything itself.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
