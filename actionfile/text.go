package actionfile

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// textLayout is a layout of text files with a header.
type textLayout struct {
	title, source string
	needs         []string // plain names of columns; "a|b" is either
	// begin returns the reader of the rows below the header.
	begin func(f *File) (rowReader, error)
}

// rowReader takes the rows of one text.
type rowReader interface {
	// row takes the next row. Its error ends the file.
	row(r *row) error
	// end is called after the last row.
	end() error
}

var textLayouts = []textLayout{
	{
		"Yahoo history", "yahoo", []string{"date|datetime|price", "close", "dividends", "stocksplits"}, newYahooHistory,
	},
	{
		"Alpha Vantage daily adjusted", "alphavantage",
		[]string{"timestamp|date", "close", "dividendamount", "splitcoefficient"},
		newAlphaVantage,
	},
	{"Schwab CSV", "schwab", []string{"date", "action", "symbol", "description", "quantity", "amount"}, newSchwab},
	{
		"Trading 212 CSV", "trading212",
		[]string{"action", "time|timeutc", "isin", "ticker", "noofshares"},
		newTrading212,
	},
	{"Revolut CSV", "revolut", []string{"date", "ticker", "type", "quantity", "totalamount"}, newRevolut},
	{"CSV", bareSource, []string{"symbol|ticker", "exdate|date", "kind|ratio|rationew"}, newBare},
}

// readText reads a text: a table with a header, or a file of Lean, which has none.
func (f *File) readText(r *bufio.Reader, head []byte) error {
	if lean := f.leanReader(head); lean != nil {
		return f.readRows(tabular.NewTextReader(r, ','), nil, lean)
	}

	delimiter := tabular.Delimiter(head, func(cells [][]byte) bool { return layoutOf(plainNames(cells)) != nil })
	text := tabular.NewTextReader(r, delimiter)
	var record tabular.Record
	for range headerRowsMax {
		err := text.Next(&record)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return tabular.Error(f.name(), err.Error())
		}

		names := plainNames(record.Cells)
		if layout := layoutOf(names); layout != nil {
			f.begin(layout.title, layout.source)
			reader, err := layout.begin(f)
			if err != nil {
				return err
			}
			return f.readRows(text, names, reader)
		}
	}
	return f.notActions("no row names columns of corporate actions; want for example symbol,ex_date,kind,ratio,cash")
}

// layoutOf returns the layout of the columns, or nil.
func layoutOf(names []string) *textLayout {
	for i := range textLayouts {
		if hasAll(names, textLayouts[i].needs) {
			return &textLayouts[i]
		}
	}
	return nil
}

// readRows passes the rows of a text to the reader.
func (f *File) readRows(text *tabular.TextReader, names []string, reader rowReader) error {
	var record tabular.Record
	for {
		err := text.Next(&record)
		if errors.Is(err, io.EOF) {
			return reader.end()
		}
		if err != nil {
			return tabular.Error(f.name(), err.Error())
		}

		r := &row{line: record.Line, raw: string(record.Raw), names: names}
		for _, cell := range record.Cells {
			r.cells = append(r.cells, strings.TrimSpace(string(cell)))
		}
		if err := reader.row(r); err != nil {
			return err
		}
	}
}

func plainNames(cells [][]byte) []string {
	names := make([]string, len(cells))
	for i, cell := range cells {
		names[i] = plainName(string(cell))
	}
	return names
}
