package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func verifyCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove every position and order from its trades",
		Long: `Prove, exactly and at one instant, that every position and order of --account,
or of all accounts, follows from its trades:

  quantity      the sum of the bought and sold quantities
  realized P&L  money received less money paid, plus the cost of what is open
  fees          the sum of the commissions of its trades
  orders        the filled quantity, and the status that follows from it

and that the last trade, the P&L of every fill and the round trips agree.
Mismatches are listed with the stored and the recomputed value.

The exit status is 0 if all figures agree; 1 if one does not, if the account
does not exist, or if the database cannot be read; 2 for a wrong use of the
command line.`,
		Example: "  blotter verify\n  blotter verify --account ACC123 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			ctx := bookContext(cmd.Context())
			if err := checkAccount(ctx, db.DB); err != nil {
				return err
			}

			v, err := db.Verify(ctx)
			if err != nil {
				return err
			}
			err = set.print(cmd, verificationJSON(v), func(w io.Writer) error { return printVerification(w, v) })
			return failIf(len(v.Mismatches) > 0, err)
		},
	}
}

func verificationJSON(v postgres.Verification) any {
	type mismatch struct {
		Account string `json:"account_id"`
		Kind    string `json:"kind"`
		Key     string `json:"key"`
		What    string `json:"what"`
		Stored  string `json:"stored"`
		Trades  string `json:"trades_make"`
	}

	list := []mismatch{}
	for _, m := range v.Mismatches {
		list = append(list, mismatch(m))
	}
	return map[string]any{
		"positions": v.Positions, "orders": v.Orders, "trades": v.Trades, "mismatches": list, "more": v.More,
		"other_fees": append(blotter.TradeFees{}, v.OtherFees...),
	}
}

func printVerification(w io.Writer, v postgres.Verification) error {
	scope := fmt.Sprintf("%s positions and %s orders, from %s trades, in %s",
		term.Thousands(v.Positions), term.Thousands(v.Orders), term.Thousands(v.Trades),
		v.Elapsed.Round(time.Millisecond))
	if len(v.Mismatches) == 0 {
		_, err := fmt.Fprintf(w, "verified: %s\n", scope)
		if fees := otherFees(v.OtherFees); err == nil && fees != "" {
			_, err = fmt.Fprintf(w, "fees in other currencies than their trades: %s\n", fees)
		}
		return err
	}

	columns := []term.Column{
		{Name: "account"},
		{Name: "of"},
		{Name: "key"},
		{Name: "figure"},
		{Name: "stored", Right: true},
		{Name: "trades make", Right: true},
	}
	var rows [][]string
	for _, m := range v.Mismatches {
		rows = append(rows, []string{m.Account, m.Kind, m.Key, m.What, m.Stored, m.Trades})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}
	if v.More > 0 {
		fmt.Fprintf(w, "and %s more\n", term.Thousands(v.More))
	}
	fmt.Fprintln(w)
	term.PrintWrapped(w, fmt.Sprintf("NOT verified: %s figures differ from their trades (%s)",
		term.Thousands(int64(len(v.Mismatches))+v.More), scope))
	return nil
}
