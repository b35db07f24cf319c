package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// generateAll returns the mutants of the files that the patterns name, in the order of the files.
func generateAll(root string, patterns []string) (all []mutant, err error) {
	var files []string
	for _, pattern := range patterns {
		switch pattern {
		case "money":
			files = append(files, moneyFiles...)
		case "all":
			files = append(files, allFiles...)
		default:
			files = append(files, pattern)
		}
	}

	var paths []string
	for _, pattern := range files {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}

	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") {
			continue
		}
		list, err := generate(root, path)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}

	return all, nil
}

// generator walks one file.
type generator struct {
	file     string
	fset     *token.FileSet
	source   string
	function string
	list     []mutant
}

func generate(root, path string) ([]mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}

	relative, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}

	g := &generator{file: filepath.ToSlash(relative), fset: token.NewFileSet(), source: string(source)}
	parsed, err := parser.ParseFile(g.fset, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}

	for _, declaration := range parsed.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			g.function = d.Name.Name
			if d.Body != nil {
				g.walk(d.Body)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok {
					g.function = value.Names[0].Name
					for _, v := range value.Values {
						g.walk(v)
					}
				}
			}
		}
	}

	return g.unique(), nil
}

// unique drops changes that are the same.
func (g *generator) unique() []mutant {
	type change struct {
		start, end int
		text       string
	}
	seen := map[change]bool{}
	return slices.DeleteFunc(g.list, func(m mutant) bool {
		c := change{m.start, m.end, m.text}
		again := seen[c] || m.text == g.source[m.start:m.end]
		seen[c] = true
		return again
	})
}

func (g *generator) offset(p token.Pos) int { return g.fset.Position(p).Offset }

func (g *generator) text(n ast.Node) string { return g.source[g.offset(n.Pos()):g.offset(n.End())] }

// add adds the change of a node's text.
func (g *generator) add(n ast.Node, text string) { g.addNamed(n, text, g.text(n), text) }

func (g *generator) addNamed(n ast.Node, text, before, after string) {
	g.addAt(g.offset(n.Pos()), g.offset(n.End()), text, before, after)
}

func (g *generator) addAt(start, end int, text, before, after string) {
	line := 1 + strings.Count(g.source[:start], "\n")
	g.list = append(g.list, mutant{
		file: g.file, function: g.function, line: line, start: start, end: end, text: text,
		before: before, after: after,
	})
}

// textual are functions whose arguments are words for people, which tests need not pin down.
var textual = []string{
	"Invalid", "Errorf", "Sprintf", "programming", "panic", "InfoContext", "WarnContext",
	"ErrorContext", "DebugContext", "New",
}

// walk adds the mutants of a node and of what is in it.
func (g *generator) walk(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := calledName(n)
			if slices.Contains(textual, name) {
				return false
			}
			if name == "make" || name == "Grow" { // sizes are hints
				return false
			}
			g.call(n, name)
		case *ast.IfStmt:
			g.condition(n)
		case *ast.BinaryExpr:
			g.binary(n)
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				g.add(n, g.text(n.X))
			}
		case *ast.BlockStmt:
			g.statements(n.List)
		case *ast.CaseClause:
			g.statements(n.Body)
			g.caseClause(n)
		case *ast.CommClause:
			g.statements(n.Body)
		case *ast.AssignStmt:
			g.assignment(n)
		case *ast.IncDecStmt:
			swapped := map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok]
			g.add(n, g.text(n.X)+swapped)
		case *ast.ReturnStmt:
			g.returned(n)
		case *ast.CompositeLit:
			g.literal(n)
			return !isErrorLiteral(n)
		case *ast.BasicLit:
			g.constant(n)
		case *ast.Ident:
			switch n.Name {
			case "true":
				g.add(n, "false")
			case "false":
				g.add(n, "true")
			}
		}

		return true
	})
}

