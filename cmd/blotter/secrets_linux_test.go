package main_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

const password = "S3cr3t-pa55"

// secretURLs returns the database's URLs with a password in each, which the server does not ask for.
func secretURLs(t *testing.T, db *pgtest.Database) (flags []string) {
	t.Helper()
	for _, flag := range urls(db) {
		name, text, _ := strings.Cut(flag, "=")
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, has := u.User.Password(); !has {
			u.User = url.UserPassword(u.User.Username(), password)
		}
		flags = append(flags, name+"="+u.String())
	}
	return flags
}

// A password that the program is given is in nothing that it says: help, errors, --verbose logs, doctor.
func TestPasswordsAreNeverPrinted(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	d.write(t, "KO.csv", goodBars)
	for _, flag := range secretURLs(t, db) {
		name, text, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		d.env = append(d.env, "BLOTTER_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+text)
	}

	var said strings.Builder
	run := func(line string) {
		r := d.run(t, strings.Fields(line)...)
		said.WriteString(r.out + r.err)
	}
	for _, command := range commands {
		run(command + " --help")
		run("help " + command)
		run(command + " --no-such-flag")
		if command == "migrate up" || command == "migrate status" || command == "migrate verify" ||
			command == "verify" || strings.HasSuffix(command, " list") {
			run(command + " --verbose")
			run(command + " --json")
		}
	}

	for _, line := range []string{
		"doctor --verbose", "import KO.csv --verbose", "roles sql",
		"status", "bars show KO", "up",
	} {
		run(line)
	}

	d.env = append(d.env, "BLOTTER_URL=postgres://me:"+password+"@127.0.0.1:1/d")
	for _, command := range []string{"verify", "doctor", "migrate up", "partitions list", "bars list", "psql"} {
		run(command)
	}

	d.write(t, "blotter.toml", "url = \"postgres://me:"+password+
		"@127.0.0.1:1/d\"\nservice-url = \"postgres://me:"+password+"@h:x/d\"\n")
	d.env = append(d.env[:len(d.env):len(d.env)], "BLOTTER_SERVICE_URL=")
	run("verify")
	if said.Len() < 20_000 || !strings.Contains(said.String(), "time=") {
		t.Fatalf("only %d bytes were said", said.Len())
	}
	if at := strings.Index(said.String(), "S3cr3t"); at >= 0 {
		t.Errorf("the password is in ...%s", said.String()[max(0, at-200):at])
	}
}

// psql gets the password by its environment, which is its user's alone, never by the command line, which everybody
// reads; and what the URL asks of the link, it asks too.
func TestPsqlGetsLinkAndPasswordByEnvironment(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	fake := d.write(t, "bin/psql", "#!/bin/sh\ntr '\\0' ' ' < /proc/$$/cmdline; echo; env | grep ^PG\n")
	if err := os.Chmod(fake, 0o755); err != nil {
		t.Fatal(err)
	}

	d.env = append(d.env, "BLOTTER_POSTGRES=", "PATH="+filepath.Dir(fake)+":"+os.Getenv("PATH"))
	flags := secretURLs(t, db)
	for i := range flags {
		flags[i] += "&sslmode=prefer&connect_timeout=7&sslrootcert=system-ca.pem"
	}

	r := d.run(t, append(flags, "psql", "--account", "A1", "--", "-At")...)
	command, environment, _ := strings.Cut(r.out, "\n")
	if strings.Contains(command, password) || strings.Contains(command, "postgres://") ||
		!strings.Contains(command, "-At") {
		t.Errorf("psql's command line is %q (%s)", command, r.err)
	}

	contains(t, environment, "PGPASSWORD=", "PGSSLMODE=prefer\n", "PGCONNECT_TIMEOUT=7\n",
		"PGSSLROOTCERT=system-ca.pem\n", "PGOPTIONS=-c role=trading_app -c app.current_account_id=A1\n")
}

// Everything that the program creates is its owner's alone: the data folder and everything in it, and what it exports.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	if err := os.Mkdir(d.dataDir(), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.dataDir(), 0o777); err != nil {
		t.Fatal(err)
	}

	d.ok(t, "up", "--port", freePort(t))
	t.Cleanup(func() { d.run(t, "down", "--force") })
	d.write(t, "KO.csv", goodBars)
	d.ok(t, "import", "KO.csv")
	d.ok(t, "bars", "show", "KO", "--png", "KO.png")
	files := 0
	check := func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) { // the server removes files of its own all the time
				return nil
			}
			return err
		}

		info, err := entry.Info()
		if err != nil {
			return nil
		}

		files++

		// The server's socket is reached through its folder only, which is closed.
		if mode := info.Mode(); mode.Perm()&0o077 != 0 && mode.Type()&(fs.ModeSocket|fs.ModeSymlink) == 0 {
			t.Errorf("%s has mode %s", path, mode)
		}

		return nil
	}
	if err := filepath.WalkDir(d.dataDir(), check); err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}

	info, err := os.Stat(filepath.Join(d.dir, "KO.png"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the chart: %v, %v", info.Mode(), err)
	}
}

// The server, which root runs as another user, gets nothing of the environment that is not its own; and a file of
// settings with a password that others may read is named.
func TestPasswordsOfTheEnvironmentStayThere(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	d.env = append(d.env, "REDIS_URL=redis://:"+password+"@h", "PGPASSWORD="+password)
	d.ok(t, "up")
	t.Cleanup(func() { d.run(t, "down", "--force") })
	text, err := os.ReadFile(filepath.Join(d.dataDir(), "pg", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}

	pid, _, _ := strings.Cut(string(text), "\n")
	environment, err := os.ReadFile(filepath.Join("/proc", pid, "environ"))
	if err != nil || strings.Contains(string(environment), password) ||
		!strings.Contains(string(environment), "LC_ALL=C") {
		t.Errorf("the server's environment: %q, %v", environment, err)
	}

	path := d.write(t, "blotter.toml", "redis = \"redis://:"+password+"@h\"\n[serve]\n")
	for mode, warned := range map[os.FileMode]bool{0o644: true, 0o600: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		r := d.run(t, "status")
		if strings.Contains(r.err, "blotter.toml holds a password and others may read it; chmod 600 it") != warned ||
			r.status != 0 {
			t.Errorf("mode %s: %+v", mode, r)
		}
	}
}
