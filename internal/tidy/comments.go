package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// comments counts the words of all comments and reports their stilted phrases.
func (f file) comments() {
	for _, group := range f.tree.Comments {
		text := group.Text()
		f.pkg.CommentWords += words(text)

		first := f.line(group.Pos())
		for _, match := range Stilted(text) {
			line := first + strings.Count(text[:match.Offset], "\n")
			f.report(Phrases, line, "%q: write %s", match.Phrase, match.Instead)
		}
	}
}

// texts reports the stilted phrases of string literals: help, errors, log messages. It leaves out struct tags, import
// paths and the phrases of this package.
func (f file) texts() {
	if f.pkg.Dir == "internal/tidy" {
		return
	}

	ast.Inspect(f.tree, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			return node.Tag == nil
		case *ast.BasicLit:
			f.literal(node)
		}
		return true
	})
}

func (f file) literal(node *ast.BasicLit) {
	if node.Kind != token.STRING {
		return
	}

	text, err := strconv.Unquote(node.Value)
	if err != nil {
		return
	}
	for _, match := range Stilted(text) {
		f.report(Texts, f.line(node.Pos()), "%q: write %s", match.Phrase, match.Instead)
	}
}

// isOrAre matches the rest of a doc comment after the name.
var isOrAre = regexp.MustCompile(`^\s+(is|are|was|were)\b`)

// testFunction matches functions that package testing runs. Their comments say what they prove.
var testFunction = regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)`)

// docs reports doc comments that do not begin with the name, and those of functions that describe what it is instead
// of what it does. A doc comment for several names at once may begin with any of them.
func (f file) docs() {
	for _, declaration := range f.tree.Decls {
		switch declaration := declaration.(type) {
		case *ast.FuncDecl:
			f.functionDoc(declaration)
		case *ast.GenDecl:
			f.typeDocs(declaration)
		}
	}
}

func (f file) functionDoc(function *ast.FuncDecl) {
	text := strings.TrimSpace(function.Doc.Text())
	if text == "" {
		return
	}
	f.pkg.FunctionDocs++

	name := function.Name.Name
	line := f.line(function.Doc.Pos())
	rest, ok := strings.CutPrefix(text, name)

	switch {
	case f.test && testFunction.MatchString(name):
	case !ok && !strings.HasPrefix(text, "Deprecated:"):
		f.report(DocName, line, "begins with %q, not with %s", firstWord(text), name)
	case isOrAre.MatchString(rest):
		f.report(DocVerb, line, "%q: begin with a verb", shorten(strings.ReplaceAll(text, "\n", " ")))
	}
}

// typeDocs checks the doc comments of types. A comment above a group belongs to no name.
func (f file) typeDocs(declaration *ast.GenDecl) {
	if declaration.Tok != token.TYPE {
		return
	}

	for _, spec := range declaration.Specs {
		spec := spec.(*ast.TypeSpec)
		doc := spec.Doc
		if doc == nil && !declaration.Lparen.IsValid() {
			doc = declaration.Doc
		}

		text := strings.TrimSpace(doc.Text())
		for _, article := range []string{"A ", "An ", "The "} {
			text = strings.TrimPrefix(text, article)
		}
		if text != "" && !strings.HasPrefix(text, spec.Name.Name) {
			f.report(DocName, f.line(doc.Pos()), "begins with %q, not with %s", firstWord(text), spec.Name.Name)
		}
	}
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return fmt.Sprintf("%.30s", word)
}
