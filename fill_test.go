package blotter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/quagmt/udecimal"
	"pgregory.net/rapid"
)

// goldenFill is one fill of testdata/fills_golden.json, and what is right after it.
type goldenFill struct {
	Side                        blotter.Side
	Quantity, Price, Commission string
	Effect                      blotter.PositionEffect
	RealizedPnL                 string `json:"realized_pnl"`
	After                       struct {
		Quantity    string
		CostBasis   string `json:"cost_basis"`
		RealizedPnL string `json:"realized_pnl"`
		Fees        string
		RealizedNet string `json:"realized_net"`
		AvgPrice    string `json:"avg_price_8dp"`
	}
}

func golden(t *testing.T) (sets []struct {
	Name   string
	Trades []goldenFill
},
) {
	t.Helper()
	text, err := os.ReadFile("testdata/fills_golden.json")
	if err == nil {
		err = json.Unmarshal(text, &sets)
	}
	if err != nil || len(sets) < 9 {
		t.Fatalf("%d sets, %v", len(sets), err)
	}
	return sets
}

func TestGoldenFills(t *testing.T) {
	t.Parallel()
	same := func(t *testing.T, what string, got blotter.Decimal, want string) {
		t.Helper()
		if !got.Equal(blotter.MustDecimal(want)) {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	for _, set := range golden(t) {
		var p blotter.Position
		for i, f := range set.Trades {
			trade := blotter.Trade{
				AccountID: "A", TradeID: fmt.Sprint(i), Symbol: "S", Side: f.Side, Quantity: blotter.MustDecimal(f.Quantity),
				Price: blotter.MustDecimal(f.Price), Commission: blotter.MustDecimal(f.Commission),
			}
			after, effect, err := p.Apply(trade)
			if err != nil {
				t.Fatal(err)
			}
			p = after
			name := fmt.Sprintf("%s, fill %d: ", set.Name, i+1)
			if effect.Kind != f.Effect || (effect.Closed != nil) != (f.Effect == blotter.Closed || f.Effect == blotter.Flipped) {
				t.Errorf("%s%s, want %s", name, effect.Kind, f.Effect)
			}
			same(t, name+"realized", effect.RealizedPnL, f.RealizedPnL)
			same(t, name+"quantity", p.Quantity, f.After.Quantity)
			same(t, name+"cost basis", p.CostBasis, f.After.CostBasis)
			same(t, name+"realized in all", p.RealizedPnL, f.After.RealizedPnL)
			same(t, name+"fees", p.Fees, f.After.Fees)
			same(t, name+"net", p.RealizedPnL.Sub(p.Fees), f.After.RealizedNet)
			average := new(big.Rat)
			if !p.Quantity.IsZero() {
				average.Quo(rat(p.CostBasis), rat(p.Quantity.Abs()))
			}
			if want, _ := new(big.Rat).SetString(f.After.AvgPrice); average.FloatString(8) != want.FloatString(8) {
				t.Errorf("%saverage price is %s, want %s", name, average.FloatString(8), f.After.AvgPrice)
			}
		}
	}
}

func rat(d blotter.Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic(d.String())
	}
	return r
}

// decimals draws a number of so many digits after the point.
func decimals(digits uint8, from, to int64) *rapid.Generator[blotter.Decimal] {
	return rapid.Map(rapid.Int64Range(from, to), func(n int64) blotter.Decimal { return udecimal.MustFromInt64(n, digits) })
}

func trades() *rapid.Generator[[]blotter.Trade] {
	one := rapid.Custom(func(t *rapid.T) blotter.Trade {
		return blotter.Trade{
			AccountID: "A", TradeID: "T", Symbol: "S", Side: rapid.SampledFrom([]blotter.Side{blotter.Buy, blotter.Sell}).Draw(t, "side"),
			Quantity:   decimals(8, 1, 5_000_000_000).Draw(t, "quantity"),
			Price:      decimals(9, -1_000_000_000, 900_000_000_000).Draw(t, "price"),
			Commission: decimals(4, -10_000, 100_000).Draw(t, "commission"), ExecutedAt: time.Unix(1e9, 0).UTC(),
		}
	})
	return rapid.SliceOfN(one, 1, 40)
}

func apply(t interface{ Fatal(...any) }, p blotter.Position, trade blotter.Trade) (blotter.Position, blotter.Effect) {
	after, effect, err := p.Apply(trade)
	if err != nil {
		t.Fatal(err)
	}
	return after, effect
}

// The identity: realized = sum(-side x quantity x price x multiplier) + sign(quantity) x cost basis, and quantity =
// sum(side x quantity), exactly. And what else holds of every book.
func TestIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		multiplier := decimals(2, 1, 10_000).Draw(t, "multiplier")
		var p blotter.Position
		flow, held, realized, fees, trips := new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)
		feesOfTrips := new(big.Rat)
		for _, trade := range trades().Draw(t, "trades") {
			trade.Multiplier = multiplier
			after, effect := apply(t, p, trade)
			value := new(big.Rat).Mul(new(big.Rat).Mul(rat(trade.Quantity), rat(trade.Price)), rat(multiplier))
			if trade.Side == blotter.Buy {
				flow.Sub(flow, value)
				held.Add(held, rat(trade.Quantity))
			} else {
				flow.Add(flow, value)
				held.Sub(held, rat(trade.Quantity))
			}
			realized.Add(realized, rat(effect.RealizedPnL))
			fees.Add(fees, rat(trade.Commission))
			if c := effect.Closed; c != nil {
				trips.Add(trips, rat(c.Gross))
				feesOfTrips.Add(feesOfTrips, rat(c.Fees))
			}
			p = after
			cost := rat(p.CostBasis)
			if p.Quantity.IsNeg() {
				cost.Neg(cost)
			}
			if want := new(big.Rat).Add(flow, cost); rat(p.RealizedPnL).Cmp(want) != 0 {
				t.Fatalf("realized %s, the identity says %s", p.RealizedPnL, want.FloatString(25))
			}
			if rat(p.Quantity).Cmp(held) != 0 || rat(p.RealizedPnL).Cmp(realized) != 0 || rat(p.Fees).Cmp(fees) != 0 {
				t.Fatalf("%+v: want quantity %s, realized %s, fees %s", p, held, realized, fees)
			}
			if p.Quantity.IsZero() && (!p.CostBasis.IsZero() || p.OpenedAt != nil || p.LifeTrades != 0 || !p.LifeFees.IsZero()) {
				t.Fatalf("flat, and yet %+v", p)
			}
			if rat(p.RealizedPnL).Cmp(new(big.Rat).Add(trips, rat(p.LifePnL))) != 0 || rat(p.Fees).Cmp(new(big.Rat).Add(feesOfTrips, rat(p.LifeFees))) != 0 {
				t.Fatalf("round trips have %s and fees %s, the present life %s and %s, the position %s and %s", trips, feesOfTrips, p.LifePnL, p.LifeFees, p.RealizedPnL, p.Fees)
			}
		}
	})
}

