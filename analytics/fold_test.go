package analytics

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// priceEvent returns an event with a price of KO.
func priceEvent(t *testing.T, price, at, source string, correction blotter.PriceCorrection) *blotter.Event {
	t.Helper()
	data := map[string]any{"symbol": "KO", "source": source, "correction": correction, "price": nil, "price_at": nil}
	if price != "" {
		data["price"], data["price_at"] = price, at
	}
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return &blotter.Event{
		Channel: blotter.ChannelMarketData, Type: blotter.MarketDataUpdated, Key: "KO", V: 1, Service: "feed",
		Data:      text,
		CreatedAt: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
	}
}

// At one instant a price is its first source's to correct; otherwise the later one wins. A correction replaces whatever
// is known, and after it prices begin again.
func TestPricesOfOneInstant(t *testing.T) {
	t.Parallel()

	const noon, before = "2026-03-02T12:00:00Z", "2026-03-02T11:00:00Z"
	type told struct {
		price, at, source string
		correction        blotter.PriceCorrection
	}

	for name, test := range map[string]struct {
		told     []told
		want     string
		corrects bool
	}{
		"another source":        {[]told{{"1", noon, "a", ""}, {"2", noon, "b", ""}}, "1", false},
		"the same source":       {[]told{{"1", noon, "a", ""}, {"2", noon, "a", ""}}, "2", false},
		"later, another source": {[]told{{"1", before, "a", ""}, {"2", noon, "b", ""}}, "2", false},
		"earlier":               {[]told{{"1", noon, "a", ""}, {"2", before, "a", ""}}, "1", false},
		"set":                   {[]told{{"1", noon, "a", ""}, {"2", before, "manual", blotter.PriceSet}}, "2", true},
		"set, then later":       {[]told{{"1", before, "manual", blotter.PriceSet}, {"2", noon, "a", ""}}, "2", true},
		"set, then earlier":     {[]told{{"1", noon, "manual", blotter.PriceSet}, {"2", before, "a", ""}}, "1", true},
		"forgotten":             {[]told{{"1", noon, "a", ""}, {"", "", "manual", blotter.PriceForgotten}}, "none", true},
		"forgotten, then before": {
			[]told{{"1", noon, "a", ""}, {"", "", "manual", blotter.PriceForgotten}, {"2", before, "b", ""}}, "2", true,
		},
	} {
		f := newFold(nil)
		for _, e := range test.told {
			if err := f.event(priceEvent(t, e.price, e.at, e.source, e.correction)); err != nil || len(f.refused) > 0 {
				t.Fatalf("%s: %v, refused %v", name, err, f.refused)
			}
		}

		got := f.prices["KO"]
		price := "none"
		if got.last != nil {
			price = got.last.Price.String()
		}
		if price != test.want || got.corrects != test.corrects {
			t.Errorf("%s: %s, a correction %v; want %s, %v", name, price, got.corrects, test.want, test.corrects)
		}
	}
}

// What is not what it says is refused alone and adds nothing; what should be added and cannot be is an error.
func TestFoldRefuses(t *testing.T) {
	t.Parallel()

	fill := func(account, data string) *blotter.Event {
		return &blotter.Event{
			AccountID: account, Channel: blotter.ChannelTrades, Key: account, Type: blotter.TradeExecuted, V: 1,
			Service: blotter.ServiceExecution, Data: []byte(data),
		}
	}

	removal := fill("A1", `{"account_id": "A2", "symbol": "KO"}`)
	removal.Type = blotter.TradeUndone
	ofAccount := priceEvent(t, "1", "2026-03-02T12:00:00Z", "a", "")
	ofAccount.AccountID = "A1"
	otherKey := priceEvent(t, "1", "2026-03-02T12:00:00Z", "a", "")
	otherKey.Key = "PEP"
	noPrice := priceEvent(t, "1", "2026-03-02T12:00:00Z", "a", "")
	noPrice.Data = []byte(`{"symbol": 7}`)

	for name, e := range map[string]*blotter.Event{
		"a fill of another account":    fill("A1", `{"account_id": "A2", "symbol": "KO"}`),
		"a fill of nobody":             fill("", `{"account_id": "A2"}`),
		"a fill of no account":         fill("A1", `{"symbol": "KO"}`),
		"no fill":                      fill("A1", `[7]`),
		"a removal of another account": removal,
		"a price of an account":        ofAccount,
		"a price of another symbol":    otherKey,
		"a price of the day after":     priceEvent(t, "1", "2026-03-03T12:00:01Z", "a", ""),
		"a price of 1899":              priceEvent(t, "1", "1899-12-31T23:59:59Z", "a", ""),
		"a long source":                priceEvent(t, "1", "2026-03-02T12:00:00Z", strings.Repeat("x", 51), ""),
		"no price":                     noPrice,
	} {
		f := newFold(nil)
		if err := f.event(e); err != nil || len(f.refused) != 1 || f.refused[0].Reason == nil {
			t.Errorf("%s: %v, %d refused; want one, with a reason", name, err, len(f.refused))
		}
		if len(f.summaries)+len(f.metrics)+len(f.prices) > 0 {
			t.Errorf("%s: it was added", name)
		}
	}

	for name, e := range map[string]*blotter.Event{
		"a fill that cannot be read": fill("A1", `{"account_id": "A1", "quantity": "many"}`),
		"a later version":            {AccountID: "A1", Channel: "trades", Key: "A1", Type: blotter.TradeExecuted, V: 2, Service: "execution", Data: []byte(`{"account_id": "A1"}`)},
	} {
		f := newFold(nil)
		if err := f.event(e); err == nil || len(f.refused) > 0 {
			t.Errorf("%s: %v, %d refused; want an error", name, err, len(f.refused))
		}
	}

	f := newFold(nil)
	if err := f.event(priceEvent(t, "1", "2026-03-03T12:00:00Z", "a", "")); err != nil || f.prices["KO"] == nil {
		t.Errorf("a price of a day ahead: %v, refused %v", err, f.refused)
	}
}
