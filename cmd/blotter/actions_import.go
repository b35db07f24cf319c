package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/actionfile"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

// actionOptions are the flags of actions import.
type actionOptions struct {
	actionfile.Options
	strict, dryRun bool
}

func actionsImport(set *settings) *cobra.Command {
	var opts actionOptions
	cmd := &cobra.Command{
		Use:   "import FILES...",
		Short: "Store the corporate actions in files",
		Long: `Store the corporate actions in files, in all files of folders, or of patterns.
The layout is recognized from the content; "-" is standard input:

  bars of Yahoo, Alpha Vantage  their columns of splits and dividends
  Lean                          factor files (splits) and map files (symbols)
  Alpaca, Polygon               JSON answers about corporate actions
  Interactive Brokers Flex      splits and changes of symbols
  Schwab, Trading 212, Revolut  splits
  CSV                           symbol, ex_date, kind, ratio, cash, new_symbol

Importing a file again changes nothing. An action that contradicts a stored one,
perhaps of another source, is a conflict: it is reported, and the stored one
stays. A row of which the file does not tell everything exactly is refused, with
the reason; blotter actions add states it.`,
		Example: `  blotter actions import ~/bars/AAPL.csv
  blotter actions import factor_files map_files --dry-run
  blotter actions import splits.csv --source broker`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := findFiles(args)
			if err != nil {
				return err
			}
			i := &actionImport{opts: opts}
			if err := i.run(cmd, set, files); err != nil {
				return err
			}
			report := map[string]any{"files": i.files, "dry_run": opts.dryRun}
			return firstError(set.print(cmd, report, i.print), i.failure())
		},
	}

	flags := cmd.Flags()
	flags.StringVar(&opts.Symbol, "symbol", "", "`symbol` of every row (default: from the file)")
	flags.StringVar(&opts.Source, "source", "", "`name` of the source (default: from the layout)")
	flags.StringVar(&opts.Sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")
	flags.BoolVar(&opts.strict, "strict", false, "fail if any row is refused or in conflict")
	flags.BoolVar(&opts.dryRun, "dry-run", false, "say what would be stored, and store nothing")
	return cmd
}

// actionResult is the result of importing one file.
type actionResult struct {
	File      string           `json:"file"`
	Format    string           `json:"format,omitempty"`
	Actions   int              `json:"actions"`
	Added     int              `json:"added"`
	Unchanged int              `json:"unchanged"`
	Conflicts int              `json:"conflicts"`
	Refused   int              `json:"refused"`
	Others    map[string]int64 `json:"others,omitempty"` // rows that are not corporate actions
	Reasons   []reason         `json:"reasons,omitempty"`
	Skipped   []string         `json:"skipped,omitempty"`
	Error     string           `json:"error,omitempty"`
	err       error
}

// actionImport is one run of actions import.
type actionImport struct {
	opts  actionOptions
	files []*actionResult
}

// run reads and stores the files, each in a transaction.
func (i *actionImport) run(cmd *cobra.Command, set *settings, files []found) error {
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()

	for _, from := range files {
		result := &actionResult{File: from.path}
		i.files = append(i.files, result)
		file, err := i.read(cmd, from)
		var other *actionfile.NotActionsError
		switch {
		case errors.As(err, &other) && !from.named:
			result.Skipped = append(result.Skipped, other.Error())
			continue
		case err != nil:
			result.err = err
			result.Error = explain(err)
			continue
		}

		receipts, err := db.AddActions(cmd.Context(), file.Actions, i.opts.dryRun)
		if err != nil {
			return err
		}
		result.take(file, receipts)
	}
	return nil
}

func (i *actionImport) read(cmd *cobra.Command, from found) (*actionfile.File, error) {
	if from.path == standardInput {
		return actionfile.Read(cmd.InOrStdin(), barfile.StandardInput, i.opts.Options)
	}
	return actionfile.Open(from.path, i.opts.Options)
}