// A flip is a close and an open at the same price.
func TestFlipIsCloseAndOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p blotter.Position
		for _, trade := range trades().Draw(t, "trades") {
			p, _ = apply(t, p, trade)
		}
		if p.Quantity.IsZero() {
			return
		}
		flip := trades().Draw(t, "flip")[0]
		flip.Side, flip.Commission = blotter.Sell, blotter.Decimal{}
		if p.Quantity.IsNeg() {
			flip.Side = blotter.Buy
		}
		rest := flip.Quantity
		flip.Quantity = p.Quantity.Abs().Add(rest)
		flipped, effect := apply(t, p, flip)
		first, second := flip, flip
		first.Quantity, second.Quantity = p.Quantity.Abs(), rest
		closed, closing := apply(t, p, first)
		opened, _ := apply(t, closed, second)
		if effect.Kind != blotter.Flipped || closing.Kind != blotter.Closed || !effect.RealizedPnL.Equal(closing.RealizedPnL) ||
			!flipped.Quantity.Equal(opened.Quantity) || !flipped.CostBasis.Equal(opened.CostBasis) || !flipped.RealizedPnL.Equal(opened.RealizedPnL) {
			t.Fatalf("flipped %+v, closed and opened %+v", flipped, opened)
		}
	})
}

// Trades of one direction give the same position in any order, and ten times the quantities ten times the position.
func TestOrderAndScale(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := trades().Draw(t, "trades")
		ten := blotter.MustDecimal("10")
		var p, larger blotter.Position
		for _, trade := range list {
			p, _ = apply(t, p, trade)
			trade.Quantity, trade.Commission = trade.Quantity.Mul(ten), trade.Commission.Mul(ten)
			larger, _ = apply(t, larger, trade)
		}
		if !larger.Quantity.Equal(p.Quantity.Mul(ten)) || !larger.Fees.Equal(p.Fees.Mul(ten)) {
			t.Fatalf("%+v is not ten times %+v", larger, p)
		}
		for i := range list {
			list[i].Side = blotter.Buy
		}
		var there, back blotter.Position
		for i := range list {
			there, _ = apply(t, there, list[i])
			back, _ = apply(t, back, list[len(list)-1-i])
		}
		if !there.Quantity.Equal(back.Quantity) || !there.CostBasis.Equal(back.CostBasis) || !there.Fees.Equal(back.Fees) {
			t.Fatalf("%+v and, in the other order, %+v", there, back)
		}
	})
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	good := blotter.Trade{AccountID: "A", TradeID: "T", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("2")}
	p, _ := apply(t, blotter.Position{}, good)
	for what, change := range map[string]func(*blotter.Trade){
		"account_id": func(t *blotter.Trade) { t.AccountID = "B" },
		"symbol":     func(t *blotter.Trade) { t.Symbol = "R" },
		"multiplier": func(t *blotter.Trade) { t.Multiplier = blotter.MustDecimal("50") },
		"currency":   func(t *blotter.Trade) { t.Currency = "EUR" },
		"side":       func(t *blotter.Trade) { t.Side = "hold" },
		"quantity":   func(t *blotter.Trade) { t.Quantity = blotter.Decimal{} },
		"digits": func(t *blotter.Trade) {
			t.Price = blotter.MustDecimal("0.0000000000000000001")
			t.Quantity = blotter.MustDecimal("0.1")
		},
		"trade_id":    func(t *blotter.Trade) { t.TradeID = "" },
		"commission_": func(t *blotter.Trade) { t.CommissionCurrency = "A CURRENCY WITH A LONG NAME" },
	} {
		bad := good
		change(&bad)
		if after, _, err := p.Apply(bad); !errors.Is(err, blotter.ErrInvalid) || !after.Quantity.Equal(p.Quantity) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := good
	other.CommissionCurrency, other.Commission = "BNB", blotter.MustDecimal("1")
	if after, _, err := p.Apply(other); err != nil || !after.Fees.IsZero() {
		t.Errorf("a commission in another currency: fees %s, %v", after.Fees, err)
	}
}

