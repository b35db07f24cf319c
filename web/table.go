package web

import (
	"fmt"
	"html/template"
	"strings"
)

// table is a table of a page.
type table struct {
	ID      string
	Caption string // what a screen reader says; the heading above says the same
	Columns []column
	Rows    []row
	Empty   empty  // shown instead of a table without rows
	More    string // address of the next page, or ""
	First   string // address of the first page, or "" on it
	CSV     string // address of the download, or ""
	Note    string
}

// column is a column of a table.
type column struct {
	Name  string
	Class string // "num" for numbers, "minor" for one that a small screen leaves out
	Title string
}

type row struct {
	Cells []cell
	Class string
}

// cell is a cell of a table, or a figure.
type cell struct {
	Text  string
	Href  string
	Class string
	Title string
	Time  string   // the instant, for <time>
	HTML  htmlText // instead of Text: what this package has drawn or escaped

	isNumber bool
}

// htmlText is text that is HTML already. Nothing that was stored becomes one unescaped.
type htmlText = template.HTML

// escaped returns a text as HTML.
func escaped(text string) string { return template.HTMLEscapeString(text) }

// empty is shown where there is nothing to show: a sentence, and a command that changes it.
type empty struct {
	Text    string
	Command string
}

func num(name string) column   { return column{Name: name, Class: "num"} }
func col(name string) column   { return column{Name: name} }
func minor(name string) column { return column{Name: name, Class: "minor"} }

func (t *table) add(cells ...cell) { t.Rows = append(t.Rows, row{Cells: cells}) }

// aligned returns the table with classes by which the points of its numbers stand below each other: a number that has
// fewer digits than others of its column is followed by invisible ones.
func (t *table) aligned() *table {
	for i := range t.Columns {
		most := 0
		t.eachNumber(i, func(c *cell) { most = max(most, fractionDigits(c.Text)) })
		if most == 0 {
			continue
		}

		t.eachNumber(i, func(c *cell) {
			digits := fractionDigits(c.Text)
			missing := min(most, 19) - digits
			switch {
			case missing <= 0:
			case digits == 0:
				c.Class += fmt.Sprintf(" q%d", missing)
			default:
				c.Class += fmt.Sprintf(" p%d", missing)
			}
		})
	}
	return t
}

func (t *table) eachNumber(column int, do func(*cell)) {
	for i := range t.Rows {
		if column < len(t.Rows[i].Cells) && t.Rows[i].Cells[column].isNumber {
			do(&t.Rows[i].Cells[column])
		}
	}
}

func fractionDigits(number string) int {
	_, fraction, _ := strings.Cut(number, ".")
	return len(fraction)
}
