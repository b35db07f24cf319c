package postgres_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

func TestPitfall07StrayPermissivePolicy(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	for _, relation := range usedRelations(t, db) {
		db.Exec(t, "create policy stray on "+relation+" as permissive for all to public using (true) with check (true)")
	}
	conn := login(t, db, db.Config.ReadOnlyURL, "A1")
	for _, tenant := range tenants {
		if got := ask[string](t, conn, "select string_agg(distinct account_id, ',') from "+tenant.table); got != "A1" {
			t.Errorf("with a stray policy A1 sees the rows of %q in %s", got, tenant.table)
		}
	}
	app := login(t, db, db.Config.URL, "A1")
	wantState(t, app, "42501", "insert into events.outbox "+tenants[5].insert, "A2", "forged")
}

// leavesOf returns the leaves of the partitioned tenant tables.
func leavesOf(t *testing.T, db *pgtest.Database) (leaves []string) {
	t.Helper()
	for _, name := range tenantRelations(t, db) {
		if !isTenant(name) {
			leaves = append(leaves, name)
		}
	}
	if len(leaves) < 5 {
		t.Fatalf("only the leaves %v", leaves)
	}
	return leaves
}

// leafIsClosed expects that no role may use a leaf, and that its own policies protect it if somebody grants it.
func leafIsClosed(t *testing.T, db *pgtest.Database, leaf string) {
	t.Helper()
	for _, url := range []string{db.Config.URL, db.Config.ReadOnlyURL, db.Config.ServiceURL, db.Config.ReporterURL} {
		conn := login(t, db, url, "A1")
		for _, sql := range []string{"select * from ", "delete from ", "truncate ", "table "} {
			wantState(t, conn, "42501", sql+leaf)
		}
	}

	db.Exec(t, "grant select, insert, update, delete on "+leaf+" to trading_app, trading_readonly")
	conn := login(t, db, db.Config.URL, "A1")
	if foreign := ask[int](t, conn,
		"select count(*) from "+leaf+" where account_id is distinct from 'A1'"); foreign != 0 {
		t.Errorf("with a grant A1 sees %d rows of others in %s", foreign, leaf)
	}
	if tag := mustExec(t, conn, "delete from "+leaf+" where account_id = 'A2'"); tag.RowsAffected() != 0 {
		t.Errorf("with a grant A1 deletes %d rows of others in %s", tag.RowsAffected(), leaf)
	}
}

func TestPitfall08DirectQueryOfALeaf(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	for _, leaf := range leavesOf(t, db) {
		leafIsClosed(t, db, leaf)
	}
}

// A partition made later, by an import, by the runner or for a fill, is closed like one of the first migration.
func TestPitfall09PartitionMadeLater(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	before := leavesOf(t, db)
	service := login(t, db, db.Config.ServiceURL, "")
	for _, sql := range []string{
		`select shared.ensure_partitions('audit_log', '2020-01-01', '2020-02-01')`,
		`select shared.create_monthly_partition('shared.audit_log', '2021-05-01')`,
		`select shared.create_yearly_partition('shared.audit_log', '2019-05-01')`,
	} {
		mustExec(t, service, sql)
	}

	db.Exec(t, `select setval(pg_get_serial_sequence('events.outbox', 'pos'), 5000000)`)
	mustExec(t, login(t, db, db.Config.URL, ""), `select shared.ensure_ahead()`)
	for _, account := range []string{"A1", "A2"} {
		db.Exec(t, `insert into shared.audit_log (account_id, table_name, operation, timestamp) select $1, 't', 'o', m
			from unnest('{2020-01-05, 2020-02-01, 2021-05-31, 2019-01-01}'::timestamptz[]) m`, account)
		db.Exec(t, `insert into events.outbox `+tenants[5].insert, account, "late")
	}

	made := 0
	for _, leaf := range leavesOf(t, db) {
		if strings.Contains(strings.Join(before, " ")+" ", leaf+" ") {
			continue
		}
		made++
		leafIsClosed(t, db, leaf)
		// The whole trial, with rows of both accounts in the leaf.
		if pgtest.Value[bool](t, db, "select exists (select from "+leaf+" where account_id = 'A2')") {
			faults, err := isolationFaults(t.Context(), db.Connect(t, db.AdminURL), leaf, "select 1")
			if err != nil || len(faults) > 0 {
				t.Errorf("%s: %v, %v", leaf, faults, err)
			}
		}
	}
	if made < 5 {
		t.Errorf("only %d leaves were made", made)
	}
}

