package postgres

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// CopyIn stores many rows with COPY and returns their number: it stores all of them or, with an error, none. Generated,
// stamped and version columns, and omitzero columns that are zero in every row, get their defaults.
//
// PostgreSQL refuses COPY into a table with row-level security. So q must be a transaction for a table with an account:
// its rows are copied into a temporary table and inserted from there. A row of another account than the session's is
// ErrPermission.
func (t *Table[T]) CopyIn(ctx context.Context, q Querier, rows []T) (int64, error) {
	if err := t.readOnly("copy into"); err != nil {
		return 0, err
	}
	if err := t.session("copy into", q); err != nil {
		return 0, err
	}

	var columns []string
	var fields []*field
	for i := range t.fields {
		f := &t.fields[i]
		if f.generated || f.stamped || f.version || f.omitzero && allZero(rows, f) {
			continue
		}
		columns = append(columns, f.column)
		fields = append(fields, f)
	}

	source := pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		v := reflect.ValueOf(&rows[i]).Elem()
		values := make([]any, len(fields))
		for j, f := range fields {
			values[j] = f.value(v)
		}
		return values, nil
	})

	var n int64
	var err error
	if t.hasAccount() {
		n, err = t.copyBeside(ctx, q, columns, source)
	} else {
		n, err = q.CopyFrom(ctx, pgx.Identifier{t.def.Schema, t.def.Name}, columns, source)
	}
	return n, t.fail(ctx, "copy into", err)
}

// hasAccount reports whether the rows of the table belong to accounts and are behind row-level security.
func (t *Table[T]) hasAccount() bool {
	return slices.ContainsFunc(t.fields, func(f field) bool { return f.column == "account_id" })
}

// copyBeside copies the rows into a temporary table and inserts them from there, where every row meets the policies.
func (t *Table[T]) copyBeside(
	ctx context.Context, q Querier, columns []string, source pgx.CopyFromSource,
) (int64, error) {
	const stage = "blotter_copy_stage"
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = pgx.Identifier{column}.Sanitize()
	}
	list := strings.Join(quoted, ", ")

	create := "create temporary table " + stage + " on commit drop as " +
		"select " + list + " from " + t.def.sql() + " with no data"
	if _, err := q.Exec(ctx, create); err != nil {
		return 0, err
	}
	if _, err := q.CopyFrom(ctx, pgx.Identifier{"pg_temp", stage}, columns, source); err != nil {
		return 0, err
	}
	tag, err := q.Exec(ctx, "insert into "+t.def.sql()+" ("+list+") select "+list+" from pg_temp."+stage)
	if err == nil {
		_, err = q.Exec(ctx, "drop table pg_temp."+stage)
	}
	return tag.RowsAffected(), err
}

func allZero[T any](rows []T, f *field) bool {
	for i := range rows {
		if !reflect.ValueOf(&rows[i]).Elem().FieldByIndex(f.index).IsZero() {
			return false
		}
	}
	return true
}
