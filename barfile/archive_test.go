package barfile_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// opened writes a file, opens it and reads it to its end.
func opened(t *testing.T, name string, content []byte, opts barfile.Options) (file *barfile.File, bars int, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if file, err = barfile.Open(path, opts); err != nil {
		return nil, 0, err
	}
	defer file.Close()

	for _, err := range file.Bars() {
		switch {
		case err == nil:
			bars++
		case !errors.As(err, new(*blotter.RejectedRow)):
			return file, bars, err
		}
	}

	return file, bars, nil
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	g := gzip.NewWriter(&packed)
	if _, err := g.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// tarred returns a tar.gz of the members, each a name and its text.
func tarred(t testing.TB, members ...string) []byte {
	t.Helper()
	var packed bytes.Buffer

	tape := tar.NewWriter(&packed)
	for i := 0; i < len(members); i += 2 {
		err := tape.WriteHeader(&tar.Header{Name: members[i], Size: int64(len(members[i+1])), Mode: 0o600})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(tape, members[i+1])
	}

	if err := tape.Close(); err != nil {
		t.Fatal(err)
	}

	return gzipped(t, packed.Bytes())
}

// A damaged member fails the whole file, and so does one that requires an option. No member is dropped silently.
func TestArchiveFails(t *testing.T) {
	t.Parallel()
	good := header + strings.Repeat("2019-01-02,1,2,1,2,3\n", 50)
	var rows strings.Builder

	rows.WriteString(header)
	for i := range 40_000 {
		fmt.Fprintf(&rows, "2019-01-02,1,2,1,2,%d\n", i)
	}

	long := rows.String()
	damaged := zipped(t, "AAPL.csv", good, "KO.csv", long)
	damaged[len(damaged)-2000] ^= 0xff
	other := zipped(t, "AAPL.csv", good, "letter.txt", strings.ReplaceAll(long, ",", " "))
	other[len(other)-2000] ^= 0xff

	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"a.zip", damaged, "a.zip/KO.csv: reading it failed"},
		{"a.zip", other, "a.zip/letter.txt: reading it failed"},
		{"a.tar.gz", tarred(t, "AAPL.csv", good, "KO.csv", long)[:8000], "reading it failed"},
		{
			name:    "a.zip",
			content: zipped(t, "AAPL.csv", good, "KO.csv", strings.ReplaceAll(good, "-02,", "-02 09:31,")),
			want:    "a.zip/KO.csv: its times have no zone; set --tz",
		},
		{
			name:    "a.zip",
			content: zipped(t, "AAPL.csv", good, "prices.csv", good),
			want:    "a.zip/prices.csv: neither a column nor its name tells the symbol",
		},
	} {
		_, _, err := opened(t, test.name, test.content, barfile.Options{Timeframe: "1d"})
		if strings.Contains(test.want, "--tz") {
			_, _, err = opened(t, test.name, test.content, barfile.Options{Timeframe: "1m"})
			test.want = ": its times have no zone; set --tz"
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// The zone and the symbol of a member do not apply to the next one.
func TestArchiveMembersAreIndependent(t *testing.T) {
	t.Parallel()
	days := header + "2019-01-02,1,2,1,2,3\n2019-01-03,1,2,1,2,3\n2019-01-04,1,2,1,2,3\n"
	inUTC := strings.Replace(days, "date", "Gmt time", 1)
	minutes := header + "2019-01-02 09:30,1,2,1,2,3\n2019-01-02 09:31,1,2,1,2,3\n2019-01-02 09:32,1,2,1,2,3\n"

	for _, first := range []string{days, inUTC} {
		_, _, err := opened(t, "a.zip", zipped(t, "AAPL.csv", first, "KO.csv", minutes), barfile.Options{})
		if err == nil || !strings.Contains(err.Error(), "a.zip/KO.csv: its times have no zone; set --tz") {
			t.Errorf("%v, want an error that asks for the second member's zone", err)
		}
	}

	file, _, err := opened(t, "a.zip", zipped(t, "AAPL_adj.csv", days, "KO.csv", days), barfile.Options{})
	if err != nil || file.Symbol != "KO" {
		t.Errorf("symbol %q, %v; want KO without the first member's mark", file.Symbol, err)
	}
}

// Members that do not hold bars, or are archives themselves, are skipped and listed.
func TestArchiveSkips(t *testing.T) {
	t.Parallel()
	good := header + "2019-01-02,1,2,1,2,3\n"
	inner := zipped(t, "PEP.csv", good)
	members := []string{
		"readme.txt", "hello\n",
		"AAPL.csv", good,
		"inner.zip", string(inner),
		"KO.csv.gz", string(gzipped(t, []byte(good))),
	}

	for name, content := range map[string][]byte{"a.zip": zipped(t, members...), "a.tar.gz": tarred(t, members...)} {
		file, bars, err := opened(t, name, content, barfile.Options{})
		if err != nil || bars != 1 || len(file.Skipped) != 3 {
			t.Fatalf("%s: %d bars, %v, skipped %v", name, bars, err, file.Skipped)
		}

		for i, want := range []string{
			"readme.txt: it is not a bar file", "inner.zip: it is itself packed (zip)",
			"KO.csv.gz: it is itself packed (gzip)",
		} {
			if got := file.Skipped[i].Error(); !strings.Contains(got, want) {
				t.Errorf("%s: skipped %q, want %q", name, got, want)
			}
		}
	}
}
