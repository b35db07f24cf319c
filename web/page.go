package web

import (
	"html/template"

	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/monitor"
)

// page is the data of page.html.
type page struct {
	Title, Subtitle string
	Links           []link
	Health          *healthLine
	Notices         []empty
	Filters         *filters
	Stats           [][]stat
	Panels          []panel
}

// panel is a part of a page with a heading.
type panel struct {
	Title, Count, Text string
	Class              string // "half", "third", "two" for its width
	Stats              [][]stat
	Chart              *figure
	Table              *table
	Link               *link
	Findings           []monitor.Finding
}

// figure is a chart with the table behind it.
type figure struct {
	SVG     template.HTML
	Caption string
	Class   string
	Table   *table
	Empty   empty
}

// stat is a figure with its name.
type stat struct {
	Name, Class string
	Value       cell
	Unit, Note  string
}

type link struct{ Text, Href, Class string }

// filters is a form whose values are in the address.
type filters struct {
	Action string
	Hidden []field
	Fields []field
	Clear  string // the address without filters, or ""
}

type field struct {
	Label, Name, Value, Type string
	Options                  []option
}

type option struct{ Value, Text string }

// drawn returns a picture as an element of the page. The label is what a screen reader says.
func drawn(p *chart.Picture, label string) template.HTML { return template.HTML(p.SVG(label)) }

// show returns the view of a page.
func (p *page) show() *view { return &view{Title: p.Title, Template: "page.html", Data: p} }

// form returns a form with the fields, whose values are those of the request. The account stays.
func (r *request) form(fields ...field) *filters {
	f := &filters{Action: r.path}
	if r.account != "" {
		f.Hidden = append(f.Hidden, field{Name: "account", Value: r.account})
	}

	for _, one := range fields {
		one.Value = r.query.Get(one.Name)
		if one.Type == "" {
			one.Type = "text"
		}
		if one.Value != "" {
			f.Clear = r.linkTo(r.path)
		}
		f.Fields = append(f.Fields, one)
	}

	return f
}

// accountColumns returns the given columns with one for the account in front, if the request shows several accounts.
func (r *request) accountColumns(columns ...column) []column {
	if r.account != "" {
		return columns
	}
	return append([]column{col("Account")}, columns...)
}

// accountCells does what accountColumns does, for the cells of a row.
func (r *request) accountCells(account string, cells ...cell) []cell {
	if r.account != "" {
		return cells
	}
	return append([]cell{text(account)}, cells...)
}