func TestPitfall13Truncate(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	for _, url := range []string{db.Config.URL, db.Config.ServiceURL, db.Config.ReadOnlyURL, db.Config.ReporterURL} {
		conn := login(t, db, url, "A1")
		for _, relation := range tenantRelations(t, db) {
			wantState(t, conn, "42501", "truncate "+relation)
			wantState(t, conn, "42501", "truncate "+relation+" cascade")
		}
	}
}

// PostgreSQL refuses COPY FROM into a table with row-level security, so CopyIn copies into a temporary table and
// inserts from there. A row of another account makes the whole batch fail.
func TestPitfall14CopyFrom(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	makeAccount(t, db.DB, "A2")
	conn := login(t, db, db.Config.URL, "A1")
	rows := [][]any{{"A1", "O-1", "KO", "buy"}, {"A2", "O-1", "KO", "buy"}}
	columns := []string{"account_id", "order_id", "symbol", "side"}
	_, err := conn.CopyFrom(t.Context(), pgx.Identifier{"execution", "orders"}, columns, pgx.CopyFromRows(rows))
	if err == nil || !strings.Contains(err.Error(), "0A000") {
		t.Errorf("COPY FROM into a tenant table: %v, want 0A000", err)
	}

	ctx := as(t, "A1")
	copyIn := func(orders ...blotter.Order) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := postgres.Orders.CopyIn(ctx, tx, orders)
			return err
		})
	}

	wantKind(t, "a batch with a foreign row",
		copyIn(newOrder("A1", "O-1"), newOrder("A2", "O-2"), newOrder("A1", "O-3")), blotter.ErrPermission)
	if n := pgtest.Value[int](t, db, "select count(*) from execution.orders"); n != 0 {
		t.Errorf("it left %d orders", n)
	}
	if err := copyIn(newOrder("A1", "O-1"), newOrder("A1", "O-3")); err != nil || countOrders(t, db.DB, "A1") != 2 {
		t.Errorf("a batch of own rows: %v", err)
	}
}

// COPY TO may write nothing of a partitioned table with row-level security, without an error. Exports therefore use
// COPY (SELECT), and compare the count.
func TestPitfall15CopyTo(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	conn := login(t, db, db.Config.ReadOnlyURL, "A1")
	for _, table := range []string{"shared.audit_log", "events.outbox", "execution.trades"} {
		var plain, selected bytes.Buffer
		tag, err := conn.PgConn().CopyTo(t.Context(), &plain, "copy "+table+" to stdout")
		if strings.Contains(plain.String(), "theirs") {
			t.Errorf("COPY %s TO writes another account's rows: %s", table, plain.String())
		}
		if err == nil && tag.RowsAffected() != 0 && table != "execution.trades" {
			t.Errorf("COPY %s TO writes %d rows: PostgreSQL has changed, exports may be simpler", table,
				tag.RowsAffected())
		}

		tag, err = conn.PgConn().CopyTo(t.Context(), &selected, "copy (select * from "+table+") to stdout")
		want := ask[int64](t, conn, "select count(*) from "+table)
		if err != nil || want == 0 || tag.RowsAffected() != want || strings.Contains(selected.String(), "theirs") {
			t.Errorf("COPY (SELECT) of %s writes %d rows, want %d: %v %s", table, tag.RowsAffected(), want, err,
				selected.String())
		}
	}
}

// No SQL of the library copies a tenant table.
func TestNoQueryCopiesATenantTable(t *testing.T) {
	t.Parallel()
	for name, sql := range sqlConstants(t) {
		for _, tenant := range tenants {
			if strings.Contains(strings.ToLower(sql), "copy "+tenant.table) {
				t.Error(fmt.Sprintf("%s copies %s: ", name, tenant.table), sql)
			}
		}
	}
}
