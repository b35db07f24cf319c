package embedded_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/embedded"
	"github.com/jackc/pgx/v5"
)

func TestLongDataDir(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(folder(t), strings.Repeat("long", 30))
	server := start(t, config(dir))
	exec(t, server.OwnerURL(), makeKept)
	t.Cleanup(func() { _ = os.RemoveAll(server.SocketDir) })

	if len(server.SocketDir) > 80 {
		t.Errorf("the socket's folder %s is too long for some systems", server.SocketDir)
	}

	info, err := os.Stat(server.SocketDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder is open to others: %v %v", info.Mode(), err)
	}
}

// TestIncompleteCluster checks that an interrupted cluster is created again.
func TestIncompleteCluster(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	half := filepath.Join(dir, "pg.new")
	if err := os.MkdirAll(filepath.Join(half, "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	server := start(t, config(dir))
	exec(t, server.OwnerURL(), makeKept)
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", half, err)
	}
}

// TestFolderWithOtherFiles checks that a folder with other files is neither filled nor given to another user.
func TestFolderWithOtherFiles(t *testing.T) {
	t.Parallel()

	for _, names := range [][]string{
		{"thesis.txt"}, {"postgresql/17/main.conf", "hosts"}, {"lock/subsys", "log/messages"},
	} { // as /etc and /var are
		dir := folder(t)
		for _, name := range names {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}

		before, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}

		sentence(t, second(embedded.Start(t.Context(), config(dir))), dir, "holds other files",
			"--data-dir "+dir+"/blotter")
		after, err := os.Stat(dir)
		if err != nil || before.Mode() != after.Mode() || before.ModTime() != after.ModTime() {
			t.Errorf("%v: the folder was changed: %v", names, err)
		}

		if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(names) {
			t.Errorf("%v: the folder was filled: %v %v", names, entries, err)
		}
	}
}

func TestInvalidDataFolder(t *testing.T) {
	t.Parallel()

	file := folder(t)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	for dir, want := range map[string]string{
		file:                           "a file is in its way",
		filepath.Join(file, "below"):   "a file is in its way",
		"/proc/blotter":                "choose another --data-dir",
		"/dev/full":                    "a file is in its way",
		"/sys/kernel/blotter-data-dir": "choose another --data-dir",
	} {
		sentence(t, second(embedded.Start(t.Context(), config(dir))), dir, want)
	}
}

func TestPort(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	cfg.Port = freePort(t)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", cfg.Port))
	if err != nil {
		t.Fatal(err)
	}

	sentence(t, second(embedded.Start(t.Context(), cfg)),
		fmt.Sprintf("port %d is in use by another program", cfg.Port), "choose another --port")
	_ = listener.Close()
	server := start(t, cfg)
	url := fmt.Sprintf("postgres://blotter_app:%s@127.0.0.1:%d/blotter", "wrong", cfg.Port)
	if _, err := pgx.Connect(t.Context(), url); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password on the port: %v, want SQLSTATE 28P01", err)
	}

	for _, file := range []string{server.PasswordFile(), filepath.Join(cfg.DataDir, "server.json")} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is open to others: %v", file, err)
		}
	}

	cfg.Port = 70000
	cfg.DataDir = folder(t)
	sentence(t, second(embedded.Start(t.Context(), cfg)), "invalid port 70000")
}

// TestStartInterrupted checks that an interrupted Start leaves nothing running, and that the next one works.
func TestStartInterrupted(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		until(t, "the cluster is being made", func() bool {
			_, err := os.Stat(filepath.Join(cfg.DataDir, "pg.new", "base"))
			return err == nil
		})
		cancel()
	}()

	if server, err := embedded.Start(ctx, cfg); err == nil {
		_ = server.Stop()
		t.Fatal("Start did not end")
	}

	exec(t, start(t, cfg).OwnerURL(), makeKept)
}
