package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// slowDump writes programs of which pg_dump says its number in the file pid, and goes on when there is a file go.
func slowDump(t *testing.T, d *desk, db *pgtest.Database) (flag string) {
	t.Helper()
	folder := pgtest.Value[string](t, db, `select setting from pg_config() where name = 'BINDIR'`)
	d.write(t, "bin/pg_dump", fmt.Sprintf(`#!/bin/sh
case "$*" in --version) exec %[1]s/pg_dump --version;; esac
echo begun
echo $$ >%[2]s/new && mv %[2]s/new %[2]s/pid
while [ ! -e %[2]s/go ]; do sleep 0.01; done
exec %[1]s/pg_dump "$@"
`, folder, d.dir))
	d.write(t, "bin/pg_restore", "#!/bin/sh\nexec "+folder+"/pg_restore \"$@\"\n")
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if err := os.Chmod(filepath.Join(d.dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	return "--postgres=" + filepath.Join(d.dir, "bin")
}

func beside(file string) []string {
	left, _ := filepath.Glob(file + ".*")
	return left
}

// A backup that is killed takes pg_dump with it; the next one removes what it left, and is whole.
func TestKilledBackup(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	file := filepath.Join(d.dir, "book.dump")
	cmd := d.command("backup", file, "--owner-url="+db.OwnerURL, slowDump(t, d, db))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	pid := 0
	until(t, "pg_dump runs", func() bool {
		text, _ := os.ReadFile(filepath.Join(d.dir, "pid"))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	until(t, "pg_dump has ended", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ") || syscall.Kill(pid, 0) != nil
	})
	if left := beside(file); len(left) != 1 {
		t.Fatalf("a killed backup leaves %v", left)
	}

	d.ok(t, "backup", file, "--owner-url="+db.OwnerURL)
	if left := beside(file); len(left) != 0 {
		t.Errorf("the next one leaves %v", left)
	}
}

// Of two backups to one file the second to end fails, and the first one's file stays as it is. Nobody's link is
// followed.
func TestTwoBackupsToOneFile(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	file, victim := filepath.Join(d.dir, "book.dump"), d.write(t, "victim", "precious")
	for _, link := range []string{file + ".part", file + ".123.part"} {
		if err := os.Symlink(victim, link); err != nil {
			t.Fatal(err)
		}
	}

	slow := make(chan outcome, 1)
	flag := slowDump(t, d, db)
	go func() {
		cmd := d.command("backup", file, "--owner-url="+db.OwnerURL, flag)
		text, _ := cmd.CombinedOutput()
		slow <- outcome{err: string(text), status: cmd.ProcessState.ExitCode()}
	}()
	until(t, "the first one dumps", func() bool { _, err := os.Stat(filepath.Join(d.dir, "pid")); return err == nil })
	d.ok(t, "backup", file, "--owner-url="+db.OwnerURL)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if left := beside(file); len(left) != 3 {
		t.Errorf("the part of a backup that runs is taken for a stale one: %v", left)
	}

	d.write(t, "go", "")
	if r := <-slow; r.status != 1 {
		t.Errorf("both have ended well: %+v", r)
	}

	after, _ := os.ReadFile(file)
	text, _ := os.ReadFile(victim)
	if string(after) != string(before) || string(text) != "precious" {
		t.Errorf("a file was changed by another backup: %d bytes, %d before; %s", len(after), len(before), text)
	}
	if left := beside(file); len(left) != 2 {
		t.Errorf("left beside it: %v", left)
	}

	d.fails(t, 2, []string{"backup", "-", "--owner-url=" + db.OwnerURL}, "standard input and output are not supported")
	d.fails(t, 2, []string{"restore", "-", "--owner-url=" + db.OwnerURL}, "standard input and output are not supported")
}

// The settings of a URL reach pg_dump and psql in every form of it, and the password of its key by a file of their own.
func TestProgramsGetEverySetting(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	look := "#!/bin/sh\ncase \"$*\" in --version) echo 'pg_dump (PostgreSQL) 99.0'; exit;; esac\n" +
		"{ tr '\\0' ' ' </proc/$$/cmdline; env; cat \"$PGSERVICEFILE\"; stat -c 'mode %a' \"$PGSERVICEFILE\"; } >" +
		d.dir + "/seen; exit 1\n"
	for _, name := range []string{"pg_dump", "pg_restore", "psql"} {
		if err := os.Chmod(d.write(t, "bin/"+name, look), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	bin := filepath.Join(d.dir, "bin")
	d.env = append(d.env, "PATH="+bin+":"+os.Getenv("PATH"))
	seen := func() string { text, _ := os.ReadFile(filepath.Join(d.dir, "seen")); return string(text) }
	for _, command := range [][]string{{"backup", "x.dump", "--postgres=" + bin}, {"psql", "--as", "owner"}} {
		d.run(t, append(command, "--owner-url="+db.OwnerURL+"&sslpassword="+password)...)
		line, _, _ := strings.Cut(seen(), "\n")
		if strings.Contains(line, password) {
			t.Errorf("the password is on the command line: %s", line)
		}
		contains(t, seen(), "\nsslpassword="+password+"\n", "mode 600", "PGSERVICE=blotter\n")
	}

	for _, line := range strings.Split(seen(), "\n") {
		if file, is := strings.CutPrefix(line, "PGSERVICEFILE="); is {
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%s is still there", file)
			}
		}
	}

	link, err := pgx.ParseConfig(db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}

	d = newDesk(t) // with the real programs
	service := d.write(t, "services", fmt.Sprintf("[prod]\nhost=%s\nport=%d\ndbname=%s\nuser=%s\n", link.Host,
		link.Port, link.Database, link.User))
	d.env = append(d.env, "PGSERVICEFILE="+service)
	d.ok(t, "backup", "service.dump", "--owner-url=postgres://?service=prod")
	d.env = append(d.env, "PGSERVICE=prod")
	d.ok(t, "backup", "bare.dump", "--owner-url=postgres://")
}
