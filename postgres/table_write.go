package postgres

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// writable refuses calls that would panic or fail later: on a view, without a session, without a row.
func (t *Table[T]) writable(op string, q Querier, row *T) error {
	if err := t.readOnly(op); err != nil {
		return err
	}
	if row == nil {
		return t.refuse(op, "the row is nil")
	}
	return t.session(op, q)
}

// session refuses a Querier that is nil.
func (t *Table[T]) session(op string, q Querier) error {
	if isNil(q) {
		return t.refuse(op, "the session is nil: use the one that Transaction or ReadOnly passes")
	}
	return nil
}

// isNil reports whether q is nil, or an interface that holds a nil pointer.
func isNil(q Querier) bool {
	if q == nil {
		return true
	}
	v := reflect.ValueOf(q)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Insert stores row and sets in it what the database made: generated columns, defaults, stamps and the version. A row
// whose key already exists is ErrIntegrity.
func (t *Table[T]) Insert(ctx context.Context, q Querier, row *T) error {
	if err := t.writable("insert", q, row); err != nil {
		return err
	}
	sql, args := t.insert(row, "")
	return t.writeOne(ctx, q, "insert", row, sql, args)
}

// Upsert stores row or, if its key exists, updates the stored row with its columns and increments the version. Use it
// for rows with one writer: only Update notices changes of others.
func (t *Table[T]) Upsert(ctx context.Context, q Querier, row *T) error {
	if err := t.writable("upsert", q, row); err != nil {
		return err
	}

	var set []string
	for _, f := range t.fields {
		name := pgx.Identifier{f.column}.Sanitize()
		switch {
		case f.version:
			set = append(set, name+" = "+t.def.sql()+"."+name+" + 1")
		case !f.generated && !t.isKey(f.column):
			set = append(set, name+" = excluded."+name)
		}
	}

	conflict := " on conflict (" + t.keyList() + ") do update set " + strings.Join(set, ", ")
	sql, args := t.insert(row, conflict)
	return t.writeOne(ctx, q, "upsert", row, sql, args)
}

func (t *Table[T]) keyList() string {
	names := make([]string, len(t.def.Key))
	for i, column := range t.def.Key {
		names[i] = pgx.Identifier{column}.Sanitize()
	}
	return strings.Join(names, ", ")
}

func (t *Table[T]) isKey(column string) bool { return slices.Contains(t.def.Key, column) }

// textKey identifies the text of an INSERT: the omitzero columns that it leaves out, and its ON CONFLICT clause.
type textKey struct {
	omitted  uint64 // a bit for each field
	conflict string
}

// insert returns the INSERT of row and its arguments. The text is kept.
func (t *Table[T]) insert(row *T, conflict string) (string, []any) {
	v := reflect.ValueOf(row).Elem()
	var args []any
	var omitted uint64
	for i := range t.fields {
		f := &t.fields[i]
		switch {
		case f.generated, f.stamped, f.version:
		case f.omitzero && v.FieldByIndex(f.index).IsZero():
			omitted |= 1 << i
		default:
			args = append(args, f.value(v))
		}
	}

	key := textKey{omitted, conflict}
	if text, ok := t.texts.Load(key); ok {
		return text.(string), args
	}
	text := t.insertText(omitted) + conflict + " returning " + t.columnList()
	t.texts.Store(key, text)
	return text, args
}

// insertText returns the INSERT without the omitted columns, up to its VALUES.
func (t *Table[T]) insertText(omitted uint64) string {
	var columns, values []string
	for i, f := range t.fields {
		if f.generated {
			continue
		}
		columns = append(columns, pgx.Identifier{f.column}.Sanitize())
		switch {
		case f.stamped:
			values = append(values, "now()")
		case f.version:
			values = append(values, "1")
		case omitted&(1<<i) != 0:
			values = append(values, "default")
		default:
			values = append(values, "$"+strconv.Itoa(1+countArgs(values)))
		}
	}

	return "insert into " + t.def.sql() +
		" (" + strings.Join(columns, ", ") + ") values (" + strings.Join(values, ", ") + ")"
}

func countArgs(values []string) (n int) {
	for _, v := range values {
		if strings.HasPrefix(v, "$") {
			n++
		}
	}
	return n
}

// writeOne runs a statement that returns the row it wrote.
func (t *Table[T]) writeOne(ctx context.Context, q Querier, op string, row *T, sql string, args []any) error {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return t.fail(ctx, op, err)
	}
	defer rows.Close()

	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return t.fail(ctx, op, err)
		}
		return t.fail(ctx, op, errNoRows)
	}

	if err := t.scan(rows, row, nil); err != nil {
		return t.fail(ctx, op, err)
	}
	rows.Close()
	return t.fail(ctx, op, rows.Err())
}

