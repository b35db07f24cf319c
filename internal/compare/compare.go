package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// suspectsMax is how many trades are listed for a position that differs.
const suspectsMax = 20

func positionsCompare(set *settings) *cobra.Command {
	var columns, sheet string
	cmd := &cobra.Command{
		Use:   "compare FILE",
		Short: "Compare the positions with a broker's",
		Long: `Compare the positions of --account with those that a broker reports: a CSV or
JSON file with the names of symbol and quantity, and perhaps of account, side
and average price; "-" is standard input. Positions are

  missing    the broker has it, the book has not
  extra      the book has it, the broker has not
  different  the quantities differ
  average    the average prices differ, at the digits that the broker gives

and for each quantity that differs, the trades since the book last agreed with
the broker are listed: what is wrong is among them, or missing after them. The
exit status is 0 if all agree, else 1.`,
		Example: "  blotter positions compare broker.csv --account ACC123\n  blotter positions compare positions.json --account ACC123 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			held, err := readHoldings(cmd, args[0], fillfile.Options{Columns: columns, Sheet: sheet})
			if err != nil {
				return err
			}
			account, held, err := ofAccount(set.account, held)
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
			c, err := compare(ctx, db.DB, account, held)
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), c)
			} else {
				err = c.print(cmd.OutOrStdout())
			}
			if err == nil && len(c.Differences) > 0 {
				err = exitStatus(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&columns, "cols", "", "`names` of the columns, as symbol,quantity,avg_price")
	cmd.Flags().StringVar(&sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")
	return cmd
}

func readHoldings(cmd *cobra.Command, path string, opts fillfile.Options) ([]fillfile.Holding, error) {
	if path == standardInput {
		return fillfile.ReadPositions(cmd.InOrStdin(), barfile.StandardInput, opts)
	}
	return fillfile.OpenPositions(path, opts)
}

// ofAccount keeps the rows of the account: the one of --account, else the file's only one.
func ofAccount(account string, held []fillfile.Holding) (string, []fillfile.Holding, error) {
	named := map[string]bool{}
	for _, h := range held {
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
	return account, slices.DeleteFunc(held, func(h fillfile.Holding) bool { return h.Account != "" && h.Account != account }), nil
}

// comparison is how the book and a broker differ.
type comparison struct {
	Account     string       `json:"account_id"`
	Agreeing    int          `json:"agreeing"`
	Differences []difference `json:"differences"`
}

// difference is a position in which they differ.
type difference struct {
	Symbol        string           `json:"symbol"`
	What          string           `json:"what"` // missing, extra, different, average
	Broker        blotter.Decimal  `json:"broker"`
	Book          blotter.Decimal  `json:"book"`
	BrokerAverage *blotter.Decimal `json:"broker_average,omitempty"`
	BookAverage   *blotter.Decimal `json:"book_average,omitempty"`
	Agreed        *time.Time       `json:"agreed_at,omitempty"` // of the last trade after which the quantities were the same
	Since         int64            `json:"trades_since"`        // trades that were booked after it
	Trades        []suspect        `json:"trades,omitempty"`    // the last of these
}

// suspect is a trade since the last agreement.
type suspect struct {
	ExecutedAt time.Time       `json:"executed_at"`
	TradeID    string          `json:"trade_id"`
	Side       blotter.Side    `json:"side"`
	Quantity   blotter.Decimal `json:"quantity"`
	Price      blotter.Decimal `json:"price"`
	After      blotter.Decimal `json:"quantity_after"`
}

// compare compares all at one instant.
func compare(ctx context.Context, db *postgres.DB, account string, held []fillfile.Holding) (c *comparison, err error) {
	c = &comparison{Account: account, Differences: []difference{}}
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		positions, err := s.Positions(ctx, postgres.PositionFilter{})
		if err != nil {
			return err
		}
		ours := map[string]blotter.Position{}
		for _, p := range positions {
			ours[p.Symbol] = p
		}
		theirs := bySymbol(held)
		var symbols []string
		for symbol := range theirs {
			symbols = append(symbols, symbol)
		}
		for symbol, p := range ours {
			if _, both := theirs[symbol]; !both && !p.Quantity.IsZero() {
				symbols = append(symbols, symbol)
			}
		}
		slices.Sort(symbols)
		for _, symbol := range symbols {
			d := differ(symbol, ours[symbol], theirs[symbol])
			if d.What == "" {
				c.Agreeing++
				continue
			}
			if d.What != "average" {
				if err := d.suspects(ctx, s); err != nil {
					return err
				}
			}
			c.Differences = append(c.Differences, d)
		}
		return nil
	}, postgres.Snapshot)
	return c, err
}

