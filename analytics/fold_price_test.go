package analytics

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// priceSteps are prices of one symbol in the order of their events, each with what is known after it.
var priceSteps = []struct{ at, source, price, currency, known string }{
	{"10:00", "alpha", "100", "", "100 USD of alpha at 10:00"},
	{"10:00", "beta", "101", "", "100 USD of alpha at 10:00"},        // at the same instant the first source stays
	{"10:00", "alpha", "102", "", "102 USD of alpha at 10:00"},       // which may correct itself
	{"10:00", "alpha", "102", "EUR", "102 EUR of alpha at 10:00"},    // the currency, too
	{"09:59", "alpha", "103", "", "102 EUR of alpha at 10:00"},       // prices move forward only
	{"10:01", "beta", "104", "EUR", "104 EUR of beta at 10:01"},      // a newer one is anybody's
	{"10:01", "alpha", "105", "", "104 EUR of beta at 10:01"},        //
	{"10:02", "beta", "", "", "104 EUR of beta at 10:01"},            // no price is not a price
	{"", "beta", "106", "", "104 EUR of beta at 10:01"},              // nor is one without a time
	{"10:02", "alpha", "0.5", "USD", "0.5 USD of alpha at 10:02"},    //
	{"10:03", "alpha", "107.25", "", "107.25 USD of alpha at 10:03"}, //
}

// stepEvent returns the event of a step.
func stepEvent(t *testing.T, n int) *blotter.Event {
	t.Helper()
	step := priceSteps[n]
	data := blotter.PriceData{Symbol: "S", Source: step.source, Currency: step.currency}
	if step.price != "" {
		data.Price = new(blotter.MustDecimal(step.price))
	}
	if step.at != "" {
		at, err := time.Parse("15:04 2006-01-02", step.at+" 2026-05-04")
		if err != nil {
			t.Fatal(err)
		}
		data.PriceAt = new(blotter.EventTime(at))
	}

	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}

	return &blotter.Event{
		Channel: blotter.ChannelMarketData, Type: blotter.MarketDataUpdated, Service: blotter.ServiceDataIngestion,
		Key: "S", V: 1,
		CreatedAt: time.Date(2026, 5, 4, 11, 0, 0, 0, time.UTC), Data: text,
	}
}

// The price that is known after each event does not depend on where the events are divided into transactions: between
// two of one fold Go decides, between what is stored and a fold SQL does, by the same rule.
func TestPriceKnownAfterEachEvent(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())

	for size := range 4 { // events in a transaction; 0 is all of them
		db.Exec(t, `delete from analytics.market_prices`)
		f := newFold(nil)

		for n, step := range priceSteps {
			if err := f.event(stepEvent(t, n)); err != nil {
				t.Fatal(err)
			}
			if size == 0 {
				var known *blotter.MarketPrice
				if change := f.prices["S"]; change != nil {
					known = change.last
				}
				if described(known) != step.known {
					t.Errorf("after %+v %s is known, want %s", step, described(known), step.known)
				}

				continue
			}
			if (n+1)%size > 0 {
				continue
			}
			if err := db.Transaction(ctx, func(tx *postgres.Tx) error { return f.write(ctx, tx) }); err != nil {
				t.Fatal(err)
			}

			f = newFold(nil)
			known := pgtest.Value[string](t, db,
				`select format('%s %s of %s at %s', price, currency, source, to_char(at at time zone 'UTC', 'HH24:MI')) from analytics.market_prices`)
			if known != step.known {
				t.Errorf("%d in a transaction, after %+v %s is known, want %s", size, step, known, step.known)
			}
		}
	}
}

// described returns a price as the steps write it.
func described(p *blotter.MarketPrice) string {
	if p == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s %s of %s at %s", p.Price, p.Currency, p.Source, p.At.Format("15:04"))
}

// A price of a later version is an error, and so parks its key until the program is updated. It is not left out.
func TestLaterPriceVersion(t *testing.T) {
	t.Parallel()
	e := stepEvent(t, 0)
	e.V = 2
	f := newFold(nil)
	if err := f.event(e); err == nil || len(f.prices) > 0 || len(f.refused) > 0 {
		t.Errorf("version 2 of a price: %v, prices %v, refused %v; want an error alone", err, f.prices, f.refused)
	}
}
