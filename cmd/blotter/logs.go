package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/logs"
	"github.com/spf13/cobra"
)

func logsCommand(set *settings) *cobra.Command {
	var filter logs.Filter
	var since string
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show or follow the log of the services",
		Long: `Show the rows that services have logged to the database, including the archive,
oldest first: the newest --limit rows, or those --since a time. Times are UTC.
With --follow, continue with new rows as they come, until Ctrl-C; --json then
prints one object on each line.`,
		Example: `  blotter logs --since 1h --level error
  blotter logs --correlation 0199c0de-7a51-7 --json
  blotter logs --service execution --follow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if filter.Since, err = parseSince(since, set.now()); err != nil {
				return err
			}
			if filter.Level, err = parseLevel(filter.Level); err != nil {
				return err
			}
			if filter.Limit < 1 || filter.Limit > logsMax {
				return usagef("invalid --limit %d: want 1 to %d", filter.Limit, logsMax)
			}
			if !filter.Since.IsZero() && !cmd.Flags().Changed("limit") {
				filter.Limit = logsMax
			}

			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			if follow {
				return logs.Tail(cmd.Context(), db.DB, filter, func(row blotter.SystemLog) error {
					return printLog(cmd.OutOrStdout(), row, set.json)
				}, waitingFor("the database"))
			}
			rows, err := logs.Read(cmd.Context(), db.DB, filter)
			if err != nil {
				return err
			}
			return printLogs(cmd.OutOrStdout(), rows, set.json)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&since, "since", "", "not older than an age such as `1h`, 30m or 2d, or from this instant on")
	flags.StringVar(&filter.Level, "level", "", "this `level` or above: debug, info, warn, error")
	flags.StringVar(&filter.Service, "service", "", "only this `service`")
	flags.StringVar(&filter.CorrelationID, "correlation", "", "with this correlation `id`")
	flags.StringVar(&filter.EventType, "event-type", "", "only this `type` of event")
	flags.IntVar(&filter.Limit, "limit", listLimit, "the newest `n` rows (default with --since: all)")
	flags.BoolVar(&follow, "follow", false, "continue with new rows as they come")
	return cmd
}

// waitingFor returns a function that reports on standard error, at most once a minute, that something does not answer.
func waitingFor(what string) func(error) {
	var last time.Time
	return func(err error) {
		if time.Since(last) > time.Minute {
			last = time.Now()
			fmt.Fprintln(os.Stderr, "blotter:", what, "does not answer, waiting:", term.PrintableLines(err.Error()))
		}
	}
}

// logsMax is the greatest number of rows that are shown.
const logsMax = 100_000

var logLevels = []string{"debug", "info", "warn", "error"}

// parseLevel checks a --level. An empty one means all.
func parseLevel(text string) (string, error) {
	level := strings.ToLower(text)
	if level == "warning" {
		level = "warn"
	}
	if level != "" && !slices.Contains(logLevels, level) {
		return "", usagef("invalid --level %q: want %s", text, strings.Join(logLevels, ", "))
	}
	return level, nil
}

// parseSince reads an age, such as 1h or 2d, or an instant.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if number, isDays := strings.CutSuffix(text, "d"); isDays {
		if days, err := strconv.Atoi(number); err == nil && days > 0 {
			return now.AddDate(0, 0, -days), nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return now.Add(-age), nil
	}

	at, err := parseDay("--since", text)
	if err != nil {
		return at, usagef("invalid --since %q: want an age such as 90s, 30m, 1h or 2d, "+
			"or an instant such as 2024-01-31 or 2024-01-31T14:30:00Z", text)
	}
	return at, nil
}

func printLogs(w io.Writer, rows []blotter.SystemLog, asJSON bool) error {
	if asJSON {
		return printRecords(w, "json", each(rows))
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no such rows")
		return err
	}
	for _, row := range rows {
		if err := printLog(w, row, false); err != nil {
			return err
		}
	}
	return nil
}

// printLog prints a row on one line, as text or JSON. A logged line break is escaped, so that it cannot begin a line
// that looks like another row.
func printLog(w io.Writer, row blotter.SystemLog, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"id": row.ID, "timestamp": row.Timestamp.Format(time.RFC3339Nano), "service": row.Service,
			"level": row.Level, "message": row.Message, "data": row.Data,
			"correlation_id": row.CorrelationID, "event_type": row.EventType,
		})
	}

	at := row.Timestamp.Format("2006-01-02 15:04:05.000")
	line := fmt.Sprintf("%s %-5s %s  %s", at, strings.ToUpper(row.Level), row.Service, row.Message)
	if row.EventType != "" {
		line += "  event_type=" + row.EventType
	}
	for _, pair := range dataPairs(row.Data) {
		line += "  " + pair
	}
	if row.CorrelationID != "" {
		line += "  correlation_id=" + row.CorrelationID
	}
	_, err := fmt.Fprintln(w, term.Printable(line))
	return err
}

// dataPairs returns the members of an object as name=value, sorted.
func dataPairs(data json.RawMessage) (pairs []string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return nil
	}
	for name, value := range members {
		var text string
		if json.Unmarshal(value, &text) != nil || strings.ContainsAny(text, " \"\n") || text == "" {
			text = string(value)
		}
		pairs = append(pairs, name+"="+text)
	}
	slices.Sort(pairs)
	return pairs
}
