package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"golang.org/x/term"
)

// column is one of a table for people.
type column struct {
	name   string
	right  bool
	signed bool // money won or lost: green and red on a terminal
	point  bool // numbers that stand with their decimal points below each other
	spare  int  // hidden where the table is too wide, the greatest first, equal ones together; 0 never is
	least  int  // free text, which may be shortened to so many characters before columns are hidden; 0 never is
}

// printListing prints rows under the columns, within the width of the output. Where they do not fit, free text is shortened
// first, then columns are hidden, which a line below the table names; what does not fit even then is printed as records,
// with all columns below each other. A column without any value is left out.
func printListing(w io.Writer, columns []column, rows [][]string) error {
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
	}
	columns, rows = withoutEmpty(columns, rows)
	alignPoints(columns, rows)
	columns = keepTelling(columns, rows)

	width := outputWidth(w)
	whole := listingWidth(columns, rows)
	shown, cells, hidden := hideSpare(columns, rows, width)
	if leastWidth(shown, cells) > width {
		return printAsRecords(w, columns, rows)
	}
	cells = shortenToFit(shown, cells, width)
	if err := printAligned(w, shown, cells); err != nil {
		return err
	}
	printHidden(w, hidden, width, whole)
	return nil
}

// printHidden says which columns are not shown, and how to see them. All of them need the width whole.
func printHidden(w io.Writer, hidden []string, width, whole int) {
	if len(hidden) > 0 {
		names := strings.Join(hidden, ", ")
		printWrapped(w, fmt.Sprintf("(hidden at %d columns: %s; COLUMNS=%d or --json shows all)", width, names, whole))
	}
}

// readableText is how many characters of free text are shown at least where hiding other columns makes room for them.
const readableText = 24

// hideSpare leaves out the columns that can be spared and have no room beside the others, whose free text is shortened to
// readableText at the most, and returns the names of those that it left out. The least of spare comes first.
func hideSpare(columns []column, rows [][]string, width int) (shown []column, cells [][]string, hidden []string) {
	needs := leastWidths(columns, rows)
	for i, actual := range listingWidths(columns, rows) {
		if columns[i].spare == 0 {
			needs[i] = max(needs[i], min(actual, readableText))
		}
	}
	used := -len(columnGap)
	var spare []int
	keep := make([]bool, len(columns))
	for i, c := range columns {
		if c.spare > 0 {
			spare = append(spare, i)
			continue
		}
		keep[i] = true
		used += needs[i] + len(columnGap)
	}

	slices.SortStableFunc(spare, func(a, b int) int { return columns[a].spare - columns[b].spare })
	for len(spare) > 0 {
		together := 1 // those that are as much to spare are shown together or not at all
		for together < len(spare) && columns[spare[together]].spare == columns[spare[0]].spare {
			together++
		}
		needed := 0
		for _, i := range spare[:together] {
			needed += needs[i] + len(columnGap)
		}
		if used+needed <= width {
			used += needed
			for _, i := range spare[:together] {
				keep[i] = true
			}
		}
		spare = spare[together:]
	}

	shown, cells = columns, rows
	for i := len(columns) - 1; i >= 0; i-- {
		if !keep[i] {
			hidden = append([]string{columns[i].name}, hidden...)
			shown, cells = without(shown, cells, i)
		}
	}
	return shown, cells, hidden
}

