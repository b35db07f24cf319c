package blotter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// storedTrade is a trade of which every field is given.
func storedTrade() blotter.Trade {
	return blotter.Trade{
		AccountID: "A", TradeID: "T", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("10"), Price: blotter.MustDecimal("5"),
		Multiplier: blotter.MustDecimal("2"), Currency: "USD", Commission: blotter.MustDecimal("1"), CommissionCurrency: "BNB",
		OtherFees: blotter.TradeFees{fee("1", "CHF"), fee("2", "EUR")}, Strategy: "trend",
		ExecutedAt: time.Date(2026, 5, 4, 14, 30, 0, 1000, time.UTC), SettlementDate: new(time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)),
	}
}

// A retry of a fill says the same, or says nothing; everything else that it says is a difference, by its name.
func TestTradeDifferences(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*blotter.Trade)
		want   []string
	}{
		"the same":                 {func(*blotter.Trade) {}, nil},
		"order":                    {func(t *blotter.Trade) { t.OrderID = "P" }, []string{"order_id"}},
		"no order":                 {func(t *blotter.Trade) { t.OrderID = "" }, []string{"order_id"}},
		"quantity":                 {func(t *blotter.Trade) { t.Quantity = blotter.MustDecimal("11") }, []string{"quantity"}},
		"no quantity":              {func(t *blotter.Trade) { t.Quantity = blotter.Decimal{} }, nil},
		"price":                    {func(t *blotter.Trade) { t.Price = blotter.MustDecimal("5.01") }, []string{"price"}},
		"no price":                 {func(t *blotter.Trade) { t.Price = blotter.Decimal{} }, []string{"price"}},
		"multiplier":               {func(t *blotter.Trade) { t.Multiplier = blotter.MustDecimal("3") }, []string{"multiplier"}},
		"no multiplier":            {func(t *blotter.Trade) { t.Multiplier = blotter.Decimal{} }, nil},
		"currency":                 {func(t *blotter.Trade) { t.Currency = "EUR" }, []string{"currency"}},
		"no currency":              {func(t *blotter.Trade) { t.Currency = "" }, nil},
		"commission":               {func(t *blotter.Trade) { t.Commission = blotter.MustDecimal("-1") }, []string{"commission"}},
		"no commission":            {func(t *blotter.Trade) { t.Commission = blotter.Decimal{} }, []string{"commission"}},
		"commission's currency":    {func(t *blotter.Trade) { t.CommissionCurrency = "USD" }, []string{"commission_currency"}},
		"no commission's currency": {func(t *blotter.Trade) { t.CommissionCurrency = "" }, nil},
		"other fees":               {func(t *blotter.Trade) { t.OtherFees = blotter.TradeFees{fee("1", "CHF"), fee("3", "EUR")} }, []string{"other_fees"}},
		"fewer other fees":         {func(t *blotter.Trade) { t.OtherFees = t.OtherFees[:1] }, []string{"other_fees"}},
		"other fees' currency":     {func(t *blotter.Trade) { t.OtherFees = blotter.TradeFees{fee("1", "CHF"), fee("2", "GBP")} }, []string{"other_fees"}},
		"other fees in any order":  {func(t *blotter.Trade) { t.OtherFees = blotter.TradeFees{fee("2", "EUR"), fee("1", "CHF")} }, nil},
		"strategy":                 {func(t *blotter.Trade) { t.Strategy = "value" }, []string{"strategy"}},
		"no strategy":              {func(t *blotter.Trade) { t.Strategy = "" }, nil},
		"time":                     {func(t *blotter.Trade) { t.ExecutedAt = t.ExecutedAt.Add(time.Microsecond) }, []string{"executed_at"}},
		"time below a microsecond": {func(t *blotter.Trade) { t.ExecutedAt = t.ExecutedAt.Add(999) }, nil},
		"time in another zone":     {func(t *blotter.Trade) { t.ExecutedAt = t.ExecutedAt.In(time.FixedZone("", 3600)) }, nil},
		"no time":                  {func(t *blotter.Trade) { t.ExecutedAt = time.Time{} }, nil},
		"settlement":               {func(t *blotter.Trade) { *t.SettlementDate = t.SettlementDate.AddDate(0, 0, 1) }, []string{"settlement_date"}},
		"settlement in its zone": {func(t *blotter.Trade) {
			t.SettlementDate = new(time.Date(2026, 5, 6, 1, 0, 0, 0, time.FixedZone("", 2*3600)))
		}, nil},
		"no settlement": {func(t *blotter.Trade) { t.SettlementDate = nil }, nil},
		"two things":    {func(t *blotter.Trade) { t.Strategy, t.Price = "value", blotter.Decimal{} }, []string{"price", "strategy"}},
	} {
		given := storedTrade()
		test.change(&given)
		if got := given.Differences(storedTrade()); !slices.Equal(got, test.want) {
			t.Errorf("%s: differs in %q, want %q", name, got, test.want)
		}
	}

	unsettled := storedTrade()
	unsettled.SettlementDate = nil
	if got := storedTrade().Differences(unsettled); !slices.Equal(got, []string{"settlement_date"}) {
		t.Errorf("a settlement date that the stored trade lacks: differs in %q", got)
	}
}

