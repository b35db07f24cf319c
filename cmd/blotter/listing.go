package main

import (
	"fmt"
	"io"
	"os"
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
	spare  int  // left out where the table is too wide, the greatest first; 0 never is
	least  int  // free text, which may be shortened to so much where that does not suffice, the widest first; 0 never is
}

// printListing prints rows under the columns, within the line's width where leaving columns out and shortening free text
// can do that. A column without any value is left out too.
func printListing(w io.Writer, columns []column, rows [][]string) error {
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
	}
	columns, rows = withoutEmpty(columns, rows)
	keepTelling(columns, rows)
	for listingWidth(columns, rows) > lineWidth {
		widest := -1
		for i, c := range columns {
			if c.spare > 0 && (widest < 0 || c.spare > columns[widest].spare) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		columns, rows = without(columns, rows, widest)
	}
	shortenWidest(columns, rows)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
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
				line.WriteString("  ")
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

// shortenWidest cuts a character off the widest column of free text, until the rows fit or none can be cut.
func shortenWidest(columns []column, rows [][]string) {
	for listingWidth(columns, rows) > lineWidth {
		widths := columnWidths(rows)
		widest := -1
		for i, c := range columns {
			if c.least > 0 && widths[i] > max(c.least, len(c.name)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		for _, row := range rows {
			row[widest] = shortenMiddle(row[widest], widths[widest]-1)
		}
	}
}

// telling are the columns without which rows of two accounts, or money of two currencies, could not be told apart.
var telling = map[string]bool{"account": true, "currency": true}

const tellingWidth = 16

// keepTelling makes columns stay that tell rows apart, and keeps them narrow.
func keepTelling(columns []column, rows [][]string) {
	for i := range columns {
		if !telling[columns[i].name] {
			continue
		}
		values := map[string]bool{}
		for n := range rows {
			rows[n][i] = shortenMiddle(rows[n][i], tellingWidth)
			values[rows[n][i]] = true
		}
		if delete(values, ""); len(values) > 1 {
			columns[i].spare = 0
		}
	}
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

func listingWidth(columns []column, rows [][]string) int {
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
	return tableWidth(header, rows)
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

// amount writes money for people: two digits after the point, thousands apart.
func amount(d blotter.Decimal) string {
	text := d.RoundHAZ(2).StringFixed(2)
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if strings.HasPrefix(text, "-") && strings.Trim(text, "-0.") != "" {
		whole = "-" + whole
	}
	return whole + "." + fraction
}

func amountOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return amount(*d)
}

// price writes a price for people: every digit, and at least two after the point.
func price(d blotter.Decimal) string {
	whole, fraction, _ := strings.Cut(d.String(), ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return whole + "." + fraction
}

// averageDigits are the digits after the point that a derived price is shown with.
const averageDigits = 8

// averageOf writes a price that was derived, at the digits that matter.
func averageOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return price(d.RoundHAZ(averageDigits))
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
