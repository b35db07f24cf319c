package tidy

import (
	"go/ast"
	"go/token"
	"strings"
	"unicode/utf8"
)

// width reports lines over MaxWidth columns.
func (f file) width() {
	for i, line := range f.lines {
		if n := utf8.RuneCountInString(line) + (TabWidth-1)*strings.Count(line, "\t"); n > MaxWidth {
			f.report(Width, i+1, "%d columns, at most %d", n, MaxWidth)
		}
	}
}

// functions reports long functions without a blank line inside. A blank line in a string literal does not count.
func (f file) functions() {
	inString := f.stringLines()

	for _, declaration := range f.tree.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}

		first, last := f.line(function.Pos()), f.line(function.End())
		if last-first+1 < LongFunction {
			continue
		}
		f.pkg.LongFunctions++

		blank := false
		for line := f.line(function.Body.Lbrace) + 1; line < last; line++ {
			if strings.TrimSpace(f.lines[line-1]) == "" && !inString[line] {
				blank = true
			}
		}
		if !blank {
			f.report(Dense, first, "%s has %d lines and no blank line", function.Name.Name, last-first+1)
		}
	}
}

// stringLines returns the lines that continue a string literal.
func (f file) stringLines() map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(f.tree, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			for line := f.line(literal.Pos()) + 1; line <= f.line(literal.End()); line++ {
				lines[line] = true
			}
		}
		return true
	})

	return lines
}

// assignments reports parallel assignments with more than MaxTargets targets. The results of one call may have more.
func (f file) assignments() {
	ast.Inspect(f.tree, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.AssignStmt:
			if len(node.Lhs) > MaxTargets && len(node.Rhs) > 1 {
				f.report(Assignments, f.line(node.Pos()), "%d targets", len(node.Lhs))
			}
		case *ast.ValueSpec:
			if len(node.Names) > MaxTargets && len(node.Values) > 1 {
				f.report(Assignments, f.line(node.Pos()), "%d names", len(node.Names))
			}
		}
		return true
	})
}
