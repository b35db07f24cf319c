package blotter

import (
	"fmt"
	"time"
)

// RejectedRow is a row of a file that is not a valid bar or fill, and the reason. Rows that are not valid bars are
// quarantined.
type RejectedRow struct {
	Line   int64  // line of the file, from 1
	Symbol string // "" if it is not known
	Check  string // the rule that it breaks: "parse", "bar" or "fill"
	Reason string
	Raw    string // the row as it stands in the file
	Member string // member of the archive, or "" if the file is not one
}

// Error returns the line and the reason.
func (r *RejectedRow) Error() string { return fmt.Sprintf("line %d: %s", r.Line, r.Reason) }

// DataQualityLog is one row of the quarantine: a line of a file that is not a valid bar, and the reason.
type DataQualityLog struct {
	ID        int64     `db:"id,generated"`
	Symbol    string    `db:"symbol"`
	CheckType string    `db:"check_type"` // the rule that it breaks: "bar", "parse" or "contradiction"
	Status    string    `db:"status,omitzero"`
	Message   string    `db:"message"`
	File      string    `db:"file"`
	Line      int64     `db:"line"`
	RawRow    string    `db:"raw_row"`
	Timestamp time.Time `db:"timestamp,generated"`
}
