package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

const tamperings = 50

// tampering is one way to tamper with the log as a superuser.
type tampering struct {
	name string
	sql  string       // $1 and $2 are ids of two entries, or seals where seals is set
	on   bool         // seals
	want []audit.Kind // any of these
	pair bool         // both entries are named, not the first alone
	none bool         // no entry is named, but a seal
}

// columns are the columns of an entry, each with another value.
var columns = map[string]string{
	"account_id": `'W9'`, "login": `'nobody'`, "role": `'none'`, "user_id": `user_id || 'x'`,
	"table_name": `'execution.orders'`, "operation": `'DELETE'`,
	"key": `key || '{"x": 1}'`, "old": `coalesce(old, '{}') || '{"current_value": -1}'`,
	"new": `'{"limit_value": 9}'`, "correlation_id": `''`,
	"xid": `(xid::text::bigint + 1)::text::xid8`, "timestamp": `timestamp + interval '1 microsecond'`,
}

// waysToTamper lists every way. Only an exported head detects a truncated or rebuilt chain.
func waysToTamper() []tampering {
	one := `(select xid from shared.audit_log where id = $1)`
	ways := []tampering{
		{name: "delete", sql: `delete from shared.audit_log where id = $1`, want: []audit.Kind{audit.Removed}},
		{
			name: "delete two", sql: `delete from shared.audit_log where id in ($1, $2)`,
			want: []audit.Kind{audit.Removed}, pair: true,
		},
		{name: "insert among the old", sql: `insert into shared.audit_log (id, account_id, login, role, table_name,
			operation, xid, timestamp) overriding system value
			select 1000000 + id, account_id, login, role, table_name, operation, xid, timestamp from shared.audit_log
			    where id = $1`, want: []audit.Kind{audit.Inserted}},
		{name: "insert under an id that is there", sql: `insert into shared.audit_log (id, table_name, operation, xid,
			timestamp) overriding system value
			select $1, 't', 'o', ` + one + `, now()`, want: []audit.Kind{audit.Inserted}},
		{name: "swap ids", sql: `update shared.audit_log set id = case id when $1 then $2::bigint else $1 end
			where id in ($1, $2)`, want: []audit.Kind{audit.Exchanged}, pair: true},
		{name: "swap contents", sql: `update shared.audit_log a
			set old = b.old, new = b.new, key = b.key, account_id = b.account_id, timestamp = b.timestamp, xid = b.xid,
			login = b.login, role = b.role,
			user_id = b.user_id, table_name = b.table_name, operation = b.operation, correlation_id = b.correlation_id
			    from shared.audit_log b
			where a.id in ($1, $2) and b.id in ($1, $2)
			and a.id <> b.id`, want: []audit.Kind{audit.Exchanged}, pair: true},
		{
			name: "cut the end of the log off",
			sql:  `delete from shared.audit_log where id >= greatest($1::bigint, $2)`,
			want: []audit.Kind{audit.Removed},
		},
		{name: "change with its digest", sql: `with e as (update shared.audit_log set operation = 'READ' where id = $1
			returning id)
			update shared.audit_seals s set digests = overlay(digests placing sha256('x')
			    from 32 * (array_position(ids, e.id) - 1) + 1) from e
			where e.id = any(s.ids)`, want: []audit.Kind{audit.SealBroken}},
		{name: "swap places in the seals", sql: `update shared.audit_seals set ids = array(select case i when $1
			then $2::bigint when $2 then $1 else i end from unnest(ids) i)
			where ids && array[$1::bigint, $2]`, want: []audit.Kind{audit.SealBroken}},
		{name: "change a seal's time", on: true, sql: `update shared.audit_seals
			set sealed_at = sealed_at - interval '1 hour'
			where seal = $1`, want: []audit.Kind{audit.SealBroken}, none: true},
		{
			name: "change a head", on: true, sql: `update shared.audit_seals set head = sha256(head) where seal = $1`,
			want: []audit.Kind{audit.SealBroken, audit.Cursor}, none: true,
		},
		{
			name: "remove a seal", on: true, sql: `delete from shared.audit_seals where seal = $1`,
			want: []audit.Kind{audit.SealRemoved, audit.Cursor}, none: true,
		},
		{name: "remove a seal with its entries", on: true, sql: `with s as (delete from shared.audit_seals
			where seal = $1 returning ids) delete from shared.audit_log using s
			where id = any(s.ids)`, want: []audit.Kind{audit.SealRemoved, audit.Cursor}, none: true},
		{name: "swap seals", on: true, sql: `update shared.audit_seals set seal = case seal when $1
			then -$2::bigint else -$1::bigint end
			where seal in ($1, $2)`, want: []audit.Kind{audit.SealBroken, audit.SealRemoved}, none: true},
		{name: "cut the end off with its seals", on: true, sql: `with s as (delete from shared.audit_seals
			where seal >= greatest($1::bigint, $2) returning ids), e as (delete from shared.audit_log
			where id in (select unnest(ids) from s))
			update shared.audit_cursor c set seal = l.seal, number = l.first_number + cardinality(l.ids) - 1,
			    head = l.head from shared.audit_seals l
			where l.seal = greatest($1::bigint, $2) - 1`, want: []audit.Kind{audit.HeadBroken}, none: true},
		{
			name: "set the cursor back", on: true, sql: `update shared.audit_cursor set seal = $1, number = 1`,
			want: []audit.Kind{audit.Cursor}, none: true,
		},
	}
	for _, column := range slices.Sorted(func(yield func(string) bool) {
		for name := range columns {
			if !yield(name) {
				return
			}
		}
	}) {
		ways = append(ways, tampering{name: "change " + column, sql: `update shared.audit_log set ` + column + ` = ` +
			columns[column] + ` where id = $1`, want: []audit.Kind{audit.Changed}})
	}

	return ways
}

