package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter/postgres"
)

// sum adds up the files.
func (r *importReport) sum(elapsed time.Duration) {
	t := &r.Total
	for _, one := range r.Files {
		t.Read += one.Read
		t.Inserted += one.Inserted
		t.Updated += one.Updated
		t.Unchanged += one.Unchanged
		t.OtherSource += one.OtherSource
		t.Quarantined += one.Quarantined
		t.Symbols += one.Symbols
		if !one.From.IsZero() && (t.From.IsZero() || one.From.Before(t.From)) {
			t.From = one.From
		}
		if one.To.After(t.To) {
			t.To = one.To
		}
	}
	r.Elapsed, t.Elapsed = elapsed, elapsed
}

// failure is the command's error: the end of the context, or that files failed.
func (r *importReport) failure(err error) error {
	if err != nil {
		return err
	}
	failed := 0
	var first error
	for _, one := range r.Files {
		if one.err != nil {
			failed++
			first = firstError(first, one.err)
		}
	}
	switch {
	case failed == 0:
		return nil
	case failed == 1 && len(r.Files) == 1:
		return first
	}
	return fmt.Errorf("%d of %d files were not imported, and nothing of them is stored", failed, len(r.Files))
}

func (r *importReport) print(w io.Writer) error {
	if len(r.Files) == 1 && r.Files[0].err != nil {
		return nil // the command's error says it all
	}
	if err := r.printCounts(w); err != nil {
		return err
	}
	r.printKinds(w)
	r.printGuesses(w)
	for _, one := range r.Files {
		for _, remark := range one.Remarks {
			printWrapped(w, "remark: "+filepath.Base(one.File)+": "+remark)
		}
	}
	for _, one := range r.Files {
		for _, why := range one.Reasons {
			printReason(w, "quarantined: "+filepath.Base(one.File), why)
		}
	}
	for _, one := range r.Files {
		if len(one.Unknown) > 0 {
			printWrapped(w, fmt.Sprintf("no volume: %s has no column of that name, and not understood are %s; --cols names the columns",
				filepath.Base(one.File), strings.Join(one.Unknown, ", ")))
		}
	}
	for _, one := range r.Files {
		if one.Skipped != "" {
			printWrapped(w, "skipped: "+one.Skipped)
		}
		for _, member := range one.Members {
			printWrapped(w, "skipped: "+member)
		}
	}
	for _, one := range r.Files {
		if one.err != nil {
			printWrapped(w, "not imported: "+one.Error)
		}
	}
	if r.Total.OtherSource > 0 {
		printWrapped(w, "other: stored already with other values, from another source or a later file; --prefer SOURCE replaces them")
	}
	if r.DryRun {
		fmt.Fprintln(w, "dry run: nothing was stored")
	}
	return nil
}

// printKinds says as what the files were read: a line for each combination of format, timeframe and source.
func (r *importReport) printKinds(w io.Writer) {
	type kind struct{ format, timeframe, source string }
	var kinds []kind
	files := map[kind]int{}
	for _, one := range r.Files {
		if one.err != nil || one.Skipped != "" {
			continue
		}
		k := kind{one.Format, cmp.Or(one.Timeframe, "a timeframe a row"), one.Source}
		if files[k] == 0 {
			kinds = append(kinds, k)
		}
		files[k]++
	}
	for n, k := range kinds {
		if n == kindsMax {
			fmt.Fprintf(w, "read as: %d more combinations of format, timeframe and source\n", len(kinds)-n)
			break
		}
		count := ""
		if len(kinds) > 1 {
			count = fmt.Sprintf(" (%s files)", thousands(int64(files[k])))
		}
		printWrapped(w, fmt.Sprintf("read as: %s, %s, source %s%s", k.format, k.timeframe, k.source, count))
	}
}

const (
	kindsMax   = 20
	guessesMax = 5 // symbols that are guessed from names and are listed one by one
)

// printGuesses says which symbols are guesses: nothing but the name of a file tells them.
func (r *importReport) printGuesses(w io.Writer) {
	guessed := slices.DeleteFunc(slices.Clone(r.Files), func(one imported) bool { return !one.Guessed || one.err != nil || one.Skipped != "" })
	for n, one := range guessed {
		if n == guessesMax {
			printWrapped(w, fmt.Sprintf("symbol: and those of %s more files are guessed from their names", thousands(int64(len(guessed)-n))))
			return
		}
		printWrapped(w, fmt.Sprintf("symbol: %s is guessed from the name of %s; --symbol says another one", one.Symbol, filepath.Base(one.File)))
	}
}

// counted are the columns of the counts: those that are always shown, and those that are where a file has any.
var counted = []struct {
	name  string
	value func(postgres.ImportResult) int64
	least bool
}{
	{"read", func(r postgres.ImportResult) int64 { return r.Read }, true},
	{"inserted", func(r postgres.ImportResult) int64 { return r.Inserted }, true},
	{"updated", func(r postgres.ImportResult) int64 { return r.Updated }, false},
	{"unchanged", func(r postgres.ImportResult) int64 { return r.Unchanged }, false},
	{"other", func(r postgres.ImportResult) int64 { return r.OtherSource }, false},
	{"quarantined", func(r postgres.ImportResult) int64 { return r.Quarantined }, false},
}

// To how many characters the names of files and symbols may be shortened.
const (
	fileLeast       = 18
	fileSymbolLeast = 12
)

// printCounts prints a line for each file and one for all. Columns without a count are left out.
func (r *importReport) printCounts(w io.Writer) error {
	columns := []column{{name: "file", least: fileLeast}, {name: "symbol", spare: 2, least: fileSymbolLeast}}
	var values []func(postgres.ImportResult) int64
	for _, c := range counted {
		if c.least || c.value(r.Total) > 0 {
			columns = append(columns, column{name: c.name, right: true})
			values = append(values, c.value)
		}
	}
	columns = append(columns, column{name: "rows/s", right: true, spare: 1}, column{name: "from", spare: 3}, column{name: "to", spare: 3})

	var rows [][]string
	line := func(name, symbol string, one postgres.ImportResult) {
		cells := []string{name, symbol}
		for _, value := range values {
			cells = append(cells, thousands(value(one)))
		}
		rows = append(rows, append(cells, thousands(rate(one.Read, one.Elapsed)), shortDay(one.From), shortDay(one.To)))
	}
	for _, one := range r.Files {
		if one.err != nil || one.Skipped != "" {
			continue
		}
		symbol := one.Symbol
		if symbol == "" {
			symbol = fmt.Sprintf("(%d)", one.Symbols)
		}
		line(filepath.Base(one.File), symbol, one.ImportResult)
	}
	line("all", "", r.Total)
	return printListing(w, columns, rows)
}

func shortDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// rate is rows a second.
func rate(rows int64, elapsed time.Duration) int64 {
	if elapsed <= 0 {
		return 0
	}
	return int64(float64(rows) / elapsed.Seconds())
}

// shorten cuts a text of others, made printable, at its end.
func shorten(text string, most int) string {
	text = printable(text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
