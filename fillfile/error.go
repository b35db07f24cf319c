package fillfile

import (
	"encoding/json"
	"errors"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// NotFillsError reports that a file does not hold fills. It is ErrInvalid.
type NotFillsError struct {
	Path   string
	Kind   string // what it holds instead: "orders", "positions", "trades", "bars", ...; "" if that is unknown
	Reason string // why it has no fills, if Kind is ""
	Layout string // of a file that could have fills and has none, for example of a day without trades
	Hint   string // the other sheets of a workbook, or ""
}

func (e *NotFillsError) Error() string {
	return tabular.Mismatch(e.Path, e.Kind, "fills", e.Reason, e.Hint)
}

func (e *NotFillsError) Unwrap() []error { return []error{blotter.ErrInvalid, tabular.ErrOtherContent} }

// checkError is the error of a row that was read and breaks a rule of trades.
type checkError struct{ error }

func (f *File) rejectedRow(r *row, symbol string, err error) error {
	check := "parse"
	if errors.As(err, new(checkError)) {
		check = "fill"
	}
	return &blotter.RejectedRow{
		Line: r.line, Symbol: sqltext.Storable(symbol), Check: check, Reason: sqltext.Storable(err.Error()),
		Raw: sqltext.Storable(r.raw), Member: sqltext.Storable(f.member),
	}
}

// readError explains an error that ended the file before its end.
func (f *File) readError(err error) error {
	if errors.Is(err, blotter.ErrInvalid) {
		return err
	}
	if errors.Is(err, tabular.ErrTooLong) {
		return tabular.Error(f.name(), "a row of it is longer than any fill")
	}
	if errors.As(err, new(*json.SyntaxError)) {
		return tabular.Error(f.name(), "its JSON is broken: "+err.Error())
	}
	return tabular.Error(f.name(), "reading it failed: "+err.Error())
}

// onlyOthers returns the error of a file of a known layout in which no row is a fill.
func (f *File) onlyOthers(others map[string]int64) error {
	if len(others) == 0 {
		return &NotFillsError{
			Path: f.name(), Layout: f.layout.title,
			Reason: "it has a header and no rows (" + f.layout.title + ")",
		}
	}
	return &NotFillsError{Path: f.name(), Layout: f.layout.title, Kind: describe(others)}
}

// AskError reports that a file does not tell something, so that the user has to. It is ErrInvalid.
type AskError struct {
	Path   string
	Option string // the option that answers it: "tz", "account", "symbol", "date-order", "decimal" or "cols"
	Reason string
	Say    string // the flag to set, with an example
}

func (e *AskError) Error() string { return e.Path + ": " + e.Reason + "; set " + e.Say }

func (e *AskError) Unwrap() error { return blotter.ErrInvalid }
