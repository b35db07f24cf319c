package actionfile

import (
	"bytes"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Lean's factor files have a row for the last day before each split or dividend: the day, the factor of prices for all
// later dividends, that for all later splits, and a close. Its map files have the symbol of a share up to each day.
// Both are named after the share and have no header.
var (
	leanFactors = regexp.MustCompile(`^\d{8},[\d.]+,[\d.]+(,[\d.]+)?$`)
	leanMap     = regexp.MustCompile(`^\d{8},[A-Za-z][\w.]*(,[A-Za-z]+)?$`)
)

// leanNewest is the year of the row that stands for today.
const leanNewest = 2050

// leanReader returns the reader of a file of Lean that begins with head, or nil.
func (f *File) leanReader(head []byte) rowReader {
	first, _, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n"), []byte("\n"))
	line := strings.TrimRight(string(first), "\r ")
	switch {
	case leanFactors.MatchString(line):
		f.begin("Lean factor file", "lean")
		return &leanFactorReader{file: f}
	case leanMap.MatchString(line):
		f.begin("Lean map file", "lean")
		return &leanMapReader{file: f}
	}
	return nil
}

// leanFactorReader finds splits, where the factor of splits changes from one row to the next.
type leanFactorReader struct {
	file   *File
	before []string // the previous row
}

func (l *leanFactorReader) row(r *row) error {
	before := l.before
	l.before = r.cells
	if len(r.cells) < 3 || before == nil {
		return nil
	}
	if before[1] != r.cells[1] {
		l.file.Others["dividend of which only a rounded factor is known"]++
	}
	if before[2] == r.cells[2] {
		return nil
	}

	symbol, err := l.file.symbolOfName()
	if err != nil {
		return err
	}
	exDate, err := leanExDate(before[0])
	if err != nil {
		l.file.refuse(r, symbol, err.Error())
		return nil
	}
	split, reason := quotientOf("factor", r.cells[2], before[2])
	if reason != "" {
		l.file.refuse(r, symbol, reason+stateIt(symbol, exDate, "split"))
		return nil
	}
	return l.file.add(r, splitAction(symbol, exDate, split), "")
}

func (l *leanFactorReader) end() error { return nil }

// leanExDate returns the trading day after a day, at the exchanges of the United States.
func leanExDate(day string) (time.Time, error) {
	last, err := date(day)
	if err != nil {
		return last, err
	}
	us := exchange.Named(exchange.US)
	next := last.AddDate(0, 0, 1)
	for us.IsWeekend(next.Weekday()) || us.IsHoliday(next) {
		next = next.AddDate(0, 0, 1)
	}
	return next, nil
}

// quotientOf returns the ratio of two rounded numbers, or the reason why it is not known.
func quotientOf(name, numerator, denominator string) (ratio, string) {
	n, err := number(name, numerator)
	if err != nil {
		return ratio{}, err.Error()
	}
	d, err := number(name, denominator)
	if err != nil {
		return ratio{}, err.Error()
	}

	lowN, highN := bounds(n, numerator)
	lowD, highD := bounds(d, denominator)
	if lowN.Sign() <= 0 || lowD.Sign() <= 0 {
		return ratio{}, "the " + name + " is not above 0"
	}
	found, ok := ratioBetween(new(big.Rat).Quo(lowN, highD), new(big.Rat).Quo(highN, lowD))
	if !ok {
		return ratio{}, "no single ratio of small numbers fits " + numerator + " / " + denominator
	}
	return found, ""
}

// roundedDigits is the number of digits after the point from which on a number has been rounded. Shorter ones, such as
// 0.25, are exact.
const roundedDigits = 6

// bounds returns between which numbers a number is that was rounded to its digits. Zeros at its end may be padding.
func bounds(d blotter.Decimal, text string) (low, high *big.Rat) {
	x := blotter.Rational(d)
	_, fraction, _ := strings.Cut(text, ".")
	digits := len(strings.TrimRight(fraction, "0"))
	if digits < roundedDigits {
		return x, x
	}
	half := new(big.Rat).Quo(big.NewRat(1, 2), new(big.Rat).SetInt(tenTo(digits)))
	return new(big.Rat).Sub(x, half), new(big.Rat).Add(x, half)
}

// leanMapReader finds changes of symbols.
type leanMapReader struct {
	file   *File
	before []string // the previous row
}

func (l *leanMapReader) row(r *row) error {
	before := l.before
	l.before = r.cells
	if len(r.cells) < 2 || before == nil || strings.EqualFold(before[1], r.cells[1]) {
		return nil
	}
	exDate, err := leanExDate(before[0])
	if err != nil {
		return tabular.Error(l.file.name(), err.Error())
	}
	return l.file.add(r, blotter.CorporateAction{
		Symbol: strings.ToUpper(before[1]), ExDate: exDate, Kind: blotter.ActionSymbolChange,
		RatioNew: 1, RatioOld: 1, NewSymbol: strings.ToUpper(r.cells[1]),
	}, "")
}

// end counts a share that is no longer listed.
func (l *leanMapReader) end() error {
	if l.before == nil {
		return nil
	}
	if last, err := date(l.before[0]); err == nil && last.Year() < leanNewest {
		l.file.Others["end of a listing"]++
	}
	return nil
}
