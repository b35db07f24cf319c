package fillfile_test

import (
	"archive/zip"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

const small = "date,symbol,side,quantity,price,account\n2024-01-02,FOO,buy,1,1,A\n2024-01-02,FOO,buy,1,,A\n2024-01-02,FOO,dividend,,1,A\n"

// drain reads all fills and rejected rows.
func drain(t *testing.T, file *fillfile.File) (fills, rejected int) {
	t.Helper()
	for _, err := range file.Fills() {
		switch {
		case err == nil:
			fills++
		case errors.As(err, new(*blotter.RejectedRow)):
			rejected++
		default:
			t.Fatal(err)
		}
	}
	return fills, rejected
}

func TestFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fills.csv.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	packed := gzip.NewWriter(f)
	_, _ = packed.Write([]byte(small))
	if err := errors.Join(packed.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := fillfile.Open(path, fillfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range 2 {
		if fills, rejected := drain(t, file); fills != 1 || rejected != 1 {
			t.Errorf("%d fills, %d rejected", fills, rejected)
		}
		if got, want := file.Summary(), "1 fill, 1 rejected; left out: 1 dividend"; got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
	}
	if file.BytesRead() == 0 {
		t.Error("nothing is read")
	}
}

func TestStreamIsReadOnce(t *testing.T) {
	t.Parallel()
	file, err := fillfile.Read(strings.NewReader(small), "stdin", fillfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range file.Fills() {
		break
	}
	for _, err := range file.Fills() {
		if err == nil || !strings.Contains(err.Error(), "cannot be read twice") {
			t.Errorf("got %v", err)
		}
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "export.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(f)
	for _, member := range []struct{ name, text string }{{"readme.txt", "hello\n"}, {"a.csv", small}, {"b.json", `[{"time":1704189600,"symbol":"FOO","side":"buy","qty":1,"price":2.50,"account":"X"}]`}} {
		w, err := archive.Create(member.name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(member.text))
	}
	if err := errors.Join(archive.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := fillfile.Open(path, fillfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if fills, rejected := drain(t, file); fills != 2 || rejected != 1 || len(file.Skipped) != 1 {
		t.Errorf("%d fills, %d rejected, skipped %v", fills, rejected, file.Skipped)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, path := range []string{folder, filepath.Join(folder, "none.csv")} {
		if _, err := fillfile.Open(path, fillfile.Options{}); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
