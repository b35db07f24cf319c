package blotter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/quagmt/udecimal"
	"pgregory.net/rapid"
)

// goldenFill is one fill of testdata/fills_golden.json, with its effect and the position after it.
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

type goldenSet struct {
	Name   string
	Trades []goldenFill
}

func goldenSets(t *testing.T) (sets []goldenSet) {
	t.Helper()

	text, err := os.ReadFile("testdata/fills_golden.json")
	if err == nil {
		err = json.Unmarshal(text, &sets)
	}

	if err != nil || len(sets) < 9 {
		t.Fatalf("read %d sets, %v; want at least 9", len(sets), err)
	}

	return sets
}

func TestGoldenFills(t *testing.T) {
	t.Parallel()

	for _, set := range goldenSets(t) {
		var p blotter.Position
		for i, f := range set.Trades {
			after, effect := apply(t, p, blotter.Trade{
				AccountID: "A", TradeID: fmt.Sprint(i), Symbol: "S", Side: f.Side,
				Quantity: blotter.MustDecimal(f.Quantity),
				Price:    blotter.MustDecimal(f.Price), Commission: blotter.MustDecimal(f.Commission),
			})
			p = after
			f.check(t, fmt.Sprintf("%s, fill %d: ", set.Name, i+1), p, effect)
		}
	}
}

func (f *goldenFill) check(t *testing.T, name string, p blotter.Position, effect blotter.Effect) {
	t.Helper()

	endsLife := f.Effect == blotter.Closed || f.Effect == blotter.Flipped
	if effect.Kind != f.Effect || (effect.Closed != nil) != endsLife {
		t.Errorf("%seffect %s, round trip %v; want %s", name, effect.Kind, effect.Closed, f.Effect)
	}

	same := func(field string, got blotter.Decimal, want string) {
		t.Helper()

		if !got.Equal(blotter.MustDecimal(want)) {
			t.Errorf("%s%s is %s, want %s", name, field, got, want)
		}
	}

	same("realized", effect.RealizedPnL, f.RealizedPnL)
	same("quantity", p.Quantity, f.After.Quantity)
	same("cost basis", p.CostBasis, f.After.CostBasis)
	same("total realized", p.RealizedPnL, f.After.RealizedPnL)
	same("fees", p.Fees, f.After.Fees)
	same("net", p.RealizedPnL.Sub(p.Fees), f.After.RealizedNet)

	average := new(big.Rat)
	if !p.Quantity.IsZero() {
		average.Quo(rat(p.CostBasis), rat(p.Quantity.Abs()))
	}
	if want, _ := new(big.Rat).SetString(f.After.AvgPrice); average.FloatString(8) != want.FloatString(8) {
		t.Errorf("%saverage price is %s, want %s", name, average.FloatString(8), f.After.AvgPrice)
	}
}

func rat(d blotter.Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic(d.String())
	}
	return r
}

// decimals draws a number with so many digits after the point.
func decimals(digits uint8, from, to int64) *rapid.Generator[blotter.Decimal] {
	return rapid.Map(rapid.Int64Range(from, to), func(n int64) blotter.Decimal {
		return udecimal.MustFromInt64(n, digits)
	})
}

// trades draws up to 40 trades of one position.
func trades() *rapid.Generator[[]blotter.Trade] {
	trade := rapid.Custom(func(t *rapid.T) blotter.Trade {
		return blotter.Trade{
			AccountID: "A", TradeID: "T", Symbol: "S",
			Side:       rapid.SampledFrom([]blotter.Side{blotter.Buy, blotter.Sell}).Draw(t, "side"),
			Quantity:   decimals(8, 1, 5_000_000_000).Draw(t, "quantity"),
			Price:      decimals(9, -1_000_000_000, 900_000_000_000).Draw(t, "price"),
			Commission: decimals(4, -10_000, 100_000).Draw(t, "commission"),
			ExecutedAt: time.Unix(1e9, 0).UTC(),
		}
	})

	return rapid.SliceOfN(trade, 1, 40)
}

