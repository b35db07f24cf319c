package blotter

import (
	"slices"
	"strings"
)

// Portfolio is what an account holds, valued at the last known prices.
type Portfolio struct {
	AccountID string
	Positions []PositionValue
	Totals    []PortfolioTotal // one for each currency, by its code: money of two currencies is not added
}

// PortfolioTotal is what the positions of one currency come to.
type PortfolioTotal struct {
	Currency      string
	Open          int     // positions that are not flat
	Unpriced      int     // of these, those without a known price: they are in none of the values
	CostBasis     Decimal // of all that is open, long and short
	MarketValue   Decimal // short positions count below zero
	RealizedPnL   Decimal // before fees
	UnrealizedPnL Decimal
	Fees          Decimal
}

// NetPnL is realized and unrealized P&L after fees.
func (t PortfolioTotal) NetPnL() Decimal { return t.RealizedPnL.Add(t.UnrealizedPnL).Sub(t.Fees) }

// NewPortfolio adds up the positions of an account.
func NewPortfolio(accountID string, positions []PositionValue) Portfolio {
	totals := map[string]*PortfolioTotal{}
	for _, p := range positions {
		t := totals[p.Currency]
		if t == nil {
			t = &PortfolioTotal{Currency: p.Currency}
			totals[p.Currency] = t
		}
		t.add(p)
	}
	portfolio := Portfolio{AccountID: accountID, Positions: positions}
	for _, t := range totals {
		portfolio.Totals = append(portfolio.Totals, *t)
	}
	slices.SortFunc(portfolio.Totals, func(a, b PortfolioTotal) int { return strings.Compare(a.Currency, b.Currency) })
	return portfolio
}

func (t *PortfolioTotal) add(p PositionValue) {
	t.RealizedPnL, t.Fees = t.RealizedPnL.Add(p.RealizedPnL), t.Fees.Add(p.Fees)
	if p.Quantity.IsZero() {
		return
	}
	t.Open++
	t.CostBasis = t.CostBasis.Add(p.CostBasis)
	if p.MarketValue == nil || p.UnrealizedPnL == nil {
		t.Unpriced++
		return
	}
	t.MarketValue, t.UnrealizedPnL = t.MarketValue.Add(*p.MarketValue), t.UnrealizedPnL.Add(*p.UnrealizedPnL)
}
