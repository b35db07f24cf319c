//go:build unix

package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/embedded"
)

// TestDownloadThatOthersCanChange checks that the programs of an earlier download are not run if others could have
// replaced them.
func TestDownloadThatOthersCanChange(t *testing.T) {
	cache := folder(t)
	ran := cache + "-ran"
	for _, program := range []string{"postgres", "initdb"} {
		path := filepath.Join(cache, "bin", program)
		for _, err := range []error{
			os.MkdirAll(filepath.Dir(path), 0o755), os.Chmod(filepath.Dir(path), 0o777),
			os.WriteFile(path, []byte("#!/bin/sh\necho >"+ran+"\necho 'postgres (PostgreSQL) 17.1'\n"), 0o755),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	t.Setenv("BLOTTER_POSTGRES_REPOSITORY", "http://127.0.0.1:1")
	t.Setenv("PATH", "")
	restore := embedded.WithoutUsualFolders()
	defer restore()

	_, err := embedded.Find(t.Context(), "", cache, 0)
	if _, missing := os.Stat(ran); missing == nil || err == nil {
		t.Errorf("it was run: %v", err)
	}

	// Where only its owner can change it, it is.
	if err := os.Chmod(filepath.Join(cache, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if found, err := embedded.Find(t.Context(), "", cache, 0); err != nil || found.Major != 17 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestDownloadIsProtected checks that programs are downloaded encrypted, and to a folder that only its owner can
// change, because they are run.
func TestDownloadIsProtected(t *testing.T) {
	cache := emptyFolder(t)
	for _, mirror := range []string{
		"http://mirror.example", "http://127.0.0.1.example", "ftp://127.0.0.1.example", "mirror.example",
	} {
		t.Setenv("BLOTTER_POSTGRES_REPOSITORY", mirror)
		sentence(t, second(embedded.Download(t.Context(), cache)), "must begin with https://")
	}

	t.Setenv("BLOTTER_POSTGRES_REPOSITORY", "http://127.0.0.1:1")
	if err := os.Chmod(cache, 0o777); err != nil {
		t.Fatal(err)
	}

	sentence(t, second(embedded.Download(t.Context(), cache)), "which others can change", "chmod go-w "+cache)
}

// TestFolderThatOthersCanWrite checks that a folder is refused into which others could have put the state of their
// own server, which would get the data.
func TestFolderThatOthersCanWrite(t *testing.T) {
	t.Parallel()

	dir := emptyFolder(t)
	state := filepath.Join(dir, "server.json")
	if err := os.WriteFile(state, []byte(`{"running": true, "pid": 1, "socket_dir": "/tmp/evil"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}

	sentence(t, second(embedded.Status(config(dir))), "others can write to the data folder "+dir, "chmod 700")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Status(config(dir)); err != nil {
		t.Error(err)
	}
}

// TestNoWritingThroughLinks checks that root neither writes through links nor changes the owner of their targets.
// The data folder may belong to the server's user, who could have put links there.
func TestNoWritingThroughLinks(t *testing.T) {
	t.Parallel()

	outside, dir := emptyFolder(t), emptyFolder(t)
	victim := filepath.Join(outside, "victim")
	link := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(victim, path); err != nil {
			t.Fatal(err)
		}
		return path
	}

	link("lock")
	if _, err := embedded.Start(t.Context(), config(dir)); err == nil {
		t.Error("a link was taken for the lock")
	}
	if _, err := os.Stat(victim); err == nil {
		t.Error("the lock was made where a link leads to")
	}

	if err := os.WriteFile(victim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}

	link("server.json.new")
	if err := embedded.WriteFile(filepath.Join(dir, "server.json"), []byte("state")); err != nil {
		t.Error(err)
	}
	if err := embedded.ReplaceText(link("pg_hba.conf"), "rules"); err == nil {
		t.Error("a link was written through")
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "kept" {
		t.Errorf("the file that the links lead to holds %q, %v", text, err)
	}
}

// TestSocketFolderIsALink checks that a link in /tmp in place of the socket's folder does not change the owner of
// its target.
func TestSocketFolderIsALink(t *testing.T) {
	t.Parallel()

	long := filepath.Join(emptyFolder(t), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}

	socket, err := embedded.MakeSocketDir(long)
	if err != nil || !strings.HasPrefix(socket, "/tmp/blotter-") {
		t.Fatalf("%s, %v", socket, err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(socket) })

	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}

	victim := emptyFolder(t)
	before, err := os.Stat(victim)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink(victim, socket); err != nil {
		t.Fatal(err)
	}

	sentence(t, second(embedded.MakeSocketDir(long)), "is not private to the server")
	after, err := os.Stat(victim)
	if err != nil || ownerOf(t, before) != ownerOf(t, after) {
		t.Errorf("the folder was given away: %v", err)
	}
}

// emptyFolder returns an existing folder that only its owner can change.
func emptyFolder(t *testing.T) string {
	t.Helper()

	dir := folder(t)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func ownerOf(t *testing.T, info os.FileInfo) uint32 {
	t.Helper()

	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no owner")
	}
	return stat.Uid
}
