package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/internal/term"
)

// report returns everything, for scripts.
func (i *fillImport) report() any {
	return map[string]any{
		"files": i.files, "total": i.total(), "dry_run": i.opts.dryRun, "elapsed_ns": i.elapsed,
	}
}

// total adds up the files.
func (i *fillImport) total() fillResult {
	total := fillResult{Others: map[string]int64{}}
	for _, r := range i.files {
		total.Fills += r.Fills
		total.Booked += r.Booked
		total.Duplicates += r.Duplicates
		total.Conflicts += r.Conflicts
		total.Rejected += r.Rejected
		total.Late += r.Late
		total.Rounded += r.Rounded
		for kind, n := range r.Others {
			total.Others[kind] += n
		}

		if r.Fills > 0 && (total.From.IsZero() || r.From.Before(total.From)) {
			total.From = r.From
		}
		if r.To.After(total.To) {
			total.To = r.To
		}
	}
	return total
}

// leftOut returns the number of rows that are not fills of the account.
func (r *fillResult) leftOut() (n int64) {
	for _, rows := range r.Others {
		n += rows
	}
	return n
}

func (i *fillImport) print(w io.Writer) error {
	if len(i.files) == 1 && i.files[0].err != nil {
		return nil // the error of the command is enough
	}
	total := i.total()
	if err := i.printCounts(w, &total); err != nil {
		return err
	}
	i.printProblems(w)
	i.printLeftOut(w, &total)

	if total.Rounded > 0 {
		term.PrintWrapped(w, fmt.Sprintf("rounded: numbers of %s fills", term.Thousands(total.Rounded)))
	}
	if total.Late > 0 {
		term.PrintWrapped(w, fmt.Sprintf("late: %s fills were executed before others that are already booked; "+
			"the entries after them were calculated again, in the order of execution", term.Thousands(total.Late)))
	}
	if i.opts.dryRun {
		fmt.Fprintln(w, "dry run: nothing was booked")
	}
	return nil
}

// printCounts prints a line for each file, and one for all if there are several.
func (i *fillImport) printCounts(w io.Writer, total *fillResult) error {
	columns := []term.Column{
		{Name: "file", Least: fileLeast},
		{Name: "layout", Spare: 5, Least: fileLeast},
		{Name: "fills", Right: true},
		{Name: "booked", Right: true},
		{Name: "duplicates", Right: true},
		{Name: "conflicts", Right: true},
		{Name: "rejected", Right: true},
		{Name: "left out", Right: true},
		{Name: "from", Spare: 6},
		{Name: "to", Spare: 6},
	}

	var rows [][]string
	for _, r := range i.files {
		if r.err == nil && r.Fills+r.Rejected+int64(len(r.Others)) > 0 {
			rows = append(rows, r.row(filepath.Base(r.File), total))
		}
	}
	if len(rows) != 1 {
		rows = append(rows, total.row("all", total))
	}
	return term.PrintTable(w, columns, rows)
}

// row returns the cells of a file. Counts that are zero for all files are empty, so that their columns are left out.
func (r *fillResult) row(name string, total *fillResult) []string {
	count := func(n, all int64) string {
		if all == 0 {
			return ""
		}
		return term.Thousands(n)
	}
	return []string{
		name, r.Format, term.Thousands(r.Fills), term.Thousands(r.Booked), count(r.Duplicates, total.Duplicates),
		count(r.Conflicts, total.Conflicts), count(r.Rejected, total.Rejected), count(r.leftOut(), total.leftOut()),
		shortDay(r.From), shortDay(r.To),
	}
}

// printProblems prints what was not read or not booked, and what was converted.
func (i *fillImport) printProblems(w io.Writer) {
	for _, r := range i.files {
		for _, reason := range r.Reasons {
			reason.print(w, "rejected: "+filepath.Base(r.File))
		}
		for _, skipped := range r.Skipped {
			term.PrintWrapped(w, "skipped: "+skipped)
		}
		if r.err != nil {
			term.PrintWrapped(w, "not read: "+r.Error)
		}
	}

	for _, r := range i.files {
		for _, code := range slices.Sorted(maps.Keys(r.Converted)) {
			term.PrintWrapped(w, fmt.Sprintf("converted: %s, %s prices in %s were divided by 100",
				filepath.Base(r.File), term.Thousands(r.Converted[code]), code))
		}
	}
}

// printLeftOut prints how many rows were left out, by kind, and how to book those of other accounts.
func (i *fillImport) printLeftOut(w io.Writer, total *fillResult) {
	if len(total.Others) == 0 {
		return
	}
	byCount := func(a, b string) int {
		return cmp.Or(cmp.Compare(total.Others[b], total.Others[a]), strings.Compare(a, b))
	}
	var kinds []string
	for _, kind := range slices.SortedFunc(maps.Keys(total.Others), byCount) {
		kinds = append(kinds, term.Thousands(total.Others[kind])+" "+kind)
	}
	term.PrintWrapped(w, "left out: "+strings.Join(kinds, ", "))

	if total.Booked+total.Duplicates == 0 {
		return
	}
	for _, name := range total.otherAccounts() {
		term.PrintWrapped(w, fmt.Sprintf("--from-account %s books those of account %s into --account %s",
			shell.Quote(name), name, i.opts.Account))
	}
}

// otherAccounts returns the names of accounts whose fills were left out.
func (r *fillResult) otherAccounts() (names []string) {
	for _, kind := range slices.Sorted(maps.Keys(r.Others)) {
		if name, isAccount := strings.CutPrefix(kind, kindOfAccount); isAccount {
			names = append(names, name)
		}
	}
	return names
}

// failure returns the error of the command: for files that were not read, for files of which nothing was booked, and
// with --strict for any row that was not.
func (i *fillImport) failure() error {
	failed := 0
	var first error
	for _, r := range i.files {
		if err := firstError(r.err, r.nothingBooked(i.opts)); err != nil {
			failed++
			first = firstError(first, err)
		}
	}

	total := i.total()
	switch {
	case failed == 1 && len(i.files) == 1:
		return first
	case failed > 0:
		return fmt.Errorf("%d of %d files were not read or have nothing that could be booked; "+
			"the fills of the others are booked. The first: %w", failed, len(i.files), first)
	case i.opts.strict && total.Rejected+total.Conflicts > 0:
		return fmt.Errorf("--strict: %s", total.describeRejected())
	}
	return nil
}

// nothingBooked returns an error if the file has rows that should be fills, and none of them is booked.
func (r *fillResult) nothingBooked(opts fillOptions) error {
	if r.Booked+r.Duplicates > 0 || opts.dryRun && r.Fills > 0 {
		return nil
	}

	var flags []string
	if r.Fills == 0 {
		for _, name := range r.otherAccounts() {
			flags = append(flags, "--from-account "+shell.Quote(name))
		}
	}
	if len(flags) > 0 {
		return fmt.Errorf("%s: nothing was booked, because its fills belong to other accounts; "+
			"%s books them into --account %s", r.File, strings.Join(flags, " or "), opts.Account)
	}
	if r.Rejected+r.Conflicts > 0 {
		return fmt.Errorf("%s: nothing was booked; %s", r.File, r.describeRejected())
	}
	return nil
}

func (r *fillResult) describeRejected() string {
	return fmt.Sprintf("rejected rows: %s; rows in conflict with booked fills: %s",
		term.Thousands(r.Rejected), term.Thousands(r.Conflicts))
}
