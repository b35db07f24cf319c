package blotter_test

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/tidy"
)

var updateTidy = flag.Bool("update-tidy", false, "write the present counts to "+tidyBounds)

// tidyBounds lists the packages that are not tidy yet, with a rule and the number of findings that they may have.
const tidyBounds = "testdata/tidy.txt"

// TestTidy checks the layout and the words of all packages. A package in tidyBounds may have the number of findings given
// there, but not more; go test -run TestTidy . -update-tidy lowers the numbers.
func TestTidy(t *testing.T) {
	t.Parallel()

	packages, err := tidy.Measure(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 10 {
		t.Fatalf("only %d packages were found", len(packages))
	}

	if *updateTidy {
		writeTidyBounds(t, packages)
	}
	bounds := readTidyBounds(t)

	for _, p := range packages {
		for _, rule := range tidy.Rules {
			limit := cmp.Or(bounds[tidyKey(p, rule)], tidyLimit(p, rule))
			if n := p.Count(rule); n > limit {
				t.Errorf("%s: %d findings of %q, at most %d:\n%s", p.Dir, n, rule, limit, listFindings(p, rule))
			}
		}
	}
}

// tidyLimit returns the number of findings that any package may have.
func tidyLimit(p tidy.Package, rule tidy.Rule) int {
	switch rule {
	case tidy.Dense:
		return p.LongFunctions / 10
	case tidy.Phrases:
		return p.CommentWords * 3 / 2000
	case tidy.DocVerb:
		return p.FunctionDocs / 8
	default:
		return 0
	}
}

func tidyKey(p tidy.Package, rule tidy.Rule) string { return p.Dir + " " + string(rule) }

func listFindings(p tidy.Package, rule tidy.Rule) string {
	const most = 20
	var list []string
	for _, f := range p.Findings {
		if f.Rule == rule {
			list = append(list, "\t"+f.String())
		}
	}

	if len(list) > most {
		more := fmt.Sprintf("\tand %d more: make tidy-report ARGS='-list %s'", len(list)-most, p.Dir)
		list = append(list[:most], more)
	}

	return strings.Join(list, "\n")
}

func readTidyBounds(t *testing.T) map[string]int {
	t.Helper()

	text, err := os.ReadFile(tidyBounds)
	if err != nil {
		t.Fatal(err)
	}

	bounds := map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		var dir, rule string
		var most int
		if _, err := fmt.Sscan(lines.Text(), &dir, &rule, &most); err != nil {
			t.Fatalf("%s: %q: %v", tidyBounds, lines.Text(), err)
		}
		bounds[dir+" "+rule] = most
	}

	return bounds
}

func writeTidyBounds(t *testing.T, packages []tidy.Package) {
	t.Helper()

	var lines []string
	for _, p := range packages {
		for _, rule := range tidy.Rules {
			if n := p.Count(rule); n > tidyLimit(p, rule) {
				lines = append(lines, fmt.Sprintf("%s %d\n", tidyKey(p, rule), n))
			}
		}
	}
	slices.Sort(lines)

	if err := os.WriteFile(tidyBounds, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}
