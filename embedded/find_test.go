package embedded_test

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/embedded"
)

// programs creates a folder with a postgres that prints a version.
func programs(t *testing.T, version string) string {
	t.Helper()

	dir := t.TempDir()
	for name, text := range map[string]string{"postgres": "echo '" + version + "'", "initdb": "exit 1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindSetting(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		version string
		wanted  int
		want    string // "" where it is found
	}{
		{"postgres (PostgreSQL) 17.2 (Debian 17.2-1)", 0, ""},
		{"postgres (PostgreSQL) 15.0", 15, ""},
		{"postgres (PostgreSQL) 19devel", 0, ""},
		{"postgres (PostgreSQL) 14.9", 0, "holds PostgreSQL 14 and blotter needs 15 or newer"},
		{"postgres (PostgreSQL) 9.6.24", 0, "holds PostgreSQL 9 and blotter needs 15 or newer"},
		{"postgres (PostgreSQL) 17.2", 16, "the data folder was made by PostgreSQL 16"},
		{"hello", 0, "holds no PostgreSQL programs"},
	} {
		dir := programs(t, test.version)
		found, err := embedded.Find(t.Context(), dir, "", test.wanted)
		if test.want == "" {
			if err != nil || found.Dir != dir || fmt.Sprint(found.Major) != test.version[22:24] {
				t.Errorf("%s: %+v, %v", test.version, found, err)
			}
			continue
		}
		sentence(t, err, dir, test.want)
	}

	sentence(t, second(embedded.Find(t.Context(), t.TempDir(), "", 0)), "holds no PostgreSQL programs",
		"set --postgres")
}

// TestDataOfAnotherMajor checks that a data folder of another major version is refused with both versions, and not
// changed.
func TestDataOfAnotherMajor(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	version := filepath.Join(cfg.DataDir, "pg", "PG_VERSION")
	if err := os.MkdirAll(filepath.Dir(version), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(version, []byte("12\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	sentence(t, second(embedded.Start(t.Context(), cfg)), "made by PostgreSQL 12", "--data-dir")
	if text, err := os.ReadFile(version); err != nil || string(text) != "12\n" {
		t.Errorf("the data was touched: %q, %v", text, err)
	}
}

// archive holds bin/postgres, which says 17.4, and bin/initdb, which fails.
//
//go:embed testdata/postgres.txz
var archive []byte

// repository serves a download of the archive and counts the requests.
func repository(t *testing.T) (url string, requests *int) {
	t.Helper()

	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	file, err := w.Create("postgres-any.txz")
	if err == nil {
		_, err = file.Write(archive)
	}

	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}

	requests = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *requests++; strings.HasSuffix(r.URL.Path, ".jar") {
			_, _ = w.Write(jar.Bytes())
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)

	return server.URL, requests
}

// TestDownload is not parallel, because it changes the environment of the process.
func TestDownload(t *testing.T) {
	url, requests := repository(t)
	t.Setenv("BLOTTER_POSTGRES_REPOSITORY", url+"/")
	cache := filepath.Join(t.TempDir(), "cache")
	for range 2 {
		found, err := embedded.Download(t.Context(), cache)
		if err != nil || found.Major != 17 || found.Dir != filepath.Join(cache, "bin") {
			t.Fatalf("%+v, %v, want 17 in the cache", found, err)
		}
	}

	if *requests != 2 { // the archive and its checksum
		t.Errorf("%d requests, want one download", *requests)
	}
}

func TestDownloadFails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	t.Setenv("BLOTTER_POSTGRES_REPOSITORY", server.URL)
	sentence(t, second(embedded.Download(t.Context(), t.TempDir())), "unable to connect")
	restore := embedded.WithoutUsualFolders()
	defer restore()

	t.Setenv("PATH", t.TempDir())
	sentence(t, second(embedded.Find(t.Context(), "", t.TempDir(), 0)),
		"no PostgreSQL 15 or newer is installed and none could be downloaded", "unable to connect", "install it ")
	sentence(t, second(embedded.Find(t.Context(), "", "", 0)), "no PostgreSQL 15 or newer is installed: install it ")
}

func TestInstallHint(t *testing.T) {
	t.Parallel()

	for release, want := range map[string]string{
		"ID=debian": "apt-get install postgresql", "ID=ubuntu\nID_LIKE=debian": "apt-get install postgresql",
		"ID=linuxmint\nID_LIKE=\"ubuntu debian\"": "apt-get install postgresql",
		"ID=fedora": "dnf install postgresql-server",
		"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"": "dnf install postgresql-server",
		"ID=alpine": "apk add postgresql",
		"ID=arch":   "pacman -S postgresql",
		"ID=opensuse-leap\nHOME_URL=https://search.org": "zypper install postgresql-server",
		"ID=plan9\nHOME_URL=https://research.org":       "from your system's packages",
		"": "from your system's packages",
	} {
		if got := embedded.InstallHint("linux", release); !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", release, got, want)
		}
	}

	if got := embedded.InstallHint("darwin", ""); !strings.Contains(got, "brew install postgresql") {
		t.Error(got)
	}
}
