package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
)

// barTime returns the timestamp of a bar: its day, or its minute or second for an intraday bar.
func barTime(bar *blotter.Bar) string {
	at := bar.Timestamp.UTC()
	fixed, months, _ := bar.Timeframe.Length()
	switch {
	case months > 0 || fixed >= 24*time.Hour:
		return at.Format(time.DateOnly)
	case fixed < time.Minute:
		return at.Format("2006-01-02 15:04:05Z")
	}
	return at.Format("2006-01-02 15:04Z")
}

// decimals returns the number of digits after the point that all values need, and at least least.
func decimals(bars []blotter.Bar, least int, value func(*blotter.Bar) blotter.Decimal) int {
	for i := range bars {
		_, fraction, _ := strings.Cut(value(&bars[i]).String(), ".")
		least = max(least, len(fraction))
	}
	return least
}

// padded writes a decimal with zeros up to the number of digits after the point.
func padded(d blotter.Decimal, decimals int) string {
	text := d.String()
	_, fraction, found := strings.Cut(text, ".")
	if !found && decimals > 0 {
		text += "."
	}
	return text + strings.Repeat("0", max(0, decimals-len(fraction)))
}

// printBars prints a table. If it is too wide, the source is hidden, which a line below the table says; then numbers
// lose digits, first those of the volume, which a mark shows. CSV and JSON have all digits.
func printBars(w io.Writer, bars []blotter.Bar) error {
	columns := []term.Column{
		{Name: "date"},
		{Name: "open", Right: true},
		{Name: "high", Right: true},
		{Name: "low", Right: true},
		{Name: "close", Right: true},
		{Name: "volume", Right: true},
		{Name: "source"},
	}
	rows := barRows(bars)
	width := term.Width(w)
	whole := term.TableWidth(columns, rows)

	var hidden []string
	if whole > width {
		last := len(columns) - 1
		hidden = []string{columns[last].Name}
		columns = columns[:last]
		for i := range rows {
			rows[i] = rows[i][:last]
		}
		shortenNumbers(columns, rows, width)
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}
	term.PrintHidden(w, hidden, whole)
	return nil
}

// barRows returns the cells of bars. The numbers of a column have the same number of digits after the point.
func barRows(bars []blotter.Bar) [][]string {
	prices := []func(*blotter.Bar) blotter.Decimal{
		func(b *blotter.Bar) blotter.Decimal { return b.Open },
		func(b *blotter.Bar) blotter.Decimal { return b.High },
		func(b *blotter.Bar) blotter.Decimal { return b.Low },
		func(b *blotter.Bar) blotter.Decimal { return b.Close },
	}
	fraction := 2
	for _, price := range prices {
		fraction = decimals(bars, fraction, price)
	}
	volume := decimals(bars, 0, func(b *blotter.Bar) blotter.Decimal { return b.Volume })

	rows := make([][]string, len(bars))
	for i := range bars {
		b := &bars[i]
		rows[i] = append(rows[i], barTime(b))
		for _, price := range prices {
			rows[i] = append(rows[i], padded(price(b), fraction))
		}
		rows[i] = append(rows[i], padded(b.Volume, volume), b.Source)
	}
	return rows
}

// shortenNumbers cuts digits until the table fits: after the point, and if that is not enough, before it.
func shortenNumbers(columns []term.Column, rows [][]string, width int) {
	const longest, shortest = 40, 10 // characters of a number
	tooWide := func() bool { return term.TableWidth(columns, rows) > width }
	volume, prices := []int{5}, []int{1, 2, 3, 4}

	for _, numbers := range [][]int{volume, prices} {
		for most := longest; most > shortest && tooWide(); most-- {
			for i := range rows {
				for _, c := range numbers {
					rows[i][c] = shortenNumber(rows[i][c], most)
				}
			}
		}
	}
	for _, numbers := range [][]int{volume, prices} {
		for i := range rows {
			for _, c := range numbers {
				if tooWide() {
					rows[i][c] = shortenWhole(rows[i][c])
				}
			}
		}
	}
}

// shortenWhole writes a number with more than ten digits before the point as 1.234e19….
func shortenWhole(text string) string {
	whole, _, _ := strings.Cut(strings.TrimSuffix(text, "…"), ".")
	whole, isNegative := strings.CutPrefix(whole, "-")
	sign := ""
	if isNegative {
		sign = "-"
	}
	if len(whole) <= 10 {
		return text
	}
	return fmt.Sprintf("%s%s.%se%d…", sign, whole[:1], whole[1:4], len(whole)-1)
}

// shortenNumber cuts digits after the point until the number has at most most characters, and marks the place with "…".
func shortenNumber(text string, most int) string {
	point := strings.IndexByte(text, '.')
	if utf8.RuneCountInString(text) <= most || point < 0 {
		return text
	}
	text = strings.TrimSuffix(text, "…")
	return text[:max(point+1, min(len(text), most-1))] + "…"
}
