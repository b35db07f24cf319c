package fillfile_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/internal/example"
)

// account are the options for a file that names no account.
var account = fillfile.Options{Account: "A"}

// fileExample is a file as its broker writes it, from testdata/examples.
type fileExample struct {
	name     string
	text     string
	opts     fillfile.Options
	format   string
	fills    []string // as describe writes them
	rejected []string // parts of the reasons
	others   map[string]int64
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
			name:     l.Name,
			text:     l.File(),
			format:   l.Setting("recognized"),
			fills:    l.Lines("fills"),
			rejected: l.Lines("rejected"),
			others:   map[string]int64{},
		}

		l.SetOptions(&e.opts)
		for _, line := range l.Lines("left out") {
			count, kind, _ := strings.Cut(line, " ")
			n, err := strconv.ParseInt(count, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", l.Name, err)
			}
			e.others[kind] = n
		}
		all = append(all, e)
	}

	return all
}

// TestExamples reads each example without saying which layout it has.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, e.text, e.opts)
			if r.err != nil {
				t.Fatal(r.err)
			}

			if r.file.Format != e.format {
				t.Errorf("recognized as %s, want %s", r.file.Format, e.format)
			}
			compare(t, r, e.fills, e.rejected, e.others)
		})
	}
}

// Each example is recognized as its own layout if that is asked for, and refused as every other one. The generic
// layouts may read it.
func TestRecognitionIsExclusive(t *testing.T) {
	t.Parallel()
	hasExample := map[string]bool{}
	for _, e := range examples(t) {
		for _, format := range fillfile.Formats() {
			if e.opts.Columns != "" || isGeneric(format) {
				continue
			}

			opts := e.opts
			opts.Format = format
			r := read(t, e.text, opts)
			switch {
			case r.err != nil:
			case r.file.Format != e.format:
				t.Errorf("%s is recognized as %s too", e.name, r.file.Format)
			default:
				hasExample[format] = true
			}
		}
	}

	for _, format := range fillfile.Formats() {
		if !hasExample[format] && !isGeneric(format) {
			t.Errorf("testdata/examples has no example of %s", format)
		}
	}
}

func isGeneric(format string) bool { return format == "csv" || format == "json" }
