package tidy

import (
	"fmt"
	"regexp"
	"strings"
)

// inlineCode is code within a line of Markdown, which may continue on the next one.
var inlineCode = regexp.MustCompile("`[^`]*`")

// Markdown returns the stilted phrases of a document. It leaves out code and headings.
func Markdown(name, text string) []Finding {
	var findings []Finding
	for _, b := range blocks(text) {
		prose := inlineCode.ReplaceAllStringFunc(b.text, func(code string) string {
			return strings.Repeat("\n", strings.Count(code, "\n")) + "X"
		})

		for _, match := range Stilted(prose) {
			line := b.line + strings.Count(prose[:match.Offset], "\n")
			message := fmt.Sprintf("%q: write %s", match.Phrase, match.Instead)
			findings = append(findings, Finding{Phrases, name, line, message})
		}
	}

	return findings
}

// block is a paragraph, an item of a list, or a cell of a table.
type block struct {
	line int
	text string
}

func blocks(text string) []block {
	var all []block
	open := false // the last block goes on
	code := false

	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		fence := strings.HasPrefix(trimmed, "```")
		if fence {
			code = !code
		}

		switch {
		case code, fence, trimmed == "", strings.HasPrefix(trimmed, "#"), strings.HasPrefix(trimmed, "<!--"):
			open = false
		case strings.HasPrefix(trimmed, "|"):
			for cell := range strings.SplitSeq(strings.Trim(trimmed, "|"), " | ") {
				all = append(all, block{i + 1, strings.TrimSpace(cell)})
			}
			open = false
		case open && !listItem.MatchString(trimmed):
			last := &all[len(all)-1]
			last.text += "\n" + trimmed
		default:
			all = append(all, block{i + 1, listItem.ReplaceAllString(trimmed, "")})
			open = true
		}
	}

	return all
}

var listItem = regexp.MustCompile(`^([-*]|\d+\.) +`)
