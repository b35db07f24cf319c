package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/internal/compare"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func positionsCompare(set *settings) *cobra.Command {
	var columns, sheet string
	cmd := &cobra.Command{
		Use:   "compare FILE",
		Short: "Compare the positions with those of a broker",
		Long: `Compare the positions of --account with those that a broker reports: a CSV or
JSON file with columns for symbol and quantity, and optionally for account, side
and average price; "-" is standard input. A position that differs is

  missing    the broker has it, the book does not
  extra      the book has it, the broker does not
  different  the quantities differ
  average    the average prices differ, at the digits that the broker gives

For each quantity that differs, the trades since the book last agreed with the
broker are listed: one of them is wrong, or one is missing after them. A split
that explains the difference is named. The exit status is 0 if all positions
agree, otherwise 1.`,
		Example: `  blotter positions compare broker.csv --account ACC123
  blotter positions compare positions.json --account ACC123 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reported, err := readHoldings(cmd, args[0], fillfile.Options{Columns: columns, Sheet: sheet})
			if err != nil {
				return err
			}
			account, reported, err := holdingsOfAccount(set.account, reported)
			if err != nil {
				return err
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			ctx := blotter.WithAccount(cmd.Context(), account)
			if err := checkAccount(ctx, db.DB); err != nil {
				return err
			}
			report, err := compare.Positions(ctx, db.DB, account, reported)
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				err = printComparison(cmd.OutOrStdout(), report)
			}
			if err == nil && len(report.Differences) > 0 {
				err = exitStatus(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&columns, "cols", "", "`names` of the columns, for example symbol,quantity,avg_price")
	cmd.Flags().StringVar(&sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")
	return cmd
}

func readHoldings(cmd *cobra.Command, path string, opts fillfile.Options) ([]fillfile.Holding, error) {
	if path == standardInput {
		return fillfile.ReadPositions(cmd.InOrStdin(), barfile.StandardInput, opts)
	}
	return fillfile.OpenPositions(path, opts)
}

// holdingsOfAccount returns the rows of the account: that of --account, otherwise the only one in the file.
func holdingsOfAccount(account string, reported []fillfile.Holding) (string, []fillfile.Holding, error) {
	named := map[string]bool{}
	for _, h := range reported {
		if h.Account != "" {
			named[h.Account] = true
		}
	}
	if account == "" {
		if len(named) != 1 {
			return "", nil, usagef("say --account: whose positions these are")
		}
		for only := range named {
			account = only
		}
	}
	if len(named) > 0 && !named[account] {
		return "", nil, fmt.Errorf("the file has no positions of account %s", account)
	}

	isOther := func(h fillfile.Holding) bool { return h.Account != "" && h.Account != account }
	return account, slices.DeleteFunc(reported, isOther), nil
}

func printComparison(w io.Writer, r *compare.Report) error {
	account := term.Printable(r.Account)
	if len(r.Differences) == 0 {
		_, err := fmt.Fprintf(w, "%s agrees: %d positions\n", account, r.Agreeing)
		return err
	}

	columns := []term.Column{
		{Name: "symbol"},
		{Name: ""},
		{Name: "broker", Right: true},
		{Name: "book", Right: true},
		{Name: "difference", Right: true, Signed: true},
		{Name: "broker's average", Right: true, Spare: 2},
		{Name: "book's", Right: true, Spare: 1},
	}
	var rows [][]string
	for _, d := range r.Differences {
		brokerAverage, bookAverage := "", ""
		if d.Kind == compare.Average {
			brokerAverage = priceOf(d.BrokerAverage)
			bookAverage = averageOf(d.BookAverage)
		}
		rows = append(rows, []string{
			d.Symbol, string(d.Kind), d.Broker.String(), d.Book.String(), d.Book.Sub(d.Broker).String(),
			brokerAverage, bookAverage,
		})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}

	for i := range r.Differences {
		if d := &r.Differences[i]; d.Kind != compare.Average {
			if err := printSuspects(w, d); err != nil {
				return err
			}
			printSplit(w, d)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s does NOT agree: %d positions differ, %d agree\n",
		account, len(r.Differences), r.Agreeing)
	return err
}

// printSplit prints the split that explains a difference.
func printSplit(w io.Writer, d *compare.Difference) {
	if d.Split == nil {
		return
	}
	what := fmt.Sprintf("it looks like a missing %s %s of %s", d.Split.Ratio,
		strings.ReplaceAll(string(d.Split.Kind), "_", " "), d.Symbol)
	if d.Split.ExDate != nil {
		term.PrintWrapped(w, what+" on "+shortDay(*d.Split.ExDate))
		return
	}
	term.PrintWrapped(w, fmt.Sprintf("%s; if so, state it: blotter actions add %s EX-DATE %s --ratio %s", what,
		shell.Quote(d.Symbol), d.Split.Kind, d.Split.Ratio))
}

// printSuspects prints the trades that may be the cause of a difference.
func printSuspects(w io.Writer, d *compare.Difference) error {
	fmt.Fprintln(w)
	if d.Since == 0 {
		text := d.Symbol + ": agreed after its last trade"
		if d.AgreedAt == nil {
			text = d.Symbol + ": the book has no trade of it: all of its fills are missing"
		}
		term.PrintWrapped(w, text)
		return nil
	}

	agreed := fmt.Sprintf("the book never matched the broker (%s)", term.Count(d.Since, "trade", "trades"))
	if d.AgreedAt != nil {
		agreed = fmt.Sprintf("last agreed after the trade of %s; %s since",
			instant(*d.AgreedAt), term.Count(d.Since, "trade", "trades"))
	}
	if d.Since > compare.SuspectsMax {
		agreed += fmt.Sprintf(", the last %d", compare.SuspectsMax)
	}
	term.PrintWrapped(w, fmt.Sprintf("%s: %s:", d.Symbol, agreed))

	columns := []term.Column{
		{Name: "  executed"},
		{Name: "trade", Spare: 1, Least: idLeast},
		{Name: "side"},
		{Name: "quantity", Right: true},
		{Name: "price", Right: true},
		{Name: "book after it", Right: true},
	}
	var rows [][]string
	for _, t := range d.Suspects {
		rows = append(rows, []string{
			"  " + instant(t.ExecutedAt), t.TradeID, string(t.Side), t.Quantity.String(), price(t.Price),
			t.After.String(),
		})
	}
	return term.PrintTable(w, columns, rows)
}
