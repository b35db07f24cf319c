package blotter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
)

// workingOrder returns an order with every field that a caller gives, of which 4 of 10 are filled.
func workingOrder() blotter.Order {
	return blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, OrderType: blotter.StopLimit,
		Quantity: blotter.MustDecimal("10"), Price: new(blotter.MustDecimal("5")),
		StopPrice: new(blotter.MustDecimal("6")), TimeInForce: blotter.GoodTillCancelled,
		Status: blotter.PartiallyFilled, FilledQuantity: blotter.MustDecimal("4"),
		FilledNotional: blotter.MustDecimal("20"), AvgFillPrice: new(blotter.MustDecimal("5")),
		Strategy: "trend", SessionID: "morning", Version: 3,
	}
}

func TestOrderStatuses(t *testing.T) {
	t.Parallel()

	closed := []blotter.OrderStatus{blotter.Filled, blotter.Cancelled, blotter.Rejected, blotter.Expired}
	open := []blotter.OrderStatus{blotter.Pending, blotter.Submitted, blotter.PartiallyFilled}
	if want := slices.Concat(open, closed); !slices.Equal(blotter.OrderStatuses(), want) {
		t.Errorf("statuses %q, want %q", blotter.OrderStatuses(), want)
	}

	for _, status := range blotter.OrderStatuses() {
		done := slices.Contains(closed, status)
		if got := (blotter.Order{Status: status}).Done(); !status.Valid() || got != done {
			t.Errorf("%s: valid %v, done %v; want valid, done %v", status, status.Valid(), got, done)
		}
	}

	if blotter.OrderStatus("lost").Valid() {
		t.Error(`status "lost" is valid`)
	}
}

func TestNewOrder(t *testing.T) {
	t.Parallel()

	plain := blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Sell, Quantity: blotter.MustDecimal("1"),
	}
	o, err := plain.New()
	if err != nil || o.OrderType != blotter.Market || o.TimeInForce != blotter.Day || o.Status != blotter.Pending {
		t.Errorf("%+v, %v; want a pending market order for the day", o, err)
	}

	full := workingOrder()
	full.Status = blotter.Submitted
	full.FilledQuantity = blotter.Decimal{}
	full.Adopted = true
	o, err = full.New()
	if err != nil || o.OrderType != blotter.StopLimit || o.TimeInForce != blotter.GoodTillCancelled ||
		o.Status != blotter.Submitted {
		t.Errorf("%+v, %v; want the given type, time in force and status", o, err)
	}

	if !o.FilledNotional.IsZero() || o.AvgFillPrice != nil || o.Adopted {
		t.Errorf("%+v has fills or was adopted", o)
	}

	for status, ok := range map[blotter.OrderStatus]bool{
		blotter.Pending: true, blotter.Submitted: true, blotter.Cancelled: true, blotter.Rejected: true,
		blotter.Expired:         true,
		blotter.PartiallyFilled: false, blotter.Filled: false, "lost": false,
	} {
		o := plain
		o.Status = status
		if _, err := o.New(); (err == nil) != ok || err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("status %q: %v, want accepted %v", status, err, ok)
		}
	}

	plain.FilledQuantity = blotter.MustDecimal("1")
	if _, err := plain.New(); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("filled quantity 1: %v, want ErrInvalid", err)
	}
}

