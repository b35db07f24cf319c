package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// report is all of it, for scripts.
func (i *fillImport) report() any {
	total := i.total()
	return map[string]any{"files": i.files, "total": total, "dry_run": i.with.dryRun, "elapsed_ns": i.elapsed}
}

func (i *fillImport) total() filled {
	total := filled{Others: map[string]int64{}}
	for _, f := range i.files {
		total.Fills, total.Booked, total.Duplicates, total.Conflicts = total.Fills+f.Fills, total.Booked+f.Booked, total.Duplicates+f.Duplicates, total.Conflicts+f.Conflicts
		total.Rejected, total.Late, total.Rounded = total.Rejected+f.Rejected, total.Late+f.Late, total.Rounded+f.Rounded
		for kind, n := range f.Others {
			total.Others[kind] += n
		}
		if f.Fills > 0 && (total.From.IsZero() || f.From.Before(total.From)) {
			total.From = f.From
		}
		if f.To.After(total.To) {
			total.To = f.To
		}
	}
	return total
}

func (i *fillImport) print(w io.Writer) error {
	if len(i.files) == 1 && i.files[0].err != nil {
		return nil // the command's error says it all
	}
	columns := []column{
		{name: "file", least: fileLeast},
		{name: "layout", spare: 5, least: fileLeast},
		{name: "fills", right: true},
		{name: "booked", right: true},
		{name: "duplicates", right: true},
		{name: "conflicts", right: true},
		{name: "rejected", right: true},
		{name: "left out", right: true},
		{name: "from", spare: 6},
		{name: "to", spare: 6},
	}
	line := func(name string, f *filled) []string {
		count := func(n int64) string {
			if n == 0 && name != "all" {
				return "0"
			}
			return thousands(n)
		}
		others := int64(0)
		for _, n := range f.Others {
			others += n
		}
		cells := []string{name, f.Format, count(f.Fills), count(f.Booked), count(f.Duplicates), count(f.Conflicts), count(f.Rejected), count(others), shortDay(f.From), shortDay(f.To)}
		total := i.total()
		for at, none := range map[int]bool{4: total.Duplicates == 0, 5: total.Conflicts == 0, 6: total.Rejected == 0, 7: len(total.Others) == 0} {
			if none {
				cells[at] = ""
			}
		}
		return cells
	}
	var rows [][]string
	for _, f := range i.files {
		if f.err == nil && f.Fills+f.Rejected+int64(len(f.Others)) > 0 {
			rows = append(rows, line(filepath.Base(f.File), f))
		}
	}
	total := i.total()
	if len(rows) != 1 {
		rows = append(rows, line("all", &total))
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	i.printRemarks(w, total)
	return nil
}

func (i *fillImport) printRemarks(w io.Writer, total filled) {
	for _, f := range i.files {
		name := filepath.Base(f.File)
		for _, why := range f.Reasons {
			printReason(w, "rejected: "+name, why)
		}
		for _, skipped := range f.Skipped {
			printWrapped(w, "skipped: "+skipped)
		}
		if f.err != nil {
			printWrapped(w, "not read: "+f.Error)
		}
	}
	for _, f := range i.files {
		for _, code := range slices.Sorted(maps.Keys(f.Converted)) {
			printWrapped(w, fmt.Sprintf("converted: %s, %s prices in %s were divided by 100", filepath.Base(f.File), thousands(f.Converted[code]), code))
		}
	}
	if len(total.Others) > 0 {
		var kinds []string
		for _, kind := range slices.SortedFunc(maps.Keys(total.Others), func(a, b string) int {
			return cmp.Or(cmp.Compare(total.Others[b], total.Others[a]), strings.Compare(a, b))
		}) {
			kinds = append(kinds, fmt.Sprintf("%s %s", thousands(total.Others[kind]), kind))
		}
		printWrapped(w, "left out: "+strings.Join(kinds, ", "))
	}
	for _, kind := range slices.Sorted(maps.Keys(total.Others)) {
		if name, isAccount := strings.CutPrefix(kind, kindOfAccount); isAccount && total.Booked+total.Duplicates > 0 {
			printWrapped(w, fmt.Sprintf("--from-account %s books those of account %s into --account %s", quoted(name), name, i.with.Account))
		}
	}
	if total.Rounded > 0 {
		printWrapped(w, fmt.Sprintf("rounded: numbers of %s fills", thousands(total.Rounded)))
	}
	if total.Late > 0 {
		printWrapped(w, fmt.Sprintf("late, and executed before others that are booked already: %s; they count in full, but average costs are as if they had come last", thousands(total.Late)))
	}
	if i.with.dryRun {
		fmt.Fprintln(w, "dry run: nothing was booked")
	}
}

// failure is the command's error: files that were not read, files of which nothing was booked, and with --strict any row
// that was not.
func (i *fillImport) failure() error {
	failed := 0
	var first error
	for _, f := range i.files {
		err := f.err
		if err == nil {
			err = f.nothing(i.with)
		}
		if err != nil {
			failed++
			first = firstError(first, err)
		}
	}
	total := i.total()
	switch {
	case failed == 1 && len(i.files) == 1:
		return first
	case failed > 0:
		return fmt.Errorf("%d of %d files were not read or hold nothing that could be booked; the fills of the others are booked. The first: %w", failed, len(i.files), first)
	case i.with.strict && total.Rejected+total.Conflicts > 0:
		return fmt.Errorf("rejected rows: %s; rows in conflict with what is booked: %s (--strict)", thousands(total.Rejected), thousands(total.Conflicts))
	}
	return nil
}

// nothing is an error if a file has rows that should be fills, and none of them was booked or is known.
func (f *filled) nothing(with filling) error {
	if f.Booked+f.Duplicates > 0 || with.dryRun && f.Fills > 0 {
		return nil
	}
	var flags []string
	for _, kind := range slices.Sorted(maps.Keys(f.Others)) {
		if name, isAccount := strings.CutPrefix(kind, kindOfAccount); isAccount && f.Fills == 0 {
			flags = append(flags, "--from-account "+quoted(name))
		}
	}
	if len(flags) > 0 {
		return fmt.Errorf("%s: nothing was booked, because its fills are of other accounts; %s books them into --account %s", f.File, strings.Join(flags, " or "), with.Account)
	}
	if f.Rejected+f.Conflicts > 0 {
		return fmt.Errorf("%s: nothing was booked; rejected rows: %s; rows in conflict with what is booked: %s", f.File,
			thousands(f.Rejected), thousands(f.Conflicts))
	}
	return nil
}
