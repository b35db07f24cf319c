package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// mutant is one change of a file.
type mutant struct {
	file       string // relative to the root, with slashes
	function   string // or the constant
	line       int
	start, end int    // bytes of the file
	text       string // what is there instead
	before     string // what the change is called: the old fragment, and the new one
	after      string
}

// key identifies a mutant by file, function and change, which outlive changes elsewhere in the file. Two equal changes
// of one function have one key.
func (m mutant) key() string {
	return fmt.Sprintf("`%s` `%s`: `%s → %s`", m.file, m.function, short(m.before), short(m.after))
}

// functionKey names any change of the mutant's function.
func (m mutant) functionKey() string { return fmt.Sprintf("`%s` `%s`: any change", m.file, m.function) }

// short squeezes white space, and leaves out the middle of a long text.
func short(text string) string {
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "`", "'")
	const most = 90
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most/2]) + "…" + string(runes[len(runes)-most/2:])
	}
	return text
}

// apply returns the source with the change.
func (m mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.start], []byte(m.text), source[m.end:])
}

// diff returns the changed lines, old and new.
func (m mutant) diff(source []byte) string {
	from := strings.LastIndexByte(string(source[:m.start]), '\n') + 1
	to := len(source)
	if n := strings.IndexByte(string(source[m.end:]), '\n'); n >= 0 {
		to = m.end + n
	}

	old := string(source[from:to])
	changed := string(source[from:m.start]) + m.text + string(source[m.end:to])
	var lines []string
	for line := range strings.Lines(old) {
		lines = append(lines, "  - "+strings.TrimRight(line, "\n"))
	}
	for line := range strings.Lines(changed) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, "  + "+strings.TrimRight(line, "\n"))
		}
	}

	return strings.Join(lines, "\n")
}

// acceptedKeys are the keys of the survivors that need no test, and of functions of which no change does.
type acceptedKeys map[string]bool

// has reports whether a survivor is accepted, by itself or with its function.
func (a acceptedKeys) has(m mutant) bool { return a[m.key()] || a[m.functionKey()] }

var acceptedLine = regexp.MustCompile("^- (`[^`]+` `[^`]+`: (?:`[^`]+`|any change)): \\S")

// readAccepted reads the list items that name a mutant and say why it is accepted.
func readAccepted(path string) (acceptedKeys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keys := acceptedKeys{}
	for line := range strings.Lines(string(text)) {
		if found := acceptedLine.FindStringSubmatch(line); found != nil {
			keys[found[1]] = true
		}
	}
	return keys, nil
}

// withoutMutant returns accepted keys that no mutant of their file has.
func (a acceptedKeys) withoutMutant(all []mutant) (keys []string) {
	known := map[string]bool{}
	files := map[string]bool{}
	for _, m := range all {
		known[m.key()] = true
		known[m.functionKey()] = true
		files["`"+m.file+"`"] = true
	}

	for key := range a {
		file, _, _ := strings.Cut(key, " ")
		if files[file] && !known[key] {
			keys = append(keys, key)
		}
	}

	slices.Sort(keys)
	return keys
}
