package main_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// fillBook puts something into a database: orders, fills, an audit log half sealed.
func fillBook(t *testing.T, db *pgtest.Database) {
	t.Helper()
	for _, account := range []string{"ACC123", `odd "name'; é`} {
		ctx := blotter.WithUser(blotter.WithAccount(t.Context(), account), "ann")
		for _, id := range []string{"O-1", "O-2\nwith a line\\."} {
			order := blotter.Order{
				OrderID: id, Symbol: "AAPL", Side: blotter.Buy,
				Quantity: blotter.MustDecimal("10.50"),
			}
			if err := db.CreateOrder(ctx, &order); err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecuteTrade(ctx, blotter.Trade{
				TradeID: id, OrderID: id,
				Quantity: blotter.MustDecimal("1.50"), Price: blotter.MustDecimal("0.00001234"),
			}); err != nil {
				t.Fatal(err)
			}
		}
		if account == "ACC123" {
			if _, err := audit.Seal(t.Context(), db.DB, 2); err != nil {
				t.Fatal(err)
			}
		}
	}

	execAll(t, db, `update execution.orders set status = 'cancelled', version = version + 1 where order_id = 'O-1'`)
}

func execAll(t *testing.T, db *pgtest.Database, sql string) {
	t.Helper()
	ctx := blotter.WithAllAccounts(t.Context())
	if err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err }); err != nil {
		t.Fatal(err)
	}
}

// A backup, restored into another cluster that keeps another time: the same rows, the same schema, a book that follows
// from its trades, and an audit log that verifies and goes on.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	for _, setting := range []string{
		"quote_all_identifiers = on", "standard_conforming_strings = off",
		"bytea_output = escape",
	} {
		db.Exec(t, "alter database "+db.Name+" set "+setting) // of which the backup takes no notice
	}
	fillBook(t, db)
	file, heads := filepath.Join(d.dir, "book.dump"), filepath.Join(d.dir, "heads")
	head, err := audit.LastHead(t.Context(), db.DB)
	if err == nil {
		err = audit.WriteHead(heads, head)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "PGTZ=America/New_York")
	out := d.ok(t, "backup", file, "--url="+db.OwnerURL)
	narrow(t, "backup", out)
	contains(t, out, "dumped ", " tables and partitions, all counted", "book.dump")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("left beside it: %v", left)
	}
	d.fails(t, 1, []string{"backup", file, "--url=" + db.OwnerURL}, "is there already")

	d.env = append(d.env, "PGTZ=Asia/Kolkata")
	d.ok(t, "up") // migrated, and empty
	t.Cleanup(func() { d.run(t, "down", "--force") })
	out = d.ok(t, "restore", file)
	narrow(t, "restore", out)
	contains(t, out, "restored ", "all counted", "blotter events rebase", "blotter audit verify")
	d.fails(t, 1, []string{"restore", file}, "has rows", "empty database")

	contains(t, d.ok(t, "migrate", "verify"), "the schema is as the migrations made it")
	contains(t, d.ok(t, "verify"), "verified: 2 positions and 4 orders, from 4 trades")
	contains(t, d.ok(t, "audit", "verify", "--heads", heads), "verified: 3 entries",
		"compared with 1 exported head", "5 not sealed yet")
	contains(t, d.ok(t, "audit", "seal"), "sealed 5 entries")
	d.ok(t, "psql", "--", "-qc", `update execution.accounts set zone = 'Asia/Kolkata'`)
	contains(t, d.ok(t, "audit", "seal"), "sealed 2 entries")
	contains(t, d.ok(t, "audit", "verify", "--heads", heads), "verified: 10 entries")
	// And on to a third one, with all of it sealed.
	d.ok(t, "backup", file+".2")
	third := []string{"--data-dir", filepath.Join(d.dir, "third")}
	d.ok(t, append(third, "restore", file+".2")...)
	contains(t, d.ok(t, append(third, "audit", "seal")...), "sealed 0 entries")
	contains(t, d.ok(t, append(third, "audit", "verify", "--heads", heads)...), "verified: 10 entries")
	contains(t, d.ok(t, "psql", "--as", "owner", "--", "-Atc", `select defaclacl from pg_default_acl
		where defaclrole = 'trading_owner'::regrole and defaclobjtype = 'f'`), "trading_owner=X/trading_owner")
	if out := d.ok(t, "psql", "--as", "owner", "--", "-Atc", `select defaclacl from pg_default_acl
		where defaclobjtype = 'f'`); strings.Contains(out, "{=X") || strings.Contains(out, ",=X") {
		t.Errorf("new functions are callable by anybody: %s", out)
	}
}

