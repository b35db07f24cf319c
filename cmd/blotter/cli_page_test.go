package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var updatePage = flag.Bool("update", false, "write the table of commands of docs/cli.md")

const (
	pageFile  = "../../docs/cli.md"
	pageBegin = "<!-- commands -->\n"
	pageEnd   = "<!-- end of commands -->\n"
)

// TestCommandLinePage checks that docs/cli.md lists every command with its short help.
func TestCommandLinePage(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), pageBegin)
	table, after, ends := strings.Cut(rest, pageEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table of commands", pageFile)
	}

	want := commandTable(newRoot())
	if *updatePage {
		page := before + pageBegin + want + pageEnd + after
		if err := os.WriteFile(pageFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table of commands of %s is out of date; run this test with -update", pageFile)
	}
}

func commandTable(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("| command | purpose |\n| --- | --- |\n")
	for _, cmd := range allCommands(root) {
		if cmd != root && cmd.Runnable() && !cmd.Hidden && cmd.Name() != "help" {
			name := strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.ReplaceAll(cmd.Short, "|", `\|`))
		}
	}

	return b.String()
}

var (
	codeBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	codeSpan  = regexp.MustCompile("`([^`]+)`")
	wordEnd   = regexp.MustCompile(`[|;&<>#"(]|\$\(`)
	longFlag  = regexp.MustCompile(`^--([a-z][a-z-]*)`)
)

// TestDocumentedCommands checks that the commands and flags that the documents name exist.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()

	names, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range append(names, "../../README.md", "../../docs/events/README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range documentedCommands(string(text)) {
			checked++
			if err := checkCommand(newRoot(), line); err != nil {
				t.Errorf("%s: blotter %s: %v", name, line, err)
			}
		}
	}

	if checked < 50 {
		t.Errorf("only %d commands were found", checked)
	}
}

// documentedCommands returns what follows "blotter " in code of a document.
func documentedCommands(text string) []string {
	var lines []string
	for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(block[1], "\n")...)
	}
	for _, span := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		lines = append(lines, strings.ReplaceAll(span[1], "\n", " "))
	}

	var commands []string
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "blotter "); ok {
			if end := wordEnd.FindStringIndex(rest); end != nil {
				rest = rest[:end[0]]
			}
			commands = append(commands, strings.TrimSpace(rest))
		}
	}

	return commands
}

// checkCommand reports a command or flag that does not exist.
func checkCommand(root *cobra.Command, line string) error {
	cmd := root
	for word := range strings.FieldsSeq(line) {
		if name := longFlag.FindStringSubmatch(word); name != nil {
			if cmd.Flags().Lookup(name[1]) == nil && cmd.InheritedFlags().Lookup(name[1]) == nil &&
				name[1] != "help" && name[1] != "version" {
				return fmt.Errorf("no flag --%s", name[1])
			}
			continue
		}
		if word == "--" {
			return nil
		}

		sub := findCommand(cmd, word)
		if sub == nil && cmd.HasSubCommands() && !cmd.Runnable() {
			return fmt.Errorf("no command %q", word)
		}
		if sub != nil {
			cmd = sub
		}
	}

	return nil
}
