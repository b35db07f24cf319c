package main

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// imported is what became of one file.
type imported struct {
	File      string `json:"file"`
	Format    string `json:"format,omitempty"`
	Symbol    string `json:"symbol,omitempty"` // where all rows have the same
	Timeframe string `json:"timeframe,omitempty"`
	Source    string `json:"source,omitempty"`
	Adjusted  bool   `json:"adjusted,omitempty"`
	Guessed   bool   `json:"symbol_guessed,omitempty"` // nothing but the file's name tells the symbol
	postgres.ImportResult
	Reasons []reason `json:"reasons,omitempty"`         // why rows were quarantined: the first of each kind
	Members []string `json:"skipped_members,omitempty"` // of an archive: those that are no bar files, and why
	Unknown []string `json:"unknown_columns,omitempty"` // not understood, where no volume was found
	Remarks []string `json:"remarks,omitempty"`         // what was read in an unusual way
	Skipped string   `json:"skipped,omitempty"`         // why nothing was read: it is no bar file
	Error   string   `json:"error,omitempty"`
	err     error
	done    bool
}

// reason is why a row was quarantined, and how many more of the file were for the same check.
type reason struct {
	Line int64  `json:"line"`
	Text string `json:"text"`
	More int64  `json:"more"`
	key  string
}

const (
	reasonsMax = 5  // kinds of reasons that are kept for each file
	membersMax = 20 // skipped members of an archive that are named
)

type importReport struct {
	Files   []imported            `json:"files"`
	Total   postgres.ImportResult `json:"total"`
	DryRun  bool                  `json:"dry_run,omitempty"`
	Elapsed time.Duration         `json:"elapsed_ns"`
}

// collect passes rows on and keeps the first reason of each kind.
func (i *imported) collect(rows iter.Seq2[blotter.BarRow, error]) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		i.Reasons = nil // the import may begin anew
		for row, err := range rows {
			if rejected, ok := err.(*blotter.RejectedRow); ok {
				because(&i.Reasons, rejected.Line, rejected.Reason)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// contradictions names the quarantined rows that the database found, which no reader could.
func (i *imported) contradictions() {
	for _, rows := range i.LeftOut {
		i.Reasons = append(i.Reasons, reason{Line: rows.Line, Text: rows.Reason, More: rows.Rows - 1})
	}
	known := int64(0)
	for _, why := range i.Reasons {
		known += 1 + why.More
	}
	if n := i.Quarantined - known; n > 0 && len(i.Reasons) < reasonsMax {
		i.Reasons = append(i.Reasons, reason{Text: thousands(n) + " rows contradict an earlier row of the same bar"})
	}
}

// skip keeps the members of an archive that are no bar files.
func (i *imported) skip(members []error) {
	for n, err := range members {
		if n == membersMax {
			i.Members = append(i.Members, fmt.Sprintf("%s: %s more members that are no bar files", i.File, thousands(int64(len(members)-n))))
			return
		}
		i.Members = append(i.Members, explain(err))
	}
}

// because counts a reason to the first of its kind.
func because(reasons *[]reason, line int64, text string) {
	key := withoutNumbers(text)
	for n := range *reasons {
		if (*reasons)[n].key == key {
			(*reasons)[n].More++
			return
		}
	}
	if len(*reasons) < reasonsMax {
		*reasons = append(*reasons, reason{Line: line, Text: text, key: key})
	}
}

// printReason prints a reason under what it is about: "quarantined: file.csv".
func printReason(w io.Writer, about string, why reason) {
	more, where := "", ""
	if why.More > 0 {
		more = fmt.Sprintf(" (and %s more like it)", thousands(why.More))
	}
	if why.Line > 0 {
		where = fmt.Sprintf(" line %d", why.Line)
	}
	printWrapped(w, about+where+": "+why.Text+more)
}

// withoutNumbers is the text without its digits: reasons that differ in numbers only are of one kind.
func withoutNumbers(text string) string {
	var kept []rune
	for _, r := range text {
		if (r < '0' || r > '9') && r != '.' && r != '-' {
			kept = append(kept, r)
		}
	}
	return string(kept)
}
