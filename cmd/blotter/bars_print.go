package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/spreadsheet"
)

// writeWhole writes a file that appears when it is complete, and not at all if it fails. Its owner alone may read it.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return cannotWrite(path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = firstError(f.Sync(), f.Close(), os.Rename(f.Name(), path)); err != nil {
		return cannotWrite(path, err)
	}
	return nil
}

func parseDay(flag, text string) (time.Time, error) { return parseDayIn(flag, text, time.UTC) }

// parseDayIn reads an instant, or a day, which is its beginning in the zone.
func parseDayIn(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("%s %q is no day: want 2024-01-31 or 2024-01-31T14:30:00Z", flag, text)
}

var printers = map[string]func(io.Writer, []blotter.Bar) error{
	"table": printBars,
	"csv":   func(w io.Writer, bars []blotter.Bar) error { return exportCSV(w, values(bars)) },
	safeCSV: func(w io.Writer, bars []blotter.Bar) error { return exportSafeCSV(w, values(bars)) },
	"json":  func(w io.Writer, bars []blotter.Bar) error { return printJSON(w, bars) },
}

var exporters = map[string]func(io.Writer, iter.Seq2[blotter.Bar, error]) error{
	"csv": exportCSV, safeCSV: exportSafeCSV, "json": exportJSON,
}

// values yields the bars of a slice.
func values(bars []blotter.Bar) iter.Seq2[blotter.Bar, error] {
	return func(yield func(blotter.Bar, error) bool) {
		for i := range bars {
			if !yield(bars[i], nil) {
				return
			}
		}
	}
}

func exportCSV(w io.Writer, bars iter.Seq2[blotter.Bar, error]) error {
	return exportRows(spreadsheet.NewWriter(w, false), bars)
}

func exportSafeCSV(w io.Writer, bars iter.Seq2[blotter.Bar, error]) error {
	return exportRows(spreadsheet.NewWriter(w, true), bars)
}

func exportRows(out *spreadsheet.Writer, bars iter.Seq2[blotter.Bar, error]) error {
	begun := false
	for b, err := range bars {
		if err != nil {
			return err
		}
		if !begun {
			_ = out.Write([]string{"symbol", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "adj_close", "source"})
			begun = true
		}
		adjusted := ""
		if b.AdjClose != nil {
			adjusted = b.AdjClose.String()
		}
		if err := out.Write([]string{
			b.Symbol, b.Timeframe, b.Timestamp.UTC().Format(time.RFC3339Nano), b.Open.String(), b.High.String(),
			b.Low.String(), b.Close.String(), b.Volume.String(), adjusted, b.Source,
		}); err != nil {
			return err
		}
	}
	return out.Flush()
}

func exportJSON(w io.Writer, bars iter.Seq2[blotter.Bar, error]) error {
	out := json.NewEncoder(w)
	for b, err := range bars {
		if err == nil {
			err = out.Encode(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// when is a bar's timestamp: its day, or its minute where it is no daily bar.
func when(bar *blotter.Bar) string {
	at := bar.Timestamp.UTC()
	switch fixed, months, _ := blotter.TimeframeLength(bar.Timeframe); {
	case months > 0 || fixed >= 24*time.Hour:
		return at.Format(time.DateOnly)
	case fixed < time.Minute:
		return at.Format("2006-01-02 15:04:05Z")
	}
	return at.Format("2006-01-02 15:04Z")
}

// decimals are the digits after the point that a column is printed with: the most that one of its values has, and for
// prices at least 2.
func decimals(bars []blotter.Bar, least int, value func(*blotter.Bar) blotter.Decimal) int {
	for i := range bars {
		_, fraction, _ := strings.Cut(value(&bars[i]).String(), ".")
		least = max(least, len(fraction))
	}
	return least
}

// padded writes a decimal with so many digits after the point.
func padded(d blotter.Decimal, decimals int) string {
	text := d.String()
	_, fraction, found := strings.Cut(text, ".")
	if !found && decimals > 0 {
		text += "."
	}
	return text + strings.Repeat("0", max(0, decimals-len(fraction)))
}

// printBars prints a table. Where the numbers leave no room, the source is hidden, which a line says; what is still too wide
// is cut to fewer digits, which a mark tells: csv and json have them all.
func printBars(w io.Writer, bars []blotter.Bar) error {
	prices := []func(*blotter.Bar) blotter.Decimal{
		func(b *blotter.Bar) blotter.Decimal { return b.Open }, func(b *blotter.Bar) blotter.Decimal { return b.High },
		func(b *blotter.Bar) blotter.Decimal { return b.Low }, func(b *blotter.Bar) blotter.Decimal { return b.Close },
	}
	fraction := 2
	for _, price := range prices {
		fraction = decimals(bars, fraction, price)
	}
	volume := decimals(bars, 0, func(b *blotter.Bar) blotter.Decimal { return b.Volume })
	rows := make([][]string, len(bars))
	for i := range bars {
		b := &bars[i]
		rows[i] = append(rows[i], when(b))
		for _, price := range prices {
			rows[i] = append(rows[i], padded(price(b), fraction))
		}
		rows[i] = append(rows[i], padded(b.Volume, volume), b.Source)
	}
	header := []string{"date", "open", "high", "low", "close", "volume", "source"}
	width, whole := outputWidth(w), tableWidth(header, rows)
	var hidden []string
	if whole > width {
		hidden = header[6:]
		header = header[:6]
		for i := range rows {
			rows[i] = rows[i][:6]
		}
	}
	for _, columns := range [][]int{{5}, {1, 2, 3, 4}} { // the volume first
		for most := 40; tableWidth(header, rows) > width && most > 10; most-- {
			for i := range rows {
				for _, c := range columns {
					rows[i][c] = shortenNumber(rows[i][c], most)
				}
			}
		}
	}
	for _, columns := range [][]int{{5}, {1, 2, 3, 4}} { // and what is before the point
		for i := range rows {
			for _, c := range columns {
				if tableWidth(header, rows) > width {
					rows[i][c] = shortenWhole(rows[i][c])
				}
			}
		}
	}

	err := printTable(w, header, []int{1, 2, 3, 4, 5}, func(row func(...string)) {
		for _, cells := range rows {
			row(cells...)
		}
	})
	if err == nil {
		printHidden(w, hidden, width, whole)
	}
	return err
}

// tableWidth is how wide printTable makes a table.
func tableWidth(header []string, rows [][]string) (width int) {
	for c := range header {
		widest := len(header[c])
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[c]))
		}
		width += widest + 2
	}
	return width - 2
}

// shortenWhole writes a number of more than ten digits before the point as 1.234e19…
func shortenWhole(text string) string {
	whole, _, _ := strings.Cut(strings.TrimSuffix(text, "…"), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if len(whole) <= 10 {
		return text
	}
	return fmt.Sprintf("%s%s.%se%d…", sign, whole[:1], whole[1:4], len(whole)-1)
}

// shortenNumber cuts digits after the point until a number is at most so wide; "…" marks where.
func shortenNumber(text string, most int) string {
	point := strings.IndexByte(text, '.')
	if utf8.RuneCountInString(text) <= most || point < 0 {
		return text
	}
	text = strings.TrimSuffix(text, "…")
	return text[:max(point+1, min(len(text), most-1))] + "…"
}
