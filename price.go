package blotter

import (
	"fmt"
	"strings"
	"time"
)

const (
	// PriceAheadMax is how far in the future a price may be dated. Clocks differ, and a day begins in Auckland while
	// it is still the day before in UTC.
	PriceAheadMax = 24 * time.Hour
	// PriceSourceMax is the maximum length of a price's source in characters.
	PriceSourceMax = 50
	// CurrencyLengthMax is the maximum length of a currency in characters.
	CurrencyLengthMax = 20
)

// priceMax bounds the absolute value of a price, as the database does.
var priceMax = MustDecimal("1" + strings.Repeat("0", DecimalIntegerDigitsMax))

// EarliestPrice returns the first instant that a price may be dated. Bars may be stored from then on.
func EarliestPrice() time.Time { return time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) }

// LatestPrice is the last known price of a symbol, at which positions are valued.
type LatestPrice struct {
	Symbol string    `db:"symbol"`
	Price  Decimal   `db:"price"`
	At     time.Time `db:"at"`
	Source string    `db:"source"`
}

// KnownPrice is what a database knows about a symbol's price: the last one of its bars or set by hand, and the one at
// which the analytics value positions. They differ while the analytics are behind, or if another service has
// published a price.
type KnownPrice struct {
	Symbol   string     `db:"symbol"`
	Price    *Decimal   `db:"price"` // nil if none is known
	At       *time.Time `db:"at"`
	Source   string     `db:"source"`
	Currency string     `db:"currency"` // the instrument's

	AnalyticsPrice    *Decimal   `db:"analytics_price"` // nil if unknown, or if they are in another database
	AnalyticsAt       *time.Time `db:"analytics_at"`
	AnalyticsSource   string     `db:"analytics_source"`
	AnalyticsCurrency string     `db:"analytics_currency"`
}

// PriceCorrection says how a price takes back the one before it.
type PriceCorrection string

// The corrections of prices.
const (
	PriceSet       PriceCorrection = "set"    // replaces the last price, whatever its time
	PriceForgotten PriceCorrection = "forget" // leaves no price
)

// PriceData is the data of the event MarketDataUpdated, version 1: which bars of a symbol changed, and its last price.
type PriceData struct {
	Symbol   string     `json:"symbol"`
	Inserted int64      `json:"inserted"`
	Updated  int64      `json:"updated"`
	From     *EventTime `json:"from,omitempty"`
	To       *EventTime `json:"to,omitempty"`
	Price    *Decimal   `json:"price"` // nil if none is known
	PriceAt  *EventTime `json:"price_at"`
	Source   string     `json:"source"`
	Currency string     `json:"currency,omitempty"` // of the price; "" is USD

	Correction PriceCorrection `json:"correction,omitempty"` // "" for news
}

// Check returns ErrInvalid for data that no consumer can store: a symbol, source or currency that is too long, a price
// outside the range of the database, or a time before EarliestPrice or more than PriceAheadMax after now.
func (p *PriceData) Check(now time.Time) error {
	if err := checkTexts([]textField{
		{"data.symbol", p.Symbol, 1, SymbolLengthMax},
		{"data.source", p.Source, 0, PriceSourceMax},
		{"data.currency", p.Currency, 0, CurrencyLengthMax},
	}); err != nil {
		return err
	}
	if p.Price != nil && p.Price.Abs().Cmp(priceMax) >= 0 {
		allowed := fmt.Sprintf("a price of at most %d digits before the point", DecimalIntegerDigitsMax)
		return Invalid("data.price", p.Price.String(), allowed)
	}

	for _, at := range []struct {
		name string
		time *EventTime
	}{{"data.price_at", p.PriceAt}, {"data.from", p.From}, {"data.to", p.To}} {
		if at.time == nil {
			continue
		}
		if t := at.time.Time(); t.Before(EarliestPrice()) || t.After(now.Add(PriceAheadMax)) {
			return Invalid(at.name, at.time.String(), "a time from 1900 to a day after now")
		}
	}

	return nil
}
