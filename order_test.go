package blotter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
)

// workingOrder is an order with every field that a caller gives, of which 4 of 10 are filled.
func workingOrder() blotter.Order {
	return blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, OrderType: blotter.StopLimit, Quantity: blotter.MustDecimal("10"),
		Price: new(blotter.MustDecimal("5")), StopPrice: new(blotter.MustDecimal("6")), TimeInForce: blotter.GoodTillCancelled,
		Status: blotter.PartiallyFilled, FilledQuantity: blotter.MustDecimal("4"), FilledNotional: blotter.MustDecimal("20"),
		AvgFillPrice: new(blotter.MustDecimal("5")), Strategy: "trend", SessionID: "morning", Version: 3,
	}
}

func TestNewOrder(t *testing.T) {
	t.Parallel()
	plain := blotter.Order{AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Sell, Quantity: blotter.MustDecimal("1")}
	made, err := plain.New()
	if err != nil || made.OrderType != blotter.Market || made.TimeInForce != blotter.Day || made.Status != blotter.Pending {
		t.Errorf("%+v, %v; want a pending market order for the day", made, err)
	}

	full := workingOrder()
	full.Status, full.FilledQuantity, full.Adopted = blotter.Submitted, blotter.Decimal{}, true
	made, err = full.New()
	if err != nil || made.OrderType != blotter.StopLimit || made.TimeInForce != blotter.GoodTillCancelled || made.Status != blotter.Submitted {
		t.Errorf("%+v, %v; want the order as it says", made, err)
	}
	if !made.FilledNotional.IsZero() || made.AvgFillPrice != nil || made.Adopted {
		t.Errorf("%+v has fills or was adopted", made)
	}

	for status, ok := range map[blotter.OrderStatus]bool{
		blotter.Pending: true, blotter.Submitted: true, blotter.Cancelled: true, blotter.Rejected: true, blotter.Expired: true,
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
		t.Errorf("an order that comes filled: %v, want ErrInvalid", err)
	}
}

func TestOrderCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 101)
	for name, test := range map[string]struct {
		change  func(*blotter.Order)
		refused string // the field; "" if the order is good
	}{
		"good":                          {func(*blotter.Order) {}, ""},
		"no account":                    {func(o *blotter.Order) { o.AccountID = "" }, "account_id"},
		"no id":                         {func(o *blotter.Order) { o.OrderID = "" }, "order_id"},
		"a long id":                     {func(o *blotter.Order) { o.OrderID = long[:100] }, ""},
		"too long an id":                {func(o *blotter.Order) { o.OrderID = long }, "order_id"},
		"no symbol":                     {func(o *blotter.Order) { o.Symbol = "" }, "symbol"},
		"a long symbol":                 {func(o *blotter.Order) { o.Symbol = long[:32] }, ""},
		"too long a symbol":             {func(o *blotter.Order) { o.Symbol = long[:33] }, "symbol"},
		"no strategy, no session":       {func(o *blotter.Order) { o.Strategy, o.SessionID = "", "" }, ""},
		"too long a strategy":           {func(o *blotter.Order) { o.Strategy = long }, "strategy"},
		"too long a session":            {func(o *blotter.Order) { o.SessionID = long }, "session_id"},
		"a sale":                        {func(o *blotter.Order) { o.Side = blotter.Sell }, ""},
		"no side":                       {func(o *blotter.Order) { o.Side = "" }, "side"},
		"zero":                          {func(o *blotter.Order) { o.Quantity = blotter.Decimal{} }, "quantity"},
		"negative":                      {func(o *blotter.Order) { o.Quantity = blotter.MustDecimal("-1") }, "quantity"},
		"another type":                  {func(o *blotter.Order) { o.OrderType = "iceberg" }, "order_type"},
		"another time":                  {func(o *blotter.Order) { o.TimeInForce = "week" }, "time_in_force"},
		"a market order without prices": {func(o *blotter.Order) { o.OrderType, o.Price, o.StopPrice = blotter.Market, nil, nil }, ""},
		"a limit order without a price": {func(o *blotter.Order) { o.OrderType, o.Price = blotter.Limit, nil }, "price"},
		"a limit order, no stop price":  {func(o *blotter.Order) { o.OrderType, o.StopPrice = blotter.Limit, nil }, ""},
		"a stop order without a price":  {func(o *blotter.Order) { o.OrderType, o.Price = blotter.Stop, nil }, ""},
		"a stop order, no stop price":   {func(o *blotter.Order) { o.OrderType, o.StopPrice = blotter.Stop, nil }, "stop_price"},
		"a stop limit, no price":        {func(o *blotter.Order) { o.Price = nil }, "price"},
		"a stop limit, no stop price":   {func(o *blotter.Order) { o.StopPrice = nil }, "stop_price"},
		"type and time by default":      {func(o *blotter.Order) { o.OrderType, o.TimeInForce = "", "" }, ""},
	} {
		o := workingOrder()
		test.change(&o)
		err := o.Check()
		if (err == nil) != (test.refused == "") || err != nil && (!errors.Is(err, blotter.ErrInvalid) || !strings.HasPrefix(err.Error(), test.refused+" ")) {
			t.Errorf("%s: %v, want one about %q", name, err, test.refused)
		}
	}
}

