//go:build unix

package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

const otherUser = 65534

// A file that happens to be in the working folder runs no program.
func TestFolderFileRunsNoProgram(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	d.unset("BLOTTER_POSTGRES")
	for _, program := range []string{"postgres", "initdb", "psql", "pg_dump", "pg_restore"} {
		path := d.write(t, "pgbin/"+program, "#!/bin/sh\ntouch "+filepath.Join(d.dir, "ran")+"\nexit 1\n")
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	d.write(t, "blotter.toml", "postgres = \"./pgbin\"\n")
	ran := func() bool {
		_, err := os.Stat(filepath.Join(d.dir, "ran"))
		return err == nil
	}
	for _, line := range []string{
		"up --port 70000", // fails once the programs are found
		"psql --url postgres://u@127.0.0.1:1/d -- -c 1", "config show",
	} {
		r := d.run(t, strings.Fields(line)...)
		if ran() {
			t.Fatalf("%s ran a program of the folder: %+v", line, r)
		}
		if !strings.HasPrefix(line, "config") {
			contains(t, r.err, "blotter: blotter.toml: ignored postgres: the file is not trusted; read it, then run "+
				"\"blotter config trust\"")
		}
	}

	d.ok(t, "config", "trust")
	d.run(t, "psql", "--url", "postgres://u@127.0.0.1:1/d", "--", "-c", "1")
	if !ran() {
		t.Error("a trusted file did not set postgres")
	}
}

// A file that happens to be in the working folder does not choose the database, and none is guessed in its place.
func TestFolderFileChoosesNoDatabase(t *testing.T) {
	t.Parallel()
	for text, name := range map[string]string{
		"url = \"postgres://evil@127.0.0.1:1/d\"\n":                  "url",
		"json = true\nservice-url = \"postgres://e@127.0.0.1:1/\"\n": "service-url",
		"data-dir = \"data\"\n":                                      "data-dir",
		"[verify]\nurl = \"postgres://evil@127.0.0.1:1/d\"\n":        "url",
		"verify = {url = \"postgres://evil@127.0.0.1:1/d\"}\n":       "url",
	} {
		d := newDesk(t)
		d.write(t, "blotter.toml", text)
		d.write(t, "config/blotter/blotter.toml", "url = \"postgres://mine@127.0.0.1:1/mine\"\n")
		line := strings.Count(text, "\n")
		d.fails(t, 1, []string{"verify"}, fmt.Sprintf(
			"blotter.toml line %d sets %s, which chooses the database, and the file is not trusted", line, name),
			`run "blotter config trust" or name it with --config blotter.toml, or pass --url`)
		if entries, _ := os.ReadDir(d.dataDir()); len(entries) > 0 {
			t.Errorf("%q: a data folder was made", text)
		}

		// Where the user says which one, the file is passed over.
		mine := "postgres://mine@127.0.0.1:1/mine?connect_timeout=1"
		r := d.run(t, "verify", "--url", mine)
		contains(t, r.err, "127.0.0.1:1")
		if strings.HasPrefix(r.err, "blotter: blotter.toml: ignored ") != (name != "url") {
			t.Errorf("%q: %s", text, r.err)
		}
		if strings.Contains(r.err, "evil") {
			t.Errorf("%q: %s", text, r.err)
		}
		d.env = append(d.env, "BLOTTER_URL="+mine)
		contains(t, d.run(t, "verify").err, "127.0.0.1:1")
	}

	d := newDesk(t)
	d.write(t, "blotter.toml", "[analytics]\nanalytics-url = \"postgres://evil@127.0.0.1:1/d\"\n")
	d.fails(t, 1, []string{"analytics", "rebuild", "--url", "postgres://mine@127.0.0.1:1/mine"}, "sets analytics-url",
		"or pass --analytics-url")
}

// Trust is in a path and a content: neither another file nor a changed one is trusted, and it can be taken back.
func TestTrust(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	text := "url = \"postgres://me@127.0.0.1:1/trusted\"\n"
	d.write(t, "a/blotter.toml", text)
	d.write(t, "b/blotter.toml", text)
	at := func(folder string) *desk {
		return &desk{dir: filepath.Join(d.dir, folder), env: d.env}
	}
	used := func(folder string) {
		t.Helper()
		if r := at(folder).run(t, "verify"); !strings.Contains(r.err, "127.0.0.1:1") ||
			strings.Contains(r.err, "trust") && !strings.Contains(r.err, "trusted") {
			t.Errorf("%s is not used: %+v", folder, r)
		}
	}
	refused := func(folder, why string) {
		t.Helper()
		at(folder).fails(t, 1, []string{"verify"}, "sets url", why)
	}

	refused("a", "the file is not trusted")
	contains(t, at("a").ok(t, "config", "trust"), "trusted blotter.toml as it is now\n")
	used("a")
	refused("b", "the file is not trusted")

	d.write(t, "a/blotter.toml", text+"json = true\n")
	refused("a", "the file has changed since it was trusted")
	d.write(t, "a/blotter.toml", text)
	used("a")
	contains(t, d.ok(t, "config", "trust", "b"), "trusted b/blotter.toml")
	used("b")

	contains(t, d.ok(t, "config", "untrust", "a/blotter.toml"), "no longer trusted: a/blotter.toml")
	refused("a", "the file is not trusted")
	contains(t, d.ok(t, "config", "untrust", "a"), "a/blotter.toml was not trusted")
	if err := os.RemoveAll(filepath.Join(d.dir, "b")); err != nil {
		t.Fatal(err)
	}
	contains(t, d.ok(t, "config", "untrust", "b"), "no longer trusted: b/blotter.toml")

	d.ok(t, "config", "trust", "a")
	entries, err := filepath.Glob(filepath.Join(d.dir, "config", "blotter", "trusted", "*"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	for path, want := range map[string]os.FileMode{entries[0]: 0o600, filepath.Dir(entries[0]): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if err := os.Chmod(entries[0], 0o666); err != nil {
		t.Fatal(err)
	}
	at("a").fails(t, 1, []string{"status"}, "others can change which files blotter trusts", "chmod go-w ")

	d.write(t, "a/other.toml", text)
	d.fails(t, 2, []string{"config", "trust", "a/other.toml"}, "name a/other.toml with --config instead")
	d.fails(t, 2, []string{"config", "trust", "nowhere"}, "only blotter.toml", "nowhere")
	d.write(t, "bad/blotter.toml", "urll = \"x\"\n")
	d.fails(t, 1, []string{"config", "trust", "bad"}, `there is no setting "urll"`)
}

// A file that others can write is not used, whoever vouches for it, and the message has the command that ends it.
func TestOpenFilesAreRefused(t *testing.T) {
	t.Parallel()
	const text = "url = \"postgres://evil@127.0.0.1:1/d\"\n"
	for name, change := range map[string]struct {
		of, want string
		mode     os.FileMode
		owner    int
	}{
		"everybody's file":   {"blotter.toml", "chmod go-w ", 0o666, -1},
		"group's file":       {"blotter.toml", "chmod go-w ", 0o664, -1},
		"everybody's folder": {".", "chmod go-w ", 0o777, -1},
		"other's file":       {"blotter.toml", "chown root ", 0o644, otherUser},
		"other's folder":     {".", "chown root ", 0o755, otherUser},
	} {
		if change.owner >= 0 && os.Getuid() != 0 {
			continue // only root can give a file away
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			work := &desk{dir: filepath.Join(d.dir, "work"), env: d.env}
			work.write(t, "blotter.toml", text)
			open := func() {
				t.Helper()
				path := filepath.Join(work.dir, change.of)
				if err := os.Chmod(path, change.mode); err != nil {
					t.Fatal(err)
				}
				if change.owner < 0 {
					return
				}
				if err := os.Chown(path, change.owner, change.owner); err != nil {
					t.Fatal(err)
				}
			}
			work.ok(t, "config", "trust")
			open()
			work.fails(t, 1, []string{"verify"}, "others can change blotter.toml", change.want)
			work.fails(t, 1, []string{"verify", "--config", "blotter.toml"},
				"others can change blotter.toml", change.want)
			work.fails(t, 1, []string{"config", "trust"}, "others can change blotter.toml", change.want)
			work.ok(t, "config", "untrust")
			work.fails(t, 1, []string{"verify"}, "sets url", "others can change it", change.want)

			// Not even what is harmless is taken from it.
			work.write(t, "blotter.toml", "json = true\n")
			open()
			r := work.run(t, "status")
			contains(t, r.err, "blotter: blotter.toml: ignored json: others can change it", change.want)
			if strings.Contains(r.out, "{") {
				t.Errorf("%+v", r)
			}
		})
	}
}

// The user's own file is chosen by the user, unless others can write it.
func TestUsersFileIsTrusted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	path := d.write(t, "config/blotter/blotter.toml", "url = \"postgres://mine@127.0.0.1:1/mine\"\n")
	contains(t, d.run(t, "verify").err, "127.0.0.1:1")
	inside := &desk{dir: filepath.Dir(path), env: d.env} // where it is the file of the working folder too
	contains(t, inside.run(t, "verify").err, "127.0.0.1:1")
	if err := os.Chmod(path, 0o622); err != nil {
		t.Fatal(err)
	}
	d.fails(t, 1, []string{"verify"}, "others can change "+path, "chmod go-w "+path)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}

	// A link is followed where nobody else can turn it.
	real := filepath.Join(d.dir, "dotfiles.toml")
	if err := os.Rename(path, real); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, path); err != nil {
		t.Fatal(err)
	}
	contains(t, d.run(t, "verify").err, "127.0.0.1:1")
	if err := os.Chmod(real, 0o666); err != nil {
		t.Fatal(err)
	}
	d.fails(t, 1, []string{"verify"}, "others can change "+path, "chmod go-w "+real)
}