// take counts what became of the rows of a file.
func (r *actionResult) take(file *actionfile.File, receipts []blotter.ActionReceipt) {
	r.Format = file.Format
	r.Others = file.Others
	r.Actions = len(receipts)
	r.Refused = len(file.Refused)
	for i := range receipts {
		receipt := &receipts[i]
		switch receipt.Outcome {
		case blotter.ActionAdded:
			r.Added++
		case blotter.ActionUnchanged:
			r.Unchanged++
		case blotter.ActionConflict:
			r.Conflicts++
			addReason(&r.Reasons, 0, "conflict: "+receipt.Action.String()+": "+receipt.Reason)
		}
	}

	for _, refused := range file.Refused {
		addReason(&r.Reasons, refused.Line, refused.Symbol+": "+refused.Reason)
	}
	for _, err := range file.Skipped {
		r.Skipped = append(r.Skipped, explain(err))
	}
}

// failure returns the error of the first file that was not read, or that of --strict.
func (i *actionImport) failure() error {
	for _, r := range i.files {
		if r.err != nil {
			return r.err
		}
	}
	total := i.total()
	if i.opts.strict && total.Refused+total.Conflicts > 0 {
		return fmt.Errorf("%d rows are refused and %d in conflict, and --strict was given",
			total.Refused, total.Conflicts)
	}
	return nil
}

// total adds up the files.
func (i *actionImport) total() actionResult {
	total := actionResult{Others: map[string]int64{}}
	for _, r := range i.files {
		total.Actions += r.Actions
		total.Added += r.Added
		total.Unchanged += r.Unchanged
		total.Conflicts += r.Conflicts
		total.Refused += r.Refused
		for kind, n := range r.Others {
			total.Others[kind] += n
		}
	}
	return total
}

func (i *actionImport) print(w io.Writer) error {
	if len(i.files) == 1 && i.files[0].err != nil {
		return nil // the error of the command is enough
	}

	columns := []term.Column{
		{Name: "file", Least: fileLeast},
		{Name: "layout", Spare: 1, Least: fileLeast},
		{Name: "actions", Right: true},
		{Name: "added", Right: true},
		{Name: "unchanged", Right: true},
		{Name: "conflicts", Right: true},
		{Name: "refused", Right: true},
	}

	var rows [][]string
	for _, r := range i.files {
		if r.err == nil && r.Format != "" {
			rows = append(rows, r.row(filepath.Base(r.File)))
		}
	}
	if len(rows) != 1 {
		total := i.total()
		rows = append(rows, total.row("all"))
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}
	i.printProblems(w)
	if i.opts.dryRun {
		fmt.Fprintln(w, "dry run: nothing was stored")
	}
	return nil
}

func (r *actionResult) row(name string) []string {
	cells := []string{name, r.Format}
	for _, n := range []int{r.Actions, r.Added, r.Unchanged, r.Conflicts, r.Refused} {
		cells = append(cells, term.Thousands(int64(n)))
	}
	return cells
}

// printProblems prints why rows were not stored, and what was left out.
func (i *actionImport) printProblems(w io.Writer) {
	for _, r := range i.files {
		for _, reason := range r.Reasons {
			reason.print(w, "not stored: "+filepath.Base(r.File))
		}
		for _, skipped := range r.Skipped {
			term.PrintWrapped(w, "skipped: "+skipped)
		}
		if r.err != nil {
			term.PrintWrapped(w, "not read: "+r.Error)
		}
	}

	others := i.total().Others
	if len(others) == 0 {
		return
	}
	byCount := func(a, b string) int {
		return cmp.Or(cmp.Compare(others[b], others[a]), strings.Compare(a, b))
	}
	var kinds []string
	for _, kind := range slices.SortedFunc(maps.Keys(others), byCount) {
		kinds = append(kinds, term.Thousands(others[kind])+" x "+kind)
	}
	term.PrintWrapped(w, "left out: "+strings.Join(kinds, ", "))
}
