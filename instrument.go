package blotter

import (
	"slices"
	"strings"
	"time"
)

// Calendar says on which days an instrument trades: on weekdays, on all days, or on those of its exchange. An
// exchange is named by its market identifier code (ISO 10383), for example "XTKS" for Tokyo.
type Calendar string

// The calendars that do not belong to an exchange.
const (
	Weekdays Calendar = "weekdays"
	AllDays  Calendar = "all_days"
)

// Maximum lengths of texts in characters.
const (
	assetClassLengthMax     = 50
	instrumentNameLengthMax = 200
)

// Instrument describes a symbol. It is created on first use, with defaults. Stated names the columns that somebody has
// stated.
type Instrument struct {
	Symbol         string    `db:"symbol"`
	Multiplier     Decimal   `db:"multiplier,omitzero"` // money per point of price and unit of quantity; default 1
	Currency       string    `db:"currency,omitzero"`   // default USD
	AllowsNegative bool      `db:"allows_negative"`     // prices may be zero or below
	Calendar       Calendar  `db:"calendar,omitzero"`   // default Weekdays
	CreatedAt      time.Time `db:"created_at,generated"`
	Name           string    `db:"name"`
	AssetClass     string    `db:"asset_class"`     // for example stock, option or future; "" if nobody has stated it
	Stated         []string  `db:"stated,omitzero"` // sorted; only postgres.DB.SetInstrument adds to it
}

// InstrumentFacts is what somebody has stated about a symbol. A nil field is not stated. A default is not a fact: where
// money depends on a field, somebody has to state it.
type InstrumentFacts struct {
	Symbol         string
	Multiplier     *Decimal
	Currency       *string
	AllowsNegative *bool
	Calendar       *Calendar
	AssetClass     *string
	Name           *string
}

// Facts returns what was stated about the instrument. A row without stated columns whose values differ from the
// defaults was written by somebody who stated both its multiplier and its currency. An instrument whose bars had
// prices below zero allows them.
func (i Instrument) Facts() InstrumentFacts {
	written := len(i.Stated) == 0 && (!i.Multiplier.Equal(one) || i.Currency != currencyDefault)
	stated := func(column string) bool { return slices.Contains(i.Stated, column) }

	facts := InstrumentFacts{Symbol: i.Symbol}
	if written || stated("multiplier") {
		facts.Multiplier = &i.Multiplier
	}
	if written || stated("currency") {
		facts.Currency = &i.Currency
	}
	if i.AllowsNegative || stated("allows_negative") {
		facts.AllowsNegative = &i.AllowsNegative
	}
	if stated("calendar") {
		facts.Calendar = &i.Calendar
	}
	if stated("asset_class") {
		facts.AssetClass = &i.AssetClass
	}
	if stated("name") {
		facts.Name = &i.Name
	}

	return facts
}

// Check returns ErrInvalid for facts that no instrument can have.
func (f InstrumentFacts) Check() error {
	texts := []textField{{"symbol", f.Symbol, 1, SymbolLengthMax}}
	if f.Currency != nil {
		texts = append(texts, textField{"currency", *f.Currency, 1, CurrencyLengthMax})
	}
	if f.AssetClass != nil {
		texts = append(texts, textField{"asset_class", *f.AssetClass, 0, assetClassLengthMax})
	}
	if f.Name != nil {
		texts = append(texts, textField{"name", *f.Name, 0, instrumentNameLengthMax})
	}
	if err := checkTexts(texts); err != nil {
		return err
	}

	switch {
	case f.Multiplier != nil && f.Multiplier.Sign() <= 0:
		return Invalid("multiplier", *f.Multiplier, "a number above 0")
	case f.Currency != nil && strings.ToUpper(*f.Currency) != *f.Currency:
		return Invalid("currency", *f.Currency, "upper case, for example USD")
	case f.Calendar != nil && !f.Calendar.valid():
		return Invalid("calendar", string(*f.Calendar),
			"weekdays, all_days, or the code of an exchange, for example XTKS")
	}

	return nil
}

// valid reports whether c is one of the constants or has the form of a market identifier code: four capitals.
func (c Calendar) valid() bool {
	if c == Weekdays || c == AllDays {
		return true
	}

	notCapital := func(r rune) bool { return r < 'A' || r > 'Z' }
	return len(c) == 4 && !strings.ContainsFunc(string(c), notCapital)
}
