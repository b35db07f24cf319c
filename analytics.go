package blotter

import "time"

// PortfolioSummary is a position of the analytics, valued at the last price. Its key is (AccountID, Symbol).
type PortfolioSummary struct {
	AccountID     string    `db:"account_id"`
	Symbol        string    `db:"symbol"`
	Quantity      Decimal   `db:"quantity"`
	CostBasis     Decimal   `db:"cost_basis"`
	TradedValue   Decimal   `db:"traded_value"`
	RealizedPnL   Decimal   `db:"realized_pnl"`
	Fees          Decimal   `db:"fees"`
	Multiplier    Decimal   `db:"multiplier,omitzero"` // default 1
	Currency      string    `db:"currency,omitzero"`   // default USD
	MarketPrice   *Decimal  `db:"market_price"`
	TotalValue    *Decimal  `db:"total_value"` // market value
	UnrealizedPnL *Decimal  `db:"unrealized_pnl"`
	EventCount    int64     `db:"event_count"`
	LastUpdated   time.Time `db:"last_updated,stamp"`
}

// MarketPrice is the last price of a symbol in the analytics. It is replaced only by a later price.
type MarketPrice struct {
	Symbol string    `db:"symbol"`
	Price  Decimal   `db:"price"`
	At     time.Time `db:"at"`
	Source string    `db:"source"`
	// Currency of the price; default USD. The price values only positions in this currency.
	Currency string `db:"currency,omitzero"`
}

// PerformanceMetrics sums up the trades of a strategy on one trading date. Its key is (AccountID, Strategy, Date,
// Currency).
type PerformanceMetrics struct {
	AccountID     string    `db:"account_id"`
	Strategy      string    `db:"strategy"`
	Date          time.Time `db:"date"`              // trading date of executed_at in the account's zone
	Currency      string    `db:"currency,omitzero"` // of the money; default USD
	TotalTrades   int64     `db:"total_trades"`
	ClosingTrades int64     `db:"closing_trades"`
	Wins          int64     `db:"wins"` // closing trades with realized P&L above zero
	Losses        int64     `db:"losses"`
	GrossProfit   Decimal   `db:"gross_profit"`
	GrossLoss     Decimal   `db:"gross_loss"` // losses of losing trades, zero or positive
	RealizedPnL   Decimal   `db:"realized_pnl"`
	Fees          Decimal   `db:"fees"`
	WinRate       *Decimal  `db:"win_rate,generated"` // wins / closing trades; nil before the first closing trade
	LastUpdated   time.Time `db:"last_updated,stamp"`
}
