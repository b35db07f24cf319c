package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that the user may not read or write is named in the error. Root may do all, so the program runs as another
// user then.
func TestFilePermissions(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const nobody = 65534
	d.write(t, "secret.toml", "json = true\n")
	for name, mode := range map[string]os.FileMode{"secret.toml": 0, "": 0o755} {
		if err := os.Chmod(filepath.Join(d.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(d.dir, "closed"), 0o555); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct{ args, want string }{
		{"status --config secret.toml", "this user may not read secret.toml; change its permissions"},
		{"roles sql --database d --config secret.toml", "this user may not read secret.toml; change its permissions"},
		{"restore secret.toml", "this user may not read secret.toml"},
		{"status --config closed/x/y", "there is no folder closed/x; check the path"},
	} {
		var errs strings.Builder
		cmd := d.command(strings.Fields(test.args)...)
		cmd.Stderr = &errs
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), test.want) {
			t.Errorf("%s: %v, %q, want %q", test.args, err, errs.String(), test.want)
		}
	}
}

// The state of a server in another user's folder is not believed: that server would get the data.
func TestDataFolderOfAnotherUser(t *testing.T) {
	t.Parallel()

	if os.Getuid() != 0 {
		return // the folder must belong to somebody else, which only root can bring about
	}

	d := newDesk(t)
	d.write(t, "blotter/server.json", `{"running": true, "pid": 1, "socket_dir": "/tmp/evil"}`)
	if err := os.Chmod(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}

	cmd := d.command("status")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out),
		"belongs to another user, whose server would get the data; choose another --data-dir") {
		t.Errorf("%v: %s", err, out)
	}
}
