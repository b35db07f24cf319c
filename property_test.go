package blotter_test

import (
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
	"pgregory.net/rapid"
)

// TestMirrorAndMultiplier checks that a position with the sides exchanged is the mirror image, and that a multiplier
// has the effect of a price that is as many times higher.
func TestMirrorAndMultiplier(t *testing.T) {
	t.Parallel()

	ten := blotter.MustDecimal("10")
	opposite := map[blotter.Side]blotter.Side{blotter.Buy: blotter.Sell, blotter.Sell: blotter.Buy}
	rapid.Check(t, func(t *rapid.T) {
		var p, mirror, multiplied, dearer blotter.Position
		for _, trade := range trades().Draw(t, "trades") {
			p, _ = apply(t, p, trade)

			withMultiplier := trade
			withMultiplier.Multiplier = ten
			multiplied, _ = apply(t, multiplied, withMultiplier)

			withPrice := trade
			withPrice.Price = trade.Price.Mul(ten)
			dearer, _ = apply(t, dearer, withPrice)

			trade.Side = opposite[trade.Side]
			mirror, _ = apply(t, mirror, trade)
		}

		mirror.Quantity = mirror.Quantity.Neg()
		mirror.RealizedPnL = mirror.RealizedPnL.Neg()
		if !sameNumbers(mirror, p) {
			t.Fatalf("the mirror image of %+v is, with its signs changed, %+v", p, mirror)
		}
		if !sameNumbers(multiplied, dearer) {
			t.Fatalf("with a multiplier of 10 %+v, with prices 10 times as high %+v", multiplied, dearer)
		}
	})
}

// TestFlipDividesTheFee checks that the fee of a flip is divided between the life that ends and the one that begins
// without loss.
func TestFlipDividesTheFee(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		p := applyAll(t, trades().Draw(t, "trades"))
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

		closingFee := effect.Closed.Fees.Sub(p.LifeFees)
		if !closingFee.Add(after.LifeFees).Equal(flip.Commission) || !after.Fees.Equal(p.Fees.Add(flip.Commission)) {
			t.Fatalf("a fee of %s was divided into %s and %s", flip.Commission, closingFee, after.LifeFees)
		}
		if effect.Closed.Trades != p.LifeTrades+1 || after.LifeTrades != 1 ||
			!effect.Closed.ClosedAt.Equal(*after.OpenedAt) {
			t.Fatalf("a life of %d trades ended as %+v, and %+v began", p.LifeTrades, effect.Closed, after)
		}
	})
}

// TestOrderLife checks that the status of an order agrees with its fills, however it is filled and changed, and that
// every refusal is ErrInvalid.
func TestOrderLife(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		o, err := blotter.Order{
			AccountID: "A", OrderID: "O", Symbol: "S", Side: blotter.Buy, Quantity: decimals(1, 1, 200).Draw(t,
				"quantity"),
		}.New()
		if err != nil {
			t.Fatal(err)
		}

		overfilled := false
		steps := []func(*rapid.T, blotter.Order) (blotter.Order, error){
			drawFill(&overfilled), drawStatus, drawAmendment,
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			step := rapid.IntRange(0, len(steps)-1).Draw(t, "step")
			after, err := steps[step](t, o)
			if err != nil {
				if !errors.Is(err, blotter.ErrInvalid) {
					t.Fatal(err)
				}
				continue
			}

			checkOrder(t, o, after, overfilled)
			o = after
		}
	})
}

func drawFill(overfilled *bool) func(*rapid.T, blotter.Order) (blotter.Order, error) {
	return func(t *rapid.T, o blotter.Order) (blotter.Order, error) {
		allowed := rapid.Bool().Draw(t, "overfill")
		trade := blotter.Trade{
			AccountID: "A", OrderID: "O", TradeID: "T", Symbol: "S", Side: blotter.Buy,
			Quantity: decimals(1, 1, 100).Draw(t, "fill"), Price: decimals(2, 1, 1000).Draw(t, "price"),
		}

		after, err := o.WithFill(trade, allowed)
		exceeds := trade.Quantity.GreaterThan(o.Open())
		if (err == nil) == (exceeds && !allowed) || err != nil && !errors.Is(err, blotter.ErrOverfill) {
			t.Fatalf("a fill of %s of %+v, overfill %v: %v", trade.Quantity, o, allowed, err)
		}

		*overfilled = *overfilled || err == nil && exceeds
		return after, err
	}
}

func drawStatus(t *rapid.T, o blotter.Order) (blotter.Order, error) {
	return o.WithStatus(rapid.SampledFrom(blotter.OrderStatuses()).Draw(t, "status"))
}

func drawAmendment(t *rapid.T, o blotter.Order) (blotter.Order, error) {
	changed := o
	changed.Quantity = decimals(1, 1, 200).Draw(t, "amended")
	changed.Status = rapid.SampledFrom(append(blotter.OrderStatuses(), "")).Draw(t, "status of the change")

	after, err := o.Amend(changed)
	changes := !changed.Quantity.Equal(o.Quantity)
	if err == nil && changes && (o.Done() || changed.Quantity.LessThan(o.FilledQuantity)) {
		t.Fatalf("%+v was amended to %+v", o, after)
	}

	return after, err
}

func checkOrder(t *rapid.T, before, o blotter.Order, overfilled bool) {
	if before.Done() && before.Status != o.Status {
		t.Fatalf("%s became %s", before.Status, o.Status)
	}
	if o.FilledQuantity.LessThan(before.FilledQuantity) || !overfilled && o.Open().IsNeg() {
		t.Fatalf("%+v became %+v", before, o)
	}

	hasFills := !o.FilledQuantity.IsZero()
	complete := o.Open().Sign() <= 0
	switch o.Status {
	case blotter.Pending, blotter.Submitted:
		if hasFills {
			t.Fatalf("status %s with fills: %+v", o.Status, o)
		}
	case blotter.PartiallyFilled:
		if !hasFills || complete {
			t.Fatalf("status %s: %+v", o.Status, o)
		}
	case blotter.Filled:
		if !complete {
			t.Fatalf("status %s: %+v", o.Status, o)
		}
	}

	if hasFills != (o.AvgFillPrice != nil) {
		t.Fatalf("average price %v: %+v", o.AvgFillPrice, o)
	}
}
