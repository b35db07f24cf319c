package postgres

import (
	"encoding/json"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
)

// tradeExecuted is the data of the event of a fill: the trade, and the position after it.
type tradeExecuted struct {
	TradeID            string                 `json:"trade_id"`
	OrderID            string                 `json:"order_id,omitempty"`
	AccountID          string                 `json:"account_id"`
	Symbol             string                 `json:"symbol"`
	Side               blotter.Side           `json:"side"`
	Quantity           blotter.Decimal        `json:"quantity"`
	Price              blotter.Decimal        `json:"price"`
	Multiplier         blotter.Decimal        `json:"multiplier"`
	Currency           string                 `json:"currency"`
	Commission         blotter.Decimal        `json:"commission"`
	CommissionCurrency string                 `json:"commission_currency"`
	RealizedPnL        blotter.Decimal        `json:"realized_pnl"`
	PositionEffect     blotter.PositionEffect `json:"position_effect"`
	Strategy           string                 `json:"strategy"`
	ExecutedAt         string                 `json:"executed_at"`
	Position           positionAfter          `json:"position"`
}

type positionAfter struct {
	Quantity    blotter.Decimal `json:"quantity"`
	CostBasis   blotter.Decimal `json:"cost_basis"`
	RealizedPnL blotter.Decimal `json:"realized_pnl"`
	Fees        blotter.Decimal `json:"fees"`
}

func newTradeExecuted(t *blotter.Trade) tradeExecuted {
	return tradeExecuted{
		TradeID: t.TradeID, OrderID: t.OrderID, AccountID: t.AccountID, Symbol: t.Symbol, Side: t.Side, Quantity: t.Quantity, Price: t.Price,
		Multiplier: t.Multiplier, Currency: t.Currency, Commission: t.Commission, CommissionCurrency: t.CommissionCurrency,
		RealizedPnL: t.RealizedPnL, PositionEffect: t.PositionEffect, Strategy: t.Strategy,
		ExecutedAt: t.ExecutedAt.Format("2006-01-02T15:04:05.000000Z"),
		Position:   positionAfter{t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter},
	}
}

// newEvent is the event of a fill.
func newEvent(t *blotter.Trade, correlation string) (blotter.Event, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return blotter.Event{}, err
	}
	data, err := json.Marshal(newTradeExecuted(t))
	return blotter.Event{
		AccountID: t.AccountID, Channel: blotter.ChannelTrades, Key: t.AccountID, EventID: id, Type: blotter.TradeExecuted, V: 1,
		Service: blotter.ServiceExecution, CorrelationID: correlation, Data: data,
	}, err
}