// bySymbol adds up the rows of a symbol; the average price is that of a symbol with one row.
func bySymbol(held []fillfile.Holding) map[string]fillfile.Holding {
	sums := map[string]fillfile.Holding{}
	for _, h := range held {
		if sum, again := sums[h.Symbol]; again {
			h.Quantity, h.AvgPrice = sum.Quantity.Add(h.Quantity), nil
		}
		sums[h.Symbol] = h
	}
	return sums
}

func differ(symbol string, p blotter.Position, h fillfile.Holding) difference {
	d := difference{Symbol: symbol, Broker: h.Quantity, Book: p.Quantity, BrokerAverage: h.AvgPrice, BookAverage: p.AvgPrice}
	switch {
	case !p.Quantity.Equal(h.Quantity) && p.Quantity.IsZero():
		d.What = "missing"
	case !p.Quantity.Equal(h.Quantity) && h.Quantity.IsZero():
		d.What = "extra"
	case !p.Quantity.Equal(h.Quantity):
		d.What = "different"
	case h.AvgPrice != nil && p.AvgPrice != nil && !sameAverage(*p.AvgPrice, *h.AvgPrice, uint8(h.Digits)):
		d.What = "average"
	}
	return d
}

// sameAverage compares at the digits that the broker gives, a half rounded either way.
func sameAverage(ours, theirs blotter.Decimal, digits uint8) bool {
	return ours.RoundHAZ(digits).Equal(theirs) || ours.RoundHTZ(digits).Equal(theirs)
}

// suspects finds the trades since the book last agreed with the broker.
func (d *difference) suspects(ctx context.Context, s *postgres.Session) error {
	for t, err := range s.StreamTrades(ctx, postgres.TradeFilter{Symbol: d.Symbol, BookOrder: true, NewestFirst: true}) {
		if err != nil {
			return err
		}
		if t.QuantityAfter.Equal(d.Broker) {
			at := t.ExecutedAt.UTC()
			d.Agreed = &at
			return nil
		}
		d.Since++
		if len(d.Trades) < suspectsMax {
			d.Trades = append(d.Trades, suspect{t.ExecutedAt.UTC(), t.TradeID, t.Side, t.Quantity, t.Price, t.QuantityAfter})
		}
	}
	return nil
}

func (c *comparison) print(w io.Writer) error {
	if len(c.Differences) == 0 {
		_, err := fmt.Fprintf(w, "%s agrees: %d positions\n", printable(c.Account), c.Agreeing)
		return err
	}
	columns := []column{
		{name: "symbol"},
		{name: ""},
		{name: "broker", right: true},
		{name: "book", right: true},
		{name: "difference", right: true, signed: true},
		{name: "broker's average", right: true, spare: 2},
		{name: "book's", right: true, spare: 1},
	}
	var rows [][]string
	for _, d := range c.Differences {
		averages := []string{"", ""}
		if d.What == "average" {
			averages = []string{priceOf(d.BrokerAverage), averageOf(d.BookAverage)}
		}
		rows = append(rows, append([]string{d.Symbol, d.What, d.Broker.String(), d.Book.String(), d.Book.Sub(d.Broker).String()}, averages...))
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	for _, d := range c.Differences {
		if d.What != "average" {
			if err := d.print(w); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s does NOT agree: %d positions differ, %d agree\n", printable(c.Account), len(c.Differences), c.Agreeing)
	return err
}

// print lists the trades of a position that differs.
func (d *difference) print(w io.Writer) error {
	fmt.Fprintln(w)
	switch {
	case d.Agreed == nil && d.Since == 0:
		printWrapped(w, d.Symbol+": the book has no trade of it: all of its fills are missing")
		return nil
	case d.Agreed == nil:
		printWrapped(w, fmt.Sprintf("%s: after none of its %s trades the book agreed; %s:", d.Symbol, thousands(d.Since), lastOf(d.Since)))
	case d.Since == 0:
		printWrapped(w, fmt.Sprintf("%s: agreed after its last trade", d.Symbol))
		return nil
	default:
		printWrapped(w, fmt.Sprintf("%s: last agreed after the trade of %s; %s since:", d.Symbol, instant(*d.Agreed), lastOf(d.Since)))
	}
	columns := []column{
		{name: "executed"}, {name: "trade", spare: 1, least: idLeast}, {name: "side"}, {name: "quantity", right: true}, {name: "price", right: true}, {name: "book after it", right: true},
	}
	var rows [][]string
	for _, t := range d.Trades {
		rows = append(rows, []string{"  " + instant(t.ExecutedAt), t.TradeID, string(t.Side), t.Quantity.String(), price(t.Price), t.After.String()})
	}
	columns[0].name = "  executed"
	return printListing(w, columns, rows)
}

func lastOf(n int64) string {
	if n > suspectsMax {
		return fmt.Sprintf("the last %d of %s trades", suspectsMax, thousands(n))
	}
	if n == 1 {
		return "the trade"
	}
	return fmt.Sprintf("the %d trades", n)
}
