package fillfile

import (
	"strings"

	"github.com/blotterdb/blotter"
)

// Options override what Open finds out by itself.
type Options struct {
	Format   string // one of Formats
	Account  string // of fills for which the file names none; without it, they are an error
	Symbol   string // of every fill; by default that of the file
	Strategy string // of every fill; by default that of the file
	Currency string // of prices without one: a code of ISO 4217, a minor unit such as GBX, or a known coin
	// Multiplier is that of options, futures, bonds and lots, if neither the file nor its totals tell it. Without it,
	// Fill.NoMultiplier is set.
	Multiplier string
	// FeeSign is "positive" or "negative": the sign of fees that were paid, for a file that has both signs and does not
	// prove which. The other sign is a rebate.
	FeeSign string
	// Decimal is "point" or "comma", for numbers such as 1,234 in a file that does not tell what the mark is.
	Decimal string
	// RepeatedHour is "first" or "second", for times in the hour that the clocks repeat, if the order of rows does not
	// tell.
	RepeatedHour string
	// Zone is the zone of times that have none, for example America/New_York. Without it, such a file is an error
	// unless its layout tells the zone. A date without a time is midnight in Zone, by default in UTC.
	Zone string
	// DateOrder is "dmy", "mdy" or "ymd", for dates such as 2/1/2006 and 24-03-26 if neither the layout nor the rows
	// tell.
	DateOrder string
	// Columns names the columns of a text in their order, for example "date,symbol,side,quantity,price,fee"; a column
	// with an empty name is ignored. Or it says what columns of a header, or names of JSON objects, mean:
	// "side=Direction,price=Px".
	Columns string
	// Sheet is the sheet of an Excel workbook (.xlsx). The default is the first one that is not hidden.
	Sheet string
	// Instrument returns what is known about a symbol, for fills without a currency or a multiplier. It may be nil.
	Instrument func(symbol string) (Instrument, error)
	// Round is the number of digits after the point to which longer quantities, prices and fees are rounded, half away
	// from zero. 0 rounds nothing except the numbers of back tests, to 8 digits: they are binary floats with more
	// digits than products can keep. -1 never rounds. Fill.Rounded and File.Rounded report what was rounded.
	Round int
}

// Instrument holds what is known about a symbol.
type Instrument struct {
	Currency   string          // "" if it is not known
	Multiplier blotter.Decimal // 0 if it is not known
}

// check returns an error for the first invalid option.
func (o *Options) check() error {
	if o.Format != "" && o.Format != holdingLayout.name && layoutNamed(o.Format) == nil {
		return blotter.Invalid("format", o.Format, "one of "+formatList())
	}
	if o.DateOrder != "" && o.DateOrder != "dmy" && o.DateOrder != "mdy" && o.DateOrder != "ymd" {
		return blotter.Invalid("date order", o.DateOrder, "dmy, mdy or ymd")
	}
	if o.Round < -1 || o.Round > blotter.DecimalFractionDigitsMax {
		return blotter.Invalid("round", o.Round, "-1 to 19 digits")
	}
	if o.FeeSign != "" && o.FeeSign != "positive" && o.FeeSign != "negative" {
		return blotter.Invalid("sign of fees", o.FeeSign, "positive or negative")
	}
	if o.Decimal != "" && o.Decimal != "point" && o.Decimal != "comma" {
		return blotter.Invalid("decimal", o.Decimal, "point or comma")
	}
	if o.RepeatedHour != "" && o.RepeatedHour != "first" && o.RepeatedHour != "second" {
		return blotter.Invalid("repeated hour", o.RepeatedHour, "first or second")
	}

	if o.Multiplier != "" {
		if m, err := blotter.ParseDecimal(o.Multiplier); err != nil || !m.IsPos() {
			return blotter.Invalid("multiplier", o.Multiplier, "a number above 0, for example 100")
		}
	}

	if o.Currency != "" {
		if err := CheckCurrency(o.Currency); err != nil {
			return err
		}
	}

	if o.Account != "" {
		return blotter.CheckAccountID(o.Account)
	}

	return nil
}

// mapsColumns reports whether Columns says what some columns mean, instead of naming all of them.
func (o *Options) mapsColumns() bool { return strings.Contains(o.Columns, "=") }

// meanings returns the names that Columns gives to columns, by their plain name in the file.
func (o *Options) meanings() map[string]string {
	all := map[string]string{}
	for _, pair := range strings.Split(o.Columns, ",") {
		meaning, name, found := strings.Cut(pair, "=")
		if found {
			all[plainName(name)] = plainName(meaning)
		}
	}
	return all
}

// renameColumns returns the names of columns with those of their meanings. Another column with such a name loses it.
func renameColumns(names []string, meanings map[string]string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = name
		for _, meaning := range meanings {
			if name == meaning {
				all[i] = "other" + name
			}
		}
		if meaning, found := meanings[name]; found {
			all[i] = meaning
		}
	}
	return all
}
