package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// listLimit is the number of rows that a table has without --limit.
const listLimit = 50

// listing holds the flags that all commands which list rows of the book share.
type listing struct {
	symbol, strategy, side string
	from, to, format       string
	limit                  int
	oldestFirst            bool
	since, until           time.Time // from and to, parsed

	// symbols are further symbols that must exist.
	symbols []string
	// allowUnknownAccount lists rows of accounts that no longer exist.
	allowUnknownAccount bool
}

// addFilters adds the flags that select rows.
func (l *listing) addFilters(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.symbol, "symbol", "", "only this `symbol`")
	flags.StringVar(&l.strategy, "strategy", "", "only this `strategy`")
	addRange(cmd, &l.from, &l.to)
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every digit")
}

// addPaging adds the flags of listings that have an order.
func (l *listing) addPaging(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.side, "side", "", "only buy or sell")
	l.addLimit(cmd)
	cmd.Flags().BoolVar(&l.oldestFirst, "oldest-first", false, "list the oldest first")
}

func (l *listing) addLimit(cmd *cobra.Command) {
	usage := fmt.Sprintf("at most `n` rows (default: %d in a table, otherwise all)", listLimit)
	cmd.Flags().IntVar(&l.limit, "limit", 0, usage)
}

// prepare checks the flags.
func (l *listing) prepare(cmd *cobra.Command, set *settings) (err error) {
	if err := set.chooseFormat(cmd, &l.format, "table", "csv", "json"); err != nil {
		return err
	}

	l.symbol = strings.ToUpper(l.symbol)
	l.side = strings.ToLower(l.side)
	if l.side != "" && l.side != "buy" && l.side != "sell" {
		return usagef("invalid --side %q: want buy or sell", l.side)
	}
	if cmd.Flags().Changed("limit") && l.limit < 1 {
		return usagef("invalid --limit %d: want 1 or more", l.limit)
	}
	if l.limit == 0 && l.format == "table" {
		l.limit = listLimit
	}
	l.since, l.until, err = parseRange(l.from, l.to, time.UTC)
	return err
}

// bookContext returns the context for a command that reads the book: all accounts without --account.
func bookContext(ctx context.Context) context.Context {
	if _, isSet := blotter.ScopeOf(ctx); isSet {
		return ctx
	}
	return blotter.WithAllAccounts(ctx)
}

// rowStream reads rows in a transaction.
type rowStream[T any] func(context.Context, *postgres.Session) iter.Seq2[T, error]

// list opens the database and prints the rows of the stream, as a table or in the format that was asked for. If there
// are none, a table is replaced by the text none.
func list[T any](
	cmd *cobra.Command, set *settings, l *listing, none string, stream rowStream[T], table func(io.Writer, []T) error,
) error {
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	ctx := bookContext(cmd.Context())
	unknown := checkAccount(ctx, db.DB)
	if unknown != nil && !l.allowUnknownAccount {
		return unknown
	}
	for _, symbol := range append([]string{l.symbol}, l.symbols...) {
		if err := checkSymbol(ctx, db.DB, symbol); err != nil {
			return err
		}
	}

	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		rows := orElse(stream(ctx, s), func() error { return unknown })
		w := cmd.OutOrStdout()
		if l.format != "table" {
			return printRecords(w, l.format, rows)
		}

		all, err := collect(rows)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			_, err := fmt.Fprintln(w, none)
			return err
		}
		if err := table(w, all); err != nil {
			return err
		}
		if l.isCut(cmd, len(all)) {
			fmt.Fprintf(w, "the first %d; --limit shows more, --format csv all\n", len(all))
		}

		return nil
	})
}

// isCut reports whether so many rows are as many as the default limit allows.
func (l *listing) isCut(cmd *cobra.Command, rows int) bool {
	flag := cmd.Flags().Lookup("limit")
	return flag != nil && !flag.Changed && l.limit > 0 && rows == l.limit
}

// collect copies rows into a slice.
func collect[T any](rows iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// orElse yields the rows. If there are none, it yields the error of none unless that is nil.
func orElse[T any](rows iter.Seq2[T, error], none func() error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		isEmpty := true
		for row, err := range rows {
			isEmpty = false
			if !yield(row, err) {
				return
			}
		}

		if !isEmpty {
			return
		}
		if err := none(); err != nil {
			yield(*new(T), err)
		}
	}
}

// noun returns a command that has only subcommands.
func noun(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name())
	}

	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say which: %s %s", cmd.CommandPath(), orList(names))
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}
