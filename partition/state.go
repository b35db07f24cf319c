package partition

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// Relation is a table by schema and name.
type Relation struct{ Schema, Name string }

func (r Relation) String() string { return r.Schema + "." + r.Name }

func (r Relation) sql() string { return pgx.Identifier{r.Schema, r.Name}.Sanitize() }

// Grain is the size of a leaf.
type Grain string

// The grains. None is for a table that gets no leaf by itself, as an archive.
const (
	Month     Grain = "month"
	Year      Grain = "year"
	Positions Grain = "positions"
	None      Grain = "none"
)

// Bounds are those of a leaf, the upper one excluded: of UTC times, or of positions where the times are zero.
type Bounds struct {
	From, To       time.Time
	FromPos, ToPos int64
}

func (b Bounds) String() string {
	if b.To.IsZero() {
		return fmt.Sprintf("%d to %d", b.FromPos, b.ToPos)
	}
	return bound(b.From) + " to " + bound(b.To)
}

// bound is a day, or the second where somebody set a bound within a day.
func bound(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05Z")
}

// Compare orders bounds by where they begin.
func (b Bounds) Compare(o Bounds) int {
	return cmp.Or(b.From.Compare(o.From), cmp.Compare(b.FromPos, o.FromPos))
}

func (b Bounds) overlaps(o Bounds) bool {
	if o.To.IsZero() {
		return b.FromPos < o.ToPos && o.FromPos < b.ToPos
	}
	return b.From.Before(o.To) && o.From.Before(b.To)
}

// State is what the catalog says about the partitioned tables of one database.
type State struct{ Tables []Table }

// Table is one partitioned table.
type Table struct {
	Relation
	Key      string          // the column it is partitioned by
	Past     Grain           // of leaves before the current year
	Ahead    Grain           // of leaves from the current year on
	Size     int64           // positions of a leaf, for Positions
	Used     int64           // the last position that was given out, for Positions
	Analyzed time.Time       // when the table's own statistics were gathered; zero is never
	Names    map[string]bool // what exists in the schema under a name that a leaf could need, leaves included
	Leaves   []Leaf          // in the order of their bounds
}

// Leaf is one partition.
type Leaf struct {
	Relation
	Bounds
	Foreign  string // its bounds as the server writes them, where they are none of ours: DEFAULT, MINVALUE, infinity
	Pending  bool   // a DETACH CONCURRENTLY was cut short: its rows are invisible until it is finalized
	Vacuumed bool   // it had its VACUUM (FREEZE, ANALYZE) after it closed
	Empty    bool   // it never had a row
	Rows     int64  // the planner's estimate; -1 is unknown
	Bytes    int64  // with indexes and TOAST
}

// Read reads the state of the database, all of one instant.
func Read(ctx context.Context, conn *pgx.Conn) (State, error) {
	var state State
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if state.Tables, err = readTables(ctx, tx); err != nil {
			return err
		}
		leaves, err := readLeaves(ctx, tx)
		for i := range state.Tables {
			t := &state.Tables[i]
			t.Leaves = leaves[t.Relation]
		}
		return err
	})
	return state, pgerror.Translate(ctx, "read partitions", err)
}

const sqlTables = `
select n.nspname, c.relname, a.attname, p.past, p.ahead, p.size,
       case when p.ahead = 'positions' then coalesce((select s.last_value from pg_sequences s
            where format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence(c.oid::regclass::text, a.attname)), 0) else 0 end,
       pg_stat_get_last_analyze_time(c.oid),
       array(select o.relname::text from pg_class o where o.relnamespace = c.relnamespace and starts_with(o.relname, c.relname || '_'))
  from shared.partitioned_tables p
  join pg_class c on c.oid = p.table_name
  join pg_namespace n on n.oid = c.relnamespace
  join pg_partitioned_table k on k.partrelid = c.oid
  join pg_attribute a on a.attrelid = c.oid and a.attnum = k.partattrs[0]
 order by 1, 2`

func readTables(ctx context.Context, tx pgx.Tx) ([]Table, error) {
	rows, err := tx.Query(ctx, sqlTables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Table, error) {
		var t Table
		var analyzed *time.Time
		var names []string
		err := row.Scan(&t.Schema, &t.Name, &t.Key, &t.Past, &t.Ahead, &t.Size, &t.Used, &analyzed, &names)
		if analyzed != nil {
			t.Analyzed = analyzed.UTC()
		}
		t.Names = make(map[string]bool, len(names))
		for _, name := range names {
			t.Names[name] = true
		}
		return t, err
	})
}

// sqlLeaves has no bounds for a leaf whose bounds are not two times or two positions.
const sqlLeaves = `
select pn.nspname, pc.relname, n.nspname, c.relname,
       case when t.ahead <> 'positions' and b.ours then p.lower::timestamptz end,
       case when t.ahead <> 'positions' and b.ours then p.upper::timestamptz end,
       case when t.ahead = 'positions' and b.ours then p.lower::bigint else 0 end,
       case when t.ahead = 'positions' and b.ours then p.upper::bigint else 0 end,
       case when b.ours then '' else pg_get_expr(c.relpartbound, c.oid) end,
       p.detach_pending, v.leaf is not null, coalesce(pg_relation_size(c.oid), 0) = 0, c.reltuples::bigint, coalesce(pg_total_relation_size(c.oid), 0)
  from shared.partitions p
  join shared.partitioned_tables t using (table_name)
  join pg_class pc on pc.oid = p.table_name
  join pg_namespace pn on pn.oid = pc.relnamespace
  join pg_class c on c.oid = p.leaf
  join pg_namespace n on n.oid = c.relnamespace
  left join shared.vacuumed_partitions v on v.leaf = p.leaf
 cross join lateral (select coalesce(p.lower ~ '^\d' and p.upper ~ '^\d' and p.lower || p.upper !~ 'BC', false) as ours) b
 order by 5, 7, 4`

func readLeaves(ctx context.Context, tx pgx.Tx) (map[Relation][]Leaf, error) {
	rows, err := tx.Query(ctx, sqlLeaves)
	if err != nil {
		return nil, err
	}
	leaves := map[Relation][]Leaf{}
	var parent Relation
	var leaf Leaf
	var from, to *time.Time
	_, err = pgx.ForEachRow(rows, []any{
		&parent.Schema, &parent.Name, &leaf.Schema, &leaf.Name, &from, &to, &leaf.FromPos, &leaf.ToPos,
		&leaf.Foreign, &leaf.Pending, &leaf.Vacuumed, &leaf.Empty, &leaf.Rows, &leaf.Bytes,
	}, func() error {
		leaf.From, leaf.To = time.Time{}, time.Time{}
		if from != nil && to != nil {
			leaf.From, leaf.To = from.UTC(), to.UTC()
		}
		leaves[parent] = append(leaves[parent], leaf)
		return nil
	})
	return leaves, err
}