// In the working folder a link, a pipe and a folder are not read: a pipe would never end.
func TestFolderFileIsAFile(t *testing.T) {
	t.Parallel()

	for name, make := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o755) },
		"socket": func(path string) error {
			listener, err := net.Listen("unix", path)
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = listener.Close() })
			return nil
		},
	} {
		d := newDesk(t)
		if err := make(filepath.Join(d.dir, "blotter.toml")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d.fails(t, 1, []string{"status"}, "blotter.toml of this folder is not a regular file", "--config")
	}
}

// Settings that a folder's file may change come before the user's file, and the rest of the user's file counts on.
func TestFilesAreMerged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(t, "config/blotter/blotter.toml",
		"json = true\naccount = \"MINE\"\n[bars.show]\nfrom = \"mine\"\nto = \"mine\"\n")
	d.write(t, "blotter.toml", "all-accounts = true\n[bars]\nfrom = \"folder\"\n")
	contains(t, d.run(t, "status").out, `"running": false`)
	d.fails(t, 2, []string{"bars", "show", "A"}, `--from "folder"`)
	d.fails(t, 2, []string{"bars", "show", "A", "--from", "2024-01-01"}, `--to "mine"`)

	var list string
	for line := range strings.Lines(d.ok(t, "config", "show", "bars", "show", "--json=false")) {
		list += strings.Join(strings.Fields(line), " ") + "\n"
	}
	contains(t, list, "all-accounts true file blotter.toml:1")
}

