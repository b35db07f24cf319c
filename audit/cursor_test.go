package audit_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// broken verifies and returns the report, of which the kinds of breaks are as wanted.
func broken(t *testing.T, db *pgtest.Database, heads []audit.Head, want ...audit.Kind) audit.Report {
	t.Helper()
	r, err := audit.VerifyDatabase(t.Context(), db.DB, heads)
	if err != nil {
		t.Fatal(err)
	}
	ok := len(r.Breaks) == len(want)
	for i := range want {
		ok = ok && r.Breaks[i].Kind == want[i]
	}
	if !ok {
		t.Errorf("want %v, found %v", want, r.Breaks)
	}
	return r
}

func repair(t *testing.T, db *pgtest.Database) (seal, number int64, err error) {
	t.Helper()
	conn := db.Connect(t, db.AdminURL)
	if _, err := conn.Exec(t.Context(), `set role trading_owner`); err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		seal, number, err = audit.RepairCursor(t.Context(), tx)
		return err
	})
	return seal, number, err
}

// Without its cursor the sealer says what to do, verify names it and compares all the rest. Put back, sealing goes on
// where it was, once each; the log holds who did it, and what was inserted meanwhile is still named.
func TestCursorIsGone(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	for range 3 {
		change(t, db, 2)
		sealAll(t, db, 0)
	}

	head, err := audit.LastHead(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}

	change(t, db, 2)
	if _, _, err := repair(t, db); !errors.Is(err, blotter.ErrConflict) {
		t.Errorf("a cursor that is there: %v", err)
	}

	db.Exec(t, `delete from shared.audit_cursor`)
	if _, err := audit.Seal(t.Context(), db.DB, 0); !errors.Is(err, blotter.ErrConflict) ||
		!strings.Contains(err.Error(), "repair-cursor") {
		t.Errorf("sealing without it: %v", err)
	}
	if r := broken(t, db, []audit.Head{head}, audit.Cursor); r.Entries != 6 || r.Pending != 2 || r.Heads != 1 ||
		!strings.Contains(r.Breaks[0].Message, "is gone") {
		t.Errorf("without it: %+v", r)
	}

	db.Exec(t, `insert into shared.audit_log (table_name, operation, xid) select 't', 'forged', xid
		from shared.audit_log where id = 1`)
	broken(t, db, nil, audit.Cursor, audit.Inserted)
	if seal, number, err := repair(t, db); seal != 3 || number != 6 || err != nil {
		t.Errorf("put back at seal %d, entry %d, %v", seal, number, err)
	}
	if r := broken(t, db, nil, audit.Inserted); r.Pending != 3 {
		t.Errorf("before the sealer comes: %+v", r)
	}
	if n := sealAll(t, db, 2); n != 3 {
		t.Errorf("%d sealed, want 3", n)
	}

	change(t, db, 1)
	sealAll(t, db, 0)
	broken(t, db, []audit.Head{head}, audit.Inserted)
	if n := pgtest.Value[int](t, db, `select count(*) from shared.audit_log where table_name = 'shared.audit_cursor'
		and operation = 'REPAIR' and key = '{"seal": 3, "number": 6}' and role = 'trading_owner'`); n != 1 {
		t.Errorf("%d entries of the repair", n)
	}
}

// A cursor can be put back where nothing, or one seal alone, is left; the heads that were exported still tell.
func TestCursorIsGoneWithSeals(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 3)
	sealAll(t, db, 2)
	db.Exec(t, `delete from shared.audit_cursor`)
	if seal, _, err := repair(t, db); seal != 2 || err != nil {
		t.Fatal(seal, err)
	}

	intact(t, db)
	if n := sealAll(t, db, 0); n != 1 {
		t.Errorf("%d sealed, want the repair", n)
	}

	intact(t, db)
	head, err := audit.LastHead(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}

	db.Exec(t, `truncate shared.audit_log, shared.audit_seals, shared.audit_cursor`)
	broken(t, db, []audit.Head{head, head}, audit.HeadBroken, audit.Cursor)
	if seal, number, err := repair(t, db); seal != 0 || number != 0 || err != nil {
		t.Fatal(seal, number, err)
	}

	change(t, db, 1)
	if n := sealAll(t, db, 0); n != 2 {
		t.Errorf("%d sealed, want 2", n)
	}

	broken(t, db, []audit.Head{head}, audit.HeadBroken)
}

