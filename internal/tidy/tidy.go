// Package tidy measures what a machine can see of the readability of Go source: blank lines between the steps of a
// function, packed assignments, line width, stilted phrases, doc comments and test hooks in production code. The tidy
// test of the root package keeps the limits; the program tidyreport prints the measures of a tree.
package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Rule names one kind of finding.
type Rule string

// The rules, in the order in which findings are listed.
const (
	Dense       Rule = "dense"       // a long function without a blank line inside
	Assignments Rule = "assignments" // a parallel assignment with three targets or more
	Width       Rule = "width"       // a line over MaxWidth columns
	Phrases     Rule = "phrases"     // a stilted phrase in a comment
	Texts       Rule = "texts"       // a stilted phrase in a string literal of production code
	DocVerb     Rule = "docverb"     // a function's doc comment that begins with "X is" or "X are"
	DocName     Rule = "docname"     // a doc comment that does not begin with the name
	Hooks       Rule = "hooks"       // something in production code that only tests need
)

// Rules lists all rules.
var Rules = [...]Rule{Dense, Assignments, Width, Phrases, Texts, DocVerb, DocName, Hooks}

const (
	// MaxWidth is the number of columns that a line may have.
	MaxWidth = 120
	// TabWidth is the number of columns that a tab counts.
	TabWidth = 4
	// LongFunction is the number of lines, braces included, from which a function needs a blank line inside.
	LongFunction = 16
	// MaxTargets is the number of targets that a parallel assignment may have.
	MaxTargets = 2
)

// Finding is one place that breaks a rule.
type Finding struct {
	Rule Rule
	File string // relative to the measured tree, with slashes
	Line int
	Text string
}

// String formats f as compilers do.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Rule, f.Text)
}

// Package holds the measures of the Go files in one folder.
type Package struct {
	Dir           string // relative to the measured tree, with slashes; "." is the tree itself
	Files         int    // without tests
	Lines         int    // without tests
	LinesAll      int    // with tests
	LongFunctions int    // with tests, as are the following
	CommentWords  int
	FunctionDocs  int
	Findings      []Finding
}

// Count returns the number of findings of a rule.
func (p Package) Count(rule Rule) int {
	n := 0
	for _, f := range p.Findings {
		if f.Rule == rule {
			n++
		}
	}

	return n
}

// Total adds up packages.
func Total(packages []Package) Package {
	total := Package{Dir: "total"}
	for _, p := range packages {
		total.Files += p.Files
		total.Lines += p.Lines
		total.LinesAll += p.LinesAll
		total.LongFunctions += p.LongFunctions
		total.CommentWords += p.CommentWords
		total.FunctionDocs += p.FunctionDocs
		total.Findings = append(total.Findings, p.Findings...)
	}

	return total
}

// Measure reads all Go files below root and returns its packages in the order of their folders. It leaves out generated
// files, folders named testdata or vendor, and folders whose names begin with a dot or an underscore.
func Measure(root string) ([]Package, error) {
	var packages []Package

	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && skipped(entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}

		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		dir := filepath.ToSlash(filepath.Dir(name))

		i := slices.IndexFunc(packages, func(p Package) bool { return p.Dir == dir })
		if i < 0 {
			packages = append(packages, Package{Dir: dir})
			i = len(packages) - 1
		}

		return packages[i].add(name, path)
	})
	if err != nil {
		return nil, err
	}

	packages = slices.DeleteFunc(packages, func(p Package) bool { return p.LinesAll == 0 })
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Dir, b.Dir) })

	return packages, nil
}

func skipped(folder string) bool {
	return folder == "testdata" || folder == "vendor" || strings.ContainsAny(folder[:1], "._")
}

// add measures one file.
func (p *Package) add(name, path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}

	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(tree) {
		return nil
	}

	f := file{
		pkg:   p,
		name:  name,
		test:  strings.HasSuffix(name, "_test.go"),
		files: files,
		tree:  tree,
		lines: strings.Split(strings.TrimSuffix(string(source), "\n"), "\n"),
	}

	p.LinesAll += len(f.lines)
	if !f.test {
		p.Files++
		p.Lines += len(f.lines)
	}

	f.width()
	f.functions()
	f.assignments()
	f.comments()
	f.docs()
	if !f.test {
		f.texts()
		f.hooks()
	}

	return nil
}

// file is one parsed file while its package is measured.
type file struct {
	pkg   *Package
	name  string
	test  bool
	files *token.FileSet
	tree  *ast.File
	lines []string
}

func (f file) line(pos token.Pos) int { return f.files.Position(pos).Line }

func (f file) report(rule Rule, line int, format string, args ...any) {
	f.pkg.Findings = append(f.pkg.Findings, Finding{rule, f.name, line, fmt.Sprintf(format, args...)})
}

// words counts the fields of text that contain a letter.
func words(text string) int {
	n := 0
	for word := range strings.FieldsSeq(text) {
		if strings.ContainsFunc(word, unicode.IsLetter) {
			n++
		}
	}

	return n
}