func TestOrderCheck(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", 101)
	for name, test := range map[string]struct {
		change func(*blotter.Order)
		want   string // the beginning of the error; "" if the order is valid
	}{
		"valid":             {func(*blotter.Order) {}, ""},
		"no account":        {func(o *blotter.Order) { o.AccountID = "" }, "invalid account_id "},
		"no id":             {func(o *blotter.Order) { o.OrderID = "" }, "invalid order_id "},
		"longest id":        {func(o *blotter.Order) { o.OrderID = long[:100] }, ""},
		"too long id":       {func(o *blotter.Order) { o.OrderID = long }, "invalid order_id "},
		"no symbol":         {func(o *blotter.Order) { o.Symbol = "" }, "invalid symbol "},
		"longest symbol":    {func(o *blotter.Order) { o.Symbol = long[:32] }, ""},
		"too long symbol":   {func(o *blotter.Order) { o.Symbol = long[:33] }, "invalid symbol "},
		"no strategy":       {func(o *blotter.Order) { o.Strategy = "" }, ""},
		"no session":        {func(o *blotter.Order) { o.SessionID = "" }, ""},
		"too long strategy": {func(o *blotter.Order) { o.Strategy = long }, "invalid strategy "},
		"too long session":  {func(o *blotter.Order) { o.SessionID = long }, "invalid session_id "},
		"sale":              {func(o *blotter.Order) { o.Side = blotter.Sell }, ""},
		"no side":           {func(o *blotter.Order) { o.Side = "" }, "invalid side "},
		"zero":              {func(o *blotter.Order) { o.Quantity = blotter.Decimal{} }, "invalid quantity "},
		"negative": {
			func(o *blotter.Order) { o.Quantity = blotter.MustDecimal("-1") }, "invalid quantity ",
		},
		"unknown type":          {func(o *blotter.Order) { o.OrderType = "iceberg" }, "invalid order_type "},
		"unknown time in force": {func(o *blotter.Order) { o.TimeInForce = "week" }, "invalid time_in_force "},
		"market, no prices": {func(o *blotter.Order) {
			o.OrderType = blotter.Market
			o.Price = nil
			o.StopPrice = nil
		}, ""},
		"limit, no price": {
			func(o *blotter.Order) { o.OrderType, o.Price = blotter.Limit, nil },
			"a limit order needs a price",
		},
		"limit, no stop price": {func(o *blotter.Order) { o.OrderType, o.StopPrice = blotter.Limit, nil }, ""},
		"stop, no price":       {func(o *blotter.Order) { o.OrderType, o.Price = blotter.Stop, nil }, ""},
		"stop, no stop price": {
			func(o *blotter.Order) { o.OrderType, o.StopPrice = blotter.Stop, nil },
			"a stop order needs a stop price",
		},
		"stop limit, no price": {func(o *blotter.Order) { o.Price = nil }, "a stop_limit order needs a price"},
		"stop limit, no stop price": {
			func(o *blotter.Order) { o.StopPrice = nil }, "a stop_limit order needs a stop price",
		},
		"default type and time": {func(o *blotter.Order) { o.OrderType, o.TimeInForce = "", "" }, ""},
	} {
		o := workingOrder()
		test.change(&o)
		err := o.Check()
		if (err == nil) != (test.want == "") ||
			err != nil && (!errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestOrderTransitions(t *testing.T) {
	t.Parallel()

	legal := map[blotter.OrderStatus][]blotter.OrderStatus{
		blotter.Pending:         {blotter.Submitted, blotter.Cancelled, blotter.Rejected, blotter.Expired},
		blotter.Submitted:       {blotter.Cancelled, blotter.Rejected, blotter.Expired},
		blotter.PartiallyFilled: {blotter.Cancelled, blotter.Expired},
	}

	for _, from := range blotter.OrderStatuses() {
		for _, to := range blotter.OrderStatuses() {
			after, err := blotter.Order{Status: from}.WithStatus(to)
			if from == to || slices.Contains(legal[from], to) {
				if err != nil || after.Status != to {
					t.Errorf("%s to %s: status %s, %v", from, to, after.Status, err)
				}
				continue
			}
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Errorf("%s to %s: %v, want ErrInvalid", from, to, err)
			}
		}
	}
}

func TestOrderWithFill(t *testing.T) {
	t.Parallel()

	dec := blotter.MustDecimal
	order := blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: dec("10"), Status: blotter.Submitted,
	}
	trade := func(quantity string) blotter.Trade {
		return blotter.Trade{
			AccountID: "A", OrderID: "O", TradeID: quantity, Symbol: "S", Side: blotter.Buy,
			Quantity: dec(quantity), Price: dec("2"),
		}
	}

	part, err := order.WithFill(trade("4"), false)
	if err != nil || part.Status != blotter.PartiallyFilled || !part.Open().Equal(dec("6")) ||
		!part.FilledNotional.Equal(dec("8")) {
		t.Errorf("4 of 10: %+v, %v", part, err)
	}

	if _, err := part.WithFill(trade("7"), false); !errors.Is(err, blotter.ErrInvalid) ||
		!errors.Is(err, blotter.ErrOverfill) {
		t.Errorf("an overfill: %v, want ErrInvalid and ErrOverfill", err)
	}

	over, err := part.WithFill(trade("7"), true)
	if err != nil || over.Status != blotter.Filled || !over.FilledQuantity.Equal(dec("11")) {
		t.Errorf("an overfill that is allowed: %+v, %v", over, err)
	}

	part.Status = blotter.Cancelled
	late, err := part.WithFill(trade("6"), false)
	if err != nil || late.Status != blotter.Cancelled || !late.Open().IsZero() {
		t.Errorf("a late fill: %+v, %v", late, err)
	}

	for field, change := range map[string]func(*blotter.Trade){
		"account": func(t *blotter.Trade) { t.AccountID = "B" },
		"order":   func(t *blotter.Trade) { t.OrderID = "P" },
		"symbol":  func(t *blotter.Trade) { t.Symbol = "R" },
		"side":    func(t *blotter.Trade) { t.Side = blotter.Sell },
	} {
		other := trade("1")
		change(&other)
		if _, err := order.WithFill(other, true); !errors.Is(err, blotter.ErrInvalid) ||
			errors.Is(err, blotter.ErrOverfill) {
			t.Errorf("a fill of another %s: %v, want ErrInvalid", field, err)
		}
	}
}

// TestFillsAddUp checks the sums of several fills, and that the average price is rounded to 16 digits, half away from
// zero.
func TestFillsAddUp(t *testing.T) {
	t.Parallel()

	o := workingOrder()
	o.Status = blotter.Submitted
	o.FilledQuantity = blotter.Decimal{}
	o.FilledNotional = blotter.Decimal{}
	o.AvgFillPrice = nil

	for _, step := range []struct{ quantity, price, filled, notional, average, open string }{
		{"1", "2", "1", "2", "2", "9"},
		{"2", "3", "3", "8", "2.6666666666666667", "7"},
		{"7", "1", "10", "15", "1.5", "0"},
	} {
		after, err := o.WithFill(blotter.Trade{
			AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy,
			Quantity: blotter.MustDecimal(step.quantity), Price: blotter.MustDecimal(step.price),
		}, false)
		if err != nil {
			t.Fatal(err)
		}

		wantDecimals(t, map[string]blotter.Decimal{
			"filled": after.FilledQuantity, "notional": after.FilledNotional, "average": *after.AvgFillPrice,
			"open": after.Open(),
		}, map[string]string{
			"filled": step.filled, "notional": step.notional, "average": step.average, "open": step.open,
		})

		o = after
	}

	if o.Status != blotter.Filled || !o.Done() {
		t.Errorf("status %s, want filled", o.Status)
	}
}

// TestOrderDifferences checks that the same order has no differences, whether it gives a default or leaves it out, and
// that every other field is named.
func TestOrderDifferences(t *testing.T) {
	t.Parallel()

	price := blotter.MustDecimal
	for name, test := range map[string]struct {
		change func(given, stored *blotter.Order)
		want   []string
	}{
		"equal":  {func(_, _ *blotter.Order) {}, nil},
		"symbol": {func(o, _ *blotter.Order) { o.Symbol = "R" }, []string{"symbol"}},
		"side":   {func(o, _ *blotter.Order) { o.Side = blotter.Sell }, []string{"side"}},
		"type": {
			func(o, _ *blotter.Order) { o.OrderType = blotter.Limit }, []string{"order_type"},
		},
		"default type":            {func(o, s *blotter.Order) { o.OrderType, s.OrderType = "", blotter.Market }, nil},
		"type is not the default": {func(o, _ *blotter.Order) { o.OrderType = "" }, []string{"order_type"}},
		"quantity":                {func(o, _ *blotter.Order) { o.Quantity = price("11") }, []string{"quantity"}},
		"price":                   {func(o, _ *blotter.Order) { o.Price = new(price("7")) }, []string{"price"}},
		"equal price":             {func(o, _ *blotter.Order) { o.Price = new(price("5.0")) }, nil},
		"no price":                {func(o, _ *blotter.Order) { o.Price = nil }, []string{"price"}},
		"no stored price":         {func(_, s *blotter.Order) { s.Price = nil }, []string{"price"}},
		"neither has a price":     {func(o, s *blotter.Order) { o.Price, s.Price = nil, nil }, nil},
		"stop price": {
			func(o, _ *blotter.Order) { o.StopPrice = new(price("7")) }, []string{"stop_price"},
		},
		"time in force": {
			func(o, _ *blotter.Order) { o.TimeInForce = blotter.FillOrKill }, []string{"time_in_force"},
		},
		"default time in force": {
			func(o, s *blotter.Order) { o.TimeInForce, s.TimeInForce = "", blotter.Day }, nil,
		},
		"time is not the default": {func(o, _ *blotter.Order) { o.TimeInForce = "" }, []string{"time_in_force"}},
		"strategy":                {func(o, _ *blotter.Order) { o.Strategy = "" }, []string{"strategy"}},
		"session":                 {func(o, _ *blotter.Order) { o.SessionID = "" }, []string{"session_id"}},
		"fields that fills change": {
			func(o, _ *blotter.Order) { o.FilledQuantity, o.Status = price("9"), blotter.Filled }, nil,
		},
		"version that fills change": {func(o, _ *blotter.Order) { o.Version = 9 }, nil},
	} {
		given := workingOrder()
		stored := workingOrder()
		test.change(&given, &stored)
		if got := given.Differences(stored); !slices.Equal(got, test.want) {
			t.Errorf("%s: differs in %q, want %q", name, got, test.want)
		}
	}
}

func TestAmendOrder(t *testing.T) {
	t.Parallel()

	changed := blotter.Order{
		Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("8"), Price: new(blotter.MustDecimal("7")),
		StopPrice: new(blotter.MustDecimal("9")), Strategy: "value", SessionID: "evening",
	}

	after, err := workingOrder().Amend(changed)
	if err != nil {
		t.Fatal(err)
	}

	if after.Quantity.String() != "8" || after.Price.String() != "7" || after.StopPrice.String() != "9" ||
		after.Strategy != "value" || after.SessionID != "evening" {
		t.Errorf("amended to %+v", after)
	}
	if after.TimeInForce != blotter.GoodTillCancelled || after.OrderType != blotter.StopLimit ||
		after.Status != blotter.PartiallyFilled || after.FilledQuantity.String() != "4" {
		t.Errorf("fields that the change leaves out became %+v", after)
	}

	zero := blotter.Decimal{}
	for name, test := range map[string]struct {
		change func(order, changed *blotter.Order)
		status blotter.OrderStatus // "" if it is refused
	}{
		"down to the filled quantity": {
			func(_, c *blotter.Order) { c.Quantity = blotter.MustDecimal("4") }, blotter.Filled,
		},
		"below the filled quantity": {func(_, c *blotter.Order) { c.Quantity = blotter.MustDecimal("3.9") }, ""},
		"time in force": {
			func(_, c *blotter.Order) { c.TimeInForce = blotter.Day }, blotter.PartiallyFilled,
		},
		"same type": {
			func(_, c *blotter.Order) { c.OrderType = blotter.StopLimit }, blotter.PartiallyFilled,
		},
		"another type":   {func(_, c *blotter.Order) { c.OrderType = blotter.Limit }, ""},
		"another symbol": {func(_, c *blotter.Order) { c.Symbol = "R" }, ""},
		"another side":   {func(_, c *blotter.Order) { c.Side = blotter.Sell }, ""},
		"legal status":   {func(_, c *blotter.Order) { c.Status = blotter.Cancelled }, blotter.Cancelled},
		"illegal status": {func(_, c *blotter.Order) { c.Status = blotter.Rejected }, ""},
		"no price":       {func(_, c *blotter.Order) { c.Price = nil }, ""},
		"closed order":   {func(o, _ *blotter.Order) { o.Status = blotter.Cancelled }, ""},
		"closed order, no change": {
			func(o, c *blotter.Order) { o.Status = blotter.Expired; *c = *o }, blotter.Expired,
		},
		"zero quantity": {func(o, c *blotter.Order) { o.FilledQuantity, c.Quantity = zero, zero }, ""},
	} {
		order := workingOrder()
		change := changed
		test.change(&order, &change)

		after, err := order.Amend(change)
		if test.status == "" {
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Errorf("%s: %v, want ErrInvalid", name, err)
			}
			continue
		}
		if err != nil || after.Status != test.status {
			t.Errorf("%s: status %q, %v; want %q", name, after.Status, err, test.status)
		}
		if want := change.TimeInForce; want != "" && after.TimeInForce != want {
			t.Errorf("%s: time in force %q, want %q", name, after.TimeInForce, want)
		}
	}
}

