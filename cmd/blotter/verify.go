package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func verifyCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove every position and order from its trades",
		Long: `Prove, exactly and at one instant, that every position and order of --account,
or of all accounts, follows from its trades:

  quantity      the sum of what was bought and sold
  realized P&L  money received less money paid, plus the cost of what is open
  fees          the sum of its trades' commissions
  orders        what they have filled, and the status that follows

and that the last trade, every fill's own P&L and the round trips agree.
Mismatches are listed with the stored and the recomputed value.

The exit status is 0 if all agrees; 1 if something does not, if there is no such
account, or if the database cannot be read; 2 for a wrong use of the command
line.`,
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
			if set.json {
				err = printJSON(cmd.OutOrStdout(), verificationJSON(v))
			} else {
				err = printVerification(cmd.OutOrStdout(), v)
			}
			if err == nil && len(v.Mismatches) > 0 {
				err = exitStatus(1)
			}
			return err
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
	return map[string]any{"positions": v.Positions, "orders": v.Orders, "trades": v.Trades, "mismatches": list, "more": v.More, "other_fees": append(blotter.TradeFees{}, v.OtherFees...)}
}

func printVerification(w io.Writer, v postgres.Verification) error {
	looked := fmt.Sprintf("%s positions and %s orders, from %s trades, in %s",
		thousands(v.Positions), thousands(v.Orders), thousands(v.Trades), v.Elapsed.Round(time.Millisecond))
	if len(v.Mismatches) == 0 {
		_, err := fmt.Fprintf(w, "verified: %s\n", looked)
		if fees := otherFees(v.OtherFees); err == nil && fees != "" {
			_, err = fmt.Fprintf(w, "fees in other currencies than their trades': %s\n", fees)
		}
		return err
	}
	columns := []column{{name: "account"}, {name: "of"}, {name: "key"}, {name: "figure"}, {name: "stored", right: true}, {name: "trades make", right: true}}
	var rows [][]string
	for _, m := range v.Mismatches {
		rows = append(rows, []string{m.Account, m.Kind, m.Key, m.What, m.Stored, m.Trades})
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	if v.More > 0 {
		fmt.Fprintf(w, "and %s more\n", thousands(v.More))
	}
	fmt.Fprintln(w)
	printWrapped(w, fmt.Sprintf("NOT verified: %s figures do not follow from their trades (%s)", thousands(int64(len(v.Mismatches))+v.More), looked))
	return nil
}