// An order that is sent again says the same, default for default; everything else is a difference, by its name.
func TestOrderDifferences(t *testing.T) {
	t.Parallel()
	price := blotter.MustDecimal
	for name, test := range map[string]struct {
		change func(given, stored *blotter.Order)
		want   []string
	}{
		"the same":                  {func(_, _ *blotter.Order) {}, nil},
		"symbol":                    {func(o, _ *blotter.Order) { o.Symbol = "R" }, []string{"symbol"}},
		"side":                      {func(o, _ *blotter.Order) { o.Side = blotter.Sell }, []string{"side"}},
		"type":                      {func(o, _ *blotter.Order) { o.OrderType = blotter.Limit }, []string{"order_type"}},
		"type by default":           {func(o, s *blotter.Order) { o.OrderType, s.OrderType = "", blotter.Market }, nil},
		"another than the default":  {func(o, _ *blotter.Order) { o.OrderType = "" }, []string{"order_type"}},
		"quantity":                  {func(o, _ *blotter.Order) { o.Quantity = price("11") }, []string{"quantity"}},
		"price":                     {func(o, _ *blotter.Order) { o.Price = new(price("7")) }, []string{"price"}},
		"the price written anew":    {func(o, _ *blotter.Order) { o.Price = new(price("5.0")) }, nil},
		"no price":                  {func(o, _ *blotter.Order) { o.Price = nil }, []string{"price"}},
		"a price that was not":      {func(_, s *blotter.Order) { s.Price = nil }, []string{"price"}},
		"no price of either":        {func(o, s *blotter.Order) { o.Price, s.Price = nil, nil }, nil},
		"stop price":                {func(o, _ *blotter.Order) { o.StopPrice = new(price("7")) }, []string{"stop_price"}},
		"time in force":             {func(o, _ *blotter.Order) { o.TimeInForce = blotter.FillOrKill }, []string{"time_in_force"}},
		"time in force by default":  {func(o, s *blotter.Order) { o.TimeInForce, s.TimeInForce = "", blotter.Day }, nil},
		"strategy":                  {func(o, _ *blotter.Order) { o.Strategy = "" }, []string{"strategy"}},
		"session":                   {func(o, _ *blotter.Order) { o.SessionID = "" }, []string{"session_id"}},
		"what only fills change":    {func(o, _ *blotter.Order) { o.FilledQuantity, o.Status, o.Version = price("9"), blotter.Filled, 9 }, nil},
		"another time than the day": {func(o, _ *blotter.Order) { o.TimeInForce = "" }, []string{"time_in_force"}},
	} {
		given, stored := workingOrder(), workingOrder()
		test.change(&given, &stored)
		if got := given.Differences(stored); !slices.Equal(got, test.want) {
			t.Errorf("%s: differs in %q, want %q", name, got, test.want)
		}
	}
}

