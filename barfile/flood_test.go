package barfile_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/barfile"
)

// A file that is built to take long is refused soon.
func TestFilesThatAreMadeToTakeTime(t *testing.T) {
	t.Parallel()
	const many = 100_001
	var names, longNames, tarred bytes.Buffer

	z := zip.NewWriter(&names)
	for i := range many {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}

	long := zip.NewWriter(&longNames)
	for i := range 17_000 {
		if _, err := long.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%01000d", i)}); err != nil {
			t.Fatal(err)
		}
	}

	w := tar.NewWriter(&tarred)
	for i := range many {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(".", i), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}

	for _, end := range []interface{ Close() error }{z, long, w} {
		if err := end.Close(); err != nil {
			t.Fatal(err)
		}
	}

	bars := header + "2019-01-02,1,2,1,2,3\n2019-01-03,1,2,1,2,3\n"
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"a.zip", names.Bytes(), "more than 100000 members"},
		{"a.zip", longNames.Bytes(), "more than 100000 members"},
		{"a.tar", tarred.Bytes(), "more than 100000 members"},
		{"AAPL.csv", []byte(bars + strings.Repeat("\n", 1_100_000) + "2019-01-04,1,2,1,2,3\n"), "blank lines in a row"},
		{
			name:    "AAPL.csv",
			content: []byte(bars + strings.Repeat(",\n", 1_100_000) + "2019-01-04,1,2,1,2,3\n"),
			want:    "blank lines in a row",
		},
	} {
		_, _, err := opened(t, test.name, test.content, barfile.Options{Timeframe: "1d"})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}

	_, n, err := opened(t, "AAPL.csv", []byte(bars+strings.Repeat("\n", 900_000)+"2019-01-04,1,2,1,2,3\n"),
		barfile.Options{Timeframe: "1d"})
	if err != nil || n != 3 {
		t.Errorf("beyond 900,000 blank lines: %d bars, %v", n, err)
	}
}
