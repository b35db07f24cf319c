package blotter

// RefoldData is the data of the event TradesRefolded, version 1: what follows from the entries of a position has
// changed, because one of them came late, was cancelled or corrected, or the position was adjusted. The trades that
// arrived have events of their own, before it. A history that is too long for one event is told in parts.
type RefoldData struct {
	AccountID   string                  `json:"account_id"`
	Symbol      string                  `json:"symbol"`
	Currency    string                  `json:"currency"`
	Multiplier  Decimal                 `json:"multiplier"`
	Cause       RefoldCause             `json:"cause"`
	Since       EventTime               `json:"since"`   // time of the first entry that was computed again
	Entries     int64                   `json:"entries"` // how many were computed again
	Part        int                     `json:"part"`    // from 1
	Parts       int                     `json:"parts"`
	Position    PositionData            `json:"position"` // as it is now
	Difference  RefoldDifference        `json:"difference"`
	Performance []PerformanceDifference `json:"performance"`
}

// RefoldCause says why a position was computed again.
type RefoldCause struct {
	Kind string   `json:"kind"` // late_trade, bust, correct, adjustment, undo or refold
	IDs  []string `json:"ids"`  // of the trades, the correction, the adjustment or the import; at most 100
}

// RefoldDifference has the sums over the entries of a position that were stored before: what they are now minus what
// they were. It is in the first part.
type RefoldDifference struct {
	Trades      int64   `json:"trades"` // that count
	Quantity    Decimal `json:"quantity"`
	CostBasis   Decimal `json:"cost_basis"` // with the sign of the quantity
	TradedValue Decimal `json:"traded_value"`
	RealizedPnL Decimal `json:"realized_pnl"`
	Fees        Decimal `json:"fees"`
}

// PerformanceDifference has the differences of a strategy on a date, in a currency. Dates are those of the account's
// zone.
type PerformanceDifference struct {
	Strategy      string  `json:"strategy"`
	Date          string  `json:"date"`
	Currency      string  `json:"currency"`
	TotalTrades   int64   `json:"total_trades"`
	ClosingTrades int64   `json:"closing_trades"`
	Wins          int64   `json:"wins"`
	Losses        int64   `json:"losses"`
	GrossProfit   Decimal `json:"gross_profit"`
	GrossLoss     Decimal `json:"gross_loss"`
	RealizedPnL   Decimal `json:"realized_pnl"`
	Fees          Decimal `json:"fees"`
}

// PositionUpdate returns the position as it is now.
func (d RefoldData) PositionUpdate() PositionUpdate {
	trade := TradeData{
		AccountID: d.AccountID, Symbol: d.Symbol, Multiplier: d.Multiplier, Currency: d.Currency,
		ExecutedAt: d.Since, Position: d.Position,
	}
	if len(d.Cause.IDs) > 0 {
		trade.TradeID = d.Cause.IDs[0]
	}
	return trade.PositionUpdate()
}