// condition negates the condition of an if, or has it never hold, unless another change has the same effect.
func (g *generator) condition(n *ast.IfStmt) {
	negated := false
	switch c := n.Cond.(type) {
	case *ast.BinaryExpr:
		negated = c.Op == token.EQL || c.Op == token.NEQ
	case *ast.UnaryExpr:
		negated = c.Op == token.NOT
	case *ast.CallExpr:
		negated = slices.Contains(negatedCalls, calledName(c))
	}

	if !negated {
		g.addNamed(n.Cond, "!("+g.text(n.Cond)+")", "if "+g.text(n.Cond), "if not that")
	}
	if _, returns := n.Body.List[0].(*ast.ReturnStmt); !returns || len(n.Body.List) > 1 {
		g.addNamed(n.Cond, "false && ("+g.text(n.Cond)+")", "if "+g.text(n.Cond), "never")
	}
}

// negatedCalls are calls that the mutants of a call negate.
var negatedCalls = []string{"IsZero", "Equal", "IsNeg", "Contains"}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// methods are those whose confusion is a classic.
var methods = map[string]string{
	"Add": "Sub", "Sub": "Add", "LessThan": "LessThanOrEqual", "LessThanOrEqual": "LessThan",
	"GreaterThan":        "GreaterThanOrEqual",
	"GreaterThanOrEqual": "GreaterThan", "IsNeg": "IsPos", "After": "Before", "Before": "After", "Signal": "Broadcast",
}

func (g *generator) call(n *ast.CallExpr, name string) {
	selector, isMethod := n.Fun.(*ast.SelectorExpr)
	if isMethod {
		if other := methods[name]; other != "" {
			g.addNamed(selector.Sel, other, g.text(n), strings.Replace(g.text(n), "."+name+"(", "."+other+"(", 1))
		}
		if slices.Contains([]string{"Neg", "Abs", "Truncate", "UTC"}, name) {
			g.add(n, g.text(selector.X))
		}
		if slices.Contains(negatedCalls, name) {
			g.add(n, "!"+g.text(n))
		}
	}

	if name == "min" || name == "max" {
		g.addNamed(n.Fun, map[string]string{"min": "max", "max": "min"}[name], g.text(n), "the other of min and max")
	}
	for i := range len(n.Args) - 1 {
		if a, b := n.Args[i], n.Args[i+1]; alike(a, b) || name == "Or" && i == 0 {
			g.swap(a, b)
		}
	}
}

// alike reports whether two expressions look as if they had one type: fields of one value, or elements of one slice.
func alike(a, b ast.Expr) bool {
	switch a := a.(type) {
	case *ast.SelectorExpr:
		b, ok := b.(*ast.SelectorExpr)
		return ok && same(a.X, b.X)
	case *ast.IndexExpr:
		b, ok := b.(*ast.IndexExpr)
		return ok && same(a.X, b.X)
	case *ast.CallExpr:
		b, ok := b.(*ast.CallExpr)
		return ok && same(a.Fun, b.Fun)
	case *ast.UnaryExpr:
		b, ok := b.(*ast.UnaryExpr)
		return ok && a.Op == b.Op && alike(a.X, b.X)
	}

	return false
}

func same(a, b ast.Expr) bool {
	x, isName := a.(*ast.Ident)
	y, ok := b.(*ast.Ident)
	return isName && ok && x.Name == y.Name
}

// swap exchanges two neighbours.
func (g *generator) swap(a, b ast.Expr) {
	between := g.source[g.offset(a.End()):g.offset(b.Pos())]
	text := g.text(b) + between + g.text(a)
	g.addAt(g.offset(a.Pos()), g.offset(b.End()), text, g.text(a)+", "+g.text(b), g.text(b)+", "+g.text(a))
}

var operators = map[token.Token][]string{
	token.LSS: {"<="}, token.LEQ: {"<"}, token.GTR: {">="}, token.GEQ: {">"}, token.EQL: {"!="}, token.NEQ: {"=="},
	token.LAND: {"||"}, token.LOR: {"&&"}, token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"},
	token.AND: {"|"}, token.OR: {"&"},
}

