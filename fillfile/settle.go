package fillfile

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/barfile"
)

// settle reads the first rows and decides what is the same for all: how dates and numbers are written.
func (f *File) settle() error {
	f.style = style{comma: f.layout.comma, dayFirst: or(f.opts.DateOrder, f.layout.dateOrder) == "dmy"}
	f.Format, f.Simulated = f.layout.title, f.layout.simulated
	var err error
	if f.usual, err = barfile.LoadZone(f.layout.zone); err != nil {
		return err
	}
	var s sample
	for len(f.peeked) < sampleRowsMax && (len(f.peeked) < sampleRows || s.candidates == 0) {
		row, err := f.rows.next()
		if err != nil {
			f.broken = err
			break
		}
		f.peeked = append(f.peeked, row)
		s.add(f.layout.read(f, row))
	}
	if s.candidates == 0 && s.others[kindOrderSummary] > 0 && errors.Is(f.broken, io.EOF) {
		f.ordersOnly = true
		s = sample{}
		for _, row := range f.peeked {
			s.add(f.layout.read(f, row))
		}
	}
	switch {
	case s.candidates > 0 || f.broken == nil:
		return f.settleDrafts(s.drafts)
	case !errors.Is(f.broken, io.EOF):
		return f.readError(f.broken)
	}
	return f.onlyOthers(s.others)
}

// sample is what the first rows are.
type sample struct {
	drafts     []draft
	candidates int // rows that are fills or should be
	others     map[string]int64
}

func (s *sample) add(drafts []draft, other string, err error) {
	if s.drafts = append(s.drafts, drafts...); len(drafts) > 0 || err != nil {
		s.candidates++
	}
	if other != "" {
		if s.others == nil {
			s.others = map[string]int64{}
		}
		s.others[other]++
	}
}

// settleDrafts decides by the first fills what a user has to say.
func (f *File) settleDrafts(drafts []draft) error {
	if f.isGeneric() && f.opts.Format == "" && len(f.peeked) > 0 && isMarket(f.peeked[0]) {
		return &NotFillsError{Path: f.name(), Kind: "trades of the market"}
	}
	f.style.comma = f.style.comma || f.isGeneric() && writesComma(drafts)
	if f.opts.DateOrder == "" && f.layout.dateOrder == "" {
		told := dateOrder(drafts)
		if told == "ambiguous" {
			return &AskError{f.name(), "date-order", "its dates could begin with the day or with the month", "--dates dmy or --dates mdy"}
		}
		f.style.dayFirst = told == "dmy"
	}
	accounts, symbols := f.opts.Account != "" || len(drafts) == 0, f.opts.Symbol != "" || len(drafts) == 0
	for i := range drafts {
		symbols = symbols || drafts[i].symbol+drafts[i].isin != ""
		accounts = accounts || drafts[i].account != ""
		at, err := f.stamp(drafts[i].at)
		if err == nil && at.Instant && !at.Zoned && f.zone == nil && f.layout.zone == "" {
			return &AskError{f.name(), "tz", "its times carry no zone", "--tz, as in --tz Europe/Amsterdam or --tz UTC"}
		}
	}
	if !symbols {
		return &AskError{f.name(), "symbol", "it does not tell the symbol", "--symbol, as in --symbol AAPL"}
	}
	if !accounts {
		return &AskError{f.name(), "account", "it does not tell the account", "--account, as in --account U1234567"}
	}
	return nil
}

func (f *File) isGeneric() bool {
	return f.layout == genericCSV || f.layout == genericJSON || f.layout == holdingLayout
}

var numericDate = regexp.MustCompile(`^(\d{1,2})[-/ ](\d{1,2})[-/ ]\d{2,4}`)

// dateOrder tells dates as 31/12/2010 from 12/31/2010: "dmy", "mdy", "ambiguous", or "" where no date is written so.
func dateOrder(drafts []draft) string {
	told := ""
	for i := range drafts {
		for _, text := range []string{drafts[i].at, drafts[i].settles} {
			found := numericDate.FindStringSubmatch(text)
			if found == nil {
				continue
			}
			first, _ := strconv.Atoi(found[1])
			second, _ := strconv.Atoi(found[2])
			switch {
			case first > 12:
				return "dmy"
			case second > 12:
				return "mdy"
			}
			told = "ambiguous"
		}
	}
	return told
}

// writesComma reports decimal commas: a number that has one beyond doubt, and none that has a decimal point.
func writesComma(drafts []draft) bool {
	commas := false
	for i := range drafts {
		for _, text := range []string{drafts[i].price, drafts[i].quantity} {
			asPoint, err := plainNumber("", text, false)
			asComma, err2 := plainNumber("", text, true)
			if err != nil || err2 != nil || asPoint != asComma || !strings.ContainsAny(text, ".,") {
				continue // it does not tell
			}
			if !strings.Contains(asPoint, ".") {
				continue // thousands alone
			}
			if strings.LastIndexByte(text, '.') > strings.LastIndexByte(text, ',') {
				return false
			}
			commas = true
		}
	}
	return commas
}
