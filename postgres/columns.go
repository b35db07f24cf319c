package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/numeric"
	"github.com/jackc/pgx/v5/pgtype"
)

// column is a column of rows of type R that travel to the server as parameters of a statement.
type column[R any] struct {
	name  string
	typ   string // in SQL
	value func(*R) any
	array func([]*R) any
}

// columnOf declares a column of an SQL type, and how a row's value of it is read.
func columnOf[R, V any](name, typ string, value func(*R) V) column[R] {
	return column[R]{
		name:  name,
		typ:   typ,
		value: func(row *R) any { return value(row) },
		array: func(rows []*R) any {
			values := make([]V, len(rows))
			for i, row := range rows {
				values[i] = value(row)
			}
			return newArray(values)
		},
	}
}

// newArray returns the values as pgx encodes them without allocating: nearly all of them are texts and decimals. Any
// slice that is not an ArrayGetter, pgx encodes by reflection, and nil as NULL.
func newArray(values any) any {
	switch values := values.(type) {
	case []string:
		return textArray(values)
	case []blotter.Decimal:
		return decimalArray(values)
	case []int64:
		return pgtype.FlatArray[int64](values)
	case []*string:
		return pgtype.FlatArray[*string](values)
	case []*blotter.Decimal:
		return pgtype.FlatArray[*blotter.Decimal](values)
	case []time.Time:
		return pgtype.FlatArray[time.Time](values)
	case []*time.Time:
		return pgtype.FlatArray[*time.Time](values)
	case [][16]byte:
		return pgtype.FlatArray[[16]byte](values)
	case []int16:
		return pgtype.FlatArray[int16](values)
	}

	panic(fmt.Sprintf("columns of %T need an array", values))
}

// textArray gives pgx pointers to its elements: as values, each would be copied to the heap.
type textArray []string

// text is an element of a textArray.
type text string

func (t *text) TextValue() (pgtype.Text, error) {
	return pgtype.Text{String: string(*t), Valid: true}, nil
}

func (a textArray) Dimensions() []pgtype.ArrayDimension { return dimensions(len(a)) }
func (a textArray) Index(i int) any                     { return (*text)(&a[i]) }
func (a textArray) IndexType() any                      { return new(text) }

// decimalArray gives pgx pointers too.
type decimalArray []blotter.Decimal

func (a decimalArray) Dimensions() []pgtype.ArrayDimension { return dimensions(len(a)) }
func (a decimalArray) Index(i int) any                     { return (*numeric.Element)(&a[i]) }
func (a decimalArray) IndexType() any                      { return new(numeric.Element) }

// dimensions returns those of an array of so many elements; an empty one is not NULL.
func dimensions(elements int) []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(elements), LowerBound: 1}}
}

// columns are the columns of rows that a statement takes either as one array a column, which serves any number of rows
// with one text, or as the values of a single row. They number the statement's parameters.
type columns[R any] []column[R]

// names lists the names of the columns, each with the prefix.
func (c columns[R]) names(prefix string) string {
	names := make([]string, len(c))
	for i := range c {
		names[i] = prefix + c[i].name
	}
	return strings.Join(names, ", ")
}

// unnest returns the rows as a table u, from arrays that are the parameters from $first on.
func (c columns[R]) unnest(first int) string {
	return c.arrays(first) + ` u(` + c.names("") + `)`
}

// unnestInOrder returns the same table with the column place, by which the rows can be read in their order.
func (c columns[R]) unnestInOrder(first int) string {
	return c.arrays(first) + ` with ordinality u(` + c.names("") + `, place)`
}

func (c columns[R]) arrays(first int) string { return `unnest(` + c.arrayList(first) + `)` }

// arrayList lists the columns as arrays, which are the parameters from $first on.
func (c columns[R]) arrayList(first int) string {
	arrays := make([]string, len(c))
	for i := range c {
		arrays[i] = parameter(first+i) + "::" + c[i].typ + "[]"
	}
	return strings.Join(arrays, ", ")
}

// parameters lists the values of a single row, which are the parameters from $first on.
func (c columns[R]) parameters(first int) string {
	list := make([]string, len(c))
	for i := range c {
		list[i] = parameter(first+i) + "::" + c[i].typ
	}
	return strings.Join(list, ", ")
}

func parameter(number int) string { return "$" + strconv.Itoa(number) }

// appendArrays appends the arguments for unnest.
func (c columns[R]) appendArrays(args []any, rows []*R) []any {
	for i := range c {
		args = append(args, c[i].array(rows))
	}
	return args
}

// appendValues appends the arguments for parameters.
func (c columns[R]) appendValues(args []any, row *R) []any {
	for i := range c {
		args = append(args, c[i].value(row))
	}
	return args
}

// pointers returns pointers to the elements.
func pointers[T any](list []T) []*T {
	pointers := make([]*T, len(list))
	for i := range list {
		pointers[i] = &list[i]
	}
	return pointers
}

// nullIfEmpty returns nil, which is NULL, for an empty text.
func nullIfEmpty(text *string) *string {
	if *text == "" {
		return nil
	}
	return text
}
