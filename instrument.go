package blotter

import (
	"slices"
	"strings"
	"time"
)

// Calendar says on which days an instrument trades: on weekdays, on all days, or on those of its exchange, whose market
// identifier code (ISO 10383) it is, as "XTKS" for Tokyo.
type Calendar string

// The calendars that are of no exchange.
const (
	Weekdays Calendar = "weekdays"
	AllDays  Calendar = "all_days"
)

// Instrument is what is known of a symbol. It is created on first use, with defaults: Stated names the columns that somebody
// stated.
type Instrument struct {
	Symbol         string    `db:"symbol"`
	Multiplier     Decimal   `db:"multiplier,omitzero"` // money per point of price and unit of quantity; default 1
	Currency       string    `db:"currency,omitzero"`   // default USD
	AllowsNegative bool      `db:"allows_negative"`
	Calendar       Calendar  `db:"calendar,omitzero"` // default Weekdays
	CreatedAt      time.Time `db:"created_at,generated"`
	Name           string    `db:"name"`
	AssetClass     string    `db:"asset_class"`     // for example stock, option or future; "" where nobody said
	Stated         []string  `db:"stated,omitzero"` // sorted; only postgres.DB.SetInstrument adds to it
}

// InstrumentFacts is what somebody stated of a symbol. A nil field was not stated: a default is no fact, and where money
// depends on it, it is asked for.
type InstrumentFacts struct {
	Symbol         string
	Multiplier     *Decimal
	Currency       *string
	AllowsNegative *bool
	Calendar       *Calendar
	AssetClass     *string
	Name           *string
}

// Facts returns what was stated of the instrument. A row that names no stated columns and yet differs from the defaults was
// written by somebody, who stated both its multiplier and its currency. An instrument whose bars had prices below zero
// allows them.
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

// Check reports as ErrInvalid facts that no instrument can have.
func (f InstrumentFacts) Check() error {
	texts := []textField{{"symbol", f.Symbol, 1, SymbolLengthMax}}
	if f.Currency != nil {
		texts = append(texts, textField{"currency", *f.Currency, 1, 20})
	}
	if f.AssetClass != nil {
		texts = append(texts, textField{"asset_class", *f.AssetClass, 0, 50})
	}
	if f.Name != nil {
		texts = append(texts, textField{"name", *f.Name, 0, 200})
	}
	if err := checkTexts(texts); err != nil {
		return err
	}

	switch {
	case f.Multiplier != nil && f.Multiplier.Sign() <= 0:
		return Invalid("multiplier", *f.Multiplier, "a number above 0")
	case f.Currency != nil && strings.ToUpper(*f.Currency) != *f.Currency:
		return Invalid("currency", *f.Currency, "upper case, as USD")
	case f.Calendar != nil && *f.Calendar != Weekdays && *f.Calendar != AllDays && !isExchangeCode(string(*f.Calendar)):
		return Invalid("calendar", string(*f.Calendar), "weekdays or all_days, or the code of an exchange, as XTKS")
	}
	return nil
}

// LatestPrice is the last known price of a symbol: what positions are valued with.
type LatestPrice struct {
	Symbol string    `db:"symbol"`
	Price  Decimal   `db:"price"`
	At     time.Time `db:"at"`
	Source string    `db:"source"`
}

// KnownPrice is what a database knows of a symbol's price: the last one of its bars, or set by hand, and the one that the
// analytics value positions with. Where they differ, the analytics have yet to follow, or another service published a price.
type KnownPrice struct {
	Symbol   string     `db:"symbol"`
	Price    *Decimal   `db:"price"` // nil for none
	At       *time.Time `db:"at"`
	Source   string     `db:"source"`
	Currency string     `db:"currency"` // the instrument's

	AnalyticsPrice    *Decimal   `db:"analytics_price"` // nil for none, or where the analytics are in another database
	AnalyticsAt       *time.Time `db:"analytics_at"`
	AnalyticsSource   string     `db:"analytics_source"`
	AnalyticsCurrency string     `db:"analytics_currency"`
}

// DataQualityLog is one row of the quarantine: a line of a file that did not become a bar, and why.
type DataQualityLog struct {
	ID        int64     `db:"id,generated"`
	Symbol    string    `db:"symbol"`
	CheckType string    `db:"check_type"` // which rule: "bar", "parse", "contradiction"
	Status    string    `db:"status,omitzero"`
	Message   string    `db:"message"`
	File      string    `db:"file"`
	Line      int64     `db:"line"`
	RawRow    string    `db:"raw_row"`
	Timestamp time.Time `db:"timestamp,generated"`
}

// isExchangeCode reports a text that is a market identifier code by its form: four capitals.
func isExchangeCode(code string) bool {
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(code) == 4
}
