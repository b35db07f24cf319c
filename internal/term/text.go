// Package term prints texts, tables and progress for people, within the width of their terminal.
package term

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Printable returns text with every character escaped that is invisible, moves the cursor, begins a new line or changes
// the direction of writing. Escapes are those of Go strings, such as \n, \x1b and \u202e.
func Printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsGraphic(r) {
			b.WriteRune(r)
			continue
		}
		escaped := strconv.QuoteRune(r)
		b.WriteString(escaped[1 : len(escaped)-1])
	}
	return b.String()
}

// PrintableLines is Printable for a text whose line breaks are kept.
func PrintableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// Shorten returns the text, printable, with its end cut off if it has more than most characters.
func Shorten(text string, most int) string {
	text = Printable(text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// ShortenMiddle is Shorten for names, which often differ at their ends only: it cuts the middle.
func ShortenMiddle(text string, most int) string {
	text = Printable(text)
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	head := (most - 1) / 2
	tail := most - 1 - head
	return string(runes[:head]) + "…" + string(runes[len(runes)-tail:])
}

// LineWidth is the width of output when the terminal's is unknown, and the greatest width of wrapped text.
const LineWidth = 80

// Widths outside of these limits are ignored.
const (
	widthMin = 20
	widthMax = 10_000
)

// IsTerminal reports whether the file is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Width returns the width of tables printed to w: the variable COLUMNS, otherwise the width of the terminal, otherwise
// LineWidth.
func Width(w io.Writer) int {
	valid := func(n int) bool { return n >= widthMin && n <= widthMax }
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && valid(n) {
		return n
	}
	if f, isFile := w.(*os.File); isFile {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && valid(n) {
			return n
		}
	}
	return LineWidth
}

// PrintWrapped prints a text in lines of at most LineWidth characters. Lines after the first are indented.
func PrintWrapped(w io.Writer, text string) { PrintParagraph(w, "", "  ", text) }

// PrintParagraph prints a text in lines of at most LineWidth characters. The first line begins with first, the others
// begin with indent. A word that is longer than a line is not broken.
func PrintParagraph(w io.Writer, first, indent, text string) {
	line, prefix := first, first
	width := min(LineWidth, Width(w))

	for _, word := range strings.Fields(text) {
		word = Printable(word)
		if line != prefix && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			fmt.Fprintln(w, line)
			line, prefix = indent, indent
		}
		if line != prefix {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}
