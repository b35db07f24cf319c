package blotter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

func TestCheckCorporateAction(t *testing.T) {
	t.Parallel()

	type action = blotter.CorporateAction
	split := func(change func(*action)) action {
		a := blotter.CorporateAction{
			Symbol: "AVGO", ExDate: time.Date(2024, 7, 15, 0, 0, 0, 0, time.UTC), Kind: blotter.ActionSplit,
			RatioNew: 10, RatioOld: 1, Source: "manual",
		}
		change(&a)
		return a
	}
	cash := blotter.MustDecimal("0.25")
	for name, c := range map[string]struct {
		action action
		valid  bool
	}{
		"split":                     {split(func(*action) {}), true},
		"no symbol":                 {split(func(a *action) { a.Symbol = "" }), false},
		"no date":                   {split(func(a *action) { a.ExDate = time.Time{} }), false},
		"unknown kind":              {split(func(a *action) { a.Kind = "spin_off" }), false},
		"inverted split":            {split(func(a *action) { a.RatioNew, a.RatioOld = 1, 10 }), false},
		"no ratio":                  {split(func(a *action) { a.RatioNew, a.RatioOld = 0, 0 }), false},
		"not reduced":               {split(func(a *action) { a.RatioNew, a.RatioOld = 20, 2 }), false},
		"too large":                 {split(func(a *action) { a.RatioNew = blotter.ActionRatioMax + 1 }), false},
		"split with cash":           {split(func(a *action) { a.CashAmount = &cash }), false},
		"split into another symbol": {split(func(a *action) { a.NewSymbol = "AVGO2" }), false},
		"reverse split": {split(func(a *action) {
			a.Kind = blotter.ActionReverseSplit
			a.RatioNew, a.RatioOld = 1, 10
		}), true},
		"change of symbol": {split(func(a *action) {
			a.Kind = blotter.ActionSymbolChange
			a.RatioNew, a.NewSymbol = 1, "AVG"
		}), true},
		"change into itself": {split(func(a *action) {
			a.Kind = blotter.ActionSymbolChange
			a.RatioNew, a.NewSymbol = 1, "AVGO"
		}), false},
		"merger": {split(func(a *action) {
			a.Kind = blotter.ActionMerger
			a.RatioNew, a.RatioOld = 3, 7
			a.NewSymbol = "CA"
		}), true},
		"dividend": {split(func(a *action) {
			a.Kind = blotter.ActionCashDividend
			a.RatioNew, a.RatioOld = 0, 0
			a.CashAmount = &cash
		}), true},
		"dividend without cash": {split(func(a *action) {
			a.Kind = blotter.ActionCashDividend
			a.RatioNew, a.RatioOld = 0, 0
		}), false},
		"currency in lower case": {split(func(a *action) { a.Currency = "usd" }), false},
	} {
		err := c.action.Check()
		if c.valid && err != nil || !c.valid && !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: Check() = %v, want valid %v", name, err, c.valid)
		}
	}
}

func TestParseRatio(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int64{
		"4:1": {4, 1}, "1:10": {1, 10}, "6:4": {3, 2}, " 21 : 20 ": {21, 20}, "3/2": {3, 2},
		"4": {}, "0:1": {}, "-4:1": {}, "1.5:1": {}, "": {}, "a:b": {},
	} {
		first, second, err := blotter.ParseRatio(text)
		if isValid := want[0] > 0; isValid != (err == nil) || first != want[0] || second != want[1] {
			t.Errorf("ParseRatio(%q) = %d, %d, %v; want %v", text, first, second, err, want)
		}
	}
}
