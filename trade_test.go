package blotter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// storedTrade returns a trade with every field that a caller gives.
func storedTrade() blotter.Trade {
	return blotter.Trade{
		AccountID: "A", TradeID: "T", OrderID: "O", Symbol: "S", Side: blotter.Buy,
		Quantity: blotter.MustDecimal("10"), Price: blotter.MustDecimal("5"), Multiplier: blotter.MustDecimal("2"),
		Currency: "USD", Commission: blotter.MustDecimal("1"), CommissionCurrency: "BNB",
		OtherFees: blotter.TradeFees{fee("1", "CHF"), fee("2", "EUR")}, Strategy: "trend",
		ExecutedAt:     time.Date(2026, 5, 4, 14, 30, 0, 1000, time.UTC),
		SettlementDate: new(time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)),
	}
}

// TestTradeDifferences checks that a repeated trade may leave fields out, and that every field that differs is named.
func TestTradeDifferences(t *testing.T) {
	t.Parallel()

	feesOf := func(fees ...blotter.TradeFee) func(*blotter.Trade) {
		return func(t *blotter.Trade) { t.OtherFees = fees }
	}
	for name, test := range map[string]struct {
		change func(*blotter.Trade)
		want   []string
	}{
		"equal":    {func(*blotter.Trade) {}, nil},
		"order":    {func(t *blotter.Trade) { t.OrderID = "P" }, []string{"order_id"}},
		"no order": {func(t *blotter.Trade) { t.OrderID = "" }, []string{"order_id"}},
		"quantity": {
			func(t *blotter.Trade) { t.Quantity = blotter.MustDecimal("11") }, []string{"quantity"},
		},
		"no quantity": {func(t *blotter.Trade) { t.Quantity = blotter.Decimal{} }, nil},
		"price": {
			func(t *blotter.Trade) { t.Price = blotter.MustDecimal("5.01") }, []string{"price"},
		},
		"no price": {func(t *blotter.Trade) { t.Price = blotter.Decimal{} }, []string{"price"}},
		"multiplier": {
			func(t *blotter.Trade) { t.Multiplier = blotter.MustDecimal("3") }, []string{"multiplier"},
		},
		"no multiplier": {func(t *blotter.Trade) { t.Multiplier = blotter.Decimal{} }, nil},
		"currency":      {func(t *blotter.Trade) { t.Currency = "EUR" }, []string{"currency"}},
		"no currency":   {func(t *blotter.Trade) { t.Currency = "" }, nil},
		"commission": {
			func(t *blotter.Trade) { t.Commission = blotter.MustDecimal("-1") }, []string{"commission"},
		},
		"no commission": {
			func(t *blotter.Trade) { t.Commission = blotter.Decimal{} }, []string{"commission"},
		},
		"commission's currency": {
			func(t *blotter.Trade) { t.CommissionCurrency = "USD" }, []string{"commission_currency"},
		},
		"no commission's currency": {func(t *blotter.Trade) { t.CommissionCurrency = "" }, nil},
		"other fees":               {feesOf(fee("1", "CHF"), fee("3", "EUR")), []string{"other_fees"}},
		"fewer other fees":         {func(t *blotter.Trade) { t.OtherFees = t.OtherFees[:1] }, []string{"other_fees"}},
		"other fees' currency":     {feesOf(fee("1", "CHF"), fee("2", "GBP")), []string{"other_fees"}},
		"other fees in any order":  {feesOf(fee("2", "EUR"), fee("1", "CHF")), nil},
		"strategy":                 {func(t *blotter.Trade) { t.Strategy = "value" }, []string{"strategy"}},
		"no strategy":              {func(t *blotter.Trade) { t.Strategy = "" }, nil},
		"time": {
			func(t *blotter.Trade) { t.ExecutedAt = t.ExecutedAt.Add(time.Microsecond) },
			[]string{"executed_at"},
		},
		"time below a microsecond": {func(t *blotter.Trade) { t.ExecutedAt = t.ExecutedAt.Add(999) }, nil},
		"time in another zone": {
			func(t *blotter.Trade) { t.ExecutedAt = t.ExecutedAt.In(time.FixedZone("", 3600)) }, nil,
		},
		"no time": {func(t *blotter.Trade) { t.ExecutedAt = time.Time{} }, nil},
		"settlement": {func(t *blotter.Trade) {
			*t.SettlementDate = t.SettlementDate.AddDate(0, 0, 1)
		}, []string{"settlement_date"}},
		"settlement in its zone": {func(t *blotter.Trade) {
			t.SettlementDate = new(time.Date(2026, 5, 6, 1, 0, 0, 0, time.FixedZone("", 2*3600)))
		}, nil},
		"no settlement": {func(t *blotter.Trade) { t.SettlementDate = nil }, nil},
		"two fields": {func(t *blotter.Trade) {
			t.Strategy = "value"
			t.Price = blotter.Decimal{}
		}, []string{"price", "strategy"}},
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
		t.Errorf("a settlement date that the stored trade lacks: differs in %q, want settlement_date", got)
	}
}

