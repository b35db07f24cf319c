package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/logs"
	"github.com/spf13/cobra"
)

func logsCommand(set *settings) *cobra.Command {
	var filter logs.Filter
	var since string
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show the log of the services, and follow it",
		Long: `Show what services have logged into the database, the archive included, oldest
first: the newest --limit rows, or those --since a time. Times are UTC. With
--follow go on with new rows as they come, until Ctrl-C; --json then prints one
object a line.`,
		Example: `  blotter logs --since 1h --level error
  blotter logs --correlation 0199c0de-7a51-7 --json
  blotter logs --service execution --follow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if filter.Since, err = parseSince(since, set.now()); err != nil {
				return err
			}
			if filter.Level = strings.ToLower(filter.Level); filter.Level == "warning" {
				filter.Level = "warn"
			}
			if filter.Level != "" && !slices.Contains(logLevels, filter.Level) {
				return usagef("--level %s: want %s", filter.Level, strings.Join(logLevels, ", "))
			}
			if filter.Limit < 1 || filter.Limit > logsMax {
				return usagef("--limit %d: want 1 to %d", filter.Limit, logsMax)
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
	flags.StringVar(&since, "since", "", "not older than `1h`, 30m, 2d, or from an instant on")
	flags.StringVar(&filter.Level, "level", "", "of this `level` or above: debug, info, warn, error")
	flags.StringVar(&filter.Service, "service", "", "of this `service` alone")
	flags.StringVar(&filter.CorrelationID, "correlation", "", "with this correlation `id`")
	flags.StringVar(&filter.EventType, "event-type", "", "of this `type` of event")
	flags.IntVar(&filter.Limit, "limit", historyLimit, "the newest `n`; all with --since")
	flags.BoolVar(&follow, "follow", false, "go on with new rows as they come")
	return cmd
}

// waitingFor tells on standard error that something does not answer, once a minute.
func waitingFor(what string) func(error) {
	var told time.Time
	return func(err error) {
		if time.Since(told) > time.Minute {
			told = time.Now()
			fmt.Fprintln(os.Stderr, "blotter:", what, "does not answer, waiting:", printableLines(err.Error()))
		}
	}
}

// logsMax is how many rows are shown at most.
const logsMax = 100_000

var logLevels = []string{"debug", "info", "warn", "error"}

// parseSince reads an age, as 1h or 2d, or an instant.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var days int
	var unit string
	if n, _ := fmt.Sscanf(text, "%d%s", &days, &unit); n == 2 && unit == "d" && days > 0 {
		return now.AddDate(0, 0, -days), nil
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return now.Add(-age), nil
	}
	at, err := parseDay("--since", text)
	if err != nil {
		return at, usagef("--since %s: want an age as 90s, 30m, 1h or 2d, or an instant as 2024-01-31 or 2024-01-31T14:30:00Z", text)
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

// printLog prints a row as one line, or as JSON on one line. What others logged cannot begin a line that looks like another
// row. What follows from the message is for people to read, so that
// long lines are left to the terminal.
func printLog(w io.Writer, row blotter.SystemLog, asJSON bool) error {
	if asJSON {
		encoded, err := json.Marshal(map[string]any{
			"id": row.ID, "timestamp": row.Timestamp.Format(time.RFC3339Nano), "service": row.Service, "level": row.Level, "message": row.Message,
			"data": row.Data, "correlation_id": row.CorrelationID, "event_type": row.EventType,
		})
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", encoded)
		}
		return err
	}
	line := fmt.Sprintf("%s %-5s %s  %s", row.Timestamp.Format("2006-01-02 15:04:05.000"), strings.ToUpper(row.Level), row.Service, row.Message)
	if row.EventType != "" {
		line += "  event_type=" + row.EventType
	}
	for _, pair := range dataPairs(row.Data) {
		line += "  " + pair
	}
	if row.CorrelationID != "" {
		line += "  correlation_id=" + row.CorrelationID
	}
	_, err := fmt.Fprintln(w, printable(line))
	return err
}

// dataPairs are the members of an object, by name.
func dataPairs(data json.RawMessage) (pairs []string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return nil
	}
	for name, value := range members {
		var plain string
		if json.Unmarshal(value, &plain) != nil || strings.ContainsAny(plain, " \"\n") || plain == "" {
			plain = string(value)
		}
		pairs = append(pairs, name+"="+plain)
	}
	slices.Sort(pairs)
	return pairs
}