// An entry that is not sealed yet and cannot be as new as its transaction was inserted, by its time or by its id. One
// of a transaction that began before the last seal and ends after it may have a low id.
func TestInsertedBeforeWhatIsSealed(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	late, err := db.Connect(t, db.AdminURL).Begin(t.Context())
	if err == nil {
		_, err = late.Exec(t.Context(), `insert into execution.accounts (account_id) values ('late')`)
	}
	if err != nil {
		t.Fatal(err)
	}

	change(t, db, 5)
	sealAll(t, db, 0)
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	change(t, db, 1)
	if r := intact(t, db); r.Pending != 2 {
		t.Errorf("%+v", r)
	}

	db.Exec(t, `select shared.ensure_partitions('audit_log', now() - interval '2 months', now())`)
	db.Exec(t, `insert into shared.audit_log (id, table_name, operation, timestamp) overriding system value
		values (-1, 't', 'o', now() - interval '1 hour')`)
	if r := broken(t, db, nil, audit.Inserted); r.Pending != 2 || r.Breaks[0].ID != -1 {
		t.Errorf("by its time: %+v", r)
	}

	db.Exec(t, `delete from shared.audit_log where id = -1`)

	// As if the last seal had been made two minutes before the sealer looked last: the id of an entry of now is too
	// low.
	db.Exec(t, `update shared.audit_cursor set done_at = now() + interval '2 minutes'`)
	db.Exec(t, `insert into shared.audit_log (id, table_name, operation, timestamp) overriding system value
		values (-1, 't', 'o', now() + interval '3 minutes')`)
	db.Exec(t, `update shared.audit_log set timestamp = now() + interval '3 minutes' where id > 6`)
	if r := broken(t, db, nil, audit.Inserted); r.Pending != 2 || r.Breaks[0].ID != -1 {
		t.Errorf("by its id: %+v", r)
	}
}

// Neighbours that were tampered with in the same way are one run, of entries and of seals, whatever their number.
func TestRuns(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into shared.audit_log (table_name, operation) select 't', 'o' from generate_series(1, 12000)`)
	sealAll(t, db, 5000)
	db.Exec(t, `update shared.audit_log set operation = 'x' where id between 5 and 6;
		delete from shared.audit_log where id > 10`)
	r, err := audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil {
		t.Fatal(err)
	}

	var lines []string
	for _, run := range r.Runs {
		lines = append(lines, run.String())
	}
	if got := strings.Join(lines, "; "); got != "entries 11 to 10010 of seals 1 to 3 are removed; entries 5 to 6 of "+
		"seal 1 are changed; entries 10011 to 12000 of seal 3 are removed" || r.MoreRuns != 0 ||
		len(r.Breaks) != 1000 || r.More != 10992 {
		t.Errorf("%s; %d more", got, r.MoreRuns)
	}

	db.Exec(t, `truncate shared.audit_seals`)
	r, err = audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil || len(r.Runs) != 2 || !strings.HasPrefix(r.Runs[1].String(),
		"entries of ids 1 to 10 are in no seal") {
		t.Errorf("%v, %v", r.Runs, err)
	}
}

// A head is added to a file of heads alone, and only if the last one in it lies on the chain.
func TestExportHead(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	path := t.TempDir() + "/heads"
	for range 2 {
		change(t, db, 1)
		sealAll(t, db, 0)
		if _, err := audit.ExportHead(t.Context(), db.DB, path); err != nil {
			t.Fatal(err)
		}
	}

	heads, err := audit.ReadHeads(path)
	if err != nil || len(heads) != 2 {
		t.Fatal(heads, err)
	}
	if r := intact(t, db, heads[0], heads[1], heads[1]); r.Heads != 2 {
		t.Errorf("the same head twice is one: %d", r.Heads)
	}

	other := heads[1]
	other.Head, other.SealedAt = strings.Repeat("0", 64), time.Now()
	if err := audit.WriteHead(path, other); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.ExportHead(t.Context(), db.DB, path); !errors.Is(err, blotter.ErrConflict) ||
		!strings.Contains(err.Error(), "is not on the chain") {
		t.Errorf("a file of another chain: %v", err)
	}
	if heads, err := audit.ReadHeads(path); err != nil || len(heads) != 3 {
		t.Errorf("it was added to: %v, %v", heads, err)
	}

	for _, text := range []string{"hello\n", `{"seal": 1}`} {
		writeFile(t, path, text)
		if _, err := audit.ExportHead(t.Context(), db.DB, path); !errors.Is(err, blotter.ErrInvalid) ||
			readFile(t, path) != text {
			t.Errorf("%q: %v", text, err)
		}
	}

	writeFile(t, path, "")
	if _, err := audit.ExportHead(t.Context(), db.DB, path); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}
