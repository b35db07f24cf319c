package actionfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/spreadsheet"
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

const (
	actionsMax    = 100_000 // of one file
	headerRowsMax = 20      // rows among which a header is looked for
	jsonKeysMax   = 200     // names of a JSON object outside of an array
)

// Options override what Open finds out by itself.
type Options struct {
	Symbol string // of every row; by default that of the row, or of the file's name
	Source string // that the actions are stored under; by default that of the layout
	Sheet  string // of an .xlsx workbook; by default the first one that is not hidden
}

// File holds the corporate actions of a file.
type File struct {
	Path    string
	Format  string // that Open recognized, for people: "Lean factor file", ...
	Actions []blotter.CorporateAction
	// Refused are rows that are corporate actions, of which the file does not tell everything exactly.
	Refused []*blotter.RejectedRow
	// Others counts, by kind, the rows that are something else. Skipped are the errors of the members of an archive
	// that hold no actions.
	Others  map[string]int64
	Skipped []error

	opts   Options
	member string // of the archive, "" if the file is not one
	source string // of the layout
	seen   map[actionKey]seenAction
}

// actionKey identifies an action.
type actionKey struct {
	symbol string
	exDate time.Time
	kind   blotter.ActionKind
}

// seenAction is an action that the file has named, and its place.
type seenAction struct {
	index int    // in Actions
	class string // of a cash dividend, for example "special"
}

// NotActionsError is the error of a file that holds something else.
type NotActionsError struct {
	Path, Reason, Hint string
}

// Error says what the file holds.
func (e *NotActionsError) Error() string {
	return tabular.Mismatch(e.Path, "", "corporate actions", e.Reason, e.Hint)
}

// Is reports that the error is an ErrInvalid.
func (e *NotActionsError) Is(target error) bool { return target == blotter.ErrInvalid }

// Open reads the corporate actions of a file.
func Open(path string, opts Options) (*File, error) {
	f, err := tabular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, path, opts)
}

// Read reads the corporate actions of a stream. path is used in errors, and its name may tell the symbol.
func Read(r io.Reader, path string, opts Options) (*File, error) {
	f := &File{Path: path, opts: opts, Others: map[string]int64{}, seen: map[actionKey]seenAction{}}
	source, err := tabular.NewSource(path, r, opts.Sheet)
	if err != nil {
		return nil, err
	}
	defer source.Close()

	for {
		name, text, err := source.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}

		f.member = name
		err = f.readMember(text)
		var other *NotActionsError
		switch {
		case errors.As(err, &other) && source.IsArchive():
			f.Skipped = append(f.Skipped, err)
		case errors.As(err, &other):
			other.Hint = source.SheetHint()
			return nil, other
		case err != nil:
			return nil, err
		}
	}
	if f.Format == "" {
		return nil, &NotActionsError{Path: path, Reason: "no member of it holds corporate actions"}
	}
	f.refuseTwins()
	return f, nil
}

// twinDays is within how many days two changes of shares with one ratio are taken for one that has two dates.
const twinDays = 14

// refuseTwins refuses changes of shares that the file has on two days: one of the days is wrong, and applying both
// would multiply positions twice.
func (f *File) refuseTwins() {
	isTwin := make([]bool, len(f.Actions))
	last := map[string][]int{}
	for i := range f.Actions {
		a := &f.Actions[i]
		if !a.Kind.ChangesShares() {
			continue
		}
		key := a.Symbol + " " + a.Ratio()
		for _, j := range last[key] {
			if f.Actions[j].ExDate.Sub(a.ExDate).Abs() <= twinDays*24*time.Hour {
				isTwin[i] = true
				isTwin[j] = true
			}
		}
		last[key] = append(last[key], i)
	}

	var kept []blotter.CorporateAction
	for i, a := range f.Actions {
		if !isTwin[i] {
			kept = append(kept, a)
			continue
		}
		f.refuse(&row{}, a.Symbol, a.String()+" is in the file with another date too, and one of the two is wrong"+
			stateIt(a.Symbol, a.ExDate, a.Kind))
	}
	f.Actions = kept
}

// readMember reads a text, in whatever layout it is.
func (f *File) readMember(r *bufio.Reader) error {
	if kind := tabular.Packing(r); kind != "" {
		return f.notActions("it is itself packed (" + kind + "); unpack the outer archive first")
	}

	r = tabular.UTF8(r)
	head, _ := r.Peek(tabular.HeadBytes)
	start := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(start) == 0:
		return f.notActions("it is empty")
	case spreadsheet.IsMarked(start):
		return tabular.Error(f.name(), spreadsheet.Refusal)
	case start[0] == '<':
		return f.readFlex(r, start)
	case start[0] == '{' || start[0] == '[':
		return f.readJSON(r)
	}
	return f.readText(r, head)
}

