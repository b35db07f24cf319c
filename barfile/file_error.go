package barfile

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// damage returns the error that broke the file within its sample, or nil if its text is not that of a bar file.
func (f *File) damage() error {
	if errors.Is(f.sampleErr, tabular.ErrTooLong) || errors.As(f.sampleErr, new(*json.SyntaxError)) ||
		errors.As(f.sampleErr, new(tabular.ShapeError)) {
		return nil
	}
	return f.readError(f.sampleErr)
}

// readError explains an error that ended the file before its end.
func (f *File) readError(err error) error {
	if errors.Is(err, tabular.ErrTooLong) {
		return unknown(f.name(), fmt.Sprintf("line %d is longer than any bar", f.row.Line+1))
	}
	if errors.As(err, new(*json.SyntaxError)) {
		return unknown(f.name(), "its JSON is broken: "+err.Error())
	}
	if errors.As(err, new(tabular.ShapeError)) {
		return unknown(f.name(), err.Error())
	}
	return tabular.Error(f.name(), "reading it failed: "+err.Error())
}

// NotBarsError reports that a file does not hold bars. It is ErrInvalid.
type NotBarsError struct {
	Path   string
	Kind   string // what it holds instead: "trades", "quotes", "orders", ...; "" if that is unknown
	Reason string // why it is not a bar file, if Kind is ""
	Hint   string // the other sheets of a workbook, or ""
}

func (e *NotBarsError) Error() string {
	return tabular.Mismatch(e.Path, e.Kind, "bars", e.Reason, e.Hint)
}

func (e *NotBarsError) Unwrap() []error { return []error{blotter.ErrInvalid, tabular.ErrOtherContent} }

func notBars(path, kind string) error { return &NotBarsError{Path: path, Kind: kind} }

func unknown(path, reason string) error {
	return &NotBarsError{Path: path, Reason: "it is not a bar file: " + reason + tried()}
}