// Checks stay on, and files are written where the user says, whatever the folder's file wants.
func TestFolderFileLoosensNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(t, "fills.csv", fills)
	d.write(t, "blotter.toml", "tz = \"Nowhere/Zone\"\n[trades.import]\ncreate-account = true\nsimulated = true\n")
	r := d.run(t, "trades", "import", "fills.csv", "--account", "ACC", "--dry-run")
	contains(t, r.err, "blotter: blotter.toml: ignored create-account, simulated: the file is not trusted",
		"Nowhere/Zone")

	d.write(t, "blotter.toml", "[bars.export]\nout = \"written\"\n[migrate.down]\nyes = true\nto = 0\n")
	contains(t, d.run(t, "bars", "export", "A", "--from", "wrong").err, "ignored out: ", `--from "wrong"`)
	contains(t, d.run(t, "migrate", "down", "--url", "postgres://u@127.0.0.1:1/d").err, "ignored to, yes: ",
		"say --to VERSION and --yes")
}

func TestConfigShow(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	d.write(t, "config/blotter/blotter.toml",
		"\nurl = \"postgres://me:"+password+"@db.example/d?sslpassword="+password+"\"\n[trades.import]\ntz = \"UTC\"\n")
	d.write(t, "blotter.toml", "data-dir = \"x\"\n[serve]\nredis = \"redis://:"+password+"@h\"\n")
	for _, name := range []string{"config/blotter/blotter.toml", "blotter.toml"} {
		if err := os.Chmod(filepath.Join(d.dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	d.env = append(d.env, "BLOTTER_ACCOUNT=ACC1", "BLOTTER_SERVICE_URL=host=h password='"+password+"' user=u")
	out := d.ok(t, "config", "show", "--json")
	if strings.Contains(out, "S3cr3t") {
		t.Fatalf("a password is shown: %s", out)
	}

	user := filepath.Join(d.dir, "config/blotter/blotter.toml")
	for _, want := range []string{
		`"setting": "url", "value": "postgres://me:xxxxx@db.example/d?sslpassword=xxxxx", "origin": "file ` + user +
			`:2"`,
		`"setting": "account", "value": "ACC1", "origin": "env BLOTTER_ACCOUNT"`,
		`"setting": "service-url", "value": "host=h password=xxxxx user=u", "origin": "env BLOTTER_SERVICE_URL"`,
		`"setting": "data-dir", "value": "x", "origin": "file blotter.toml:1", "ignored": "the file is not trusted"`,
		`"setting": "data-dir", "value": "", "origin": "default"`,
		`"setting": "json", "value": "true", "origin": "flag"`,
		`"command": "trades import", "setting": "tz", "value": "UTC", "origin": "file ` + user + `:4"`,
		`"command": "serve", "setting": "redis", "value": "redis://:xxxxx@h", ` +
			`"origin": "file blotter.toml:3", "ignored": `,
		`"program": "psql"`,
	} {
		contains(t, strings.Join(strings.Fields(out), " "), want)
	}

	if strings.Contains(out, `"command": "import"`) {
		t.Errorf("what is not set is listed: %s", out)
	}

	contains(t, d.ok(t, "config", "show", "import", "--json"), `"command": "import"`)
	d.fails(t, 2, []string{"config", "show", "imprt"}, "did you mean import")
	narrow(t, "config show", d.ok(t, "config", "show"))
}

// Variables and files that name paths relative to the working folder are refused.
func TestRelativePathsAreRefused(t *testing.T) {
	t.Parallel()

	for _, name := range []string{
		"BLOTTER_CONFIG", "BLOTTER_POSTGRES", "BLOTTER_DATA_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
		"PGSERVICEFILE", "PGPASSFILE",
		"PGSYSCONFDIR", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY",
	} {
		d := newDesk(t)
		d.env = append(d.env, name+"=./there")
		d.fails(t, 1, []string{"status"}, name+
			"=./there is looked for in the working folder; set it to an absolute path")
	}

	d := newDesk(t)
	d.unset("BLOTTER_POSTGRES")
	d.env = append(d.env, "PGSSLROOTCERT=system")
	d.run(t, "status")
	for text, want := range map[string]string{
		"data-dir = \"data\"\n": "data-dir: data is looked for in the working folder; write an absolute path",
		"postgres = \"bin\"\n":  "postgres: bin is looked for in the working folder",
		"url = \"postgres://u@h/d?sslmode=verify-full&sslrootcert=ca.pem\"\n": "url: ca.pem is looked for in the " +
			"working folder",
		"owner-url = \"host=h passfile='pass word'\"\n": "owner-url: pass word is looked for " +
			"in the working folder",
	} {
		d.write(t, "config/blotter/blotter.toml", text)
		d.fails(t, 1, []string{"status"}, "blotter.toml: "+want)
	}
}

// A password file that others may read is ignored, as psql ignores it.
func TestOpenPasswordFileIsIgnored(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	path := d.write(t, ".pgpass", "*:*:*:*:"+password+"\n")
	env := filepath.Join(d.dir, "pgpass-of-env")
	show := func() (said, shown string) {
		fake := d.write(t, "bin/psql", "#!/bin/sh\nenv | grep ^PGPASSWORD\n")
		if err := os.Chmod(fake, 0o755); err != nil {
			t.Fatal(err)
		}
		with := *d
		with.env = append(with.env[:len(with.env):len(with.env)], "BLOTTER_POSTGRES="+filepath.Dir(fake))
		r := with.run(t, "psql", "--url", "postgres://u@127.0.0.1:1/d")
		return r.err, r.out
	}
	d.env = append(d.env, "PGPASSFILE=")
	for range 2 {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		said, shown := show()
		contains(t, said, "blotter: warning: password file "+path+
			" is ignored: it has group or world access; chmod 600 it\n")
		if strings.Contains(shown, password) {
			t.Errorf("%s is used: %s", path, shown)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if said, shown = show(); said != "" || !strings.Contains(shown, "PGPASSWORD="+password) {
			t.Errorf("%s is not used: %s%s", path, said, shown)
		}
		if err := os.Rename(path, env); err != nil {
			t.Fatal(err)
		}
		path = env
		d.env = append(d.env, "PGPASSFILE="+path)
	}

	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}

	d.fails(t, 2, []string{"verify", "--url", "postgres://u@127.0.0.1:1/d?passfile=" + path},
		"--url: the password file "+path, "chmod 600")
}

// A socket that another user has put into a folder of everybody's is not the server's.
func TestSocketOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	folder := filepath.Join(d.dir, "shared")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}

	listener, err := net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}

	args := []string{"verify", "--url", "postgres://u@/d?host=" + folder}
	if r := d.run(t, args...); strings.Contains(r.err, "belongs to user") {
		t.Errorf("a socket of this user: %s", r.err)
	}
	if os.Getuid() != 0 {
		return // only root can give a socket away
	}
	if err := os.Lchown(filepath.Join(folder, ".s.PGSQL.5432"), otherUser, otherUser); err != nil {
		t.Fatal(err)
	}

	d.fails(t, 2, args, "everybody can put a socket into "+folder, "belongs to user 65534")
}