type fataler interface{ Fatal(...any) }

func apply(t fataler, p blotter.Position, trade blotter.Trade) (blotter.Position, blotter.Effect) {
	after, effect, err := p.Apply(trade)
	if err != nil {
		t.Fatal(err)
	}
	return after, effect
}

// applyAll applies trades to a flat position.
func applyAll(t fataler, trades []blotter.Trade) (p blotter.Position) {
	for _, trade := range trades {
		p, _ = apply(t, p, trade)
	}
	return p
}

// ledger adds up trades with exact fractions.
type ledger struct {
	cash, quantity, realized, fees big.Rat // cash is what sales brought and purchases cost
	tripPnL, tripFees              big.Rat // of the round trips that ended
}

func (l *ledger) add(trade blotter.Trade, effect blotter.Effect) {
	value := new(big.Rat).Mul(rat(trade.Quantity), rat(trade.Price))
	value.Mul(value, rat(trade.Multiplier))
	if trade.Side == blotter.Buy {
		l.cash.Sub(&l.cash, value)
		l.quantity.Add(&l.quantity, rat(trade.Quantity))
	} else {
		l.cash.Add(&l.cash, value)
		l.quantity.Sub(&l.quantity, rat(trade.Quantity))
	}

	l.realized.Add(&l.realized, rat(effect.RealizedPnL))
	l.fees.Add(&l.fees, rat(trade.Commission))
	if trip := effect.Closed; trip != nil {
		l.tripPnL.Add(&l.tripPnL, rat(trip.Gross))
		l.tripFees.Add(&l.tripFees, rat(trip.Fees))
	}
}

// check compares a position with the ledger of its trades.
func (l *ledger) check(t *rapid.T, p blotter.Position) {
	cost := rat(p.CostBasis)
	if p.Quantity.IsNeg() {
		cost.Neg(cost)
	}
	if want := new(big.Rat).Add(&l.cash, cost); rat(p.RealizedPnL).Cmp(want) != 0 {
		t.Fatalf("realized %s, want %s by the identity", p.RealizedPnL, want.FloatString(25))
	}

	equal := rat(p.Quantity).Cmp(&l.quantity) == 0 && rat(p.RealizedPnL).Cmp(&l.realized) == 0 &&
		rat(p.Fees).Cmp(&l.fees) == 0
	if !equal {
		t.Fatalf("%+v: want quantity %s, realized %s, fees %s", p, &l.quantity, &l.realized, &l.fees)
	}
	if p.Quantity.IsZero() && (!p.CostBasis.IsZero() || p.OpenedAt != nil || p.LifeTrades != 0 ||
		!p.LifeFees.IsZero()) {
		t.Fatalf("the position is flat and has a life: %+v", p)
	}

	pnl := new(big.Rat).Add(&l.tripPnL, rat(p.LifePnL))
	fees := new(big.Rat).Add(&l.tripFees, rat(p.LifeFees))
	if rat(p.RealizedPnL).Cmp(pnl) != 0 || rat(p.Fees).Cmp(fees) != 0 {
		t.Fatalf("all lives have P&L %s and fees %s, the position %s and %s", pnl, fees, p.RealizedPnL, p.Fees)
	}
}

// TestIdentity proves that realized = sum(-side x quantity x price x multiplier) + sign(quantity) x cost basis and
// quantity = sum(side x quantity), exactly, and that the lives of a position add up.
func TestIdentity(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		multiplier := decimals(2, 1, 10_000).Draw(t, "multiplier")

		var p blotter.Position
		var l ledger
		for _, trade := range trades().Draw(t, "trades") {
			trade.Multiplier = multiplier
			after, effect := apply(t, p, trade)
			p = after

			l.add(trade, effect)
			l.check(t, p)
		}
	})
}

