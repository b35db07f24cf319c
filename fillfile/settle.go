package fillfile

import (
	"cmp"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// settle decides by the first rows how dates and numbers are written, and what the columns of a generic layout mean.
func (f *File) settle() error {
	order := cmp.Or(f.opts.DateOrder, f.layout.dateOrder)
	f.style = style{comma: f.layout.comma, dayFirst: order == "dmy", yearFirst: order == "ymd"}
	f.Format, f.Simulated = f.layout.title, f.layout.simulated
	var err error
	if f.usual, err = tabular.LoadZone(f.layout.zone); err != nil {
		return err
	}

	f.readSample(sampleRows)
	if err := f.prepare(); err != nil {
		return err
	}

	s := f.sample()
	for s.candidates == 0 && f.sampleErr == nil && len(f.lookahead) < sampleRowsMax {
		f.readSample(2 * len(f.lookahead))
		if err := f.prepare(); err != nil {
			return err
		}
		s = f.sample()
	}

	if s.candidates == 0 && s.others[kindOrderSummary] > 0 && errors.Is(f.sampleErr, io.EOF) {
		f.ordersOnly = true
		s = f.sample()
	}

	switch {
	case s.candidates > 0 || f.sampleErr == nil:
		return f.settleDrafts(s.drafts)
	case !errors.Is(f.sampleErr, io.EOF):
		return f.readError(f.sampleErr)
	}
	return f.onlyOthers(s.others)
}

// readSample reads on until the sample has the given number of rows.
func (f *File) readSample(rows int) {
	for len(f.lookahead) < rows && f.sampleErr == nil {
		row, err := f.rows.next()
		if err != nil {
			f.sampleErr = err
			return
		}
		f.lookahead = append(f.lookahead, row)
	}
}

// prepare lets the layout look at the sample.
func (f *File) prepare() error {
	if f.layout.prepare == nil || len(f.lookahead) == 0 {
		return nil
	}
	if f.isGeneric() && f.opts.Format == "" && f.opts.Columns == "" && isMarket(f.lookahead[0]) {
		return &NotFillsError{Path: f.name(), Kind: "trades of the market"}
	}
	return f.layout.prepare(f)
}

// sample holds the first rows.
type sample struct {
	drafts     []draft
	candidates int // rows that are fills or should be
	others     map[string]int64
}

func (f *File) sample() sample {
	var s sample
	for _, row := range f.lookahead {
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

// settleDrafts decides by the first fills how the file is written, and returns an AskError for what they do not tell.
func (f *File) settleDrafts(drafts []draft) error {
	if f.isGeneric() {
		if err := f.settleDecimals(drafts); err != nil {
			return err
		}
	}

	if f.opts.DateOrder == "" && f.layout.dateOrder == "" {
		order := dateOrder(drafts)
		if order == "ambiguous" {
			return &AskError{
				f.name(), "date-order", "its dates could begin with the day, the month or the year",
				"--dates dmy, --dates mdy or --dates ymd",
			}
		}

		f.style.dayFirst, f.style.yearFirst = order == "dmy", order == "ymd"
	}

	f.symbolOrder = f.orderOfSymbols(drafts)
	if f.order = f.orderOfTimes(drafts); isGrouped(drafts) {
		f.order = 0
	}
	if f.isGeneric() && f.layout != holdingLayout {
		f.settleFees()
	}

	accounts, symbols := f.opts.Account != "" || len(drafts) == 0, f.opts.Symbol != "" || len(drafts) == 0
	for i := range drafts {
		symbols = symbols || drafts[i].symbol+drafts[i].isin != ""
		accounts = accounts || drafts[i].account != ""
		at, err := f.stamp(drafts[i].at)

		if err == nil && at.Instant && !at.Zoned && f.zone == nil && f.layout.zone == "" && drafts[i].zone == nil {
			return &AskError{
				f.name(), "tz", "its times have no zone",
				"--tz, for example --tz Europe/Amsterdam or --tz UTC",
			}
		}
	}

	if !symbols {
		return &AskError{f.name(), "symbol", "it does not tell the symbol", "--symbol, for example --symbol AAPL"}
	}

	if !accounts {
		return &AskError{
			f.name(), "account", "it does not tell the account",
			"--account, for example --account U1234567",
		}
	}

	return nil
}

// settleFees decides by the totals of the sample which sign fees that were paid have, in columns with both signs.
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
	for _, row := range f.lookahead {
		drafts, _, err := f.layout.read(f, row)
		if err != nil || len(drafts) == 0 {
			continue
		}

		fill, err := f.build(row, &drafts[0])
		switch {
		case err != nil:
		case fill.feeProof == proven:
			asRead++
		case fill.feeProof == flipped:
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

// orderOfTimes returns 1 if the times of the sample ascend, -1 if they descend, and 0 otherwise. Steps of up to an hour
// do not count, because the clocks may be put back between two rows.
func (f *File) orderOfTimes(drafts []draft) int {
	up, down := false, false
	var last time.Time
	for i := range drafts {
		at, err := f.stamp(drafts[i].at)
		if err != nil {
			continue
		}
		if step := at.Time.Sub(last); !last.IsZero() {
			up = up || step > repeatedSpan
			down = down || step < -repeatedSpan
		}
		last = at.Time
	}

	switch {
	case up && !down:
		return 1
	case down && !up:
		return -1
	case !up && !down && len(drafts) > 1:
		first, err := f.stamp(drafts[0].at)
		if err == nil {
			return last.Compare(first.Time)
		}
	}
	return 0
}

// repeatedSpan is the most by which clocks are put back.
const repeatedSpan = time.Hour

// isGrouped reports whether the rows are grouped by symbol.
func isGrouped(drafts []draft) bool {
	blocks := map[string]int{}
	longest, length := 0, 0
	for i := range drafts {
		if i == 0 || drafts[i].symbol != drafts[i-1].symbol {
			blocks[drafts[i].symbol]++
			length = 0
		}

		length++
		longest = max(longest, length)
		if blocks[drafts[i].symbol] > 1 {
			return false
		}
	}

	return len(blocks) > 1 && longest > 1
}

// orderOfSymbols returns the order of times that all symbols have, see orderOfTimes, in a file that is grouped by
// symbol.
func (f *File) orderOfSymbols(drafts []draft) int {
	groups := map[string][]draft{}
	for i := range drafts {
		groups[drafts[i].symbol] = append(groups[drafts[i].symbol], drafts[i])
	}

	order := 0
	for _, group := range groups {
		is := f.orderOfTimes(group)
		if is == 0 && len(group) > 1 || is != 0 && order != 0 && is != order {
			return 0
		}
		if is != 0 {
			order = is
		}
	}
	return order
}

func (f *File) isGeneric() bool {
	return f.layout == genericCSV || f.layout == genericJSON || f.layout == holdingLayout
}

// dateOrder returns the order of day, month and year: "dmy", "mdy", "ymd", "ambiguous", or "" if all dates are written
// in words or with the year of four digits first. An order must fit every date. A zone such as EDT must be in force on
// it.
func dateOrder(drafts []draft) string {
	fits := map[string]bool{"dmy": true, "mdy": true, "ymd": true}
	found := false
	for i := range drafts {
		for _, text := range []string{drafts[i].at, drafts[i].settles, drafts[i].expiry} {
			readings, ok := tabular.ReadingsOf([]byte(text))
			if !ok {
				continue
			}

			found = true
			fits["dmy"] = fits["dmy"] && isDay(readings.DayFirst, text)
			fits["mdy"] = fits["mdy"] && isDay(readings.MonthFirst, text)
			fits["ymd"] = fits["ymd"] && isDay(readings.YearFirst, text)
		}
	}

	if !found {
		return ""
	}

	var orders []string
	for _, order := range []string{"dmy", "mdy", "ymd"} {
		if fits[order] {
			orders = append(orders, order)
		}
	}
	if len(orders) != 1 {
		return "ambiguous"
	}
	return orders[0]
}

// isDay reports whether a reading of a date is a day on which the clocks show the zone that stands behind it.
func isDay(day time.Time, text string) bool {
	if day.IsZero() {
		return false
	}

	behind := zoneBehind.FindStringSubmatch(text)
	if behind == nil || zonesWithSummer[behind[1]] == "" {
		return true
	}

	zone, err := time.LoadLocation(zonesWithSummer[behind[1]])
	if err != nil {
		return true
	}
	shown, _ := day.Add(12 * time.Hour).In(zone).Zone()
	return shown == behind[1]
}

// zonesWithSummer are the zones of abbreviations that change with the season.
var zonesWithSummer = tabular.ByWord(map[string]string{
	"America/New_York":    "EST EDT",
	"America/Chicago":     "CST CDT",
	"America/Los_Angeles": "PST PDT",
	"Europe/Berlin":       "CET CEST",
	"Europe/London":       "BST",
})

// settleDecimals decides whether a generic file writes decimals with a comma. It returns an AskError if there are
// numbers such as 1,234 or 1.234 and no others that tell.
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
		return &AskError{
			f.name(), "decimal", "its numbers could have decimal points or decimal commas",
			"--decimal point or --decimal comma",
		}
	}
	f.style.comma = f.style.comma || commas > 0 && points == 0
	f.style.unknown = commas == 0 && points == 0 && !isSurePoint
	return nil
}

// numbers returns the numbers of a fill as the file writes them.
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
