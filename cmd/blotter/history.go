package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// historyLimit is how many rows are listed for people where no limit is asked for.
const historyLimit = 50

// history is what the listings of the book have in common.
type history struct {
	symbol, strategy, side string
	symbols                []string // those that are asked for by name, beside symbol
	from, to, format       string
	limit                  int
	oldest                 bool
	formerAccounts         bool // there are rows of accounts that do not exist any more
	since, until           time.Time
}

func (h *history) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&h.symbol, "symbol", "", "of this `symbol` alone")
	flags.StringVar(&h.strategy, "strategy", "", "of this `strategy` alone")
	flags.StringVar(&h.from, "from", "", "first `day` or instant, as 2024-01-31 or 2024-01-31T14:30:00Z")
	flags.StringVar(&h.to, "to", "", "`day` or instant before which to end")
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every digit")
}

// pages are the flags of listings that have an order.
func (h *history) pages(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.side, "side", "", "buy or sell")
	cmd.Flags().IntVar(&h.limit, "limit", 0, fmt.Sprintf("at most `n` (default %d in a table, else all)", historyLimit))
	cmd.Flags().BoolVar(&h.oldest, "oldest-first", false, "begin with the oldest")
}

// prepare checks the flags.
func (h *history) prepare(cmd *cobra.Command, set *settings) (err error) {
	h.symbol, h.side = strings.ToUpper(h.symbol), strings.ToLower(h.side)
	if err := set.chooseFormat(cmd, &h.format, "table", "csv", "json"); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "buy", "sell"}, h.side) {
		return usagef("--side %s: want buy or sell", h.side)
	}
	if cmd.Flags().Changed("limit") && h.limit < 1 {
		return usagef("--limit %d: want 1 or more", h.limit)
	}
	if h.limit == 0 && h.format == "table" {
		h.limit = historyLimit
	}
	if h.since, err = parseDay("--from", h.from); err != nil {
		return err
	}
	if h.until, err = parseDay("--to", h.to); err != nil {
		return err
	}
	if !h.since.IsZero() && !h.until.IsZero() && !h.since.Before(h.until) {
		return usagef("--from %s is not before --to %s", h.from, h.to)
	}
	return nil
}

// bookContext is the scope of a command that reads the book: that of --account, else all accounts.
func bookContext(ctx context.Context) context.Context {
	if _, set := blotter.ScopeOf(ctx); set {
		return ctx
	}
	return blotter.WithAllAccounts(ctx)
}

// list opens the database and prints the rows that stream yields: in the format, or as a table.
func list[T any](cmd *cobra.Command, set *settings, h *history, none string, stream func(context.Context, *postgres.Session) iter.Seq2[T, error], table func(io.Writer, []T) error) error {
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	ctx := bookContext(cmd.Context())
	unknown := checkAccount(ctx, db.DB)
	if unknown != nil && !h.formerAccounts {
		return unknown
	}
	for _, symbol := range append([]string{h.symbol}, h.symbols...) {
		if err := checkSymbol(ctx, db.DB, symbol); err != nil {
			return err
		}
	}
	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		found := orElse(stream(ctx, s), func() error { return unknown })
		if h.format != "table" {
			return printRecords(cmd.OutOrStdout(), h.format, found)
		}
		var rows []T
		for row, err := range found {
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		if len(rows) == 0 {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), none)
			return err
		}
		if err := table(cmd.OutOrStdout(), rows); err != nil {
			return err
		}
		if h.limit > 0 && len(rows) == h.limit && !cmd.Flags().Changed("limit") && cmd.Flags().Lookup("limit") != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "the first %d; --limit shows more, --format csv all\n", len(rows))
		}
		return nil
	})
}

// noun makes a command that has only sub-commands.
func noun(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name())
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say which: %s %s", cmd.CommandPath(), orList(names))
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

// accountColumn is filled where the rows are not of one account.
func accountCell(ctx context.Context, account string) string {
	if scope, _ := blotter.ScopeOf(ctx); scope.All {
		return account
	}
	return ""
}
