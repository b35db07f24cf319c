package fillfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// NotFillsError is a file that holds no fills. It is ErrInvalid.
type NotFillsError struct {
	Path   string
	Kind   string // what it holds instead: "orders", "positions", "trades", "bars", ...; "" where that is unknown
	Reason string // why it has no fills, where Kind is ""
	Layout string // of a file that could have fills, and has none: a day without trades
	Hint   string // which other sheets a workbook has, or ""
}

func (e *NotFillsError) Error() string {
	text := e.Path + ": " + e.Reason
	if e.Kind != "" {
		text = e.Path + ": it holds " + e.Kind + ", not fills"
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func (e *NotFillsError) Unwrap() error { return blotter.ErrInvalid }

// checkError is a row that is read and breaks a rule of trades.
type checkError struct{ error }

func (f *File) rejected(r *row, symbol string, err error) error {
	check := "parse"
	if errors.As(err, new(checkError)) {
		check = "fill"
	}
	return &blotter.RejectedRow{
		Line: r.line, Symbol: barfile.Storable(symbol), Check: check, Reason: barfile.Storable(err.Error()),
		Raw: barfile.Storable(r.raw), Member: barfile.Storable(f.member),
	}
}

func fileError(path, reason string) error {
	return &blotter.Error{Kind: blotter.ErrInvalid, Message: path + ": " + reason}
}

// readError says what ended the file before its end.
func (f *File) readError(err error) error {
	if errors.Is(err, blotter.ErrInvalid) {
		return err
	}
	if errors.Is(err, barfile.ErrTooLong) {
		return fileError(f.name(), "a row of it is longer than a fill's can be")
	}
	if errors.As(err, new(*json.SyntaxError)) {
		return fileError(f.name(), "its JSON is broken: "+err.Error())
	}
	return fileError(f.name(), "reading it failed: "+err.Error())
}

// nothing is the error of a source in which no member has fills.
func (f *File) nothing(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	switch len(f.Skipped) {
	case 0:
		return &NotFillsError{Path: f.Path, Reason: "the archive holds no files"}
	case 1:
		return f.Skipped[0]
	}
	return &NotFillsError{Path: f.Path, Reason: fmt.Sprintf("none of its %d files has fills; the first: %s",
		len(f.Skipped), f.Skipped[0])}
}

// onlyOthers is the error of a file of a known layout in which no row is a fill.
func (f *File) onlyOthers(others map[string]int64) error {
	if len(others) == 0 {
		return &NotFillsError{Path: f.name(), Layout: f.layout.title,
			Reason: "it has a header and no rows (" + f.layout.title + ")"}
	}
	return &NotFillsError{Path: f.name(), Layout: f.layout.title, Kind: describe(others)}
}

// AskError is a file that does not tell something, which the user has to say. It is ErrInvalid.
type AskError struct {
	Path   string
	Option string // "tz", "account", "symbol", "date-order"
	Reason string
	Say    string
}

func (e *AskError) Error() string { return e.Path + ": " + e.Reason + "; say " + e.Say }

func (e *AskError) Unwrap() error { return blotter.ErrInvalid }
