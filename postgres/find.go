package postgres

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Clause filters, sorts or limits the rows that Find returns. Columns are checked against the table's declaration, and
// values are always sent as parameters.
type Clause struct {
	column    string
	operator  string // of a condition
	value     any
	direction string // of a sort
	limit     int
	offset    int
	id        int64  // of the row behind which a page begins, beside its value
	part      string // of a time, in a zone
	zone      string
	sequence  *int64 // of that row, if the page is in the order of column, sequence and id
}

// Eq keeps rows whose column equals value.
func Eq(column string, value any) Clause { return Clause{column: column, operator: "=", value: value} }

// Ne keeps rows whose column differs from value.
func Ne(column string, value any) Clause { return Clause{column: column, operator: "<>", value: value} }

// Gt keeps rows whose column is greater than value.
func Gt(column string, value any) Clause { return Clause{column: column, operator: ">", value: value} }

// Ge keeps rows whose column is at least value.
func Ge(column string, value any) Clause { return Clause{column: column, operator: ">=", value: value} }

// Lt keeps rows whose column is less than value.
func Lt(column string, value any) Clause { return Clause{column: column, operator: "<", value: value} }

// Le keeps rows whose column is at most value.
func Le(column string, value any) Clause { return Clause{column: column, operator: "<=", value: value} }

// In keeps rows whose column equals one of values, a slice.
func In(column string, values any) Clause {
	return Clause{column: column, operator: "in", value: values}
}

// IsNull keeps rows whose column has no value.
func IsNull(column string) Clause { return Clause{column: column, operator: "null"} }

// NotNull keeps rows whose column has a value.
func NotNull(column string) Clause { return Clause{column: column, operator: "not null"} }

// behind keeps the rows behind the one with the given value and id, in the order of column and id; without a column, in
// the order of id alone.
func behind(column string, value any, id int64, newestFirst bool) Clause {
	operator := ">"
	if newestFirst {
		operator = "<"
	}
	if column == "" {
		return Clause{column: "id", operator: operator, value: id}
	}
	return Clause{column: column, operator: operator, value: value, id: id}
}

// partOf keeps rows whose time has a part (a field of extract, such as hour) equal to value in the zone.
func partOf(column, part, zone string, value int) Clause {
	return Clause{column: column, operator: "=", value: value, part: part, zone: zone}
}

// Asc sorts by column, smallest first. Later clauses sort rows that are equal by the earlier ones.
func Asc(column string) Clause { return Clause{column: column, direction: "asc"} }

// Desc sorts by column, greatest first.
func Desc(column string) Clause { return Clause{column: column, direction: "desc"} }

// Limit returns at most n rows; n must be above 0.
func Limit(n int) Clause { return Clause{limit: n, operator: "limit"} }

// Offset skips the first n rows. Paging by key (Gt on the last key seen) is faster.
func Offset(n int) Clause { return Clause{offset: n, operator: "offset"} }

// Find returns the rows that satisfy every condition.
func (t *Table[T]) Find(ctx context.Context, q Querier, clauses ...Clause) ([]T, error) {
	var found collector[T]
	for row, err := range t.Stream(ctx, q, clauses...) {
		if err != nil {
			return nil, err
		}
		*found.next() = row
	}
	return found.rows(), nil
}

// Stream yields the rows that satisfy every condition, in constant memory. The session serves nothing else meanwhile. An
// error ends the sequence.
func (t *Table[T]) Stream(ctx context.Context, q Querier, clauses ...Clause) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var row T
		sql, args, err := t.selectSQL(clauses)
		if err == nil {
			err = t.session("find", q)
		}
		if err != nil {
			yield(row, err)
			return
		}

		rows, err := q.Query(ctx, sql, args...)
		if err != nil {
			yield(row, t.fail(ctx, "find", err))
			return
		}
		defer rows.Close()

		targets := make([]any, 0, len(t.fields))
		for rows.Next() {
			var zero T
			row = zero
			if err := t.scan(rows, &row, targets); err != nil {
				yield(row, t.fail(ctx, "find", err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(row, t.fail(ctx, "find", err))
		}
	}
}

// selectSQL returns the statement of the clauses, and its arguments.
func (t *Table[T]) selectSQL(clauses []Clause) (string, []any, error) {
	tail, args, err := t.tailSQL(clauses)
	return "select " + t.columnList() + " from " + t.def.sql() + tail, args, err
}

// tailSQL returns what the clauses make of a statement, and its arguments.
func (t *Table[T]) tailSQL(clauses []Clause) (string, []any, error) {
	var where, order []string
	var args []any
	tail := ""
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	for _, c := range clauses {
		switch c.operator {
		case "limit":
			if c.limit <= 0 {
				return "", nil, t.refuse("find", fmt.Sprintf("Limit(%d): want a number above 0", c.limit))
			}
			tail += " limit " + arg(c.limit)
			continue
		case "offset":
			tail += " offset " + arg(max(0, c.offset))
			continue
		}

		if _, err := t.field(c.column); err != nil {
			return "", nil, err
		}
		name := pgx.Identifier{c.column}.Sanitize()
		if c.operator == "" {
			order = append(order, name+" "+c.direction)
		} else {
			where = append(where, c.condition(name, arg))
		}
	}

	sql := ""
	if len(where) > 0 {
		sql += " where " + strings.Join(where, " and ")
	}
	if len(order) > 0 {
		sql += " order by " + strings.Join(order, ", ")
	}
	return sql + tail, args, nil
}

// condition returns the clause as a condition on the column of that name. arg makes a parameter of a value.
func (c *Clause) condition(name string, arg func(any) string) string {
	switch {
	case c.part != "":
		return "extract(" + c.part + " from " + name + " at time zone " + arg(c.zone) + ") = " + arg(c.value)
	case c.operator == "null":
		return name + " is null"
	case c.operator == "not null":
		return name + " is not null"
	case c.operator == "in":
		return name + " = any(" + arg(c.value) + ")"
	case c.sequence != nil:
		return "(" + name + ", sequence, id) " + c.operator + " (" + arg(c.value) + ", " + arg(*c.sequence) + ", " +
			arg(c.id) + ")"
	case c.id != 0:
		return "(" + name + ", id) " + c.operator + " (" + arg(c.value) + ", " + arg(c.id) + ")"
	}

	return name + " " + c.operator + " " + arg(c.value)
}
