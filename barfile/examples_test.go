package barfile_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/example"
)

// fileExample is a file as its vendor writes it, from testdata/examples.
type fileExample struct {
	name   string
	path   string
	text   string
	opts   barfile.Options
	format string
	bars   []string // the first ones, as describe writes them
}

func examples(t testing.TB) []fileExample {
	t.Helper()
	loaded, err := example.Load("testdata/examples")
	if err != nil {
		t.Fatal(err)
	}

	var all []fileExample
	for _, l := range loaded {
		e := fileExample{
			name:   l.Name,
			path:   l.Setting("path"),
			text:   l.File(),
			format: l.Setting("recognized"),
			bars:   l.Lines("bars"),
		}
		l.SetOptions(&e.opts)
		all = append(all, e)
	}

	return all
}

// TestExamples reads each example without saying which format it has.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, e.path, e.text, e.opts)
			if r.file.Format != e.format {
				t.Errorf("recognized as %s, want %s", r.file.Format, e.format)
			}
			if r.err != nil || len(r.rejected) > 0 || len(r.bars) < len(e.bars) {
				t.Fatalf("%d bars, rejected %v, error %v", len(r.bars), r.rejected, r.err)
			}

			for i, want := range e.bars {
				if got := describe(r.bars[i]); got != want {
					t.Errorf("bar %d\ngot  %s\nwant %s", i, got, want)
				}
			}
		})
	}
}

var updateExamples = flag.Bool("update-examples", false, "write the table of examples of docs/formats.md")

const (
	examplesBegin = "<!-- examples -->\n"
	examplesEnd   = "<!-- end of examples -->\n"
)

// TestExamplesTable compares the table of examples in docs/formats.md with what the examples yield.
func TestExamplesTable(t *testing.T) {
	t.Parallel()
	const document = "../docs/formats.md"

	table := "| example | format | bars | the first |\n| --- | --- | ---: | --- |\n"
	for _, e := range examples(t) {
		r := read(t, e.path, e.text, e.opts)
		table += fmt.Sprintf("| %s, %s | %s | %d | %s |\n",
			e.name, e.path, r.file.Format, len(r.bars), describe(r.bars[0]))
	}

	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), examplesBegin)
	documented, after, found2 := strings.Cut(rest, examplesEnd)
	if !found || !found2 {
		t.Fatalf("%s has no %s", document, examplesBegin)
	}

	if *updateExamples {
		text := before + examplesBegin + table + examplesEnd + after
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if documented != table {
		t.Errorf("%s is out of date; run this test with -update-examples", document)
	}
}