// Cells that a spreadsheet program would compute are texts; numbers stay numbers, and such a file is not imported.
func TestSafeForSpreadsheets(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	with := func(args ...string) []string { return append(urls(db), args...) }
	d.ok(t, with("accounts", "create", "ACC", "--name", "=HYPERLINK(\"http://x\")")...)
	for format, want := range map[string]string{
		"--safe-for-spreadsheets":       `"'=HYPERLINK(""http://x"")"`,
		"--safe-for-spreadsheets=false": `,"=HYPERLINK(""http://x"")"`,
	} {
		contains(t, d.ok(t, with("accounts", "list", "--format", "csv", format)...), want)
	}

	d.write(t, "KO.csv", goodBars)
	d.ok(t, with("import", "KO.csv")...)
	d.ok(t, with("bars", "export", "KO", "--safe-for-spreadsheets", "--out", "safe.csv")...)
	d.ok(t, with("bars", "export", "KO", "--out", "plain.csv")...)
	refused := []string{"it was exported with --safe-for-spreadsheets, which changes cells; export it again without"}
	if r := d.run(t, with("import", "safe.csv")...); r.status != 1 ||
		!strings.Contains(strings.Join(strings.Fields(r.out+r.err), " "), refused[0]) {
		t.Errorf("%+v", r)
	}
	d.ok(t, with("import", "plain.csv", "--dry-run")...)
	d.write(t, "fills.csv", strings.Replace(fills, "\n", ",safe_for_spreadsheets\n", 1))
	if r := d.run(t, with("trades", "import", "fills.csv", "--account", "ACC", "--dry-run")...); r.status != 1 ||
		!strings.Contains(strings.Join(strings.Fields(r.out+r.err), " "), refused[0]) {
		t.Errorf("%+v", r)
	}
}