// Every text has its bounds, and what is outside of them is refused by its name.
func TestTradeCheckBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set   func(t *blotter.Trade, text string)
		empty bool
		most  int
	}{
		"account_id":          {func(t *blotter.Trade, text string) { t.AccountID = text }, false, 50},
		"trade_id":            {func(t *blotter.Trade, text string) { t.TradeID = text }, false, 100},
		"order_id":            {func(t *blotter.Trade, text string) { t.OrderID = text }, true, 100},
		"symbol":              {func(t *blotter.Trade, text string) { t.Symbol = text }, false, 32},
		"strategy":            {func(t *blotter.Trade, text string) { t.Strategy = text }, true, 100},
		"currency":            {func(t *blotter.Trade, text string) { t.Currency = text }, true, 20},
		"commission_currency": {func(t *blotter.Trade, text string) { t.CommissionCurrency = text }, true, 20},
	} {
		for text, ok := range map[string]bool{
			"": test.empty, "é": true, strings.Repeat("é", test.most): true, strings.Repeat("x", test.most+1): false, "a\x00": false, "\xff": false,
		} {
			trade := storedTrade()
			test.set(&trade, text)
			err := trade.Check()
			if (err == nil) != ok || err != nil && (!errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), name+" ")) {
				t.Errorf("%s %q: %v, want accepted %v", name, text, err, ok)
			}
		}
	}
}

// Quantities are above zero, and a product of quantity, price and multiplier has at most 19 digits after the point, of which
// zeros at the end do not count.
func TestTradeCheckNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		quantity, price, multiplier string
		refused                     string
	}{
		{"0.0001", "5", "1", ""},
		{"0", "5", "1", "quantity 0"},
		{"-1", "5", "1", "quantity -1"},
		{"1", "-5", "1", ""},
		{"1", "0", "0", ""},
		{"1", "5", "-1", "multiplier -1"},
		{"0.123456789", "0.123456789", "0.1", ""},
		{"0.123456789", "0.123456789", "0.11", "quantity, price and multiplier"},
		{"0.123456789", "0.1234567890", "0.10", ""},
		{"0.1234567890123456789", "5.000", "10", ""},
	} {
		trade := storedTrade()
		trade.Quantity, trade.Price, trade.Multiplier = blotter.MustDecimal(test.quantity), blotter.MustDecimal(test.price), blotter.MustDecimal(test.multiplier)
		err := trade.Check()
		if (err == nil) != (test.refused == "") || err != nil && (!errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), test.refused)) {
			t.Errorf("%s at %s times %s: %v, want %q", test.quantity, test.price, test.multiplier, err, test.refused)
		}
	}
	for _, side := range []blotter.Side{"", "hold", "BUY"} {
		trade := storedTrade()
		trade.Side = side
		if err := trade.Check(); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("side %q: %v, want ErrInvalid", side, err)
		}
	}
}

// A position's own multiplier counts towards the digits, also where a trade does not say it.
func TestDigitsOfThePositionsMultiplier(t *testing.T) {
	t.Parallel()
	first := storedTrade()
	first.Multiplier = blotter.MustDecimal("0.01")
	p, _ := apply(t, blotter.Position{}, first)
	next := storedTrade()
	next.Multiplier, next.Quantity, next.Price = blotter.Decimal{}, blotter.MustDecimal("0.123456789"), blotter.MustDecimal("0.123456789")
	if _, _, err := p.Apply(next); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("9 + 9 + 2 digits: %v, want ErrInvalid", err)
	}
}

