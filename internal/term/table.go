package term

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// Column describes a column of a table.
type Column struct {
	Name string

	// Right aligns the cells to the right.
	Right bool
	// Signed marks profits and losses, which are green and red on a terminal.
	Signed bool
	// Point aligns numbers at their decimal points.
	Point bool

	// Spare lets the column be hidden in a table that is too wide. The greatest Spare goes first, and columns with the
	// same one go together; 0 is never hidden.
	Spare int
	// Least lets the cells, which are free text, be shortened to as few characters before any column is hidden; 0 is
	// never shortened.
	Least int
}

// columnGap separates two columns.
const columnGap = "  "

// readableText is the number of characters of free text that are kept by hiding columns.
const readableText = 24

// PrintTable prints rows under the columns, within the width of the output. If they do not fit, it first shortens free
// text, then hides columns, which a line below the table names. A table that still does not fit is printed as records,
// with all columns below each other. Columns without any value are left out.
func PrintTable(w io.Writer, columns []Column, rows [][]string) error {
	for _, row := range rows {
		for i := range row {
			row[i] = Printable(row[i])
		}
	}
	columns, rows = withoutEmpty(columns, rows)
	alignPoints(columns, rows)
	columns = keepDistinct(columns, rows)

	width := Width(w)
	whole := TableWidth(columns, rows)
	shown, cells, hidden := hideSpare(columns, rows, width)
	if sumWidths(leastWidths(shown, cells)) > width {
		return printRecords(w, columns, rows)
	}

	cells = shortenToFit(shown, cells, width)
	if err := printAligned(w, shown, cells); err != nil {
		return err
	}
	PrintHidden(w, hidden, whole)
	return nil
}

// PrintHidden prints which columns a table does not show, and how to see them. A table with all of them is whole
// characters wide.
func PrintHidden(w io.Writer, hidden []string, whole int) {
	if len(hidden) == 0 {
		return
	}
	names := strings.Join(hidden, ", ")
	PrintWrapped(w, fmt.Sprintf("(hidden at %d columns: %s; COLUMNS=%d or --json shows all)", Width(w), names, whole))
}

// TableWidth returns the width of a table that shows all columns in full.
func TableWidth(columns []Column, rows [][]string) int {
	return sumWidths(columnWidths(columns, rows))
}

// hideSpare leaves out spare columns that do not fit beside the others, whose free text keeps readableText characters,
// and returns the names of the columns that it left out.
func hideSpare(columns []Column, rows [][]string, width int) (shown []Column, cells [][]string, hidden []string) {
	keep := fittingColumns(columns, rows, width)
	shown, cells = columns, rows
	for i := len(columns) - 1; i >= 0; i-- {
		if !keep[i] {
			hidden = append([]string{columns[i].Name}, hidden...)
			shown, cells = without(shown, cells, i)
		}
	}
	return shown, cells, hidden
}

// fittingColumns reports which columns fit into the width: those that are never hidden, then the others from the least
// Spare on.
func fittingColumns(columns []Column, rows [][]string, width int) []bool {
	needs := leastWidths(columns, rows)
	for i, actual := range columnWidths(columns, rows) {
		if columns[i].Spare == 0 {
			needs[i] = max(needs[i], min(actual, readableText))
		}
	}

	keep := make([]bool, len(columns))
	used := -len(columnGap)
	groups := map[int][]int{} // columns by Spare
	for i, c := range columns {
		if c.Spare > 0 {
			groups[c.Spare] = append(groups[c.Spare], i)
			continue
		}
		keep[i] = true
		used += needs[i] + len(columnGap)
	}

	for _, spare := range slices.Sorted(maps.Keys(groups)) {
		needed := 0
		for _, i := range groups[spare] {
			needed += needs[i] + len(columnGap)
		}
		if used+needed > width {
			continue
		}
		used += needed
		for _, i := range groups[spare] {
			keep[i] = true
		}
	}
	return keep
}

