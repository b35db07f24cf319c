package fillfile

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/barfile"
)

// settle reads the first rows and decides what is the same for all: how dates and numbers are written, and what the columns
// of a generic layout mean.
func (f *File) settle() error {
	f.style = style{comma: f.layout.comma, dayFirst: or(f.opts.DateOrder, f.layout.dateOrder) == "dmy"}
	f.Format, f.Simulated = f.layout.title, f.layout.simulated
	var err error
	if f.usual, err = barfile.LoadZone(f.layout.zone); err != nil {
		return err
	}

	f.readSample(sampleRows)
	if err := f.prepare(); err != nil {
		return err
	}
	s := f.sample()
	for s.candidates == 0 && f.broken == nil && len(f.peeked) < sampleRowsMax {
		f.readSample(2 * len(f.peeked))
		if err := f.prepare(); err != nil {
			return err
		}
		s = f.sample()
	}
	if s.candidates == 0 && s.others[kindOrderSummary] > 0 && errors.Is(f.broken, io.EOF) {
		f.ordersOnly = true
		s = f.sample()
	}

	switch {
	case s.candidates > 0 || f.broken == nil:
		return f.settleDrafts(s.drafts)
	case !errors.Is(f.broken, io.EOF):
		return f.readError(f.broken)
	}
	return f.onlyOthers(s.others)
}

// readSample reads on until the sample has so many rows.
func (f *File) readSample(rows int) {
	for len(f.peeked) < rows && f.broken == nil {
		row, err := f.rows.next()
		if err != nil {
			f.broken = err
			return
		}
		f.peeked = append(f.peeked, row)
	}
}

// prepare lets the layout look at the sample.
func (f *File) prepare() error {
	if f.layout.prepare == nil || len(f.peeked) == 0 {
		return nil
	}
	if f.isGeneric() && f.opts.Format == "" && f.opts.Columns == "" && isMarket(f.peeked[0]) {
		return &NotFillsError{Path: f.name(), Kind: "trades of the market"}
	}
	return f.layout.prepare(f)
}

// sample is what the first rows are.
type sample struct {
	drafts     []draft
	candidates int // rows that are fills or should be
	others     map[string]int64
}

func (f *File) sample() sample {
	var s sample
	for _, row := range f.peeked {
		drafts, other, err := f.layout.read(f, row)
		s.drafts = append(s.drafts, drafts...)
		if len(drafts) > 0 || err != nil {
			s.candidates++
		}
		if other != "" {
			if s.others == nil {
				s.others = map[string]int64{}
			}
			s.others[other]++
		}
	}
	return s
}

// settleDrafts decides by the first fills what a user has to say.
func (f *File) settleDrafts(drafts []draft) error {
	if f.isGeneric() {
		if err := f.settleDecimals(drafts); err != nil {
			return err
		}
	}
	if f.opts.DateOrder == "" && f.layout.dateOrder == "" {
		told := dateOrder(drafts)
		if told == "ambiguous" {
			return &AskError{f.name(), "date-order", "its dates could begin with the day or with the month", "--dates dmy or --dates mdy"}
		}
		f.style.dayFirst = told == "dmy"
	}
	f.order = f.orderOfTimes(drafts)
	if f.isGeneric() && f.layout != holdingLayout {
		f.settleFees()
	}

	accounts, symbols := f.opts.Account != "" || len(drafts) == 0, f.opts.Symbol != "" || len(drafts) == 0
	for i := range drafts {
		symbols = symbols || drafts[i].symbol+drafts[i].isin != ""
		accounts = accounts || drafts[i].account != ""
		at, err := f.stamp(drafts[i].at)
		if err == nil && at.Instant && !at.Zoned && f.zone == nil && f.layout.zone == "" && drafts[i].zone == nil {
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

// settleFees lets the totals of the sample tell how a column of fees with both signs writes what was paid.
func (f *File) settleFees() {
	c := f.columns
	isMixed := false
	for _, m := range c.fees {
		isMixed = isMixed || m.mixed
	}
	if !isMixed || c.feesAreSure {
		return
	}

	var asRead, other int
	for _, row := range f.peeked {
		drafts, _, err := f.layout.read(f, row)
		if err != nil || len(drafts) == 0 {
			continue
		}
		fill, err := f.build(row, &drafts[0])
		switch {
		case err != nil:
		case fill.said == proven:
			asRead++
		case fill.said == flipped:
			other++
		}
	}
	switch {
	case asRead > 0 && other == 0:
		c.setFeeSign("positive")
	case other > 0 && asRead == 0:
		c.setFeeSign("negative")
	}
}

// orderOfTimes tells whether the times of the sample ascend (1) or descend (-1), by its first and last different ones.
func (f *File) orderOfTimes(drafts []draft) int {
	var first, last barfile.Stamp
	for i := range drafts {
		at, err := f.stamp(drafts[i].at)
		if err != nil {
			continue
		}
		if first.Time.IsZero() {
			first = at
		}
		last = at
	}
	return last.Time.Compare(first.Time)
}

func (f *File) isGeneric() bool {
	return f.layout == genericCSV || f.layout == genericJSON || f.layout == holdingLayout
}

var numericDate = regexp.MustCompile(`^(\d{1,2})[-/ ](\d{1,2})[-/ ]\d{2,4}`)

// dateOrder tells dates as 31/12/2010 from 12/31/2010: "dmy", "mdy", "ambiguous", or "" where no date is written so.
func dateOrder(drafts []draft) string {
	told := ""
	for i := range drafts {
		for _, text := range []string{drafts[i].at, drafts[i].settles, drafts[i].expiry} {
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

// settleDecimals decides whether a generic file writes decimals with a comma. A number such as 1,234 or 1.234 does not tell;
// if there are some, and no other number of the file tells either, that is asked for.
func (f *File) settleDecimals(drafts []draft) error {
	if f.opts.Decimal != "" {
		f.style.comma = f.opts.Decimal == "comma"
		return nil
	}
	var commas, points, ambiguousCommas, ambiguousPoints int
	for i := range drafts {
		for _, text := range drafts[i].numbers() {
			asPoint, err := plainNumber("", text, false)
			asComma, err2 := plainNumber("", text, true)
			hasComma, hasPoint := strings.Contains(text, ","), strings.Contains(text, ".")
			switch {
			case err != nil || err2 != nil || !hasComma && !hasPoint:
			case asPoint != asComma && hasComma:
				ambiguousCommas++
			case asPoint != asComma:
				ambiguousPoints++
			case strings.LastIndexByte(asPoint, '.') < 0: // thousands alone
				if hasComma {
					points++
				} else {
					commas++
				}
			case strings.LastIndexByte(text, '.') > strings.LastIndexByte(text, ','):
				points++
			default:
				commas++
			}
		}
	}

	isSurePoint := f.separator == ',' || f.separator == 0 // of a text with commas between its cells, or JSON
	isAmbiguous := ambiguousCommas > 0 || ambiguousPoints > 0 && !isSurePoint
	if isAmbiguous && (commas > 0) == (points > 0) {
		return &AskError{f.name(), "decimal", "its numbers could have decimal points or decimal commas", "--decimal point or --decimal comma"}
	}
	f.style.comma = f.style.comma || commas > 0 && points == 0
	return nil
}

// numbers are the numbers of a fill as the file writes them.
func (d *draft) numbers() []string {
	all := []string{d.price, d.quantity, d.multiplier, d.accrued}
	for _, t := range d.totals {
		amount, _ := splitUnit(t.amount)
		all = append(all, amount)
	}
	for _, fee := range d.fees {
		all = append(all, fee.amount)
	}
	return all
}
