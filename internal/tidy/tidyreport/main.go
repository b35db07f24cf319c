// Tidyreport prints measures of the readability of the Go source in a tree, as a table with a row per package, or the
// places that it counts.
//
//	go run ./internal/tidy/tidyreport                      # the table for the working folder
//	go run ./internal/tidy/tidyreport -C ../old            # the same for another tree
//	go run ./internal/tidy/tidyreport -list events audit   # the places in two packages
//	go run ./internal/tidy/tidyreport -list -rules dense,assignments events
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/blotterdb/blotter/internal/tidy"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("tidyreport: ")

	root := flag.String("C", ".", "measure the tree in `dir`")
	commits := flag.Int("commits", 100, "take the mean length of the subjects of the last `n` commits")
	list := flag.Bool("list", false, "list the places instead of counting them")
	rules := flag.String("rules", "", "with -list: comma-separated `rules` (default all)")
	flag.Parse()

	if err := run(*root, *commits, *list, *rules, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(root string, commits int, list bool, rules string, dirs []string) error {
	packages, err := tidy.Measure(root)
	if err != nil {
		return err
	}

	if len(dirs) > 0 {
		packages = slices.DeleteFunc(packages, func(p tidy.Package) bool { return !slices.Contains(dirs, p.Dir) })
	}
	if list {
		printFindings(os.Stdout, packages, rules)
		return nil
	}

	return printTable(os.Stdout, root, commits, packages)
}

func printFindings(w io.Writer, packages []tidy.Package, rules string) {
	wanted := strings.Split(rules, ",")
	for _, p := range packages {
		for _, finding := range p.Findings {
			if rules == "" || slices.Contains(wanted, string(finding.Rule)) {
				fmt.Fprintln(w, finding)
			}
		}
	}
}

func printTable(out io.Writer, root string, commits int, packages []tidy.Package) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tfiles\tlines\tlong functions\tdense\tpacked\tover 120\twords\tstilted/1000\tin texts\t"+
		"docs \"X is\"\tdoc names\thooks\t")

	largest := tidy.Package{}
	for _, p := range packages {
		printRow(w, p)
		if p.Files > largest.Files {
			largest = p
		}
	}
	total := tidy.Total(packages)
	printRow(w, total)
	if err := w.Flush(); err != nil {
		return err
	}

	subjects, err := tidy.Subjects(root, commits)
	if err != nil {
		return err
	}

	fmt.Fprintf(out, "\nfunctions of %d lines and more without a blank line inside: %.0f %%\n",
		tidy.LongFunction, percent(total.Count(tidy.Dense), total.LongFunctions))
	fmt.Fprintf(out, "parallel assignments with more than %d targets: %d\n",
		tidy.MaxTargets, total.Count(tidy.Assignments))
	fmt.Fprintf(out, "lines over %d columns: %.1f %%\n",
		tidy.MaxWidth, percent(total.Count(tidy.Width), total.LinesAll))
	fmt.Fprintf(out, "stilted phrases per 1,000 comment words: %.1f\n",
		10*percent(total.Count(tidy.Phrases), total.CommentWords))
	fmt.Fprintf(out, "doc comments \"X is/are ...\" for functions: %.0f %%\n",
		percent(total.Count(tidy.DocVerb), total.FunctionDocs))
	fmt.Fprintf(out, "commit subject, mean characters of the last %d: %.0f\n",
		len(subjects), tidy.MeanLength(subjects))
	fmt.Fprintf(out, "files in the largest package: %d (%s)\n", largest.Files, largest.Dir)
	fmt.Fprintf(out, "non-test lines: %d\n", total.Lines)

	return nil
}

func printRow(w io.Writer, p tidy.Package) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.0f %%\t%d\t%d\t%d\t%.1f\t%d\t%.0f %%\t%d\t%d\t\n",
		p.Dir, p.Files, p.Lines, p.LongFunctions,
		percent(p.Count(tidy.Dense), p.LongFunctions),
		p.Count(tidy.Assignments), p.Count(tidy.Width), p.CommentWords,
		10*percent(p.Count(tidy.Phrases), p.CommentWords), p.Count(tidy.Texts),
		percent(p.Count(tidy.DocVerb), p.FunctionDocs), p.Count(tidy.DocName), p.Count(tidy.Hooks))
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}

	return 100 * float64(part) / float64(whole)
}
