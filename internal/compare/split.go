package compare

import (
	"context"
	"math/big"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// plausibleMax is the greatest number of the ratio of an unknown split, except for ratios of N:1 and 1:N.
const (
	plausibleMax      = 10
	plausibleWholeMax = 100
)

// MissingSplit is a split that explains a difference: the book would have the broker's quantity with it.
type MissingSplit struct {
	Kind  blotter.ActionKind `json:"kind"`
	Ratio string             `json:"ratio"`
	// ExDate is that of the stored corporate action; nil if none is stored, and the ratio is that of the quantities.
	ExDate *time.Time `json:"ex_date,omitempty"`
}

// findSplit finds a split that explains the difference: a stored one, or otherwise a plausible ratio of the quantities.
func (d *Difference) findSplit(ctx context.Context, s *postgres.Session, account string) error {
	if d.Kind != Different || d.Book.Sign() != d.Broker.Sign() {
		return nil
	}

	actions, err := s.Actions(ctx, postgres.ActionFilter{Symbols: []string{d.Symbol}})
	if err != nil {
		return err
	}
	for i := range actions {
		action := &actions[i]
		if !action.Kind.ChangesShares() {
			continue
		}
		before, err := s.PositionAsOf(ctx, account, d.Symbol, action.ExDate.Add(-time.Nanosecond))
		if err != nil {
			return err
		}

		// The shares that were held then count at the ratio, and later trades as they are.
		ratio := big.NewRat(action.RatioNew-action.RatioOld, action.RatioOld)
		gained := ratio.Mul(ratio, blotter.Rational(before.Quantity))
		if before.Quantity.Sign() != 0 && gained.Cmp(blotter.Rational(d.Broker.Sub(d.Book))) == 0 {
			d.Split = &MissingSplit{Kind: action.Kind, Ratio: action.Ratio(), ExDate: &action.ExDate}
			return nil
		}
	}
	d.Split = plausibleSplit(d.Broker, d.Book)
	return nil
}

// plausibleSplit returns the split whose ratio is that of two quantities, if companies make such splits.
func plausibleSplit(broker, book blotter.Decimal) *MissingSplit {
	ratio := new(big.Rat).Quo(blotter.Rational(broker), blotter.Rational(book))
	larger, smaller := ratio.Num(), ratio.Denom()
	if larger.Cmp(smaller) < 0 {
		larger, smaller = smaller, larger
	}

	isWhole := smaller.IsInt64() && smaller.Int64() == 1
	isPlausible := larger.IsInt64() &&
		(larger.Int64() <= plausibleMax || isWhole && larger.Int64() <= plausibleWholeMax)
	if !isPlausible {
		return nil
	}
	kind := blotter.SplitKind(ratio.Num().Int64(), ratio.Denom().Int64())
	return &MissingSplit{Kind: kind, Ratio: ratio.Num().String() + ":" + ratio.Denom().String()}
}