// sqlUnguard takes away what refuses rows of a form that ours never have: the index, numbers that do not rise.
const sqlUnguard = `
alter table shared.audit_seals drop constraint audit_seals_seal_check;
alter table shared.audit_log alter id drop identity;
drop index shared.idx_audit_seals_ids`

// tamperAll tampers in every way, then at random until it was fifty times, each time with the log as it was.
func tamperAll(t *testing.T, rng *rand.Rand, db *pgtest.Database, before audit.Report) {
	t.Helper()
	began := time.Now()
	conn := db.Connect(t, db.AdminURL)
	if _, err := conn.Exec(t.Context(), sqlUnguard); err != nil {
		t.Fatal(err)
	}

	ids := pgtest.Value[[]int64](t, db, `select array_agg(id) from shared.audit_log where operation = 'UPDATE'
		and correlation_id <> ''`)
	ways := waysToTamper()
	for n := range tamperings {
		way := ways[n%len(ways)]
		if n >= len(ways) {
			way = ways[rng.IntN(len(ways))]
		}
		one, two := ids[rng.IntN(len(ids))], ids[rng.IntN(len(ids))]
		if way.on {
			one, two = 2+rng.Int64N(before.Seals-1), 2+rng.Int64N(before.Seals-1)
		}
		for one == two {
			two = ids[rng.IntN(len(ids))]
			if way.on {
				two = 2 + rng.Int64N(before.Seals-1)
			}
		}
		tamper(t, conn, way, one, two, before.Head)
	}

	t.Logf("%d tamperings found in %s", tamperings, time.Since(began).Round(time.Millisecond))
}

func tamper(t *testing.T, conn *pgx.Conn, way tampering, one, two int64, head audit.Head) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = tx.Rollback(t.Context()) }()
	args := []any{one, two}[:1+strings.Count(way.sql, "$2")/max(1, strings.Count(way.sql, "$2"))]
	if _, err := tx.Exec(t.Context(), way.sql, args...); err != nil {
		t.Fatalf("%s: %v", way.name, err)
	}
	if way.name == "swap seals" {
		if _, err := tx.Exec(t.Context(), `update shared.audit_seals set seal = -seal where seal < 0`); err != nil {
			t.Fatal(err)
		}
	}

	r := verifyIn(t, tx, head)
	named := map[int64]bool{}
	found := false
	for _, b := range r.Breaks {
		if slices.Contains(way.want, b.Kind) {
			found = true
			named[b.ID] = true
			if b.ID > 1_000_000 {
				named[b.ID-1_000_000] = true
			}
			if way.none && b.Seal < min(one, two) {
				t.Errorf("%s %d %d: named seal %d: %s", way.name, one, two, b.Seal, b)
			}
		}
	}

	switch {
	case !found:
		t.Errorf("%s %d %d: want %v, found %v", way.name, one, two, way.want, r.Breaks)
	case way.none || slices.Equal(way.want, []audit.Kind{audit.SealBroken}):
	case strings.HasPrefix(way.name, "cut"):
		if !named[max(one, two)] && r.More == 0 { // of very many, the first are listed
			t.Errorf("%s: entry %d is not named: %v", way.name, max(one, two), r.Breaks)
		}
	case !named[one] || way.pair && !named[two]:
		t.Errorf("%s: entries %d and %d, named %v: %v", way.name, one, two, named, fmt.Sprint(r.Breaks))
	}
}
