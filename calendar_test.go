package blotter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestMonthArithmeticIsInOnePlace finds calls of AddDate with years or months. They overflow at the end of a month:
// code and tests that are right today are wrong on the 31st. Package internal/calendar has the arithmetic that clamps.
func TestMonthArithmeticIsInOnePlace(t *testing.T) {
	t.Parallel()

	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}

		files++

		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}

		ast.Inspect(file, func(node ast.Node) bool {
			if addsMonths(node) {
				t.Errorf("%s: AddDate with years or months; use internal/calendar", set.Position(node.Pos()))
			}
			return true
		})

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	if files < 100 {
		t.Errorf("only %d files were read", files)
	}
}

// addsMonths reports whether node calls AddDate with a year or a month that is not a literal 0.
func addsMonths(node ast.Node) bool {
	call, isCall := node.(*ast.CallExpr)
	if !isCall || len(call.Args) != 3 {
		return false
	}
	method, isMethod := call.Fun.(*ast.SelectorExpr)

	return isMethod && method.Sel.Name == "AddDate" && !(isZero(call.Args[0]) && isZero(call.Args[1]))
}

func isZero(e ast.Expr) bool {
	literal, isLiteral := e.(*ast.BasicLit)

	return isLiteral && literal.Value == "0"
}
