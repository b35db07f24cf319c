package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/spreadsheet"
	"github.com/spf13/cobra"
)

// print prints the value as JSON if --json was given, and otherwise calls text.
func (s *settings) print(cmd *cobra.Command, value any, text func(io.Writer) error) error {
	if s.json {
		return printJSON(cmd.OutOrStdout(), value)
	}
	return text(cmd.OutOrStdout())
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // people copy URLs
	return encoder.Encode(value)
}

// failIf returns exit status 1 if a command that succeeded found something wrong.
func failIf(found bool, err error) error {
	if err == nil && found {
		return exitStatus(1)
	}
	return err
}

// printRecords prints rows of a table for scripts: as CSV with a header, or as a JSON array of objects, with the names
// of the columns and every digit. The format is "csv", safeCSV or "json".
func printRecords[T any](w io.Writer, format string, rows iter.Seq2[T, error]) error {
	if format == "csv" || format == safeCSV {
		return spreadsheet.WriteRecords(spreadsheet.NewWriter(w, format == safeCSV), rows)
	}
	return printRecordsJSON(w, rows)
}

func printRecordsJSON[T any](w io.Writer, rows iter.Seq2[T, error]) error {
	names := spreadsheet.Columns[T]()
	before := "[\n"
	for row, err := range rows {
		if err != nil {
			return err
		}
		object, err := recordJSON(names, spreadsheet.Values(row))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s  {%s}", before, object); err != nil {
			return err
		}
		before = ",\n"
	}

	if before == "[\n" {
		_, err := fmt.Fprintln(w, "[]")
		return err
	}
	_, err := fmt.Fprintln(w, "\n]")
	return err
}

// recordJSON returns the members of a JSON object, in the order of the columns.
func recordJSON(names []string, values []any) (string, error) {
	members := make([]string, len(names))
	for i, value := range values {
		encoded, err := json.Marshal(spreadsheet.Plain(value))
		if err != nil {
			return "", err
		}
		members[i] = fmt.Sprintf("%q: %s", names[i], encoded)
	}
	return strings.Join(members, ", "), nil
}

// safeCSV is the format csv with --safe-for-spreadsheets.
const safeCSV = "csv for spreadsheets"

const safeFlag = "safe-for-spreadsheets"

// formatFlag adds --format with its default, and --safe-for-spreadsheets.
func formatFlag(cmd *cobra.Command, format *string, standard, usage string) {
	cmd.Flags().StringVar(format, "format", standard, usage)
	cmd.Flags().Bool(safeFlag, false, "with csv: no cell is a formula (docs/cli.md); such a file cannot be imported")
}

// chooseFormat checks --format, which --json may replace, and sets it to safeCSV if that was asked for.
func (s *settings) chooseFormat(cmd *cobra.Command, format *string, formats ...string) error {
	if s.json {
		if cmd.Flags().Changed("format") && *format != "json" {
			return usagef("--json and --format %s exclude each other", *format)
		}
		*format = "json"
	}
	if !slices.Contains(formats, *format) {
		return usagef("invalid --format %q: want %s", *format, orList(formats))
	}
	if safe, err := cmd.Flags().GetBool(safeFlag); err == nil && safe && *format == "csv" {
		*format = safeCSV
	}
	return nil
}

// each yields the rows of a slice.
func each[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := range rows {
			if !yield(rows[i], nil) {
				return
			}
		}
	}
}
