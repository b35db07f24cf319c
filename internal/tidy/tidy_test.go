package tidy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/tidy"
)

// measure writes one file of package sample and returns the findings of its folder as "rule line".
func measure(t *testing.T, name, source string) (tidy.Package, []string) {
	t.Helper()

	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, name), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}

	packages, err := tidy.Measure(root)
	if err != nil || len(packages) != 1 {
		t.Fatalf("%d packages, %v; want 1", len(packages), err)
	}

	var findings []string
	for _, f := range packages[0].Findings {
		findings = append(findings, fmt.Sprintf("%s %d", f.Rule, f.Line))
	}
	slices.Sort(findings)

	return packages[0], findings
}

func TestMeasure(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("\tprintln(1)\n", 14)
	cases := []struct {
		name, file, source string
		want               []string
	}{
		{"a long function", "a.go", "func f() {\n" + long + "}\n", []string{"dense 3"}},
		{"a blank line", "a.go", "func f() {\n\n" + long + "}\n", nil},
		{"a blank line in a string", "a.go", "func f() {\n\tprintln(`\n\n`)\n" + long + "}\n", []string{"dense 3"}},
		{"a short function", "a.go", "func f() {\n" + long[12:] + "}\n", nil},
		{"three targets", "a.go", "func f() {\n\ta, b, c := 1, 2, 3\n}\n", []string{"assignments 4"}},
		{"three results", "a.go", "func f() {\n\ta, b, c := g()\n}\n", nil},
		{"a wide line", "a.go", "// " + strings.Repeat("w", 118) + "\nvar a int\n", []string{"width 3"}},
		{"a phrase", "a.go", "// f counts\n// anew.\nfunc f() {}\n", []string{"phrases 4"}},
		{"an error text", "a.go", "var s = \"the URL is none\"\n", []string{"texts 3"}},
		{"an error text of a test", "a_test.go", "var s = \"the URL is none\"\n", nil},
		{"a noun", "a.go", "// f is the sum.\nfunc f() {}\n", []string{"docverb 3"}},
		{"another name", "a.go", "// Returns the sum.\nfunc f() {}\n", []string{"docname 3"}},
		{"a comment of a test", "a_test.go", "// Sums agree.\nfunc TestSum() {}\n", nil},
		{"a failpoint", "a.go", "var failpoint func()\n", []string{"hooks 3"}},
		{"package testing", "a.go", "import \"testing\"\n\nvar t testing.T\n", []string{"hooks 3"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			_, findings := measure(t, c.file, "package sample\n\n"+c.source)
			if !slices.Equal(findings, c.want) {
				t.Errorf("findings %q, want %q", findings, c.want)
			}
		})
	}
}

func TestMeasureCounts(t *testing.T) {
	t.Parallel()

	p, _ := measure(t, "a.go", "// Package sample has four words.\npackage sample\n\n// f does it.\nfunc f() {}\n")
	if p.Files != 1 || p.Lines != 5 || p.LinesAll != 5 || p.CommentWords != 8 || p.FunctionDocs != 1 {
		t.Errorf("%+v", p)
	}

	p, _ = measure(t, "a_test.go", "package sample\n")
	if p.Files != 0 || p.Lines != 0 || p.LinesAll != 1 {
		t.Errorf("a test: %+v", p)
	}
}

func TestBuildTags(t *testing.T) {
	t.Parallel()

	for tags, want := range map[string]int{"linux && !unix": 0, "mutants": 1, "!mutants || linux": 1} {
		p, _ := measure(t, "a.go", "//go:build "+tags+"\n\npackage sample\n")
		if n := p.Count(tidy.Hooks); n != want {
			t.Errorf("%s: %d findings, want %d", tags, n, want)
		}
	}
}

func TestStilted(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"The table is made anew.",
		"It is no day.",
		"The Redis URL is none.",
		"All save the first are read.",
		"What nothing tells is asked for.",
		"Who is alone waits for nobody.",
		"It is refused, for it would be empty.",
		"Should another half then fail, it is divided.",
		"The order works no more.",
		"Position is what an account has.",
		"Times want --tz.",
		"It is stored; else it is dropped.",
	} {
		if len(tidy.Stilted(text)) == 0 {
			t.Errorf("%q is accepted", text)
		}
	}

	for _, text := range []string{
		"There is no leader, and there are none elsewhere.",
		"It is no longer used.",
		"Save the file, or everything else is lost.",
		"What is missing?",
		"It waits for the lock, for example in a backup.",
		"The default, for a table of that size, is 10.",
		"It reports what is missing and who has it.",
		"This is what callers see.",
		"If it should fail, it is repeated.",
		"Neither the price nor the quantity changes.",
	} {
		if matches := tidy.Stilted(text); len(matches) > 0 {
			t.Errorf("%q is refused: %v", text, matches)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()

	const text = "# What is done\n\nIt is fine, `is none`.\n\n```sh\nmade anew\n```\n\n" +
		"- one\n- made\n  anew\n\n| a | b |\n| fine | anew |\n"
	var lines []int
	for _, f := range tidy.Markdown("a.md", text) {
		lines = append(lines, f.Line)
	}
	if want := []int{11, 14}; !slices.Equal(lines, want) {
		t.Errorf("findings in lines %v, want %v", lines, want)
	}
}

func TestMeanLength(t *testing.T) {
	t.Parallel()

	if mean := tidy.MeanLength([]string{"ä", "abc"}); mean != 2 {
		t.Errorf("mean %v, want 2", mean)
	}
	if mean := tidy.MeanLength(nil); mean != 0 {
		t.Errorf("mean of nothing %v, want 0", mean)
	}
}