// Beside writers, whose rows the dump has or has not, as the counts do; into another database of the same cluster,
// whose transaction ids go on; and as JSON.
func TestBackupBesideWriters(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	db := pgtest.Open(t)
	blank := pgtest.Blank(t)
	fillBook(t, db)
	file := filepath.Join(d.dir, "book.dump")
	done, writers := make(chan struct{}), sync.WaitGroup{}
	var written atomic.Int64
	writers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			execAll(t, db, `insert into execution.accounts (account_id) select gen_random_uuid()::text`)
			written.Add(1)
		}
	})
	until(t, "the writer is at it", func() bool { return written.Load() > 5 })
	var dumped, restored struct {
		Rows, Tables int64
		Due          []string
	}
	text := d.run(t, "backup", file, "--json", "--url="+db.OwnerURL)
	close(done)
	writers.Wait()
	if err := json.Unmarshal([]byte(text.out), &dumped); err != nil {
		t.Fatalf("%v: %+v", err, text)
	}
	if err := json.Unmarshal([]byte(d.ok(t, "restore", file, "--json", "--url="+blank.OwnerURL)),
		&restored); err != nil {
		t.Fatal(err)
	}
	if restored.Rows != dumped.Rows || restored.Tables != dumped.Tables || dumped.Rows < 30 || len(restored.Due) != 1 {
		t.Errorf("dumped %+v, restored %+v", dumped, restored)
	}

	other, err := postgres.Open(t.Context(), blank.Config)
	if err != nil {
		t.Fatal(err)
	}

	defer other.Close()
	if _, err := audit.Seal(t.Context(), other, 0); err != nil {
		t.Fatal(err)
	}

	logged := pgtest.Value[int64](t, blank, `select count(*) from shared.audit_log`)
	if r, err := audit.VerifyDatabase(t.Context(), other, nil); err != nil || r.Broken() || r.Entries != logged ||
		r.Pending != 0 || logged <= 8 {
		t.Errorf("%d entries: %+v, %v", logged, r, err)
	}
}