// printAligned prints a table, in colors on a terminal.
func printAligned(w io.Writer, columns []column, rows [][]string) error {
	header := headerOf(columns)
	widths := columnWidths(append([][]string{header}, rows...))
	colored := isTerminal(w)
	for n, row := range append([][]string{header}, rows...) {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if colored && n > 0 && columns[i].signed {
				cell = colorOf(cell)
			}
			if i > 0 {
				line.WriteString(columnGap)
			}
			if columns[i].right {
				line.WriteString(padding + cell)
			} else {
				line.WriteString(cell + padding)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// columnGap stands between two columns.
const columnGap = "  "

// printAsRecords prints each row as a block of lines, one for each column that has a value.
func printAsRecords(w io.Writer, columns []column, rows [][]string) error {
	names := columnWidths([][]string{headerOf(columns)})
	widest := slices.Max(names)
	for n, row := range rows {
		if n > 0 {
			fmt.Fprintln(w)
		}
		for i, cell := range row {
			cell = strings.TrimSpace(cell)
			if cell == "" {
				continue
			}
			name := strings.TrimSpace(columns[i].name)
			if _, err := fmt.Fprintf(w, "%-*s%s%s\n", widest, name, columnGap, cell); err != nil {
				return err
			}
		}
	}
	return nil
}

// alignPoints fills numbers up with spaces, so that the decimal points of a column stand below each other.
func alignPoints(columns []column, rows [][]string) {
	for i, c := range columns {
		if !c.point {
			continue
		}
		longest := 0
		for _, row := range rows {
			longest = max(longest, fractionLength(row[i]))
		}
		for _, row := range rows {
			if row[i] != "" {
				row[i] += strings.Repeat(" ", longest-fractionLength(row[i]))
			}
		}
	}
}

// fractionLength is how many characters a number has from its decimal point on.
func fractionLength(number string) int {
	point := strings.IndexByte(number, '.')
	if point < 0 {
		return 0
	}
	return len(number) - point
}

// leastWidths are the widths of the columns when their free text is as short as it may be.
func leastWidths(columns []column, rows [][]string) []int {
	widths := listingWidths(columns, rows)
	for i, c := range columns {
		if c.least > 0 {
			widths[i] = min(widths[i], max(c.least, utf8.RuneCountInString(c.name)))
		}
	}
	return widths
}

func leastWidth(columns []column, rows [][]string) int { return sumWidths(leastWidths(columns, rows)) }

// sumWidths is the width of a table of columns with these widths.
func sumWidths(widths []int) int {
	sum := -len(columnGap)
	for _, width := range widths {
		sum += width + len(columnGap)
	}
	return sum
}

// shortenToFit shortens free text, that of the widest column first, until the rows fit.
func shortenToFit(columns []column, rows [][]string, width int) [][]string {
	least := leastWidths(columns, rows)
	widths := listingWidths(columns, rows)
	for sumWidths(widths) > width {
		widest := -1
		for i := range columns {
			if widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}

	cells := make([][]string, len(rows))
	for n, row := range rows {
		cells[n] = slices.Clone(row)
		for i, c := range columns {
			if c.least > 0 {
				cells[n][i] = shortenMiddle(row[i], widths[i])
			}
		}
	}
	return cells
}

func headerOf(columns []column) []string {
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
	return header
}

// telling are the columns without which rows of two accounts, or money of two currencies, could not be told apart.
var telling = map[string]bool{"account": true, "currency": true}

// tellingLeast is to how many characters they may be shortened.
const tellingLeast = 16

// keepTelling returns the columns such that those that tell rows apart are never hidden.
func keepTelling(columns []column, rows [][]string) []column {
	columns = slices.Clone(columns)
	for i := range columns {
		if !telling[columns[i].name] {
			continue
		}
		if columns[i].least == 0 {
			columns[i].least = tellingLeast
		}
		values := map[string]bool{}
		for n := range rows {
			values[rows[n][i]] = true
		}
		if delete(values, ""); len(values) > 1 {
			columns[i].spare = 0
		}
	}
	return columns
}

// shortenMiddle cuts a text of others, made printable, in its middle: names that are numbered differ at their ends.
func shortenMiddle(text string, most int) string {
	text = printable(text)
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	head := (most - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(most-1-head):])
}

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// listingWidth is how wide the whole table is.
func listingWidth(columns []column, rows [][]string) int {
	return sumWidths(listingWidths(columns, rows))
}

// listingWidths are the widths of the columns with their names.
func listingWidths(columns []column, rows [][]string) []int {
	return columnWidths(append([][]string{headerOf(columns)}, rows...))
}

func withoutEmpty(columns []column, rows [][]string) ([]column, [][]string) {
	for i := len(columns) - 1; i >= 0 && len(rows) > 0; i-- {
		empty := true
		for _, row := range rows {
			empty = empty && row[i] == ""
		}
		if empty {
			columns, rows = without(columns, rows, i)
		}
	}
	return columns, rows
}

func without(columns []column, rows [][]string, i int) ([]column, [][]string) {
	cut := make([][]string, len(rows))
	for n, row := range rows {
		cut[n] = append(append([]string{}, row[:i]...), row[i+1:]...)
	}
	return append(append([]column{}, columns[:i]...), columns[i+1:]...), cut
}

// isTerminal reports whether w is a terminal whose user has not asked for plain text (no-color.org).
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func colorOf(amount string) string {
	switch {
	case strings.HasPrefix(amount, "-"):
		return "\x1b[31m" + amount + "\x1b[0m"
	case strings.Trim(amount, "0.,") != "":
		return "\x1b[32m" + amount + "\x1b[0m"
	}
	return amount
}

// price writes a price for people: every digit, and at least two after the point.
func price(d blotter.Decimal) string {
	whole, fraction, _ := strings.Cut(d.String(), ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return whole + "." + fraction
}

// averageDigits are the digits that a derived price is shown with: after the point, and after its leading zeros.
const averageDigits = 8

// averageOf writes a price that was derived, at the digits that matter.
func averageOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	digits := averageDigits
	if fraction, small := strings.CutPrefix(strings.TrimPrefix(d.String(), "-"), "0."); small {
		digits += len(fraction) - len(strings.TrimLeft(fraction, "0"))
	}
	return price(d.RoundHAZ(uint8(min(digits, blotter.DecimalFractionDigitsMax))))
}

func priceOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return price(*d)
}

// instant writes a time for people, to the second.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
