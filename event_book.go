package blotter

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// bookTypes are the types of events that the book writes and nobody else. In the database the CHECK outbox_is_what_it_says
// of events.outbox has the same list.
var bookTypes = []string{TradeExecuted, TradeUndone, PositionUpdated}

// BookEvents lists the types of events that the book writes and nobody else.
func BookEvents() []string { return slices.Clone(bookTypes) }

// IsBookEvent reports whether events of the type are written by the book and by nobody else.
func IsBookEvent(kind string) bool { return slices.Contains(bookTypes, kind) }

// IsMarketData reports whether the event is about prices, by its type or its channel: then it belongs to no account.
func (e *Event) IsMarketData() bool {
	return e.Channel == ChannelMarketData || e.Type == MarketDataUpdated
}

// CheckIdentity reports as ErrInvalid an event that says of its account what its columns do not: whose an event is, is told
// by its account and key, which the database guards, and never by its data, which its writer chooses. An event of the book
// belongs to the account that its data names, one of market data to none.
func (e *Event) CheckIdentity() error {
	switch {
	case e.AccountID != "" && e.IsMarketData():
		return Invalid("account_id", e.AccountID, "none: market data is the service's to publish (WithAllAccounts)")
	case !IsBookEvent(e.Type):
		return nil
	}

	var data struct {
		AccountID string `json:"account_id"`
	}
	_ = json.Unmarshal(e.Data, &data) // data of another shape names no account
	if e.AccountID == "" || data.AccountID != e.AccountID {
		return Invalid("data.account_id", data.AccountID, "the account of the event, "+e.AccountID)
	}
	return nil
}

// PriceAheadMax is how far after now a price may be dated: clocks differ, and a day begins in Auckland while it is still
// the day before in UTC.
const PriceAheadMax = 24 * time.Hour

// EarliestPrice is the first instant that a price may be dated. Bars are kept from then on.
var EarliestPrice = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// PriceSourceMax and CurrencyLengthMax are the most characters of a price's source and currency.
const (
	PriceSourceMax    = 50
	CurrencyLengthMax = 20
)

// priceMax bounds a price from above, and its negative from below, as the database does.
var priceMax = MustDecimal("1" + strings.Repeat("0", DecimalIntegerDigitsMax))

// Check reports as ErrInvalid what no consumer could store: a symbol, source or currency that is too long, a price outside
// of the database's numbers, or a time before EarliestPrice or more than PriceAheadMax after now.
func (p *PriceData) Check(now time.Time) error {
	if err := checkTexts([]textField{
		{"data.symbol", p.Symbol, 1, SymbolLengthMax},
		{"data.source", p.Source, 0, PriceSourceMax},
		{"data.currency", p.Currency, 0, CurrencyLengthMax},
	}); err != nil {
		return err
	}
	if p.Price != nil && p.Price.Abs().Cmp(priceMax) >= 0 {
		return Invalid("data.price", p.Price.String(), "a price of at most 150 digits before the point")
	}

	for _, at := range []struct {
		name string
		time *EventTime
	}{{"data.price_at", p.PriceAt}, {"data.from", p.From}, {"data.to", p.To}} {
		if at.time == nil {
			continue
		}
		if t := at.time.Time(); t.Before(EarliestPrice) || t.After(now.Add(PriceAheadMax)) {
			return Invalid(at.name, at.time.String(), "a time from 1900 to a day after now")
		}
	}
	return nil
}
