package blotter

// PositionUpdate is the data of the message PositionUpdated, version 1: a position, after the fill that made it so. Its
// quantities follow from the trade's event, so it is never written into the outbox.
type PositionUpdate struct {
	AccountID   string    `json:"account_id"`
	Symbol      string    `json:"symbol"`
	Quantity    Decimal   `json:"quantity"`     // negative for a short position
	CostBasis   Decimal   `json:"cost_basis"`   // money tied in the open quantity
	AvgPrice    *Decimal  `json:"avg_price"`    // nil when flat
	RealizedPnL Decimal   `json:"realized_pnl"` // of all its fills, before fees
	Fees        Decimal   `json:"fees"`         // negative when rebates outweigh them
	Multiplier  Decimal   `json:"multiplier"`
	Currency    string    `json:"currency"`
	TradeID     string    `json:"trade_id"` // the fill
	Strategy    string    `json:"strategy"` // the fill's
	ExecutedAt  EventTime `json:"executed_at"`
}

// PositionUpdate returns what the undoing of the fill made of its position.
func (d UndoneTradeData) PositionUpdate() PositionUpdate {
	trade := d.TradeData
	trade.Position = d.PositionBefore
	return trade.PositionUpdate()
}

// PositionUpdate is what the fill made of its position.
func (d TradeData) PositionUpdate() PositionUpdate {
	p := Position{Quantity: d.Position.Quantity, CostBasis: d.Position.CostBasis, Multiplier: d.Multiplier}
	p.setAverage()
	return PositionUpdate{
		AccountID: d.AccountID, Symbol: d.Symbol, Quantity: d.Position.Quantity, CostBasis: d.Position.CostBasis, AvgPrice: p.AvgPrice,
		RealizedPnL: d.Position.RealizedPnL, Fees: d.Position.Fees, Multiplier: d.Multiplier, Currency: d.Currency,
		TradeID: d.TradeID, Strategy: d.Strategy, ExecutedAt: d.ExecutedAt,
	}
}