func TestTradeCheckLengths(t *testing.T) {
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
			"":                               test.empty,
			"é":                              true,
			strings.Repeat("é", test.most):   true,
			strings.Repeat("x", test.most+1): false,
			"a\x00":                          false,
			"\xff":                           false,
		} {
			trade := storedTrade()
			test.set(&trade, text)
			err := trade.Check()
			if ok {
				if err != nil {
					t.Errorf("%s %q: %v", name, text, err)
				}
				continue
			}
			if !errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), "invalid "+name+" ") {
				t.Errorf("%s %q: %v, want invalid %s", name, text, err, name)
			}
		}
	}
}

// TestTradeCheckNumbers checks that quantities are above zero, and that quantity x price x multiplier has at most 19
// digits after the point. Zeros at the end do not count.
func TestTradeCheckNumbers(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		quantity, price, multiplier string
		want                        string // the beginning of the error; "" if the trade is valid
	}{
		{"0.0001", "5", "1", ""},
		{"0", "5", "1", "invalid quantity 0"},
		{"-1", "5", "1", "invalid quantity -1"},
		{"1", "-5", "1", ""},
		{"1", "0", "0", ""},
		{"1", "5", "-1", "invalid multiplier -1"},
		{"0.123456789", "0.123456789", "0.1", ""},
		{"0.123456789", "0.123456789", "0.11", "invalid quantity, price and multiplier"},
		{"0.123456789", "0.1234567890", "0.10", ""},
		{"0.1234567890123456789", "5.000", "10", ""},
	} {
		trade := storedTrade()
		trade.Quantity = blotter.MustDecimal(test.quantity)
		trade.Price = blotter.MustDecimal(test.price)
		trade.Multiplier = blotter.MustDecimal(test.multiplier)

		err := trade.Check()
		if (err == nil) != (test.want == "") ||
			err != nil && (!errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%s at %s times %s: %v, want %q", test.quantity, test.price, test.multiplier, err, test.want)
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

// TestDigitsOfPositionMultiplier checks that the multiplier of a position counts towards the digits of a trade that
// leaves it out.
func TestDigitsOfPositionMultiplier(t *testing.T) {
	t.Parallel()

	first := storedTrade()
	first.Multiplier = blotter.MustDecimal("0.01")
	p, _ := apply(t, blotter.Position{}, first)

	next := storedTrade()
	next.Multiplier = blotter.Decimal{}
	next.Quantity = blotter.MustDecimal("0.123456789")
	next.Price = blotter.MustDecimal("0.123456789")
	if _, _, err := p.Apply(next); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("9 + 9 + 2 digits: %v, want ErrInvalid", err)
	}
}

func TestTradeFeesMax(t *testing.T) {
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

// bookedSale returns a purchase of 10 at 5 as a position, and a sale of 4 at 7 that is booked after it.
func bookedSale(t *testing.T) (before blotter.Position, sale blotter.Trade) {
	t.Helper()

	purchase := storedTrade()
	purchase.Multiplier = blotter.Decimal{}
	purchase.Currency = ""
	purchase.CommissionCurrency = ""
	purchase.OtherFees = blotter.TradeFees{fee("2", "EUR"), fee("1", "CHF")}
	before, _ = apply(t, blotter.Position{}, purchase)

	sale = purchase
	sale.Side = blotter.Sell
	sale.Quantity = blotter.MustDecimal("4")
	sale.Price = blotter.MustDecimal("7")
	after, effect := apply(t, before, sale)
	return before, sale.WithEffect(after, effect)
}

// TestBookedTrade checks that a stored trade has its effect and the position after it, and that this position can be
// read back.
func TestBookedTrade(t *testing.T) {
	t.Parallel()

	_, booked := bookedSale(t)
	wantDecimals(t, map[string]blotter.Decimal{
		"multiplier": booked.Multiplier, "realized": booked.RealizedPnL, "quantity after": booked.QuantityAfter,
		"cost basis after": booked.CostBasisAfter, "realized after": booked.RealizedPnLAfter,
		"fees after": booked.FeesAfter,
	}, map[string]string{
		"multiplier": "1", "realized": "8", "quantity after": "6",
		"cost basis after": "30", "realized after": "8", "fees after": "2",
	})

	if booked.Currency != "USD" || booked.CommissionCurrency != "USD" || booked.PositionEffect != blotter.Reduced ||
		booked.OtherFees.String() != "1 CHF, 2 EUR" {
		t.Errorf("booked as %+v", booked)
	}

	p := booked.PositionAfter()
	wantDecimals(t, map[string]blotter.Decimal{
		"quantity": p.Quantity, "cost basis": p.CostBasis, "realized": p.RealizedPnL, "fees": p.Fees,
		"multiplier": p.Multiplier, "average": *p.AvgPrice,
	}, afterSale)

	if p.AccountID != "A" || p.Symbol != "S" || p.Currency != "USD" {
		t.Errorf("position of %s %s in %s, want A S in USD", p.AccountID, p.Symbol, p.Currency)
	}

	booked.CommissionCurrency = "BNB"
	if kept := booked.WithEffect(p, blotter.Effect{}); kept.CommissionCurrency != "BNB" {
		t.Errorf("commission in %q, want BNB", kept.CommissionCurrency)
	}
}

// afterSale is the position after bookedSale.
var afterSale = map[string]string{
	"quantity": "6", "cost basis": "30", "realized": "8", "fees": "2", "multiplier": "1", "average": "5",
}

func TestTradeEvents(t *testing.T) {
	t.Parallel()

	before, booked := bookedSale(t)
	update := booked.EventData().PositionUpdate()
	wantDecimals(t, map[string]blotter.Decimal{
		"quantity": update.Quantity, "cost basis": update.CostBasis, "realized": update.RealizedPnL,
		"fees":       update.Fees,
		"multiplier": update.Multiplier, "average": *update.AvgPrice,
	}, afterSale)

	if update.AccountID != "A" || update.Symbol != "S" || update.Currency != "USD" || update.TradeID != "T" ||
		update.Strategy != "trend" || !update.ExecutedAt.Time().Equal(booked.ExecutedAt) {
		t.Errorf("the event of the position is %+v", update)
	}

	undone := booked.UndoneData(blotter.PositionData{
		Quantity: before.Quantity, CostBasis: before.CostBasis, RealizedPnL: before.RealizedPnL, Fees: before.Fees,
	})
	p := undone.PositionUpdate()
	if p.Quantity.String() != "10" || p.CostBasis.String() != "50" || !p.RealizedPnL.IsZero() ||
		p.Fees.String() != "1" {
		t.Errorf("after the trade is undone the position is %+v", p)
	}
}