// TestAdoptOrder checks that an order created from its fills gets the fields of the known order and keeps its fills.
func TestAdoptOrder(t *testing.T) {
	t.Parallel()

	adopted := blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, OrderType: blotter.Market,
		TimeInForce: blotter.Day,
		Quantity:    blotter.MustDecimal("4"), Status: blotter.Filled, FilledQuantity: blotter.MustDecimal("4"),
		FilledNotional: blotter.MustDecimal("20"), Strategy: "of the fill", Adopted: true, Version: 2,
	}

	after, err := adopted.Adopt(workingOrder())
	if err != nil {
		t.Fatal(err)
	}

	if fields := workingOrder().Differences(after); len(fields) > 0 {
		t.Errorf("the order still differs in %q", fields)
	}
	if after.Status != blotter.PartiallyFilled || after.Adopted || after.FilledQuantity.String() != "4" ||
		after.FilledNotional.String() != "20" || after.Version != 2 {
		t.Errorf("adopted as %+v", after)
	}

	for name, test := range map[string]struct {
		change func(adopted, known *blotter.Order)
		status blotter.OrderStatus // "" if it is refused
	}{
		"all of it is filled": {func(_, k *blotter.Order) { k.Quantity = blotter.MustDecimal("4") }, blotter.Filled},
		"it was cancelled":    {func(a, _ *blotter.Order) { a.Status = blotter.Cancelled }, blotter.Cancelled},
		"another symbol":      {func(_, k *blotter.Order) { k.Symbol = "R" }, ""},
		"another side":        {func(_, k *blotter.Order) { k.Side = blotter.Sell }, ""},
	} {
		order := adopted
		known := workingOrder()
		test.change(&order, &known)

		after, err := order.Adopt(known)
		if test.status == "" {
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Errorf("%s: %v, want ErrInvalid", name, err)
			}
			continue
		}
		if err != nil || after.Status != test.status {
			t.Errorf("%s: status %q, %v; want %q", name, after.Status, err, test.status)
		}
	}

	plain := blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("4"),
	}
	after, err = adopted.Adopt(plain)
	if err != nil || after.OrderType != blotter.Market || after.TimeInForce != blotter.Day {
		t.Errorf("%+v, %v; want a market order for the day", after, err)
	}
}
