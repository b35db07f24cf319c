package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
	"github.com/jackc/pgx/v5"
)

const (
	sqlBarBefore = `select timestamp, open, close, source from data_ingestion.market_data
 where symbol = $1 and timeframe = $2 and timestamp < $3 order by timestamp desc limit 1`
	sqlBarSince = `select timestamp, open, close, source from data_ingestion.market_data
 where symbol = $1 and timeframe = $2 and timestamp >= $3 order by timestamp limit 1`
)

// barAdjuster adjusts the prices of a series. The factor of a bar is the product over all actions after it.
type barAdjuster struct {
	basis blotter.PriceBasis
	since []time.Time // of the actions, ascending
	// traded and adjusted have the factors of a bar before since[i]: of traded prices, and of prices that are adjusted
	// for splits. volume has those of traded volumes. The last factor, of bars after all actions, is 1.
	traded, adjusted, volume []*big.Rat
}

// edge is a bar beside an action.
type edge struct {
	at          time.Time
	open, close blotter.Decimal
	source      string
}

// barAction is an action that changes prices, and the bars beside it.
type barAction struct {
	blotter.CorporateAction
	since         time.Time // the instant at which the ex-date begins
	before, after *edge
}

// adjuster reads the actions of a filter's symbol. It is nil if prices are not adjusted.
func (s *Session) adjuster(ctx context.Context, f *BarFilter) (*barAdjuster, error) {
	switch f.Adjusted {
	case blotter.AdjustNothing:
		return nil, nil
	case blotter.AdjustSplits, blotter.AdjustAll:
	default:
		return nil, blotter.Invalid("adjustment", string(f.Adjusted), "splits or all")
	}
	if f.Resample != "" && f.Resample != f.Timeframe {
		return nil, blotter.Invalid("resampling", string(f.Resample), "none together with an adjustment")
	}

	actions, err := s.barActions(ctx, f)
	if err != nil {
		return nil, err
	}
	a := &barAdjuster{basis: f.Basis}
	return a, a.build(actions)
}

// barActions returns the actions that change the prices of the filter's series, in the order of their ex-dates. Those
// after the newest bar do not: its price stays.
func (s *Session) barActions(ctx context.Context, f *BarFilter) ([]barAction, error) {
	found, err := s.Actions(ctx, ActionFilter{Symbols: []string{f.Symbol}})
	if err != nil {
		return nil, err
	}
	var actions []barAction
	for _, a := range found {
		if a.Kind.ChangesShares() || a.Kind == blotter.ActionCashDividend && f.Adjusted == blotter.AdjustAll {
			actions = append(actions, barAction{CorporateAction: a})
		}
	}
	if len(actions) == 0 {
		return nil, nil
	}

	zone, err := s.zoneOfDays(ctx, f)
	if err != nil {
		return nil, err
	}
	for i := range actions {
		a := &actions[i]
		year, month, date := a.ExDate.Date()
		a.since = time.Date(year, month, date, 0, 0, 0, 0, zone)
		if a.before, err = s.barBeside(ctx, sqlBarBefore, f, a.since); err != nil {
			return nil, err
		}
		if a.after, err = s.barBeside(ctx, sqlBarSince, f, a.since); err != nil {
			return nil, err
		}
	}

	isOutside := func(a barAction) bool { return a.before == nil || a.after == nil }
	return slices.DeleteFunc(actions, isOutside), nil
}