func TestAmendedOrder(t *testing.T) {
	t.Parallel()
	changed := blotter.Order{
		Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("8"), Price: new(blotter.MustDecimal("7")), StopPrice: new(blotter.MustDecimal("9")),
		Strategy: "value", SessionID: "evening",
	}
	after, err := workingOrder().Amend(changed)
	if err != nil {
		t.Fatal(err)
	}
	if after.Quantity.String() != "8" || after.Price.String() != "7" || after.StopPrice.String() != "9" || after.Strategy != "value" || after.SessionID != "evening" {
		t.Errorf("amended to %+v", after)
	}
	if after.TimeInForce != blotter.GoodTillCancelled || after.OrderType != blotter.StopLimit || after.Status != blotter.PartiallyFilled || after.FilledQuantity.String() != "4" {
		t.Errorf("what the change leaves out became %+v", after)
	}

	for name, test := range map[string]struct {
		change func(order, changed *blotter.Order)
		status blotter.OrderStatus // "" where it is refused
	}{
		"down to what is filled":    {func(_, c *blotter.Order) { c.Quantity = blotter.MustDecimal("4") }, blotter.Filled},
		"below what is filled":      {func(_, c *blotter.Order) { c.Quantity = blotter.MustDecimal("3.9") }, ""},
		"time in force":             {func(_, c *blotter.Order) { c.TimeInForce = blotter.Day }, blotter.PartiallyFilled},
		"the same type":             {func(_, c *blotter.Order) { c.OrderType = blotter.StopLimit }, blotter.PartiallyFilled},
		"another type":              {func(_, c *blotter.Order) { c.OrderType = blotter.Limit }, ""},
		"another symbol":            {func(_, c *blotter.Order) { c.Symbol = "R" }, ""},
		"another side":              {func(_, c *blotter.Order) { c.Side = blotter.Sell }, ""},
		"a status that may follow":  {func(_, c *blotter.Order) { c.Status = blotter.Cancelled }, blotter.Cancelled},
		"a status that may not":     {func(_, c *blotter.Order) { c.Status = blotter.Rejected }, ""},
		"without its price":         {func(_, c *blotter.Order) { c.Price = nil }, ""},
		"an order that is done":     {func(o, _ *blotter.Order) { o.Status = blotter.Cancelled }, ""},
		"done, with the same words": {func(o, c *blotter.Order) { o.Status = blotter.Expired; *c = *o }, blotter.Expired},
		"a zero quantity":           {func(o, c *blotter.Order) { o.FilledQuantity, c.Quantity = blotter.Decimal{}, blotter.Decimal{} }, ""},
	} {
		order, change := workingOrder(), changed
		test.change(&order, &change)
		after, err := order.Amend(change)
		if (err == nil) != (test.status != "") || err == nil && after.Status != test.status || err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: status %q, %v; want %q", name, after.Status, err, test.status)
		}
		if want := change.TimeInForce; err == nil && want != "" && after.TimeInForce != want {
			t.Errorf("%s: time in force %q, want %q", name, after.TimeInForce, want)
		}
	}
}