func (g *generator) binary(n *ast.BinaryExpr) {
	for _, other := range operators[n.Op] {
		start := g.offset(n.OpPos)
		after := g.text(n.X) + " " + other + " " + g.text(n.Y)
		g.addAt(start, start+len(n.Op.String()), other, g.text(n), after)
	}
	if n.Op == token.LAND || n.Op == token.LOR {
		g.add(n, g.text(n.X))
		g.add(n, g.text(n.Y))
	}
}

// statements drops one statement at a time.
func (g *generator) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if call, ok := s.X.(*ast.CallExpr); ok && slices.Contains(textual, calledName(call)) {
				continue
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.IncDecStmt, *ast.DeferStmt, *ast.BranchStmt, *ast.ReturnStmt, *ast.SendStmt:
		default:
			continue
		}

		g.addNamed(s, "", g.text(s), "nothing")
	}
}

// caseClause drops a case of a switch.
func (g *generator) caseClause(n *ast.CaseClause) {
	if len(n.List) > 0 {
		first, last := n.List[0], n.List[len(n.List)-1]
		cases := g.source[g.offset(first.Pos()):g.offset(last.End())]
		g.addNamed(n, "", "case "+cases, "nothing")
	}
}

func (g *generator) assignment(n *ast.AssignStmt) {
	swapped := map[token.Token]string{token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+=", token.OR_ASSIGN: "="}[n.Tok]
	if swapped != "" {
		start := g.offset(n.TokPos)
		g.addAt(start, start+len(n.Tok.String()), swapped, g.text(n), g.text(n.Lhs[0])+" "+swapped+" "+g.text(n.Rhs[0]))
	}

	if len(n.Rhs) < 2 || len(n.Lhs) != len(n.Rhs) {
		return
	}

	for i := range len(n.Rhs) - 1 {
		g.swap(n.Rhs[i], n.Rhs[i+1])
	}

	if n.Tok == token.ASSIGN {
		for i, left := range n.Lhs {
			g.addNamed(n.Rhs[i], g.text(left), g.text(left)+" = "+g.text(n.Rhs[i]), "nothing")
		}
	}
}

// returned returns no error where there is one.
func (g *generator) returned(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		return
	}
	last, ok := n.Results[len(n.Results)-1].(*ast.Ident)
	if ok && (last.Name == "err" || last.Name == "failed") {
		g.addNamed(last, "nil", g.text(n), "no error")
	}
}

// literal drops a field of a struct, or exchanges two.
func (g *generator) literal(n *ast.CompositeLit) {
	if isErrorLiteral(n) {
		return
	}

	for i, element := range n.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			if i > 0 && alike(n.Elts[i-1], element) {
				g.swap(n.Elts[i-1], element)
			}
			continue
		}
		end := g.offset(pair.End())
		if strings.HasPrefix(g.source[end:], ",") {
			end++
		}
		g.addAt(g.offset(pair.Pos()), end, "", g.text(pair), "nothing")
	}
}

// isErrorLiteral reports whether the literal is of an error, whose text is for people.
func isErrorLiteral(n *ast.CompositeLit) bool {
	switch t := n.Type.(type) {
	case *ast.SelectorExpr:
		return t.Sel.Name == "Error"
	case *ast.Ident:
		return t.Name == "Error"
	}
	return false
}

// constant changes a number by one, and SQL in many ways.
func (g *generator) constant(n *ast.BasicLit) {
	switch n.Kind {
	case token.INT:
		value, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 10, 64)
		if err != nil {
			return
		}

		g.add(n, strconv.FormatInt(value+1, 10))
		if value > 0 {
			g.add(n, strconv.FormatInt(value-1, 10))
		}
	case token.STRING:
		if strings.HasPrefix(n.Value, "`") && isSQL(n.Value) {
			for _, c := range mutateSQL(n.Value) {
				start := g.offset(n.Pos())
				g.addAt(start+c.start, start+c.end, c.text, c.before, c.after)
			}
		}
	}
}
