package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/spreadsheet"
	"github.com/spf13/cobra"
)

// Records are rows of tables for scripts: CSV with a header, or a JSON array of objects, with the names of the columns and
// every digit.

// printRecords writes rows in the format, "csv", safeCSV or "json".
func printRecords[T any](w io.Writer, format string, rows iter.Seq2[T, error]) error {
	if format == "csv" || format == safeCSV {
		return printRecordsCSV(spreadsheet.NewWriter(w, format == safeCSV), rows)
	}
	return printRecordsJSON(w, rows)
}

func printRecordsCSV[T any](out *spreadsheet.Writer, rows iter.Seq2[T, error]) error {
	names := columnsOf[T]()
	headed := false
	for row, err := range rows {
		if err != nil {
			return err
		}
		if !headed {
			headed = true
			_ = out.Write(names)
		}
		var cells []string
		for _, value := range valuesOf(&row) {
			cells = append(cells, text(value))
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	if !headed {
		_ = out.Write(names)
	}
	return out.Flush()
}

func printRecordsJSON[T any](w io.Writer, rows iter.Seq2[T, error]) error {
	names := columnsOf[T]()
	before := "[\n"
	for row, err := range rows {
		if err != nil {
			return err
		}
		var b strings.Builder
		for i, value := range valuesOf(&row) {
			encoded, err := json.Marshal(plain(value))
			if err != nil {
				return err
			}
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q: %s", names[i], encoded)
		}
		if _, err := fmt.Fprintf(w, "%s  {%s}", before, &b); err != nil {
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

// safeCSV is the format csv with --safe-for-spreadsheets.
const safeCSV = "csv for spreadsheets"

const safeFlag = "safe-for-spreadsheets"

// formatFlag adds --format, of which the first of formats is the default, and what belongs to it.
func formatFlag(cmd *cobra.Command, format *string, formats, usage string) {
	first, _, _ := strings.Cut(formats, ",")
	cmd.Flags().StringVar(format, "format", first, usage)
	cmd.Flags().Bool(safeFlag, false, "with csv: no cell is a formula (docs/cli.md); such a file cannot be imported")
}

// chooseFormat checks --format, with --json in its place, and makes it safeCSV where that was asked for.
func (s *settings) chooseFormat(cmd *cobra.Command, format *string, formats ...string) error {
	if s.json {
		if cmd.Flags().Changed("format") && *format != "json" {
			return usagef("--json and --format %s exclude each other", *format)
		}
		*format = "json"
	}
	if !slices.Contains(formats, *format) {
		return usagef("--format %s: want %s", *format, orList(formats))
	}
	if safe, err := cmd.Flags().GetBool(safeFlag); err == nil && safe && *format == "csv" {
		*format = safeCSV
	}
	return nil
}

// columnsOf are the columns that T's fields are stored in.
func columnsOf[T any]() (names []string) {
	typ := reflect.TypeFor[T]()
	for i := range typ.NumField() {
		if name, _, _ := strings.Cut(typ.Field(i).Tag.Get("db"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// valuesOf are the values of these columns.
func valuesOf[T any](row *T) (values []any) {
	v := reflect.ValueOf(row).Elem()
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("db"), ","); name != "" && name != "-" {
			values = append(values, v.Field(i).Interface())
		}
	}
	return values
}

// plain is a value as JSON has it: nil for what is not known, decimals as text, instants in UTC.
func plain(value any) any {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem().Interface())
	}
	switch value := value.(type) {
	case blotter.Decimal:
		return value.String()
	case blotter.TradeFees:
		return value.String() // text, which trades import reads again
	case time.Time:
		if value.IsZero() {
			return nil
		}
		return value.UTC().Format(time.RFC3339Nano)
	}
	return value
}

func text(value any) string {
	switch value = plain(value); value := value.(type) {
	case nil:
		return ""
	case json.RawMessage:
		return string(value)
	}
	if raw, isJSON := value.(json.RawMessage); isJSON {
		return string(raw)
	}
	return fmt.Sprint(value)
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
