package blotter

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Entry is one entry of a position: a trade or an adjustment.
type Entry struct {
	Trade      *Trade
	Adjustment *Adjustment
}

// At returns the time of the entry.
func (e Entry) At() time.Time {
	if e.Trade != nil {
		return e.Trade.ExecutedAt
	}
	return e.Adjustment.EffectiveAt
}

// SortEntries sorts the entries of a position in the book's order: by time; at one time adjustments first, by their
// ids, then trades by sequence. Trades of one time and one sequence are in the order of their arrival; those without a
// number are the last to arrive, and keep their order.
func SortEntries(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if byTime := a.At().Compare(b.At()); byTime != 0 {
			return byTime
		}
		switch {
		case a.Adjustment != nil && b.Adjustment != nil:
			return strings.Compare(a.Adjustment.AdjustmentID, b.Adjustment.AdjustmentID)
		case a.Adjustment != nil:
			return -1
		case b.Adjustment != nil:
			return 1
		}
		return cmp.Or(cmp.Compare(a.Trade.Sequence, b.Trade.Sequence), compareArrivals(a.Trade.ID, b.Trade.ID))
	})
}

// compareArrivals compares the numbers of two trades. A trade without a number arrives now.
func compareArrivals(a, b int64) int {
	switch {
	case a == 0 && b == 0:
		return 0
	case a == 0:
		return 1
	case b == 0:
		return -1
	}
	return cmp.Compare(a, b)
}

// Fold applies entries, in the book's order, to the position. It sets what each entry derives from those before it, and
// returns the position after the last one and the round trips that ended. A voided trade leaves the position as it is.
func (p Position) Fold(entries []Entry) (after Position, ended []RoundTrip, err error) {
	for _, e := range entries {
		var closed *RoundTrip
		if e.Trade != nil {
			closed, err = p.foldTrade(e.Trade)
		} else {
			closed, err = p.foldAdjustment(e.Adjustment)
		}
		if err != nil {
			return p, nil, err
		}
		if closed != nil {
			ended = append(ended, *closed)
		}
	}

	return p, ended, nil
}

func (p *Position) foldTrade(t *Trade) (*RoundTrip, error) {
	if t.PositionEffect == Voided {
		if p.Multiplier.IsZero() {
			*p = p.begin(*t)
		}
		p.setLast(t.ExecutedAt, t.Sequence)
		*t = t.WithEffect(*p, Effect{Kind: Voided})
		return nil, nil
	}

	after, effect, err := p.Apply(*t)
	if err != nil {
		return nil, err
	}
	*p = after
	*t = t.WithEffect(after, effect)
	return effect.Closed, nil
}

func (p *Position) foldAdjustment(a *Adjustment) (*RoundTrip, error) {
	after, adjusted, closed, err := p.Adjust(*a)
	if err != nil {
		return nil, err
	}
	*p = after
	*a = adjusted
	return closed, nil
}
