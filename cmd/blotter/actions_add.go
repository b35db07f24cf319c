package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/spf13/cobra"
)

// actionByHand is the source of the actions that actions add stores.
const actionByHand = "manual"

func actionsAdd(set *settings) *cobra.Command {
	var ratio, cash, currency, newSymbol, source string
	cmd := &cobra.Command{
		Use:   "add SYMBOL EX-DATE KIND",
		Short: "Store a corporate action",
		Long: `Store a corporate action. EX-DATE is the first day on which the share trades
after it. KIND is split, reverse_split, stock_dividend, cash_dividend,
symbol_change or merger. The ratio is new shares for old ones: 4:1 for a split,
1:10 for a reverse split, 21:20 for a stock dividend of 5 %. An action that
contradicts a stored one is refused; blotter actions remove removes that one.`,
		Example: `  blotter actions add AVGO 2024-07-15 split --ratio 10:1
  blotter actions add TNXP 2024-06-10 reverse_split --ratio 1:32
  blotter actions add FB 2022-06-09 symbol_change --new-symbol META
  blotter actions add AAPL 2024-08-12 cash_dividend --cash 0.25 --currency USD`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			action, err := actionOfArgs(args)
			if err != nil {
				return err
			}
			action.Currency = strings.ToUpper(currency)
			action.NewSymbol = strings.ToUpper(newSymbol)
			action.Source = source
			if ratio != "" {
				if action.RatioNew, action.RatioOld, err = blotter.ParseRatio(ratio); err != nil {
					return usagef("invalid --ratio %q: want new shares and old ones, such as 4:1", ratio)
				}
			}
			if action.Kind == blotter.ActionSymbolChange && ratio == "" {
				action.RatioNew = 1
				action.RatioOld = 1
			}
			if cash != "" {
				amount, err := blotter.ParseDecimal(cash)
				if err != nil {
					return usagef("invalid --cash %q: want a number above 0", cash)
				}
				action.CashAmount = &amount
			}
			return addAction(cmd, set, action)
		},
	}

	flags := cmd.Flags()
	flags.StringVar(&ratio, "ratio", "", "`new:old` shares, such as 4:1")
	flags.StringVar(&cash, "cash", "", "`money` for each share, of a cash dividend")
	flags.StringVar(&currency, "currency", "", "`code` of the currency of --cash (default: that of the instrument)")
	flags.StringVar(&newSymbol, "new-symbol", "", "`symbol` after a change of symbol or a merger")
	flags.StringVar(&source, "source", actionByHand, "`name` of who says so")
	return cmd
}

// actionOfArgs returns the action of the arguments SYMBOL EX-DATE KIND.
func actionOfArgs(args []string) (blotter.CorporateAction, error) {
	action := blotter.CorporateAction{
		Symbol: strings.ToUpper(args[0]),
		Kind:   blotter.ActionKind(strings.ReplaceAll(strings.ToLower(args[2]), "-", "_")),
	}
	var err error
	if action.ExDate, err = time.Parse(time.DateOnly, args[1]); err != nil {
		return action, usagef("invalid ex-date %q: want a day such as 2024-07-15", args[1])
	}
	return action, nil
}

func addAction(cmd *cobra.Command, set *settings, action blotter.CorporateAction) error {
	if err := action.Check(); err != nil {
		return usageError{err}
	}
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	receipts, err := db.AddActions(cmd.Context(), []blotter.CorporateAction{action}, false)
	if err != nil {
		return err
	}

	receipt := receipts[0]
	if receipt.Outcome == blotter.ActionConflict {
		return conflictError(&receipt)
	}
	if set.json {
		return printRecords(cmd.OutOrStdout(), "json", each([]blotter.CorporateAction{receipt.Action}))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", receipt.Outcome, action.String())
	return err
}

// conflictError says which stored action an action contradicts, and how to remove that one.
func conflictError(r *blotter.ActionReceipt) error {
	return &blotter.Error{
		Op: "add " + r.Action.String(), Kind: blotter.ErrConflict,
		Message: r.Reason + "; to replace it, first: " + removalOf(r.Stored),
	}
}
