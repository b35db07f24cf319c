package blotter_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/tidy"
)

// documents returns the Markdown files of the repository with their texts.
func documents(t *testing.T) map[string]string {
	t.Helper()

	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}

		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
	}

	if len(texts) < 15 {
		t.Fatalf("only %d documents were found", len(texts))
	}

	return texts
}

// generatedTable is the table of commands, whose texts TestTidy checks where they are written.
var generatedTable = regexp.MustCompile(`(?s)<!-- commands -->.*<!-- end of commands -->`)

func TestDocumentsAreTidy(t *testing.T) {
	t.Parallel()

	for name, text := range documents(t) {
		text = generatedTable.ReplaceAllStringFunc(text, func(table string) string {
			return strings.Repeat("\n", strings.Count(table, "\n"))
		})
		for _, finding := range tidy.Markdown(name, text) {
			t.Error(finding)
		}
	}
}

var (
	testName     = regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`)
	documentLink = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)\s]*)?\)`)
	sourcePath   = regexp.MustCompile("`([a-z_]+(?:/[a-z_0-9]+)*\\.(?:go|sql|md|json|yaml|toml|txt))`")
)

// TestDocumentsNameTests checks that the tests that prove a promise exist under these names.
func TestDocumentsNameTests(t *testing.T) {
	t.Parallel()

	var source strings.Builder
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	for document, text := range documents(t) {
		for _, name := range testName.FindAllString(text, -1) {
			if !strings.Contains(source.String(), "func "+name) {
				t.Errorf("%s names %s, which does not exist", document, name)
			}
		}
	}
}

// TestDocumentsNameFiles checks links, and paths in code spans that have a folder.
func TestDocumentsNameFiles(t *testing.T) {
	t.Parallel()

	for document, text := range documents(t) {
		for _, link := range documentLink.FindAllStringSubmatch(text, -1) {
			target := filepath.Join(filepath.Dir(document), link[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", document, link[1], err)
			}
		}

		for _, path := range sourcePath.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(path[1], "/") || strings.HasPrefix(path[1], "blotter/") {
				continue
			}
			if _, err := os.Stat(path[1]); err != nil {
				t.Errorf("%s names %s: %v", document, path[1], err)
			}
		}
	}
}
