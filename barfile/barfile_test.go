package barfile_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// result holds everything that a file yields.
type result struct {
	file     *barfile.File
	bars     []blotter.BarRow
	rejected []*blotter.RejectedRow
	err      error // that ended the file
}

// read reads a text as a file of that name. The test fails if it is not recognized as a bar file.
func read(t *testing.T, name, text string, opts barfile.Options) result {
	t.Helper()
	file, err := barfile.Read(strings.NewReader(text), name, opts)
	if err != nil {
		t.Fatalf("Read(%s): %v", name, err)
	}

	r := result{file: file}

	for row, err := range file.Bars() {
		var rejected *blotter.RejectedRow
		switch {
		case err == nil:
			r.bars = append(r.bars, row)
		case errors.As(err, &rejected):
			r.rejected = append(r.rejected, rejected)
		default:
			r.err = err
		}
	}

	return r
}

// refused reads a text that must be refused, with one line that contains want.
func refused(t *testing.T, name, text string, opts barfile.Options, want string) {
	t.Helper()
	_, err := barfile.Read(strings.NewReader(text), name, opts)
	if err == nil {
		t.Fatalf("Read(%s) accepted %.60q", name, text)
	}
	if !errors.Is(err, blotter.ErrInvalid) || !strings.Contains(err.Error(), want) ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("Read(%s): %q, want one line, ErrInvalid, with %q", name, err, want)
	}
}

// onlyBar returns the only bar of a result.
func (r result) onlyBar(t *testing.T) blotter.BarRow {
	t.Helper()
	if len(r.bars) != 1 || len(r.rejected) != 0 || r.err != nil {
		t.Fatalf("got %d bars, %d rejected, error %v; want one bar", len(r.bars), len(r.rejected), r.err)
	}
	return r.bars[0]
}

// zipped returns a zip of the members, each a name and its text.
func zipped(t testing.TB, members ...string) []byte {
	t.Helper()
	var packed bytes.Buffer

	z := zip.NewWriter(&packed)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	if err := z.Close(); err != nil {
		t.Fatal(err)
	}

	return packed.Bytes()
}

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// describe writes a bar as one line.
func describe(b blotter.BarRow) string {
	adjusted := "none"
	if b.AdjClose != nil {
		adjusted = b.AdjClose.String()
	}

	return strings.Join([]string{
		b.Symbol,
		string(b.Timeframe),
		b.Timestamp.Format(time.RFC3339),
		b.Open.String(),
		b.High.String(),
		b.Low.String(),
		b.Close.String(),
		b.Volume.String(),
		adjusted,
		b.Source,
	}, " ")
}
