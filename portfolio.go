package blotter

import (
	"slices"
	"strings"
	"time"
)

// PositionValue is a position at the last known price of its symbol.
type PositionValue struct {
	AccountID     string     `db:"account_id"`
	Symbol        string     `db:"symbol"`
	Quantity      Decimal    `db:"quantity"`
	CostBasis     Decimal    `db:"cost_basis"`
	AvgPrice      *Decimal   `db:"avg_price"`
	RealizedPnL   Decimal    `db:"realized_pnl"`
	Fees          Decimal    `db:"fees"`
	MarketPrice   *Decimal   `db:"market_price"` // nil if no price is known
	PriceAt       *time.Time `db:"price_at"`
	MarketValue   *Decimal   `db:"market_value"`
	UnrealizedPnL *Decimal   `db:"unrealized_pnl"`
	Multiplier    Decimal    `db:"multiplier"`
	Currency      string     `db:"currency"`
	OtherFees     TradeFees  `db:"other_fees,generated"` // in other currencies than the position's
}

// Portfolio is what an account holds, valued at the last known prices.
type Portfolio struct {
	AccountID string
	Positions []PositionValue
	Totals    []PortfolioTotal // one for each currency, sorted by it: money of two currencies is never added
}

// PortfolioTotal is the sum of the positions of one currency.
type PortfolioTotal struct {
	Currency      string
	Open          int     // positions that are not flat
	Unpriced      int     // open positions without a known price, which no value includes
	CostBasis     Decimal // of all open positions, long and short
	MarketValue   Decimal // short positions count as negative
	RealizedPnL   Decimal // before fees
	UnrealizedPnL Decimal
	Fees          Decimal
}

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

// NetPnL returns realized and unrealized profit and loss after fees.
func (t PortfolioTotal) NetPnL() Decimal { return t.RealizedPnL.Add(t.UnrealizedPnL).Sub(t.Fees) }

func (t *PortfolioTotal) add(p PositionValue) {
	t.RealizedPnL = t.RealizedPnL.Add(p.RealizedPnL)
	t.Fees = t.Fees.Add(p.Fees)
	if p.Quantity.IsZero() {
		return
	}

	t.Open++
	t.CostBasis = t.CostBasis.Add(p.CostBasis)
	if p.MarketValue == nil || p.UnrealizedPnL == nil {
		t.Unpriced++
		return
	}

	t.MarketValue = t.MarketValue.Add(*p.MarketValue)
	t.UnrealizedPnL = t.UnrealizedPnL.Add(*p.UnrealizedPnL)
}
