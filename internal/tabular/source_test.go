package tabular_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/tabular"
)

// openZip opens a zip of the members, each a name and its text. damage changes its bytes.
func openZip(t *testing.T, damage func([]byte), members ...string) *tabular.Source {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for i := 0; i < len(members); i += 2 {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: members[i], Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	damage(packed.Bytes())

	path := filepath.Join(t.TempDir(), "export.zip")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })

	source, err := tabular.NewSource("export.zip", file, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	return source
}

// acceptCSV accepts members whose names end with .csv. It does not read the others.
func acceptCSV(name string, _ *bufio.Reader) error {
	if strings.HasSuffix(name, ".csv") {
		return nil
	}
	return fmt.Errorf("%s: %w", name, tabular.ErrOtherContent)
}

func TestNextAccepted(t *testing.T) {
	t.Parallel()
	source := openZip(t, func([]byte) {}, "readme.txt", "hello", "a.csv", "1", "letter.txt", "dear", "b.csv", "2")

	for _, want := range []int{1, 1, 0} {
		skipped, err := source.NextAccepted(acceptCSV)
		if len(skipped) != want || err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("skipped %v, %v; want %d members", skipped, err, want)
		}
	}
}

// A damaged member is an error, even if it would be skipped.
func TestNextAcceptedReadsSkippedMembers(t *testing.T) {
	t.Parallel()
	damage := func(packed []byte) { packed[bytes.Index(packed, []byte("hello"))] = 'j' }
	source := openZip(t, damage, "readme.txt", "hello", "a.csv", "1")

	_, err := source.NextAccepted(acceptCSV)
	if err == nil || !strings.Contains(err.Error(), "export.zip/readme.txt: reading it failed") {
		t.Errorf("got %v, want that readme.txt is damaged", err)
	}
}