// A backup or a restore that cannot be whole says why, and leaves nothing behind.
func TestBackupsThatFail(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	db := pgtest.Open(t)
	blank := pgtest.Blank(t)
	fillBook(t, db)
	file := filepath.Join(d.dir, "book.dump")
	d.fails(t, 1, []string{"backup", file, "--url=" + blank.OwnerURL}, "has no blotter schema")
	d.fails(t, 1, []string{"backup", file, "--url=" + db.Config.URL}, "may not act as trading_owner")
	d.fails(t, 1, []string{"backup", file, "--url=" + db.OwnerURL, "--postgres", d.dir}, "has no pg_dump",
		"install PostgreSQL's client programs")
	d.fails(t, 1, []string{"restore", file, "--url=" + blank.OwnerURL}, "there is no file "+file, "check the path")
	d.fails(t, 1, []string{"restore", d.write(t, "no.dump", "hello"), "--url=" + blank.OwnerURL},
		"is not a file that blotter backup has written")
	d.ok(t, "backup", file, "--url="+db.OwnerURL)
	d.fails(t, 1, []string{"restore", file, "--url=" + db.OwnerURL}, "has rows")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d.fails(t, 1, []string{"restore", d.write(t, "cut.dump", string(text[:len(text)-len(text)/3])), "--url=" +
		blank.OwnerURL}, "is not a file that blotter backup has written")
	if pgtest.Value[bool](t, blank, "select to_regnamespace('execution') is not null") {
		t.Error("a restore that failed has left a schema")
	}

	// A policy that lets the owner see less: the dump would lack rows, and the counts would not show it.
	db.Exec(t, `create policy less on execution.trades as restrictive for
		select to trading_owner using (account_id = 'ACC123')`)
	d.fails(t, 1, []string{"backup", file + "2", "--url=" + db.OwnerURL},
		"row-level security hides rows of execution.trades")
	db.Exec(t, `drop policy less on execution.trades; drop policy blotter_roles on execution.orders`)
	d.fails(t, 1, []string{"backup", file + "2", "--url=" + db.OwnerURL},
		"row-level security hides rows of execution.orders")
	if left, _ := filepath.Glob(file + "2*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A dump with fewer rows than the database had is refused: pg_dump is replaced by one that leaves a table out.
func TestBackupCountsTheDump(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	fillBook(t, db)
	folder := filepath.Dir(pgtest.Value[string](t, db, `select setting || '/x' from pg_config() where name = 'BINDIR'`))
	d.write(t, "bin/pg_dump", "#!/bin/sh\nexec "+folder+"/pg_dump \"$@\" --exclude-table-data=execution.trades\n")
	d.write(t, "bin/pg_restore", "#!/bin/sh\nexec "+folder+"/pg_restore \"$@\"\n")
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if err := os.Chmod(filepath.Join(d.dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	file := filepath.Join(d.dir, "book.dump")
	d.fails(t, 1, []string{"backup", file, "--url=" + db.OwnerURL, "--postgres", filepath.Join(d.dir, "bin")},
		"execution.trades has 4 rows in the original and 0 in the copy")
	if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The password is in the environment of pg_dump, never on its command line, whatever form the URL has.
func TestPasswordIsNotOnTheCommandLine(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "bin/pg_dump",
		"#!/bin/sh\ncase \"$*\" in --version) echo 'pg_dump (PostgreSQL) 99.0';; *) echo \"$PGPASSWORD $*\" >>"+
			filepath.Join(d.dir, "seen")+"; exit 1;; esac\n")
	d.write(t, "bin/pg_restore", "#!/bin/sh\necho 'pg_restore (PostgreSQL) 99.0'\n")
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if err := os.Chmod(filepath.Join(d.dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	u, err := url.Parse(db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}

	host, port := u.Query().Get("host"), u.Query().Get("port")
	if host == "" {
		host, port = u.Hostname(), u.Port()
	}

	u.User = url.UserPassword(u.User.Username(), "se cret'1")
	q := u.Query()
	q.Set("default_query_exec_mode", "exec") // pgx knows it, pg_dump does not
	u.RawQuery = q.Encode()
	words := "host=" + host + " port=" + port + " dbname=" + db.Name + " user=" + u.User.Username() +
		` password = 'se cret\'1' default_query_exec_mode=exec`
	for i, text := range []string{u.String(), words} {
		d.fails(t, 1, []string{
			"backup", filepath.Join(d.dir, "x"), "--url=" + text, "--postgres",
			filepath.Join(d.dir, "bin"),
		}, "pg_dump failed")
		seen, err := os.ReadFile(filepath.Join(d.dir, "seen"))
		lines := strings.Split(strings.TrimSpace(string(seen)), "\n")
		if err != nil || len(lines) != i+1 || !strings.HasPrefix(lines[i], "se cret'1 --dbname=") ||
			strings.Contains(lines[i][9:], "cret") || strings.Contains(lines[i], "exec_mode") ||
			!strings.Contains(lines[i], db.Name) {
			t.Errorf("%s\n%v", seen, err)
		}
	}
}