// A trade has at most ten fees beside its commission.
func TestOtherFeesAreBounded(t *testing.T) {
	t.Parallel()
	trade := storedTrade()
	trade.OtherFees = nil
	for n := range blotter.TradeFeesMax + 1 {
		if err := trade.Check(); err != nil {
			t.Errorf("%d fees: %v", n, err)
		}
		trade.OtherFees = append(trade.OtherFees, fee("1", "C"+string(rune('A'+n))))
	}
	if err := trade.Check(); !errors.Is(err, blotter.ErrInvalid) || len(trade.OtherFees) != 11 {
		t.Errorf("%d fees: %v, want ErrInvalid", len(trade.OtherFees), err)
	}
	trade.OtherFees = blotter.TradeFees{fee("1", strings.Repeat("X", 21))}
	if err := trade.Check(); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("a currency of 21 characters: %v, want ErrInvalid", err)
	}
}

// What is stored of a trade is what it was, what it did, and the position after it, which can be read back.
func TestBookedTrade(t *testing.T) {
	t.Parallel()
	open := storedTrade()
	open.Multiplier, open.Currency, open.CommissionCurrency = blotter.Decimal{}, "", ""
	open.OtherFees = blotter.TradeFees{fee("2", "EUR"), fee("1", "CHF")}
	start, _ := apply(t, blotter.Position{}, open)
	sale := open
	sale.Side, sale.Quantity, sale.Price = blotter.Sell, blotter.MustDecimal("4"), blotter.MustDecimal("7")
	after, effect := apply(t, start, sale)
	booked := sale.Booked(after, effect)

	wantDecimals(t, map[string]blotter.Decimal{
		"multiplier": booked.Multiplier, "realized": booked.RealizedPnL, "quantity after": booked.QuantityAfter,
		"cost basis after": booked.CostBasisAfter, "realized after": booked.RealizedPnLAfter, "fees after": booked.FeesAfter,
	}, map[string]string{"multiplier": "1", "realized": "8", "quantity after": "6", "cost basis after": "30", "realized after": "8", "fees after": "2"})
	if booked.Currency != "USD" || booked.CommissionCurrency != "USD" || booked.PositionEffect != blotter.Reduced || booked.OtherFees.String() != "1 CHF, 2 EUR" {
		t.Errorf("booked as %+v", booked)
	}
	sale.CommissionCurrency = "BNB"
	if kept := sale.Booked(after, effect); kept.CommissionCurrency != "BNB" {
		t.Errorf("the commission's currency is %q, want BNB", kept.CommissionCurrency)
	}

	read := booked.PositionAfter()
	wantDecimals(t, map[string]blotter.Decimal{
		"quantity": read.Quantity, "cost basis": read.CostBasis, "realized": read.RealizedPnL, "fees": read.Fees, "multiplier": read.Multiplier, "average": *read.AvgPrice,
	}, map[string]string{"quantity": "6", "cost basis": "30", "realized": "8", "fees": "2", "multiplier": "1", "average": "5"})
	if read.AccountID != "A" || read.Symbol != "S" || read.Currency != "USD" {
		t.Errorf("the position is of %s %s in %s", read.AccountID, read.Symbol, read.Currency)
	}

	event := booked.EventData()
	update := event.PositionUpdate()
	wantDecimals(t, map[string]blotter.Decimal{
		"quantity": update.Quantity, "cost basis": update.CostBasis, "realized": update.RealizedPnL, "fees": update.Fees, "multiplier": update.Multiplier, "average": *update.AvgPrice,
	}, map[string]string{"quantity": "6", "cost basis": "30", "realized": "8", "fees": "2", "multiplier": "1", "average": "5"})
	if update.AccountID != "A" || update.Symbol != "S" || update.Currency != "USD" || update.TradeID != "T" || update.Strategy != "trend" || !update.ExecutedAt.Time().Equal(booked.ExecutedAt) {
		t.Errorf("the event of the position is %+v", update)
	}
	undone := booked.UndoneData(blotter.PositionData{Quantity: start.Quantity, CostBasis: start.CostBasis, RealizedPnL: start.RealizedPnL, Fees: start.Fees})
	if back := undone.PositionUpdate(); back.Quantity.String() != "10" || back.CostBasis.String() != "50" || !back.RealizedPnL.IsZero() || back.Fees.String() != "1" {
		t.Errorf("undone, the position is %+v", back)
	}
}
