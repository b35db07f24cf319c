package barfile

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
)

// damage is what broke the file within its sample, nil where its text is no bar file's.
func (f *File) damage() error {
	if errors.Is(f.broken, errTooLong) || errors.As(f.broken, new(*json.SyntaxError)) || errors.As(f.broken, new(shapeError)) {
		return nil
	}
	return f.readError(f.broken)
}

// readError says what ended the file before its end.
func (f *File) readError(err error) error {
	if errors.Is(err, errTooLong) {
		return unknown(f.name(), fmt.Sprintf("line %d is longer than a bar's can be", f.row.line+1))
	}
	if errors.As(err, new(*json.SyntaxError)) {
		return unknown(f.name(), "its JSON is broken: "+err.Error())
	}
	if errors.As(err, new(shapeError)) {
		return unknown(f.name(), err.Error())
	}
	return fileError(f.name(), "reading it failed: "+err.Error())
}

func fileError(path, reason string) error {
	return &blotter.Error{Kind: blotter.ErrInvalid, Message: path + ": " + reason}
}

// NotBarsError is a file that holds no bars. It is ErrInvalid.
type NotBarsError struct {
	Path   string
	Kind   string // what it holds instead: "trades", "quotes", "orders", ...; "" where that is unknown
	Reason string // why it is no bar file, where Kind is ""
	Hint   string // which other sheets a workbook has, or ""
}

func (e *NotBarsError) Error() string {
	text := e.Path + ": " + e.Reason
	if e.Kind != "" {
		text = e.Path + ": it holds " + e.Kind + ", not bars"
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func (e *NotBarsError) Unwrap() error { return blotter.ErrInvalid }

func notBars(path, kind string) error { return &NotBarsError{Path: path, Kind: kind} }

func unknown(path, reason string) error {
	return &NotBarsError{Path: path, Reason: "it is not a bar file: " + reason + tried()}
}