func TestOrderTransitions(t *testing.T) {
	t.Parallel()
	all := []blotter.OrderStatus{blotter.Pending, blotter.Submitted, blotter.PartiallyFilled, blotter.Filled, blotter.Cancelled, blotter.Rejected, blotter.Expired}
	legal := map[blotter.OrderStatus][]blotter.OrderStatus{
		blotter.Pending:         {blotter.Submitted, blotter.Cancelled, blotter.Rejected, blotter.Expired},
		blotter.Submitted:       {blotter.Cancelled, blotter.Rejected, blotter.Expired},
		blotter.PartiallyFilled: {blotter.Cancelled, blotter.Expired},
	}
	for _, from := range all {
		for _, to := range all {
			after, err := (blotter.Order{Status: from}).SetStatus(to)
			if want := from == to || slices.Contains(legal[from], to); (err == nil) != want || err == nil && after.Status != to || err != nil && !errors.Is(err, blotter.ErrInvalid) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
		}
	}
}

func TestOrderFill(t *testing.T) {
	t.Parallel()
	dec := blotter.MustDecimal
	order := blotter.Order{AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: dec("10"), Status: blotter.Submitted}
	fill := func(quantity string) blotter.Trade {
		return blotter.Trade{AccountID: "A", OrderID: "O", TradeID: quantity, Symbol: "S", Side: blotter.Buy, Quantity: dec(quantity), Price: dec("2")}
	}
	part, err := order.Fill(fill("4"), false)
	if err != nil || part.Status != blotter.PartiallyFilled || !part.Open().Equal(dec("6")) || !part.FilledNotional.Equal(dec("8")) {
		t.Errorf("%+v, %v", part, err)
	}
	if _, err := part.Fill(fill("7"), false); !errors.Is(err, blotter.ErrInvalid) || !errors.Is(err, blotter.ErrOverfill) {
		t.Errorf("an overfill: %v", err)
	}
	if over, err := part.Fill(fill("7"), true); err != nil || over.Status != blotter.Filled || !over.FilledQuantity.Equal(dec("11")) {
		t.Errorf("an overfill that is allowed: %+v, %v", over, err)
	}
	part.Status = blotter.Cancelled
	if late, err := part.Fill(fill("6"), false); err != nil || late.Status != blotter.Cancelled || !late.Open().IsZero() {
		t.Errorf("a late fill: %+v, %v", late, err)
	}
	for _, change := range []func(*blotter.Trade){
		func(t *blotter.Trade) { t.Symbol = "R" }, func(t *blotter.Trade) { t.Side = blotter.Sell }, func(t *blotter.Trade) { t.OrderID = "P" },
	} {
		bad := fill("1")
		change(&bad)
		if _, err := order.Fill(bad, true); !errors.Is(err, blotter.ErrInvalid) || errors.Is(err, blotter.ErrOverfill) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
