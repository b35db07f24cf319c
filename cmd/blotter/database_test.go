package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

// The life of a database that up leaves running, and the ways in which its TCP port refuses.
func TestUpAndDown(t *testing.T) {
	t.Parallel()
	d, port := newDesk(t), freePort(t)
	if r := d.run(t, "status"); r.status != 1 || r.err != "" || !strings.HasPrefix(r.out, "not running\n") {
		t.Errorf("status before up: %+v", r)
	}
	up := d.ok(t, "up", "--port", port)
	t.Cleanup(func() { d.run(t, "down", "--force") })
	contains(t, up, "running   PostgreSQL", d.dataDir(), "127.0.0.1:"+port, "passwords.json")
	var state struct {
		Running bool
		PID     int
	}
	if err := json.Unmarshal([]byte(d.ok(t, "status", "--json")), &state); err != nil ||
		!state.Running || state.PID == 0 {
		t.Errorf("%+v, %v", state, err)
	}
	contains(t, d.ok(t, "up"), fmt.Sprintf("process %d", state.PID))
	d.fails(t, 1, []string{"up", "--port", freePort(t)}, "is already running", "blotter down")
	d.write(t, "KO.csv", goodBars)
	contains(t, d.ok(t, "import", "KO.csv"), "KO.csv  KO         3         3")
	contains(t, d.ok(t, "psql", "--", "-Atc", "select count(*) from data_ingestion.market_data"), "3\n")
	contains(t, d.ok(t, "psql", "--account", "A 1", "--", "-Atc",
		"select current_user, current_setting('app.current_account_id')"), "trading_app|A 1\n")
	contains(t, d.ok(t, "psql", "--as", "readonly", "--", "-Atc", "select current_user"), "trading_readonly\n")
	if r := d.run(t, "psql", "--", "-c", "select nonsense"); r.status != 1 {
		t.Errorf("psql's exit status 1 became %d", r.status)
	}

	var passwords map[string]string
	text, err := os.ReadFile(filepath.Join(d.dataDir(), "passwords.json"))
	if err == nil {
		err = json.Unmarshal(text, &passwords)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := func(password, database string) string {
		u := url.URL{
			Scheme: "postgres", User: url.UserPassword("blotter_service", password),
			Host: "127.0.0.1:" + port, Path: database,
		}
		return "--url=" + u.String()
	}
	d.fails(t, 1, []string{"bars", "show", "KO", at("wrong", "blotter")}, "password authentication failed",
		"check user and password in the URL")
	missing := d.fails(t, 1, []string{"bars", "show", "KO", at(passwords["blotter_service"], "trading")},
		`"trading" does not exist`, "createdb")
	if strings.Contains(missing.err, passwords["blotter_service"]) {
		t.Error("the password is in the message")
	}
	other := newDesk(t)
	other.fails(t, 1, []string{"up", "--port", port}, "port "+port+" is in use by another program",
		"choose another --port")
	if got := d.ok(t, "down"); got != "stopped\n" {
		t.Errorf("down: %q", got)
	}
	if got := d.ok(t, "down"); got != "not running\n" {
		t.Errorf("down again: %q", got)
	}
	noProcesses(t, d)
	contains(t, d.ok(t, "bars", "show", "KO"), "2019-01-04")
}

func TestNoServer(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	nowhere := "--url=postgres://me:secret@127.0.0.1:" + freePort(t) + "/trading"
	d.write(t, "KO.csv", goodBars)
	for _, command := range []string{
		"import KO.csv", "bars show KO", "demo KO.csv --yes", "migrate up",
		"migrate status", "migrate verify", "migrate down --to 0 --yes", "partitions list", "partitions apply",
	} {
		r := d.fails(t, 1, append(strings.Fields(command), nowhere), "no PostgreSQL server answers there",
			"start it or correct the URL")
		if strings.Contains(r.err, "secret") || r.out != "" {
			t.Errorf("%s: %q %q", command, r.out, r.err)
		}
	}

	for _, flag := range []string{"--url", "--readonly-url", "--service-url", "--reporter-url"} {
		for _, bad := range []string{"postgres://%zz", "mysql://me:secret@localhost/x"} {
			if r := d.fails(t, 2, []string{"bars", "show", "KO", flag, bad}, "invalid "+flag+
				": want postgres://"); strings.Contains(r.err, "secret") {
				t.Errorf("the password is in %q", r.err)
			}
		}
	}

	db := pgtest.Open(t)
	args := []string{"import", "KO.csv", "--url=" + db.Config.URL, "--service-url" +
		strings.TrimPrefix(nowhere, "--url")}
	d.fails(t, 1, args, "no PostgreSQL server answers there")
}

func TestSchemaVersion(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "KO.csv", goodBars)
	owner := "--url=" + db.OwnerURL
	contains(t, d.ok(t, "migrate", "status", owner), "version  applied", "data_ingestion")
	contains(t, d.ok(t, "migrate", "verify", owner), "the schema is as the migrations made it")
	if got := d.ok(t, "migrate", "verify", owner, "--json"); got != "[]\n" {
		t.Errorf("verify --json: %q", got)
	}
	if got := d.ok(t, "migrate", "up", owner); got != "nothing to do\n" {
		t.Errorf("migrate up: %q", got)
	}

	contains(t, d.ok(t, "migrate", "down", "--to", "5", "--yes", owner), "undone 8\nundone 7\nundone 6\n")
	if r := d.run(t, "migrate", "status", owner); r.status != 1 || !strings.Contains(r.out, "pending") {
		t.Errorf("status with pending migrations: %+v", r)
	}
	if r := d.run(t, "migrate", "verify", owner); r.status != 1 {
		t.Errorf("verify of an old schema: %+v", r)
	}

	d.fails(t, 1, append(urls(db), "import", "KO.csv"), "schema is version 5 and this blotter needs",
		"run blotter migrate up")
	var migrated struct{ Applied []int64 }
	if err := json.Unmarshal([]byte(d.ok(t, "migrate", "up", "--json", owner)), &migrated); err != nil ||
		len(migrated.Applied) < 2 {
		t.Errorf("%+v, %v", migrated, err)
	}

	d.ok(t, append(urls(db), "import", "KO.csv")...)
	db.Exec(t, "insert into shared.schema_version (version_id, is_applied) values (9999, true)")
	d.fails(t, 1, append(urls(db), "import", "KO.csv"), "schema is version 9999 and this blotter knows only",
		"install a newer blotter")
	db.Exec(t, "delete from shared.schema_version where version_id = 9999")
	d.ok(t, "migrate", "down", "--to", "0", "--yes", owner)
	d.fails(t, 1, append(urls(db), "bars", "show", "KO"), "holds no blotter schema", "run blotter migrate up")
	var list []struct {
		Version int64
		Name    string
	}
	if r := d.run(t, "migrate", "status", "--json", owner); json.Unmarshal([]byte(r.out), &list) != nil ||
		len(list) < 8 || list[0].Version != 1 {
		t.Errorf("%+v", r)
	}
}

// A data folder that cannot be is one sentence, and nothing is made of it.
func TestDataFolderCannotBe(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	file := d.write(t, "KO.csv", goodBars)
	for dir, want := range map[string]string{
		file: "a file is in its way", "/dev/full": "a file is in its way", "/proc/blotter": "choose another --data-dir",
		d.dir: "holds other files",
	} {
		d.fails(t, 1, []string{"import", file, "--data-dir", dir}, dir, want, "--data-dir")
		d.fails(t, 1, []string{"up", "--data-dir", dir}, dir, want)
	}
}
