package spreadsheet

import (
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// WriteRecords writes rows of a table: a header with the names of the columns, and every digit.
func WriteRecords[T any](out *Writer, rows iter.Seq2[T, error]) error {
	names := Columns[T]()
	hasHeader := false
	for row, err := range rows {
		if err != nil {
			return err
		}
		if !hasHeader {
			hasHeader = true
			_ = out.Write(names)
		}

		var cells []string
		for _, value := range Values(row) {
			cells = append(cells, recordCell(value))
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	if !hasHeader {
		_ = out.Write(names)
	}
	return out.Flush()
}

// Columns returns the columns that the fields of T are stored in.
func Columns[T any]() (names []string) {
	typ := reflect.TypeFor[T]()
	for i := range typ.NumField() {
		if name := columnOf(typ.Field(i)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Values returns the values of these columns.
func Values[T any](row T) (values []any) {
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		if columnOf(v.Type().Field(i)) != "" {
			values = append(values, v.Field(i).Interface())
		}
	}
	return values
}

// columnOf returns the column of a field, or "".
func columnOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("db"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// Plain returns a value for JSON: nil for an unknown one, a text for a decimal, UTC for an instant.
func Plain(value any) any {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return Plain(v.Elem().Interface())
	}

	switch value := value.(type) {
	case blotter.Decimal:
		return value.String()
	case blotter.TradeFees:
		return value.String() // trades import reads this text
	case time.Time:
		if value.IsZero() {
			return nil
		}
		return value.UTC().Format(time.RFC3339Nano)
	}
	return value
}

// recordCell returns a value for CSV.
func recordCell(value any) string {
	switch value := Plain(value).(type) {
	case nil:
		return ""
	case json.RawMessage:
		return string(value)
	default:
		return fmt.Sprint(value)
	}
}
