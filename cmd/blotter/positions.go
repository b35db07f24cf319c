package main

import "github.com/spf13/cobra"

func positionsCommand(set *settings) *cobra.Command {
	return noun("positions", "List the positions, and compare them with those of a broker",
		`  blotter positions list --account ACC123
  blotter positions compare broker.csv --account ACC123`, positionsList(set), positionsCompare(set))
}
