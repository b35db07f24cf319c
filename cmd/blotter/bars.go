package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// barsLimit is the number of bars that are shown without a range.
const barsLimit = 30

func barsCommand(set *settings) *cobra.Command {
	return noun("bars", "List, show, resample and export the stored bars, and find gaps", `  blotter bars list
  blotter bars show AAPL
  blotter bars resample BTC-USD --timeframe 1m --to-timeframe 1h`,
		barsList(set), barsShow(set), barsGaps(set), barsResample(set), barsExport(set))
}

// barReading holds the flags that all commands which read the bars of a symbol share.
type barReading struct {
	postgres.BarFilter
	from, to, format string
	adjusted, prices string // flags of addAdjustment
}

// addRange adds the flags that select bars.
func (r *barReading) addRange(cmd *cobra.Command) {
	addRange(cmd, &r.from, &r.to)
	cmd.Flags().StringVar((*string)(&r.Timeframe), "timeframe", "1d", "`timeframe` of the stored bars")
}

// addFormat adds the flags for printing bars, in the first of the formats if none is chosen.
func (r *barReading) addFormat(cmd *cobra.Command, formats ...string) {
	formatFlag(cmd, &r.format, formats[0], strings.Join(formats, ", "))
	cmd.Flags().IntVar(&r.Limit, "limit", 0, "at most `n` bars")
}

// addAdjustment adds the flags that adjust prices for corporate actions.
func (r *barReading) addAdjustment(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.adjusted, "adjusted", "", "adjust prices for `actions` after a bar: splits, or all")
	flags.StringVar(&r.prices, "prices", "",
		"stored prices are `traded` or split-adjusted, if the bars do not agree with their source")
	flags.StringVar(&r.Zone, "tz", "", "`zone` in which the days of intraday bars begin (default: UTC)")
}

// prepareAdjustment checks the flags that adjust prices.
func (r *barReading) prepareAdjustment() error {
	switch r.adjusted {
	case "", string(blotter.AdjustSplits), string(blotter.AdjustAll):
		r.Adjusted = blotter.BarAdjustment(r.adjusted)
	default:
		return usagef("invalid --adjusted %q: want splits or all", r.adjusted)
	}

	bases := map[string]blotter.PriceBasis{
		"": blotter.BasisOfSource, "traded": blotter.BasisTraded, "split-adjusted": blotter.BasisSplitAdjusted,
	}
	basis, isKnown := bases[r.prices]
	if !isKnown {
		return usagef("invalid --prices %q: want traded or split-adjusted", r.prices)
	}
	if r.prices != "" && r.adjusted == "" {
		return usagef("--prices needs --adjusted")
	}
	r.Basis = basis
	return nil
}

// prepare checks the flags and takes the symbol.
func (r *barReading) prepare(cmd *cobra.Command, set *settings, symbol string, formats ...string) error {
	r.Symbol = strings.ToUpper(symbol)
	if err := r.prepareAdjustment(); err != nil {
		return err
	}
	if len(formats) > 0 {
		if err := set.chooseFormat(cmd, &r.format, formats...); err != nil {
			return err
		}
	}

	if err := checkTimeframe(string(r.Timeframe)); err != nil {
		return err
	}
	zone, err := r.dayZone()
	if err != nil {
		return err
	}
	if r.From, r.To, err = parseRange(r.from, r.to, zone); err != nil {
		return err
	}
	if cmd.Flags().Changed("limit") && r.Limit < 1 {
		return usagef("invalid --limit %d: want 1 or more", r.Limit)
	}
	return nil
}

// dayZone returns the zone in which the days of --from and --to begin: that of --tz for intraday bars, UTC for the
// others, whose timestamps are dates.
func (r *barReading) dayZone() (*time.Location, error) {
	length, months, _ := r.Timeframe.Length()
	isIntraday := months == 0 && length < 24*time.Hour
	if r.Zone == "" || !isIntraday {
		return time.UTC, nil
	}
	return loadZone(r.Zone)
}

// limitToNewest selects the newest n bars if no range and no limit was asked for.
func (r *barReading) limitToNewest(n int) {
	if !r.From.IsZero() || !r.To.IsZero() {
		return
	}
	r.NewestFirst = true
	if r.Limit == 0 {
		r.Limit = n
	}
}

// read reads the bars, oldest first.
func (r *barReading) read(cmd *cobra.Command, set *settings) ([]blotter.Bar, error) {
	db, err := set.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	bars, err := db.Bars(cmd.Context(), r.BarFilter)
	if err == nil && len(bars) == 0 {
		err = r.notFound(cmd, db.DB)
	}
	if r.NewestFirst {
		slices.Reverse(bars)
	}
	return bars, err
}

// notFound returns an error that says which bars of the symbol there are instead.
func (r *barReading) notFound(cmd *cobra.Command, db *postgres.DB) error {
	stored, err := db.Symbols(cmd.Context())
	if err != nil {
		return err
	}
	message := fmt.Sprintf("no %s bars of %s are stored", r.Timeframe, r.Symbol)
	var timeframes, symbols []string
	for _, s := range stored {
		symbols = append(symbols, s.Symbol)
		if s.Symbol != r.Symbol {
			continue
		}
		if s.Timeframe == r.Timeframe {
			return fmt.Errorf("%s in that range; they are of %s to %s", message, shortDay(s.From), shortDay(s.To))
		}
		timeframes = append(timeframes, string(s.Timeframe))
	}

	if len(timeframes) > 0 {
		return fmt.Errorf("%s; there are bars of --timeframe %s", message, strings.Join(timeframes, ", "))
	}
	hint := cmp.Or(didYouMean(r.Symbol, symbols), "; blotter import FILES stores some")
	return fmt.Errorf("%s%s", message, hint)
}
