package fillfile_test

import (
	"archive/zip"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

const small = "date,symbol,side,quantity,price,account\n" +
	"2024-01-02,FOO,buy,1,1,A\n" +
	"2024-01-02,FOO,buy,1,,A\n" +
	"2024-01-02,FOO,dividend,,1,A\n"

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
	for _, member := range []struct{ name, text string }{
		{"readme.txt", "hello\n"},
		{"a.csv", small},
		{"b.json", `[{"time":1704189600,"symbol":"FOO","side":"buy","qty":1,"price":2.50,"account":"X"}]`},
	} {
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

// A file may be in any of the encodings that brokers and spreadsheets write.
func TestEncodings(t *testing.T) {
	t.Parallel()
	const text = "Date,Symbol,Side,Quantity,Price,Currency,Account\n2024-01-02 10:00,KÖLN„™,buy,2,3,EUR,A\n"

	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}

	narrow, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}

	for name, written := range map[string]string{
		"UTF-8":               text,
		"UTF-16":              wide,
		"Windows-1252":        narrow,
		"lines of an old Mac": strings.ReplaceAll(text, "\n", "\r"),
	} {
		r := read(t, written, fillfile.Options{Zone: "UTC"})
		if len(r.fills) != 1 || r.fills[0].Symbol != "KÖLN„™" {
			t.Errorf("%s: got %+v, rejected %v, %v", name, r.fills, r.rejected, r.err)
		}
	}

	damaged := text + "2024-01-02 10:00,K\xd6LN,buy,2,3,EUR,A\n"
	if r := read(t, damaged, fillfile.Options{Zone: "UTC"}); len(r.fills) != 1 || len(r.rejected) != 1 {
		t.Errorf("got %+v, rejected %v, %v; want the row with the damaged symbol rejected", r.fills, r.rejected, r.err)
	}
}

// A weekday before a date does not tell whether the day or the month comes first.
func TestWeekdayBeforeAmbiguousDate(t *testing.T) {
	t.Parallel()
	const text = "Date,Symbol,Side,Quantity,Price,Currency,Account\nTue 02/01/2024 10:00,X,buy,2,3,EUR,A\n"
	var ask *fillfile.AskError
	if r := read(t, text, fillfile.Options{Zone: "UTC"}); !errors.As(r.err, &ask) || ask.Option != "date-order" {
		t.Errorf("got %+v, %v; want that the order is asked for", r.fills, r.err)
	}
}
