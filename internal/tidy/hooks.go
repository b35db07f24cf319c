package tidy

import (
	"go/ast"
	"go/build/constraint"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// testPackages may use package testing, because they exist for tests.
var testPackages = []string{"pgtest", "chaos"}

// hookName matches names of what only tests use.
var hookName = regexp.MustCompile(`(?i)fail_?point|test_?hook|mutant|^mutat(ed|ing|e)$|for_?tests?$|only_?in_?tests?$`)

// platformTags are the build tags that production code may have.
var platformTags = []string{"unix", "linux", "darwin", "windows", "cgo", "data", "race"}

// hooks reports what production code must not contain: package testing, build tags for tests, and names that say that
// something exists for tests.
func (f file) hooks() {
	if slices.Contains(testPackages, f.pkg.Dir) {
		return
	}

	for _, imported := range f.tree.Imports {
		path, err := strconv.Unquote(imported.Path.Value)
		if err == nil && (path == "testing" || strings.HasPrefix(path, "testing/")) {
			f.report(Hooks, f.line(imported.Pos()), "imports %s", path)
		}
	}

	f.buildTags()

	ast.Inspect(f.tree, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok && hookName.MatchString(name.Name) {
			f.report(Hooks, f.line(name.Pos()), "the name %s", name.Name)
		}
		return true
	})
}

func (f file) buildTags() {
	for i, line := range f.lines {
		if strings.HasPrefix(line, "package ") {
			return
		}
		if !constraint.IsGoBuild(line) {
			continue
		}

		expression, err := constraint.Parse(line)
		if err != nil {
			continue
		}
		expression.Eval(func(tag string) bool {
			if !slices.Contains(platformTags, tag) {
				f.report(Hooks, i+1, "the build tag %s", tag)
			}
			return true
		})
	}
}