// barBeside returns the bar beside an instant, or nil.
func (s *Session) barBeside(ctx context.Context, sql string, f *BarFilter, at time.Time) (*edge, error) {
	rows, err := s.Query(ctx, sql, f.Symbol, f.Timeframe, at)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e edge, err error) {
		err = row.Scan(&e.at, &e.open, &e.close, &e.source)
		return e, err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// zoneOfDays returns the zone in which ex-dates begin: UTC for bars of a day and more, whose timestamps are dates, and
// otherwise that of the filter or of the symbol's exchange.
func (s *Session) zoneOfDays(ctx context.Context, f *BarFilter) (*time.Location, error) {
	length, months, err := f.Timeframe.Length()
	if err != nil {
		return nil, err
	}
	if months > 0 || length >= day {
		return time.UTC, nil
	}
	if f.Zone != "" {
		zone, err := time.LoadLocation(f.Zone)
		if err != nil {
			return nil, blotter.Invalid("zone", f.Zone, "an IANA name, for example America/New_York or UTC")
		}
		return zone, nil
	}

	var calendar string
	var isStated bool
	err = s.QueryRow(ctx, sqlCalendar, f.Symbol).Scan(&calendar, &isStated)
	if err != nil && !errors.Is(err, blotter.ErrNotFound) {
		return nil, err
	}
	listed := exchange.Named(calendar)
	if listed == nil {
		listed = exchange.OfSymbol(f.Symbol)
	}
	switch {
	case listed != nil:
		return listed.Location(), nil
	case calendar == string(blotter.AllDays):
		return time.UTC, nil
	}

	return nil, blotter.Invalid("zone", f.Zone, "the zone in which the days of "+f.Symbol+" begin (--tz), "+
		"to adjust bars within a day, for example America/New_York")
}

// build computes the factors, from the newest action to the oldest.
func (a *barAdjuster) build(actions []barAction) error {
	n := len(actions)
	one := big.NewRat(1, 1)
	a.since = make([]time.Time, n)
	a.traded = make([]*big.Rat, n+1)
	a.adjusted = make([]*big.Rat, n+1)
	a.volume = make([]*big.Rat, n+1)
	a.traded[n] = one
	a.adjusted[n] = one
	a.volume[n] = one

	for i := n - 1; i >= 0; i-- {
		action := &actions[i]
		a.since[i] = action.since
		a.traded[i] = a.traded[i+1]
		a.adjusted[i] = a.adjusted[i+1]
		a.volume[i] = a.volume[i+1]
		if action.Kind.ChangesShares() {
			if err := a.checkEdges(action); err != nil {
				return err
			}
			ratio := big.NewRat(action.RatioNew, action.RatioOld)
			a.traded[i] = new(big.Rat).Quo(a.traded[i], ratio)
			a.volume[i] = new(big.Rat).Mul(a.volume[i], ratio)
			continue
		}

		factor, err := a.cashFactor(action, actions)
		if err != nil {
			return err
		}
		a.traded[i] = new(big.Rat).Mul(a.traded[i], factor)
		a.adjusted[i] = new(big.Rat).Mul(a.adjusted[i], factor)
	}
	return nil
}

// isAdjusted reports whether the prices of a source are adjusted for splits.
func (a *barAdjuster) isAdjusted(source string) bool {
	if a.basis == blotter.BasisOfSource {
		return blotter.SplitAdjusted(source)
	}
	return a.basis == blotter.BasisSplitAdjusted
}

// cashFactor returns the factor of a cash dividend: 1 - cash / the last close before it. Both are for a share as it is
// on the ex-date.
func (a *barAdjuster) cashFactor(action *barAction, all []barAction) (*big.Rat, error) {
	lastClose := blotter.Rational(action.before.close)
	for i := range all {
		other := &all[i]
		ratio := big.NewRat(1, 1)
		if other.Kind.ChangesShares() {
			ratio = big.NewRat(other.RatioNew, other.RatioOld)
		}

		switch isAdjusted := a.isAdjusted(action.before.source); {
		case isAdjusted && other.since.After(action.since):
			lastClose.Mul(lastClose, ratio)
		case !isAdjusted && other.since.After(action.before.at) && !other.since.After(action.since):
			lastClose.Quo(lastClose, ratio)
		}
	}

	cash := blotter.Rational(*action.CashAmount)
	if lastClose.Cmp(cash) <= 0 {
		return nil, blotter.Invalid("corporate action", action.String(),
			fmt.Sprintf("less than the last close before it, %s", action.before.close))
	}
	return cash.Sub(big.NewRat(1, 1), cash.Quo(cash, lastClose)), nil
}

// plainRatio is the ratio from which on the bars beside a split show whether it is in the prices.
var plainRatio = big.NewRat(3, 2)

// checkEdges returns ErrConflict if the bars beside a split contradict what is known of their source: traded prices
// change by the ratio, and adjusted ones do not. The bound between the two is the square root of the ratio.
func (a *barAdjuster) checkEdges(action *barAction) error {
	before, after := action.before, action.after
	ratio := big.NewRat(action.RatioNew, action.RatioOld)
	change := blotter.Rational(before.close)
	isComparable := before.source == after.source && change.Sign() > 0 && after.open.Sign() > 0
	if a.basis != blotter.BasisOfSource || !isComparable {
		return nil
	}

	change.Quo(change, blotter.Rational(after.open))
	if ratio.Cmp(big.NewRat(1, 1)) < 0 {
		ratio.Inv(ratio)
		change.Inv(change)
	}
	if ratio.Cmp(plainRatio) < 0 {
		return nil
	}

	isTraded := new(big.Rat).Mul(change, change).Cmp(ratio) > 0
	if isTraded != a.isAdjusted(before.source) {
		return nil
	}

	know, show := "traded", "adjusted for it"
	if isTraded {
		know = "adjusted for splits"
		show = "not adjusted for it"
	}
	return &blotter.Error{
		Op: "adjust bars of " + action.Symbol, Kind: blotter.ErrConflict,
		Message: fmt.Sprintf("prices of %s are %s, but the close of %s before the %s and the open of %s after it "+
			"are %s; state which prices they are (--prices traded or split-adjusted), or correct the bars",
			before.source, know, before.close, strings.TrimSpace(action.String()), after.open, show),
	}
}

// apply adjusts a bar.
func (a *barAdjuster) apply(b *blotter.Bar) {
	i := sort.Search(len(a.since), func(i int) bool { return a.since[i].After(b.Timestamp) })
	price := a.traded[i]
	if a.isAdjusted(b.Source) {
		price = a.adjusted[i]
	} else {
		b.Volume = scaled(b.Volume, a.volume[i])
	}
	for _, p := range []*blotter.Decimal{&b.Open, &b.High, &b.Low, &b.Close} {
		*p = scaled(*p, price)
	}
}

// scaled returns d times factor, rounded half away from zero to AdjustedDigits or the digits of d.
func scaled(d blotter.Decimal, factor *big.Rat) blotter.Decimal {
	if factor.IsInt() && factor.Num().IsInt64() && factor.Num().Int64() == 1 {
		return d
	}
	product := blotter.Rational(d)
	return blotter.MustDecimal(product.Mul(product, factor).FloatString(max(blotter.AdjustedDigits, d.Prec())))
}