func (f *File) notActions(reason string) error {
	return &NotActionsError{Path: f.name(), Reason: reason}
}

// name returns the path of the file or its member, for errors.
func (f *File) name() string {
	if f.member == "" {
		return f.Path
	}
	return f.Path + "/" + f.member
}

// symbolOfName returns the symbol of a file whose rows have none.
func (f *File) symbolOfName() (string, error) {
	if f.opts.Symbol != "" {
		return strings.ToUpper(f.opts.Symbol), nil
	}
	name := f.Path
	if f.member != "" {
		name = f.member
	}
	if symbol := barfile.SymbolOf(name); symbol != "" {
		return symbol, nil
	}
	return "", tabular.Error(f.name(), "neither its rows nor its name tell the symbol; name it with --symbol")
}

// begin notes the layout that was recognized.
func (f *File) begin(title, source string) {
	f.Format = title
	f.source = source
}

// row is a row of a file, by the plain names of its columns.
type row struct {
	line  int64
	raw   string
	names []string
	cells []string
	group string // of JSON: the name of the array or object that it stands in
}

// get returns the value of the first of these names that has one, or "".
func (r *row) get(names ...string) string {
	for _, name := range names {
		for i, have := range r.names {
			if have == name && i < len(r.cells) && !tabular.IsMissing(r.cells[i]) {
				return strings.TrimSpace(r.cells[i])
			}
		}
	}
	return ""
}

// add takes an action of a row. class tells apart the cash dividends of one day, for example a special one, which are
// added up. An action that the file repeats counts once; one that contradicts another is refused.
func (f *File) add(r *row, a blotter.CorporateAction, class string) error {
	a.Source = f.source
	if source := r.get("source"); f.source == bareSource && source != "" {
		a.Source = source
	}
	if f.opts.Source != "" {
		a.Source = f.opts.Source
	}
	if err := a.Check(); err != nil {
		f.refuse(r, a.Symbol, err.Error())
		return nil
	}

	key := actionKey{a.Symbol, a.ExDate, a.Kind}
	seen, isRepeated := f.seen[key]
	if !isRepeated {
		if len(f.Actions) == actionsMax {
			return tabular.Error(f.name(), fmt.Sprintf("it has more than %d actions; import it in parts", actionsMax))
		}
		f.seen[key] = seenAction{len(f.Actions), class}
		f.Actions = append(f.Actions, a)
		return nil
	}

	before := &f.Actions[seen.index]
	switch {
	case class == seen.class && before.Says(&a):
		f.Others["repeated row"]++
	case a.Kind == blotter.ActionCashDividend && class != seen.class && a.Currency == before.Currency:
		sum := before.CashAmount.Add(*a.CashAmount)
		before.CashAmount = &sum
		f.seen[key] = seenAction{seen.index, seen.class + "+" + class}
	default:
		f.refuse(r, a.Symbol, "it contradicts an earlier row: "+before.String())
	}
	return nil
}

// refuse notes a row that is an action and does not tell everything.
func (f *File) refuse(r *row, symbol, reason string) {
	f.Refused = append(f.Refused, &blotter.RejectedRow{
		Line: r.line, Symbol: symbol, Check: "action", Reason: reason, Raw: sqltext.Storable(r.raw), Member: f.member,
	})
}

// number reads a cell as a decimal, exactly as it is written.
func number(name, cell string) (blotter.Decimal, error) {
	return tabular.Notation{}.Parse(name, []byte(cell))
}

// dateLayouts are the days that are read: those of ISO 8601, whose parts have one order.
var dateLayouts = []string{time.DateOnly, "20060102"}

// date reads a day. Of a time, it is the date as it is written.
func date(cell string) (time.Time, error) {
	day, _, _ := strings.Cut(strings.Replace(cell, "T", " ", 1), " ")
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, strings.TrimRight(day, ",")); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid date %q: want 2024-01-31", cell)
}

// plainName returns a name as it is looked up: letters and digits in lower case.
func plainName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			return c
		}
		return -1
	}, name)
}

// hasAll reports whether all names are among those of the columns. "a|b" is either.
func hasAll(names, wanted []string) bool {
	for _, want := range wanted {
		among := func(name string) bool { return slices.Contains(names, name) }
		if !slices.ContainsFunc(strings.Split(want, "|"), among) {
			return false
		}
	}
	return true
}
