package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

// errDeclined says that the user did not answer yes.
var errDeclined = errors.New("not confirmed; nothing was changed")

// canAsk reports whether a person can be asked: questions go to standard error, answers come from standard input.
func canAsk() bool {
	return term.IsTerminal(os.Stdin) && term.IsTerminal(os.Stderr)
}

// ask asks a yes-or-no question on the terminal. It returns errDeclined unless the answer is yes.
func ask(ctx context.Context, question string) error {
	fmt.Fprint(os.Stderr, term.Printable(question), " [y/N] ")
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

// writeConsent says whether a command may write made-up data into the database of --url.
type writeConsent struct{ given bool }

func (c *writeConsent) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.given, "yes", false, "write into the database of --url without asking")
}

// check asks before a command writes into the database of --url. The text what describes the data, as a sentence.
func (c *writeConsent) check(ctx context.Context, set *settings, what string) error {
	if set.url == "" || c.given {
		return nil
	}
	where := describeURL(set.url)
	if !canAsk() {
		return usagef("%s in the database of --url (%s); give --yes to allow it", what, where)
	}
	return ask(ctx, fmt.Sprintf("%s in the database of --url (%s): continue?", what, where))
}

// describeURL returns the database and the host of a URL, without its secrets.
func describeURL(url string) string {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return "an invalid URL"
	}
	return fmt.Sprintf("%s on %s", cfg.Database, cfg.Host)
}