// Update stores the columns of row in the row of its key, and sets in row what the database made. In a table with a
// version it does so only if the stored row still has row's version, and increments it; otherwise it returns
// ErrConflict with both versions. A key that does not exist is ErrNotFound.
func (t *Table[T]) Update(ctx context.Context, q Querier, row *T) error {
	if err := t.writable("update", q, row); err != nil {
		return err
	}

	v := reflect.ValueOf(row).Elem()
	var args []any
	arg := func(f *field) string {
		args = append(args, f.value(v))
		return "$" + strconv.Itoa(len(args))
	}

	var set, where []string
	var version int64
	for i := range t.fields {
		f := &t.fields[i]
		name := pgx.Identifier{f.column}.Sanitize()
		switch {
		case t.isKey(f.column):
			where = append(where, name+" = "+arg(f))
		case f.version:
			version = v.FieldByIndex(f.index).Int()
			set = append(set, name+" = "+name+" + 1")
			where = append(where, name+" = "+arg(f))
		case f.stamped:
			set = append(set, name+" = now()")
		case !f.generated:
			set = append(set, name+" = "+arg(f))
		}
	}

	sql := "update " + t.def.sql() + " set " + strings.Join(set, ", ") + " where " + strings.Join(where, " and ") +
		" returning " + t.columnList()
	err := t.writeOne(ctx, q, "update", row, sql, args)
	if blotterKind(err) == blotter.ErrNotFound && t.def.Version != "" {
		return t.conflict(ctx, q, row, version, err)
	}
	return err
}

// conflict returns ErrConflict for a row that another session changed, or missing if there is no such row.
func (t *Table[T]) conflict(ctx context.Context, q Querier, row *T, version int64, missing error) error {
	current, err := t.Get(ctx, q, t.keyOf(row)...)
	if err != nil {
		if blotterKind(err) == blotter.ErrNotFound {
			return missing
		}
		return err
	}

	f, _ := t.field(t.def.Version)
	return &blotter.Error{
		Op: "update " + t.def.QualifiedName(), Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("%s: another session changed version %d, which is now %d; reload and repeat",
			t.describe(row), version, reflect.ValueOf(&current).Elem().FieldByIndex(f.index).Int()),
	}
}

// describe names a row: "orders ACC1/O-7".
func (t *Table[T]) describe(row *T) string {
	var parts []string
	for _, part := range t.keyOf(row) {
		parts = append(parts, fmt.Sprint(part))
	}
	return t.def.Name + " " + strings.Join(parts, "/")
}

func (t *Table[T]) keyOf(row *T) []any {
	v := reflect.ValueOf(row).Elem()
	var key []any
	for _, column := range t.def.Key {
		f, _ := t.field(column)
		key = append(key, v.FieldByIndex(f.index).Interface())
	}
	return key
}

// removers are the functions that delete rows of the tables on which sessions of one account have no DELETE: with it,
// they could lock the table against everybody. The last argument is an array of the last column of the key.
var removers = map[string]string{
	"execution.orders":                 "execution.remove_orders",
	"risk_management.risk_limits":      "risk_management.remove_limits",
	"strategy_engine.strategies":       "strategy_engine.remove_strategies",
	"strategy_engine.strategy_signals": "strategy_engine.remove_signals",
}

// remove removes the row of the key with the table's function, and returns how many rows that were.
func (t *Table[T]) remove(ctx context.Context, q Querier, remover string, key []any) (removed int64, err error) {
	args := make([]string, len(key))
	for i := range key {
		args[i] = "$" + strconv.Itoa(i+1)
	}
	last := len(args) - 1
	args[last] = "array[" + args[last] + "::text]"
	err = q.QueryRow(ctx, "select "+remover+"("+strings.Join(args, ", ")+")", key...).Scan(&removed)
	return removed, err
}

// Delete removes the row of the key. ErrNotFound if there is none.
func (t *Table[T]) Delete(ctx context.Context, q Querier, key ...any) error {
	if err := t.readOnly("delete"); err != nil {
		return err
	}
	if err := t.session("delete", q); err != nil {
		return err
	}
	where, err := t.byKey(key)
	if err != nil {
		return err
	}

	var removed int64
	if remover := removers[t.def.QualifiedName()]; remover != "" {
		removed, err = t.remove(ctx, q, remover, key)
	} else {
		var tag pgconn.CommandTag
		tag, err = q.Exec(ctx, "delete from "+t.def.sql()+where, key...)
		removed = tag.RowsAffected()
	}
	if err == nil && removed == 0 {
		err = errNoRows
	}
	return t.fail(ctx, "delete", err)
}

// byKey returns the WHERE clause for a key.
func (t *Table[T]) byKey(key []any) (string, error) {
	if len(t.def.Key) == 0 || len(key) != len(t.def.Key) {
		return "", t.refuse("find", fmt.Sprintf("the key is (%s), but %d values were given",
			strings.Join(t.def.Key, ", "), len(key)))
	}

	conditions := make([]string, len(key))
	for i, column := range t.def.Key {
		conditions[i] = pgx.Identifier{column}.Sanitize() + " = $" + strconv.Itoa(i+1)
	}
	return " where " + strings.Join(conditions, " and "), nil
}

// Get reads the row of the key. ErrNotFound if there is none.
func (t *Table[T]) Get(ctx context.Context, q Querier, key ...any) (T, error) {
	var row T
	if err := t.session("get", q); err != nil {
		return row, err
	}
	where, err := t.byKey(key)
	if err != nil {
		return row, err
	}
	err = t.writeOne(ctx, q, "get", &row, "select "+t.columnList()+" from "+t.def.sql()+where, key)
	return row, err
}

func blotterKind(err error) blotter.Kind {
	if e, ok := err.(*blotter.Error); ok {
		return e.Kind
	}
	return ""
}