// The order that was made from its fills becomes the one that the caller knows, with the fills that it has.
func TestAdoptOfTheKnownOrder(t *testing.T) {
	t.Parallel()
	made := blotter.Order{
		AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, OrderType: blotter.Market, TimeInForce: blotter.Day, Adopted: true, Version: 2,
		Quantity: blotter.MustDecimal("4"), Status: blotter.Filled, FilledQuantity: blotter.MustDecimal("4"), FilledNotional: blotter.MustDecimal("20"), Strategy: "of the fill",
	}
	after, err := made.Adopt(workingOrder())
	if err != nil {
		t.Fatal(err)
	}
	if fields := workingOrder().Differences(after); len(fields) > 0 {
		t.Errorf("adopted, the order still differs in %q", fields)
	}
	if after.Status != blotter.PartiallyFilled || after.Adopted || after.FilledQuantity.String() != "4" || after.FilledNotional.String() != "20" || after.Version != 2 {
		t.Errorf("adopted as %+v", after)
	}

	for name, test := range map[string]struct {
		change func(made, known *blotter.Order)
		status blotter.OrderStatus // "" where it is refused
	}{
		"all of it is filled": {func(_, k *blotter.Order) { k.Quantity = blotter.MustDecimal("4") }, blotter.Filled},
		"it was cancelled":    {func(m, _ *blotter.Order) { m.Status = blotter.Cancelled }, blotter.Cancelled},
		"another symbol":      {func(_, k *blotter.Order) { k.Symbol = "R" }, ""},
		"another side":        {func(_, k *blotter.Order) { k.Side = blotter.Sell }, ""},
	} {
		order, known := made, workingOrder()
		test.change(&order, &known)
		after, err := order.Adopt(known)
		if (err == nil) != (test.status != "") || err == nil && after.Status != test.status || err != nil && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: status %q, %v; want %q", name, after.Status, err, test.status)
		}
	}
	plain, err := made.Adopt(blotter.Order{AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("4")})
	if err != nil || plain.OrderType != blotter.Market || plain.TimeInForce != blotter.Day {
		t.Errorf("%+v, %v; want a market order for the day", plain, err)
	}
}

// The average price of fills is rounded at 16 digits, half away from zero; fills of an order add up.
func TestFillsAddUp(t *testing.T) {
	t.Parallel()
	o := workingOrder()
	o.Status, o.FilledQuantity, o.FilledNotional, o.AvgFillPrice = blotter.Submitted, blotter.Decimal{}, blotter.Decimal{}, nil
	for _, step := range []struct{ quantity, price, filled, notional, average, open string }{
		{"1", "2", "1", "2", "2", "9"},
		{"2", "3", "3", "8", "2.6666666666666667", "7"},
		{"7", "1", "10", "15", "1.5", "0"},
	} {
		trade := blotter.Trade{AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal(step.quantity), Price: blotter.MustDecimal(step.price)}
		after, err := o.Fill(trade, false)
		if err != nil {
			t.Fatal(err)
		}
		wantDecimals(t, map[string]blotter.Decimal{"filled": after.FilledQuantity, "notional": after.FilledNotional, "average": *after.AvgFillPrice, "open": after.Open()},
			map[string]string{"filled": step.filled, "notional": step.notional, "average": step.average, "open": step.open})
		o = after
	}
	if o.Status != blotter.Filled || !o.Done() {
		t.Errorf("the order is %s, want filled", o.Status)
	}
	other := blotter.Trade{AccountID: "B", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("1")}
	if _, err := o.Fill(other, true); !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("a trade of another account: %v, want ErrInvalid", err)
	}
}

func TestOrderStatuses(t *testing.T) {
	t.Parallel()
	if !slices.Equal(blotter.OrderStatuses(), statuses) {
		t.Errorf("the statuses are %q, want %q", blotter.OrderStatuses(), statuses)
	}
	for _, status := range statuses {
		done := slices.Contains([]blotter.OrderStatus{blotter.Filled, blotter.Cancelled, blotter.Rejected, blotter.Expired}, status)
		if !status.Valid() || (blotter.Order{Status: status}).Done() != done {
			t.Errorf("%s: valid %v, done %v; want valid, done %v", status, status.Valid(), !done, done)
		}
	}
	if blotter.OrderStatus("lost").Valid() {
		t.Error(`status "lost" is valid`)
	}
}
