package actionfile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// schwab reads Schwab's history. It tells how many shares a split brought, and not for how many.
type schwab struct{ file *File }

func newSchwab(f *File) (rowReader, error) { return &schwab{f}, nil }

// schwabKinds are the actions of Schwab that are corporate actions.
var schwabKinds = map[string]blotter.ActionKind{
	"stock split":         blotter.ActionSplit,
	"reverse split":       blotter.ActionReverseSplit,
	"reverse stock split": blotter.ActionReverseSplit,
	"stock div dist":      blotter.ActionStockDividend,
	"stock dividend":      blotter.ActionStockDividend,
}

func (s *schwab) row(r *row) error {
	action := strings.ToLower(r.get("action"))
	kind, isAction := schwabKinds[action]
	if !isAction {
		s.file.Others["row that is not a corporate action"]++
		return nil
	}

	symbol := strings.ToUpper(r.get("symbol"))
	posted, _, _ := strings.Cut(r.get("date"), " as of ")
	day, err := time.Parse("01/02/2006", posted)
	if err != nil {
		s.file.refuse(r, symbol, "invalid date "+posted)
		return nil
	}
	s.file.refuse(r, symbol, untold(r.get("quantity"))+stateIt(symbol, day, kind))
	return nil
}

func (s *schwab) end() error { return nil }

// untold says what a row about a split does not tell.
func untold(quantity string) string {
	return fmt.Sprintf("it tells the change of the quantity (%s) and not the ratio", quantity)
}

// revolut reads Revolut's history, which tells as little of a split.
type revolut struct{ file *File }

func newRevolut(f *File) (rowReader, error) { return &revolut{f}, nil }

func (v *revolut) row(r *row) error {
	if !strings.EqualFold(r.get("type"), "STOCK SPLIT") {
		v.file.Others["row that is not a corporate action"]++
		return nil
	}
	symbol := strings.ToUpper(r.get("ticker"))
	day, err := date(r.get("date"))
	if err != nil {
		v.file.refuse(r, symbol, err.Error())
		return nil
	}
	v.file.refuse(r, symbol, untold(r.get("quantity"))+stateIt(symbol, day, blotter.ActionSplit))
	return nil
}

func (v *revolut) end() error { return nil }

// trading212 reads the history of Trading 212. A split is a row that closes the position and one that opens it again,
// whose quantities tell the ratio.
type trading212 struct {
	file   *File
	closed []*row // that wait for the row that opens the position again
}

func newTrading212(f *File) (rowReader, error) { return &trading212{file: f}, nil }

func (t *trading212) row(r *row) error {
	switch strings.ToLower(r.get("action")) {
	case "stock split close":
		t.closed = append(t.closed, r)
		return nil
	case "stock split open":
		sameShare := func(closed *row) bool { return closed.get("ticker") == r.get("ticker") }
		at := slices.IndexFunc(t.closed, sameShare)
		if at < 0 {
			t.refuseHalf(r)
			return nil
		}

		closed := t.closed[at]
		t.closed = slices.Delete(t.closed, at, at+1)
		return t.pair(closed, r)
	}
	t.file.Others["row that is not a corporate action"]++
	return nil
}

// pair adds the split of two rows.
func (t *trading212) pair(closed, opened *row) error {
	symbol := strings.ToUpper(opened.get("ticker"))
	exDate, err := date(opened.get("time", "timeutc"))
	if err != nil {
		t.file.refuse(opened, symbol, err.Error())
		return nil
	}

	split, reason := quotientOf("number of shares", opened.get("noofshares"), closed.get("noofshares"))
	if reason != "" {
		t.file.refuse(opened, symbol, reason+stateIt(symbol, exDate, "split"))
		return nil
	}
	if split.new == split.old {
		t.file.Others["split that changed nothing"]++
		return nil
	}
	return t.file.add(opened, splitAction(symbol, exDate, split), "")
}

func (t *trading212) refuseHalf(r *row) {
	t.file.refuse(r, strings.ToUpper(r.get("ticker")),
		"a split needs a row that closes the position and one that opens it")
}

// end refuses what was closed and not opened again.
func (t *trading212) end() error {
	for _, r := range t.closed {
		t.refuseHalf(r)
	}
	return nil
}
