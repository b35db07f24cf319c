package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

// sum adds up the files.
func (r *importReport) sum(elapsed time.Duration) {
	total := &r.Total
	for _, file := range r.Files {
		total.Read += file.Read
		total.Inserted += file.Inserted
		total.Updated += file.Updated
		total.Unchanged += file.Unchanged
		total.OtherSource += file.OtherSource
		total.Quarantined += file.Quarantined
		total.Symbols += file.Symbols

		if !file.From.IsZero() && (total.From.IsZero() || file.From.Before(total.From)) {
			total.From = file.From
		}
		if file.To.After(total.To) {
			total.To = file.To
		}
	}
	r.Elapsed = elapsed
	total.Elapsed = elapsed
}

// failure returns the error of the command: err, or the failure of files.
func (r *importReport) failure(err error) error {
	if err != nil {
		return err
	}
	failed := 0
	var first error
	for _, file := range r.Files {
		if file.err != nil {
			failed++
			first = firstError(first, file.err)
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
		return nil // the error of the command is enough
	}
	if err := r.printCounts(w); err != nil {
		return err
	}

	r.printKinds(w)
	r.printGuesses(w)
	r.printDetails(w)
	if r.Total.OtherSource > 0 {
		term.PrintWrapped(w, "other: already stored with other values, from another source or a later file; "+
			"--prefer SOURCE replaces them")
	}
	if r.DryRun {
		fmt.Fprintln(w, "dry run: nothing was stored")
	}
	return nil
}

// printDetails prints remarks and problems, those of the same kind together.
func (r *importReport) printDetails(w io.Writer) {
	details := []func(file *importedFile, name string){
		func(file *importedFile, name string) {
			for _, remark := range file.Remarks {
				term.PrintWrapped(w, "remark: "+name+": "+remark)
			}
		},
		func(file *importedFile, name string) {
			for _, reason := range file.Reasons {
				reason.print(w, "quarantined: "+name)
			}
		},
		func(file *importedFile, name string) {
			if len(file.Unknown) > 0 {
				term.PrintWrapped(w, fmt.Sprintf("no volume: %s has no such column; unknown columns are %s; "+
					"--cols names the columns", name, strings.Join(file.Unknown, ", ")))
			}
		},
		func(file *importedFile, _ string) {
			if file.Skipped != "" {
				term.PrintWrapped(w, "skipped: "+file.Skipped)
			}
			for _, member := range file.Members {
				term.PrintWrapped(w, "skipped: "+member)
			}
		},
		func(file *importedFile, _ string) {
			if file.err != nil {
				term.PrintWrapped(w, "not imported: "+file.Error)
			}
		},
	}

	for _, detail := range details {
		for i := range r.Files {
			detail(&r.Files[i], filepath.Base(r.Files[i].File))
		}
	}
}

const (
	kindsMax   = 20 // combinations of format, timeframe and source that are listed
	guessesMax = 5  // guessed symbols that are listed
)

// printKinds prints how the files were read: a line for each combination of format, timeframe and source.
func (r *importReport) printKinds(w io.Writer) {
	type kind struct{ format, timeframe, source string }
	var kinds []kind
	files := map[kind]int{}
	for _, file := range r.Files {
		if file.err != nil || file.Skipped != "" {
			continue
		}
		k := kind{file.Format, cmp.Or(file.Timeframe, "several timeframes"), file.Source}
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
			count = fmt.Sprintf(" (%s)", term.Count(files[k], "file", "files"))
		}
		term.PrintWrapped(w, fmt.Sprintf("read as: %s, %s, source %s%s", k.format, k.timeframe, k.source, count))
	}
}

// printGuesses prints the symbols that are guessed from the names of files.
func (r *importReport) printGuesses(w io.Writer) {
	guessed := slices.DeleteFunc(slices.Clone(r.Files), func(file importedFile) bool {
		return !file.Guessed || file.err != nil || file.Skipped != ""
	})
	for n, file := range guessed {
		if n == guessesMax {
			more := term.Count(len(guessed)-n, "more file", "more files")
			term.PrintWrapped(w, fmt.Sprintf("symbol: those of %s are guessed from their names too", more))
			return
		}
		term.PrintWrapped(w, fmt.Sprintf("symbol: %s is guessed from the name of %s; --symbol sets another one",
			file.Symbol, filepath.Base(file.File)))
	}
}

// importCounts are the columns with counts. Those that are not always shown are left out if all are zero.
var importCounts = []struct {
	name     string
	value    func(postgres.ImportResult) int64
	isAlways bool
}{
	{"read", func(r postgres.ImportResult) int64 { return r.Read }, true},
	{"inserted", func(r postgres.ImportResult) int64 { return r.Inserted }, true},
	{"updated", func(r postgres.ImportResult) int64 { return r.Updated }, false},
	{"unchanged", func(r postgres.ImportResult) int64 { return r.Unchanged }, false},
	{"other", func(r postgres.ImportResult) int64 { return r.OtherSource }, false},
	{"quarantined", func(r postgres.ImportResult) int64 { return r.Quarantined }, false},
}

// The numbers of characters that the names of files and symbols keep when they are shortened.
const (
	fileLeast       = 18
	fileSymbolLeast = 12
)

// printCounts prints a line for each file and one for all.
func (r *importReport) printCounts(w io.Writer) error {
	columns := []term.Column{{Name: "file", Least: fileLeast}, {Name: "symbol", Spare: 2, Least: fileSymbolLeast}}
	var values []func(postgres.ImportResult) int64
	for _, c := range importCounts {
		if c.isAlways || c.value(r.Total) > 0 {
			columns = append(columns, term.Column{Name: c.name, Right: true})
			values = append(values, c.value)
		}
	}
	columns = append(columns,
		term.Column{Name: "rows/s", Right: true, Spare: 1},
		term.Column{Name: "from", Spare: 3},
		term.Column{Name: "to", Spare: 3},
	)

	var rows [][]string
	addRow := func(name, symbol string, result postgres.ImportResult) {
		row := []string{name, symbol}
		for _, value := range values {
			row = append(row, term.Thousands(value(result)))
		}
		speed := term.Thousands(rate(result.Read, result.Elapsed))
		rows = append(rows, append(row, speed, shortDay(result.From), shortDay(result.To)))
	}
	for _, file := range r.Files {
		if file.err != nil || file.Skipped != "" {
			continue
		}
		symbol := cmp.Or(file.Symbol, fmt.Sprintf("(%d)", file.Symbols))
		addRow(filepath.Base(file.File), symbol, file.ImportResult)
	}
	addRow("all", "", r.Total)
	return term.PrintTable(w, columns, rows)
}
