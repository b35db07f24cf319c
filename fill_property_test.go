package blotter_test

import (
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
	"pgregory.net/rapid"
)

// With the sides exchanged, a position is the mirror image; and a multiplier is a price that is so many times as high.
func TestMirrorAndMultiplier(t *testing.T) {
	t.Parallel()
	ten := blotter.MustDecimal("10")
	rapid.Check(t, func(t *rapid.T) {
		var p, mirror, multiplied, dearer blotter.Position
		for _, trade := range trades().Draw(t, "trades") {
			p, _ = apply(t, p, trade)
			times := trade
			times.Multiplier = ten
			multiplied, _ = apply(t, multiplied, times)
			times.Multiplier, times.Price = blotter.Decimal{}, trade.Price.Mul(ten)
			dearer, _ = apply(t, dearer, times)
			trade.Side = map[blotter.Side]blotter.Side{blotter.Buy: blotter.Sell, blotter.Sell: blotter.Buy}[trade.Side]
			mirror, _ = apply(t, mirror, trade)
		}
		if !mirror.Quantity.Equal(p.Quantity.Neg()) || !mirror.CostBasis.Equal(p.CostBasis) || !mirror.RealizedPnL.Equal(p.RealizedPnL.Neg()) || !mirror.Fees.Equal(p.Fees) {
			t.Fatalf("%+v is not the mirror image of %+v", mirror, p)
		}
		if !multiplied.CostBasis.Equal(dearer.CostBasis) || !multiplied.RealizedPnL.Equal(dearer.RealizedPnL) || !multiplied.Quantity.Equal(dearer.Quantity) {
			t.Fatalf("with a multiplier %+v, with prices so many times as high %+v", multiplied, dearer)
		}
	})
}

// The fee of a flip is divided between the life that ends and the one that begins, and nothing of it is lost.
func TestFlipDividesTheFee(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := trades().Draw(t, "trades")
		var p blotter.Position
		for _, trade := range list {
			p, _ = apply(t, p, trade)
		}
		if p.Quantity.IsZero() {
			return
		}
		flip := trades().Draw(t, "flip")[0]
		flip.Side = blotter.Sell
		if p.Quantity.IsNeg() {
			flip.Side = blotter.Buy
		}
		flip.Quantity = flip.Quantity.Add(p.Quantity.Abs())
		after, effect := apply(t, p, flip)
		ending := effect.Closed.Fees.Sub(p.LifeFees)
		if !ending.Add(after.LifeFees).Equal(flip.Commission) || !after.Fees.Equal(p.Fees.Add(flip.Commission)) {
			t.Fatalf("of a fee of %s, %s is the ending life's and %s the new one's", flip.Commission, ending, after.LifeFees)
		}
		if effect.Closed.Trades != p.LifeTrades+1 || after.LifeTrades != 1 || !effect.Closed.ClosedAt.Equal(*after.OpenedAt) {
			t.Fatalf("a life of %d trades ends as %+v, and %+v begins", p.LifeTrades, effect.Closed, after)
		}
	})
}

var statuses = []blotter.OrderStatus{
	blotter.Pending, blotter.Submitted, blotter.PartiallyFilled, blotter.Filled, blotter.Cancelled, blotter.Rejected, blotter.Expired,
}

// However an order is filled, amended and set, its status says what its fills say, and what is refused is ErrInvalid.
func TestOrderLife(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, err := blotter.Order{AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: decimals(1, 1, 200).Draw(t, "quantity")}.New()
		if err != nil {
			t.Fatal(err)
		}
		overfilled := false
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before, after := o, o
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				overfill := rapid.Bool().Draw(t, "overfill")
				trade := blotter.Trade{AccountID: "A", OrderID: "O", TradeID: "T", Symbol: "S", Side: blotter.Buy, Quantity: decimals(1, 1, 100).Draw(t, "fill"), Price: decimals(2, 1, 1000).Draw(t, "price")}
				after, err = o.Fill(trade, overfill)
				over := trade.Quantity.GreaterThan(o.Open())
				if (err == nil) == (over && !overfill) || err != nil && !errors.Is(err, blotter.ErrOverfill) {
					t.Fatalf("a fill of %s of %+v, overfill %v: %v", trade.Quantity, o, overfill, err)
				}
				overfilled = overfilled || err == nil && over
			case 1:
				after, err = o.SetStatus(rapid.SampledFrom(statuses).Draw(t, "status"))
			case 2:
				changed := o
				changed.Quantity = decimals(1, 1, 200).Draw(t, "amended")
				changed.Status = rapid.SampledFrom(append(statuses, "")).Draw(t, "status of the change")
				after, err = o.Amend(changed)
				if err == nil && o.Done() && !changed.Quantity.Equal(o.Quantity) || err == nil && !changed.Quantity.Equal(o.Quantity) && changed.Quantity.LessThan(o.FilledQuantity) {
					t.Fatalf("%+v was amended to %+v", o, after)
				}
			}
			if err != nil {
				if !errors.Is(err, blotter.ErrInvalid) {
					t.Fatal(err)
				}
				continue
			}
			o = after
			checkOrder(t, before, o, overfilled)
		}
	})
}

func checkOrder(t *rapid.T, before, o blotter.Order, overfilled bool) {
	if before.Done() && before.Status != o.Status {
		t.Fatalf("%s became %s", before.Status, o.Status)
	}
	if o.FilledQuantity.LessThan(before.FilledQuantity) || !overfilled && o.Open().IsNeg() {
		t.Fatalf("%+v became %+v", before, o)
	}
	filled, some := o.Open().Sign() <= 0, !o.FilledQuantity.IsZero()
	switch o.Status {
	case blotter.Pending, blotter.Submitted:
		if some {
			t.Fatalf("%s, and filled: %+v", o.Status, o)
		}
	case blotter.PartiallyFilled:
		if !some || filled {
			t.Fatalf("partially filled: %+v", o)
		}
	case blotter.Filled:
		if !filled {
			t.Fatalf("filled: %+v", o)
		}
	}
	if some != (o.AvgFillPrice != nil) {
		t.Fatalf("average: %+v", o)
	}
}
