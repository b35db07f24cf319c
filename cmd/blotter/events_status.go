package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func eventsStatus(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the progress of every consumer, and its parked keys",
		Long: `Show for every consumer of the outbox how many events it has applied, how many
are waiting and for how long, and which keys are parked behind an event that
could not be applied. The exit status is 1 if a key is parked.`,
		Example: "  blotter events status\n  blotter events status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, db, done, err := set.openBoth(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer done()
			consumers, err := events.ReadStatus(cmd.Context(), db)
			if err != nil {
				return err
			}

			err = set.print(cmd, consumersJSON(consumers), func(w io.Writer) error {
				return printConsumers(w, consumers)
			})
			hasParked := false
			for _, c := range consumers {
				hasParked = hasParked || len(c.Parked) > 0
			}
			return failIf(hasParked, err)
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

func consumersJSON(consumers []events.ConsumerStatus) any {
	type parked struct {
		Key    string    `json:"key"`
		Events int64     `json:"events"`
		Since  time.Time `json:"since"`
		Pos    int64     `json:"pos"`
		Error  string    `json:"error"`
		Asked  bool      `json:"asked"`
	}
	rows := []any{}
	for _, c := range consumers {
		keys := []parked{}
		for _, p := range c.Parked {
			keys = append(keys, parked(p))
		}
		rows = append(rows, map[string]any{
			"consumer": c.Consumer, "applied": c.Applied,
			"lag_events": c.Lag.Events, "lag_seconds": c.Lag.Age.Seconds(),
			"updated_at": c.UpdatedAt, "epoch": c.Epoch, "expired": c.ExpiredAt != nil, "parked": keys,
		})
	}

	return rows
}

func printConsumers(w io.Writer, consumers []events.ConsumerStatus) error {
	if len(consumers) == 0 {
		_, err := fmt.Fprintln(w, "no consumers yet; blotter serve keeps the analytics")
		return err
	}

	columns := []term.Column{
		{Name: "consumer"},
		{Name: "applied", Right: true},
		{Name: "waiting", Right: true},
		{Name: "oldest", Right: true},
		{Name: "parked keys", Right: true},
		{Name: "last moved", Spare: 1},
		{Name: "state"},
	}
	var rows [][]string
	for _, c := range consumers {
		oldest, state := "", ""
		if c.Lag.Events > 0 {
			oldest = c.Lag.Age.Round(time.Millisecond).String()
		}
		if c.ExpiredAt != nil {
			state = "expired"
		}
		rows = append(rows, []string{
			c.Consumer, term.Thousands(c.Applied), term.Thousands(c.Lag.Events), oldest,
			term.Thousands(len(c.Parked)), instant(c.UpdatedAt), state,
		})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}

	for _, c := range consumers {
		for _, p := range c.Parked {
			fmt.Fprintln(w)
			term.PrintWrapped(w, fmt.Sprintf("%s: %s has been parked since %s, with %s: event %d: %s. "+
				"When the cause is fixed:", c.Consumer, p.Key, instant(p.Since),
				term.Count(p.Events, "event", "events"), p.Pos, strings.TrimRight(p.Error, ".")))
			resolve := "blotter events resolve " + c.Consumer + " " + shell.Quote(p.Key)
			fmt.Fprintln(w, "  "+term.Printable(resolve))
		}
	}
	return nil
}
