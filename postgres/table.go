package postgres

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// Table maps rows of one table to structs of type T. Every exported field has a tag `db:"column"` with these options:
//
//	generated  the database makes the value: it is read, never written
//	omitzero   a zero value is left to the column's default
//	nullzero   a zero value is stored as NULL, and NULL is read as the zero value
//	stamp      every insert and update sets it to the transaction's time
//	version    counts changes: Update succeeds only on the version that was read
//
// A nullable column without nullzero is a pointer field.
type Table[T any] struct {
	def    *TableDef
	fields []field
	texts  sync.Map // textKey -> string: INSERT statements
}

// TableDef describes a table.
type TableDef struct {
	Schema, Name string
	Columns      []Column
	Key          []string
	ForeignKeys  []ForeignKey
	Version      string // the version column, or ""
	View         bool   // read-only

	derived map[string]string // columns that are read from an expression and not stored
}

// Column is one column of a table, as the struct declares it.
type Column struct {
	Name      string
	Go        reflect.Type
	Nullable  bool
	Generated bool
}

// ForeignKey says that Columns refer to the key of Table.
type ForeignKey struct {
	Columns []string
	Table   string
}

// QualifiedName returns the name as schema.table.
func (d *TableDef) QualifiedName() string { return d.Schema + "." + d.Name }

func (d *TableDef) sql() string { return pgx.Identifier{d.Schema, d.Name}.Sanitize() }

// field is one field of a row's struct, with the options of its tag.
type field struct {
	column    string
	index     []int
	generated bool
	omitzero  bool
	nullzero  bool
	stamped   bool
	version   bool
	pointer   reflect.Type // of a nullzero field: *F, whose nil is NULL
}

// TableOption completes the description of a table.
type TableOption func(*TableDef)

// Key names the columns of the primary key.
func Key(columns ...string) TableOption {
	return func(d *TableDef) { d.Key = columns }
}

// References names a foreign key: columns that refer to the key of table.
func References(table string, columns ...string) TableOption {
	return func(d *TableDef) { d.ForeignKeys = append(d.ForeignKeys, ForeignKey{Columns: columns, Table: table}) }
}

// Derived declares a column that is read from an SQL expression and is not stored in the table. The expression names
// the table's columns with the table's name before them.
func Derived(column, expression string) TableOption {
	return func(d *TableDef) {
		if d.derived == nil {
			d.derived = map[string]string{}
		}
		d.derived[column] = expression
	}
}

// View marks a view, which can only be read.
func View() TableOption { return func(d *TableDef) { d.View = true } }

var registry struct {
	sync.Mutex
	tables []*TableDef
}

// NewTable declares the table name ("schema.table"; an unqualified name is refused) and adds it to the registry. Use it
// for package variables: it panics on a declaration that cannot work.
func NewTable[T any](name string, opts ...TableOption) *Table[T] {
	schema, table, qualified := strings.Cut(name, ".")
	if !qualified || schema == "" || table == "" {
		panic(fmt.Sprintf("postgres.NewTable(%q): the name must say its schema, as in execution.orders", name))
	}

	t := &Table[T]{def: &TableDef{Schema: schema, Name: table}}
	for _, opt := range opts {
		opt(t.def)
	}
	t.addFields(reflect.TypeFor[T](), nil)
	for _, column := range t.def.Key {
		if _, err := t.field(column); err != nil {
			panic(fmt.Sprintf("postgres.NewTable(%q): %v", name, err))
		}
	}

	registry.Lock()
	defer registry.Unlock()
	registry.tables = append(registry.tables, t.def)
	return t
}

// addFields adds the fields of typ, which is embedded at the index parent.
func (t *Table[T]) addFields(typ reflect.Type, parent []int) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("db"), ",")
		index := append(append([]int(nil), parent...), i)
		if tag == "" && f.Anonymous {
			t.addFields(f.Type, index)
			continue
		}
		if tag == "" || tag == "-" {
			continue
		}

		has := func(option string) bool { return strings.Contains(","+options+",", ","+option+",") }
		added := field{
			column: tag, index: index, generated: has("generated"), omitzero: has("omitzero"),
			nullzero: has("nullzero"), stamped: has("stamp"), version: has("version"),
		}
		if added.nullzero {
			added.pointer = reflect.PointerTo(f.Type)
		}
		if added.version {
			t.def.Version = tag
		}

		t.fields = append(t.fields, added)
		if t.def.derived[tag] != "" {
			continue
		}
		t.def.Columns = append(t.def.Columns, Column{
			Name: tag, Go: f.Type, Generated: added.generated,
			Nullable: added.nullzero || f.Type.Kind() == reflect.Pointer,
		})
	}
}

// Tables lists every declared table.
func Tables() []*TableDef {
	registry.Lock()
	defer registry.Unlock()
	return append([]*TableDef(nil), registry.tables...)
}

// Def returns the description of the table.
func (t *Table[T]) Def() *TableDef { return t.def }

func (t *Table[T]) field(column string) (*field, error) {
	for i := range t.fields {
		if t.fields[i].column == column {
			return &t.fields[i], nil
		}
	}
	return nil, &blotter.Error{
		Op: t.def.QualifiedName(), Kind: blotter.ErrProgramming,
		Message: fmt.Sprintf("there is no column %q", column),
	}
}

func (t *Table[T]) columnList() string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = pgx.Identifier{f.column}.Sanitize()
		if expression := t.def.derived[f.column]; expression != "" {
			names[i] = expression + " as " + names[i]
		}
	}
	return strings.Join(names, ", ")
}

// value returns what is sent for the field of row.
func (f *field) value(row reflect.Value) any {
	v := row.FieldByIndex(f.index)
	if f.nullzero && v.IsZero() {
		return nil
	}
	return v.Interface()
}

// targets appends pointers to the fields of row, in the order of columnList.
func (t *Table[T]) targets(row reflect.Value, into []any) []any {
	for i := range t.fields {
		f := &t.fields[i]
		v := row.FieldByIndex(f.index).Addr()
		if f.nullzero {
			p := reflect.New(f.pointer)
			p.Elem().Set(v)
			v = p
		}
		into = append(into, v.Interface())
	}
	return into
}

// scan reads the present row of rows into row.
func (t *Table[T]) scan(rows pgx.Rows, row *T, targets []any) error {
	v := reflect.ValueOf(row).Elem()
	targets = t.targets(v, targets[:0])
	if err := rows.Scan(targets...); err != nil {
		return err
	}

	for i := range t.fields {
		f := &t.fields[i]
		if !f.nullzero {
			continue
		}
		if p := reflect.ValueOf(targets[i]).Elem(); p.IsNil() {
			v.FieldByIndex(f.index).SetZero()
		} else {
			v.FieldByIndex(f.index).Set(p.Elem())
		}
	}
	return nil
}

// fail translates an error and names the operation and the table.
func (t *Table[T]) fail(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	err = translate(ctx, op+" "+t.def.QualifiedName(), err)
	if e, ok := err.(*blotter.Error); ok && e.Op == "" {
		named := *e
		named.Op = op + " " + t.def.QualifiedName()
		return &named
	}
	return err
}

// refuse returns the error of a call that cannot work.
func (t *Table[T]) refuse(op, message string) error {
	return &blotter.Error{Op: op + " " + t.def.QualifiedName(), Kind: blotter.ErrProgramming, Message: message}
}

func (t *Table[T]) readOnly(op string) error {
	if t.def.View {
		return t.refuse(op, "the table is a view and can only be read")
	}
	return nil
}
