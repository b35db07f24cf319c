package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// errDeclined says that the user answered no.
var errDeclined = errors.New("not confirmed; nothing was changed")

// canAsk reports whether a person can be asked: questions go to standard error, answers come from standard input.
func canAsk() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
}

// ask asks a yes-or-no question on the terminal. Anything but yes is errDeclined.
func ask(ctx context.Context, question string) error {
	fmt.Fprint(os.Stderr, printable(question), " [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answer <- line
	}()

	select {
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return errDeclined
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr)
		return ctx.Err()
	}
}
