package main

import "github.com/spf13/cobra"

func barsResample(set *settings) *cobra.Command {
	var r barReading
	cmd := &cobra.Command{
		Use:   "resample SYMBOL",
		Short: "Print longer bars, made of the stored ones",
		Long: `Print longer bars made of shorter ones: the open is that of the first, the high
the highest, the low the lowest, the close that of the last, the volume the sum.
An interval without bars makes none. Days and longer timeframes begin in the
zone of --tz, weeks on Monday. Without --from, --to and --limit, the last 30 are
printed.`,
		Example: `  blotter bars resample BTCUSDT --timeframe 1m --to-timeframe 1h
  blotter bars resample NKY --timeframe 1m --to-timeframe 1d --tz Asia/Tokyo
  blotter bars resample AAPL --to-timeframe 1mo --from 2018-01-01 --format csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.prepare(cmd, set, args[0], "table", "csv", "json"); err != nil {
				return err
			}
			if r.Resample == "" {
				return usagef("say --to-timeframe, as in --to-timeframe 1h")
			}
			r.limitToNewest(barsLimit)

			bars, err := r.read(cmd, set)
			if err != nil {
				return err
			}
			return barPrinters[r.format](cmd.OutOrStdout(), bars)
		},
	}
	r.addRange(cmd)
	r.addFormat(cmd, "table", "csv", "json")
	cmd.Flags().StringVar((*string)(&r.Resample), "to-timeframe", "",
		"`timeframe` of the bars to make, such as 5m, 1h, 1d, 1w or 1mo")
	cmd.Flags().StringVar(&r.Zone, "tz", "", "`zone` whose days count, such as America/New_York (default: UTC)")
	return cmd
}
