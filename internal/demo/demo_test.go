package demo

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// A run on a later day adds bars and changes none.
func TestSampleOfALaterDayContinuesTheEarlierOne(t *testing.T) {
	early := sample(1, sampleStart.AddDate(0, 0, 100))
	late := sample(1, sampleStart.AddDate(0, 0, 120))
	if !strings.HasPrefix(late, early) || len(late) == len(early) {
		t.Error("the bars of 120 days do not continue those of 100 days")
	}
	if sample(2, sampleStart.AddDate(0, 0, 100)) == early {
		t.Error("two symbols have the same bars")
	}
}

// The fills of an order add up to its quantity.
func TestFillsAddUpToTheirOrder(t *testing.T) {
	var bars []blotter.Bar
	for i := range 400 {
		price := blotter.MustDecimal(strconv.Itoa(100 + i%97 + i%13))
		bars = append(bars, blotter.Bar{
			Symbol: "SYN-A", Timestamp: sampleStart.Add(time.Duration(i) * 24 * time.Hour), Open: price, Close: price,
		})
	}

	p := planTrades("A", bars)
	if len(p.orders) < 4 {
		t.Fatalf("the strategy ordered %d times, want more", len(p.orders))
	}
	filled := map[string]blotter.Decimal{}
	for _, f := range p.fills {
		filled[f.OrderID] = filled[f.OrderID].Add(f.Quantity)
	}
	for _, o := range p.orders {
		if !filled[o.OrderID].Equal(o.Quantity) {
			t.Errorf("the fills of %s add up to %s, want %s", o.OrderID, filled[o.OrderID], o.Quantity)
		}
	}
}

func TestPartsOfAQuantity(t *testing.T) {
	for _, quantity := range []string{"1", "2", "7", "100", "0.5", "0.0001"} {
		want := blotter.MustDecimal(quantity)
		var sum blotter.Decimal
		for _, part := range parts(want) {
			if part.IsNeg() {
				t.Errorf("a part of %s is %s", quantity, part)
			}
			sum = sum.Add(part)
		}
		if !sum.Equal(want) {
			t.Errorf("the parts of %s add up to %s", quantity, sum)
		}
	}
}
