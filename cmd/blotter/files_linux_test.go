package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a user may not read or write is said as such. Root may do all, so the program runs as another user then.
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
