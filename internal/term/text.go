package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// printable is what others wrote, for people: what is not to be seen, would move a terminal's cursor, begin another line or
// turn the order of letters around is written as Go writes it in a string, as \n, \x1b or \u202e.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// printableLines is printable that keeps lines apart, for errors.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// printTable prints aligned columns under a header; the columns in right are aligned to the right.
func printTable(w io.Writer, header []string, right []int, fill func(row func(...string))) error {
	rows := [][]string{header}
	fill(func(cells ...string) {
		for i := range cells {
			cells[i] = printable(cells[i])
		}
		rows = append(rows, cells)
	})
	widths := make([]int, len(header))
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, cells := range rows {
		b.Reset()
		for i, cell := range cells {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if slices.Contains(right, i) {
				b.WriteString(padding + cell)
			} else {
				b.WriteString(cell + padding)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// lineWidth is the width that output for people keeps to where nothing else is known, and the most that texts have.
const lineWidth = 80

// The widths that are believed.
const (
	outputWidthMin = 20
	outputWidthMax = 10_000
)

// outputWidth returns the columns that tables printed to w may have: those of the variable COLUMNS, otherwise the
// terminal's, otherwise lineWidth.
func outputWidth(w io.Writer) int {
	believed := func(n int) bool { return n >= outputWidthMin && n <= outputWidthMax }
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && believed(n) {
		return n
	}
	if f, isFile := w.(*os.File); isFile {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && believed(n) {
			return n
		}
	}
	return lineWidth
}

// printWrapped prints a text in lines of at most lineWidth where its words allow, those after the first indented.
func printWrapped(w io.Writer, text string) { printParagraph(w, "", "  ", text) }

// printParagraph prints a text in lines of at most lineWidth, the first after one prefix, the others after another.
func printParagraph(w io.Writer, first, others, text string) {
	line, prefix := first, first
	width := min(lineWidth, outputWidth(w))
	for _, word := range strings.Fields(text) {
		word = printable(word)
		if line != prefix && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			fmt.Fprintln(w, line)
			line, prefix = others, others
		}
		if line != prefix {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
