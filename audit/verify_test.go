package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
)

// An entry that is inserted before the sealer comes, with a time of long ago or to come, shows by its transaction.
func TestTimesThatCannotBe(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `select shared.ensure_partitions('audit_log', now() - interval '2 months', now())`)
	change(t, db, 3)
	sealAll(t, db, 0)
	db.Exec(t, `insert into shared.audit_log (table_name, operation, timestamp)
		values ('execution.orders', 'DELETE', now() - interval '1 hour')`)
	db.Exec(t, `insert into shared.audit_log (table_name, operation, timestamp)
		values ('execution.orders', 'DELETE', now() + interval '1 hour')`)
	change(t, db, 1)
	sealAll(t, db, 0)
	r, err := audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil || len(r.Breaks) != 2 || r.Breaks[0].Kind != audit.Backdated || r.Breaks[1].Kind != audit.Postdated ||
		r.Breaks[0].Number != 4 || r.Breaks[1].Number != 5 {
		t.Errorf("%+v, %v", r.Breaks, err)
	}
}

// A seal verifies in every time zone and with every style of writing dates, by whichever client.
func TestVerifyElsewhere(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	change(t, db, 5)
	sealAll(t, db, 2)
	for _, zone := range []string{"Asia/Kolkata", "America/St_Johns", "UTC"} {
		conn := db.Connect(t, db.AdminURL)
		if _, err := conn.Exec(t.Context(), `set datestyle = 'German, DMY'; set extra_float_digits = -3;
			set timezone = '`+zone+`'`); err != nil {
			t.Fatal(err)
		}
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r := verifyIn(t, tx); r.Broken() || r.Entries != 5 {
			t.Errorf("in %s: %+v", zone, r)
		}
	}
}

// Oldest partitions that are retired are counted, not told as removed; any other that goes is.
func TestRetiredPartitions(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `select shared.ensure_partitions('audit_log', now() - interval '2 years', now() - interval '1 year')`)
	for _, years := range []string{"2", "1", "1"} {
		db.Exec(t, `insert into shared.audit_log (table_name, operation, timestamp)
			values ('execution.orders', 'DELETE', now() - interval '`+years+` years')`)
	}

	change(t, db, 2)
	sealAll(t, db, 0)
	if r := intact(t, db); r.Entries != 5 || r.Retired != 0 {
		t.Fatalf("%+v", r)
	}

	leaf := func(years string) string {
		return pgtest.Value[string](t, db, `select leaf::text from shared.partitions
			where table_name = 'shared.audit_log'::regclass
			and lower::timestamptz <= now() - $1::interval
			and upper::timestamptz > now() - $1::interval`, years+" years")
	}
	db.Exec(t, `drop table `+leaf("2"))
	if r := intact(t, db); r.Entries != 4 || r.Retired != 1 || r.RetiredBefore.IsZero() {
		t.Errorf("the oldest is retired: %+v", r)
	}

	db.Exec(t, `delete from `+leaf("1"))
	r, err := audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil || len(r.Breaks) != 2 || r.Breaks[0].Kind != audit.Removed || r.Retired != 1 {
		t.Errorf("another is emptied: %+v, %v", r, err)
	}
}

// The list of what is broken is bounded, the count is not.
func TestManyBreaks(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	change(t, db, 1)
	db.Exec(t, `insert into shared.audit_log (table_name, operation) select 't', 'o' from generate_series(1, 3000)`)
	sealAll(t, db, 0)
	intact(t, db)
	db.Exec(t, `update shared.audit_log set operation = 'x' where id % 2 = 0`)
	db.Exec(t, `delete from shared.audit_log where id % 2 = 1`)
	r, err := audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil || len(r.Breaks) != 1000 || r.More != 2001 {
		t.Errorf("%d breaks and %d more, %v", len(r.Breaks), r.More, err)
	}
}

// Heads in a file distinguish a rebuilt or truncated chain from the exported one.
func TestHeads(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	if _, err := audit.LastHead(t.Context(), db.DB); !errors.Is(err, blotter.ErrNotFound) {
		t.Errorf("the head of nothing: %v", err)
	}

	path := filepath.Join(t.TempDir(), "heads")
	for range 2 {
		change(t, db, 2)
		sealAll(t, db, 0)
		head, err := audit.LastHead(t.Context(), db.DB)
		if err == nil {
			err = audit.WriteHead(path, head)
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}

	heads, err := audit.ReadHeads(path)
	if err != nil || len(heads) != 2 || heads[0].Number != 2 || heads[1].Number != 4 {
		t.Fatalf("%+v, %v", heads, err)
	}
	if r := intact(t, db, heads...); r.Heads != 2 || r.Head != heads[1] {
		t.Errorf("%+v", r)
	}

	// The whole chain is rebuilt over a changed log.
	db.Exec(t, `truncate shared.audit_seals, shared.audit_cursor; insert into shared.audit_cursor default values;
		update shared.audit_log set operation = 'x' where id = 1`)
	sealAll(t, db, 2)
	if r := intact(t, db); r.Entries != 4 {
		t.Errorf("without heads nothing shows: %+v", r)
	}

	r, err := audit.VerifyDatabase(t.Context(), db.DB, heads)
	if err != nil || len(r.Breaks) != 2 || r.Breaks[0].Kind != audit.HeadBroken ||
		r.Breaks[1].Kind != audit.HeadBroken {
		t.Errorf("%+v, %v", r, err)
	}

	for name, text := range map[string]string{"empty": "", "other": "hello\n", "short": `{"seal": 1, "head": "00"}`} {
		bad := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.ReadHeads(bad); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}

	if _, err := audit.ReadHeads(path + ".none"); err == nil || !strings.Contains(err.Error(), "heads.none") {
		t.Errorf("a file that is not there: %v", err)
	}
}