func TestFlipIsCloseAndOpen(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		p := applyAll(t, trades().Draw(t, "trades"))
		if p.Quantity.IsZero() {
			return
		}

		opening := trades().Draw(t, "flip")[0]
		opening.Commission = blotter.Decimal{}
		opening.Side = blotter.Sell
		if p.Quantity.IsNeg() {
			opening.Side = blotter.Buy
		}

		closing := opening
		closing.Quantity = p.Quantity.Abs()
		flip := opening
		flip.Quantity = closing.Quantity.Add(opening.Quantity)

		flipped, flipEffect := apply(t, p, flip)
		closed, closeEffect := apply(t, p, closing)
		opened, _ := apply(t, closed, opening)

		if flipEffect.Kind != blotter.Flipped || closeEffect.Kind != blotter.Closed {
			t.Fatalf("effects %s and %s, want a flip and a close", flipEffect.Kind, closeEffect.Kind)
		}
		if !flipEffect.RealizedPnL.Equal(closeEffect.RealizedPnL) || !sameNumbers(flipped, opened) {
			t.Fatalf("flipped %+v, closed and opened %+v", flipped, opened)
		}
	})
}

// sameNumbers reports whether quantity, cost basis, profit and loss, and fees are equal.
func sameNumbers(a, b blotter.Position) bool {
	return a.Quantity.Equal(b.Quantity) && a.CostBasis.Equal(b.CostBasis) && a.RealizedPnL.Equal(b.RealizedPnL) &&
		a.Fees.Equal(b.Fees)
}

// TestOrderAndScale checks that trades of one direction give the same position in any order, and that ten times the
// quantities give ten times the position.
func TestOrderAndScale(t *testing.T) {
	t.Parallel()

	ten := blotter.MustDecimal("10")
	rapid.Check(t, func(t *rapid.T) {
		list := trades().Draw(t, "trades")

		var p, larger blotter.Position
		for _, trade := range list {
			p, _ = apply(t, p, trade)

			trade.Quantity = trade.Quantity.Mul(ten)
			trade.Commission = trade.Commission.Mul(ten)
			larger, _ = apply(t, larger, trade)
		}

		if !larger.Quantity.Equal(p.Quantity.Mul(ten)) || !larger.Fees.Equal(p.Fees.Mul(ten)) {
			t.Fatalf("%+v is not ten times %+v", larger, p)
		}

		for i := range list {
			list[i].Side = blotter.Buy
		}

		var forward, backward blotter.Position
		for i := range list {
			forward, _ = apply(t, forward, list[i])
			backward, _ = apply(t, backward, list[len(list)-1-i])
		}

		if !sameNumbers(forward, backward) {
			t.Fatalf("%+v, and in reverse order %+v", forward, backward)
		}
	})
}

func TestApplyInvalidTrade(t *testing.T) {
	t.Parallel()

	valid := blotter.Trade{
		AccountID: "A", TradeID: "T", Symbol: "S", Side: blotter.Buy,
		Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("2"),
	}

	p, _ := apply(t, blotter.Position{}, valid)

	for field, change := range map[string]func(*blotter.Trade){
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
		"trade_id":            func(t *blotter.Trade) { t.TradeID = "" },
		"commission_currency": func(t *blotter.Trade) { t.CommissionCurrency = "A CURRENCY WITH A LONG NAME" },
	} {
		trade := valid
		change(&trade)
		if after, _, err := p.Apply(trade); !errors.Is(err, blotter.ErrInvalid) || !after.Quantity.Equal(p.Quantity) {
			t.Errorf("%s: quantity %s, %v; want %s and ErrInvalid", field, after.Quantity, err, p.Quantity)
		}
	}
}

func TestCommissionInAnotherCurrency(t *testing.T) {
	t.Parallel()

	after, _ := apply(t, blotter.Position{}, blotter.Trade{
		AccountID: "A", TradeID: "T", Symbol: "S", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
		Price: blotter.MustDecimal("2"), Commission: blotter.MustDecimal("1"), CommissionCurrency: "BNB",
	})
	if !after.Fees.IsZero() {
		t.Errorf("fees %s, want 0", after.Fees)
	}
}