// printAligned prints a table, in color on a terminal.
func printAligned(w io.Writer, columns []Column, rows [][]string) error {
	header := headerOf(columns)
	widths := columnWidths(columns, rows)
	colored := isColored(w)

	for n, row := range append([][]string{header}, rows...) {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if colored && n > 0 && columns[i].Signed {
				cell = colorOf(cell)
			}
			if i > 0 {
				line.WriteString(columnGap)
			}
			if columns[i].Right {
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

// printRecords prints each row as a block of lines, one for each column that has a value.
func printRecords(w io.Writer, columns []Column, rows [][]string) error {
	widest := slices.Max(columnWidths(columns, nil))
	for n, row := range rows {
		if n > 0 {
			fmt.Fprintln(w)
		}

		for i, cell := range row {
			cell = strings.TrimSpace(cell)
			if cell == "" {
				continue
			}
			name := strings.TrimSpace(columns[i].Name)
			if _, err := fmt.Fprintf(w, "%-*s%s%s\n", widest, name, columnGap, cell); err != nil {
				return err
			}
		}
	}
	return nil
}

// alignPoints pads numbers with spaces so that the decimal points of a column line up.
func alignPoints(columns []Column, rows [][]string) {
	for i, c := range columns {
		if !c.Point {
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

// fractionLength returns the number of characters from the decimal point on.
func fractionLength(number string) int {
	point := strings.IndexByte(number, '.')
	if point < 0 {
		return 0
	}
	return len(number) - point
}

// shortenToFit shortens free text, the widest column first, until the rows fit.
func shortenToFit(columns []Column, rows [][]string, width int) [][]string {
	least := leastWidths(columns, rows)
	widths := columnWidths(columns, rows)
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
			if c.Least > 0 {
				cells[n][i] = ShortenMiddle(row[i], widths[i])
			}
		}
	}
	return cells
}

// distinguishing names the columns without which rows of two accounts, or money in two currencies, look alike.
var distinguishing = map[string]bool{"account": true, "currency": true}

// distinguishingLeast is the number of characters that a distinguishing cell keeps.
const distinguishingLeast = 16

// keepDistinct returns the columns, such that a distinguishing one with more than one value is never hidden.
func keepDistinct(columns []Column, rows [][]string) []Column {
	columns = slices.Clone(columns)
	for i := range columns {
		c := &columns[i]
		if !distinguishing[c.Name] {
			continue
		}
		if c.Least == 0 {
			c.Least = distinguishingLeast
		}

		values := map[string]bool{}
		for _, row := range rows {
			if row[i] != "" {
				values[row[i]] = true
			}
		}
		if len(values) > 1 {
			c.Spare = 0
		}
	}
	return columns
}

// columnWidths returns the widths of the columns with their names.
func columnWidths(columns []Column, rows [][]string) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(c.Name)
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	return widths
}

// leastWidths returns the widths of the columns with free text shortened as much as possible.
func leastWidths(columns []Column, rows [][]string) []int {
	widths := columnWidths(columns, rows)
	for i, c := range columns {
		if c.Least > 0 {
			widths[i] = min(widths[i], max(c.Least, utf8.RuneCountInString(c.Name)))
		}
	}
	return widths
}

// sumWidths returns the width of a table whose columns have these widths.
func sumWidths(widths []int) int {
	sum := -len(columnGap)
	for _, width := range widths {
		sum += width + len(columnGap)
	}
	return sum
}

func headerOf(columns []Column) []string {
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.Name
	}
	return header
}

// withoutEmpty leaves out the columns in which no row has a value.
func withoutEmpty(columns []Column, rows [][]string) ([]Column, [][]string) {
	if len(rows) == 0 {
		return columns, rows
	}
	for i := len(columns) - 1; i >= 0; i-- {
		filled := slices.ContainsFunc(rows, func(row []string) bool { return row[i] != "" })
		if !filled {
			columns, rows = without(columns, rows, i)
		}
	}
	return columns, rows
}

// without returns the table without column i.
func without(columns []Column, rows [][]string, i int) ([]Column, [][]string) {
	cells := make([][]string, len(rows))
	for n, row := range rows {
		cells[n] = slices.Concat(row[:i], row[i+1:])
	}
	return slices.Concat(columns[:i], columns[i+1:]), cells
}

// isColored reports whether w is a terminal whose user has not asked for plain text (no-color.org).
func isColored(w io.Writer) bool {
	f, isFile := w.(*os.File)
	return isFile && IsTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// colorOf colors a loss red and a profit green.
func colorOf(amount string) string {
	switch {
	case strings.HasPrefix(amount, "-"):
		return "\x1b[31m" + amount + "\x1b[0m"
	case strings.Trim(amount, "0.,") != "":
		return "\x1b[32m" + amount + "\x1b[0m"
	}
	return amount
}
