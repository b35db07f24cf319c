package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
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

// writeConsent says whether a command may write what nobody traded into the database of --url.
type writeConsent struct{ given bool }

func (c *writeConsent) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.given, "yes", false, "write into the database of --url without asking")
}

// check asks before a command writes into the database of --url. What it writes is said by what.
func (c *writeConsent) check(ctx context.Context, set *settings, what string) error {
	if set.url == "" || c.given {
		return nil
	}
	where := describeURL(set.url)
	if !canAsk() {
		return usagef("%s in the database of --url (%s); --yes allows that", what, where)
	}
	return ask(ctx, fmt.Sprintf("%s in the database of --url (%s): go on?", what, where))
}

// describeURL names the database of a URL that parses, without what is secret in it.
func describeURL(url string) string {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return "which does not parse"
	}
	return fmt.Sprintf("%s on %s", cfg.Database, cfg.Host)
}
