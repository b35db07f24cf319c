package main

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
)

// importedFile is the result of importing one file.
type importedFile struct {
	File      string `json:"file"`
	Format    string `json:"format,omitempty"`
	Symbol    string `json:"symbol,omitempty"` // if all rows have the same
	Timeframe string `json:"timeframe,omitempty"`
	Source    string `json:"source,omitempty"`
	Adjusted  bool   `json:"adjusted,omitempty"`
	Guessed   bool   `json:"symbol_guessed,omitempty"` // from the name of the file
	postgres.ImportResult
	Reasons []reason `json:"reasons,omitempty"`         // why rows were quarantined, one of each kind
	Members []string `json:"skipped_members,omitempty"` // of an archive, that are not bar files, with the reasons
	Unknown []string `json:"unknown_columns,omitempty"` // that may be the volume, if none was found
	Remarks []string `json:"remarks,omitempty"`         // about what was read in an unusual way
	Skipped string   `json:"skipped,omitempty"`         // why the file was not read: it is not a bar file
	Error   string   `json:"error,omitempty"`
	err     error
	done    bool // false if the import was interrupted
}

// reason says why a row was quarantined.
type reason struct {
	Line int64  `json:"line"`
	Text string `json:"text"`
	More int64  `json:"more"` // rows of the file for a reason of the same kind
	kind string
}

const (
	reasonsMax = 5  // kinds of reasons that a file keeps
	membersMax = 20 // skipped members of an archive that are listed
)

// importReport is the result of an import.
type importReport struct {
	Files   []importedFile        `json:"files"`
	Total   postgres.ImportResult `json:"total"`
	DryRun  bool                  `json:"dry_run,omitempty"`
	Elapsed time.Duration         `json:"elapsed_ns"`
}

// collectReasons passes rows on and keeps the first reason of each kind.
func (f *importedFile) collectReasons(rows iter.Seq2[blotter.BarRow, error]) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		f.Reasons = nil // the import may have started again
		for row, err := range rows {
			if rejected, ok := err.(*blotter.RejectedRow); ok {
				addReason(&f.Reasons, rejected.Line, rejected.Reason)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// addContradictions adds the rows that the database quarantined, because they contradict other rows.
func (f *importedFile) addContradictions() {
	for _, rows := range f.LeftOut {
		f.Reasons = append(f.Reasons, reason{Line: rows.Line, Text: rows.Reason, More: rows.Rows - 1})
	}

	explained := int64(0)
	for _, r := range f.Reasons {
		explained += 1 + r.More
	}
	if n := f.Quarantined - explained; n > 0 && len(f.Reasons) < reasonsMax {
		text := term.Thousands(n) + " rows contradict an earlier row of the same bar"
		f.Reasons = append(f.Reasons, reason{Text: text})
	}
}

// addSkippedMembers adds the members of an archive that are not bar files.
func (f *importedFile) addSkippedMembers(members []error) {
	for n, err := range members {
		if n == membersMax {
			more := term.Thousands(len(members) - n)
			f.Members = append(f.Members, fmt.Sprintf("%s: %s more members that are not bar files", f.File, more))
			return
		}
		f.Members = append(f.Members, explain(err))
	}
}

// addReason counts a reason with the first one of its kind.
func addReason(reasons *[]reason, line int64, text string) {
	kind := withoutNumbers(text)
	for n := range *reasons {
		if (*reasons)[n].kind == kind {
			(*reasons)[n].More++
			return
		}
	}
	if len(*reasons) < reasonsMax {
		*reasons = append(*reasons, reason{Line: line, Text: text, kind: kind})
	}
}

// print prints the reason after a prefix such as "quarantined: file.csv".
func (r reason) print(w io.Writer, prefix string) {
	line, more := "", ""
	if r.Line > 0 {
		line = fmt.Sprintf(" line %d", r.Line)
	}
	if r.More > 0 {
		more = fmt.Sprintf(" (and %s more like it)", term.Thousands(r.More))
	}
	term.PrintWrapped(w, prefix+line+": "+r.Text+more)
}

// withoutNumbers returns the text without numbers, which is the kind of a reason.
func withoutNumbers(text string) string {
	var kept []rune
	for _, r := range text {
		if (r < '0' || r > '9') && r != '.' && r != '-' {
			kept = append(kept, r)
		}
	}
	return string(kept)
}
