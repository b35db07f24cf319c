package blotter

// TradeData is the data of the event TradeExecuted, version 1: a trade, and the position after it.
type TradeData struct {
	TradeID            string         `json:"trade_id"`
	OrderID            string         `json:"order_id,omitempty"`
	AccountID          string         `json:"account_id"`
	Symbol             string         `json:"symbol"`
	Side               Side           `json:"side"`
	Quantity           Decimal        `json:"quantity"`
	Price              Decimal        `json:"price"`
	Multiplier         Decimal        `json:"multiplier"`
	Currency           string         `json:"currency"`
	Commission         Decimal        `json:"commission"`
	CommissionCurrency string         `json:"commission_currency"`
	OtherFees          TradeFees      `json:"other_fees,omitempty"`
	RealizedPnL        Decimal        `json:"realized_pnl"` // of this trade, before fees
	PositionEffect     PositionEffect `json:"position_effect"`
	Strategy           string         `json:"strategy"`
	ExecutedAt         EventTime      `json:"executed_at"`
	Position           PositionData   `json:"position"`
}

// PositionData is a position after a trade.
type PositionData struct {
	Quantity    Decimal `json:"quantity"` // negative for a short position
	CostBasis   Decimal `json:"cost_basis"`
	RealizedPnL Decimal `json:"realized_pnl"` // of all its trades, before fees
	Fees        Decimal `json:"fees"`
}

// UndoneTradeData is the data of the event TradeUndone, version 1: the trade as it was booked, and the position before
// it, which the book now has again.
type UndoneTradeData struct {
	TradeData
	PositionBefore PositionData `json:"position_before"`
	BookID         int64        `json:"book_id"` // of the trade's row: the book's order
	XID            uint64       `json:"xid"`     // the transaction that booked it
}

// PositionUpdate is the data of the message PositionUpdated, version 1: a position after a trade. It follows from the
// trade's event, so it is never written into the outbox.
type PositionUpdate struct {
	AccountID   string    `json:"account_id"`
	Symbol      string    `json:"symbol"`
	Quantity    Decimal   `json:"quantity"`     // negative for a short position
	CostBasis   Decimal   `json:"cost_basis"`   // money tied up in the open quantity
	AvgPrice    *Decimal  `json:"avg_price"`    // nil when flat
	RealizedPnL Decimal   `json:"realized_pnl"` // of all its trades, before fees
	Fees        Decimal   `json:"fees"`         // negative when rebates outweigh them
	Multiplier  Decimal   `json:"multiplier"`
	Currency    string    `json:"currency"`
	TradeID     string    `json:"trade_id"`
	Strategy    string    `json:"strategy"` // the trade's
	ExecutedAt  EventTime `json:"executed_at"`
}

// EventData returns the data of the event TradeExecuted for a booked trade.
func (t *Trade) EventData() TradeData {
	return TradeData{
		TradeID: t.TradeID, OrderID: t.OrderID, AccountID: t.AccountID, Symbol: t.Symbol, Side: t.Side,
		Quantity: t.Quantity, Price: t.Price, Multiplier: t.Multiplier, Currency: t.Currency,
		Commission: t.Commission, CommissionCurrency: t.CommissionCurrency, OtherFees: t.OtherFees,
		RealizedPnL: t.RealizedPnL, PositionEffect: t.PositionEffect, Strategy: t.Strategy,
		ExecutedAt: EventTime(t.ExecutedAt),
		Position:   PositionData{t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter},
	}
}

// UndoneData returns the data of the event TradeUndone for a trade that is taken out of the book.
func (t *Trade) UndoneData(before PositionData) UndoneTradeData {
	return UndoneTradeData{TradeData: t.EventData(), PositionBefore: before, BookID: t.ID, XID: t.XID}
}

// PositionUpdate returns the position after the trade.
func (d TradeData) PositionUpdate() PositionUpdate {
	p := Position{Quantity: d.Position.Quantity, CostBasis: d.Position.CostBasis, Multiplier: d.Multiplier}
	p.setAverage()

	return PositionUpdate{
		AccountID: d.AccountID, Symbol: d.Symbol,
		Quantity: d.Position.Quantity, CostBasis: d.Position.CostBasis, AvgPrice: p.AvgPrice,
		RealizedPnL: d.Position.RealizedPnL, Fees: d.Position.Fees, Multiplier: d.Multiplier, Currency: d.Currency,
		TradeID: d.TradeID, Strategy: d.Strategy, ExecutedAt: d.ExecutedAt,
	}
}

// PositionUpdate returns the position after the trade was undone.
func (d UndoneTradeData) PositionUpdate() PositionUpdate {
	trade := d.TradeData
	trade.Position = d.PositionBefore
	return trade.PositionUpdate()
}
