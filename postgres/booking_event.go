package postgres

import (
	"encoding/json"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
)

// newEvent is the event of a fill.
func newEvent(t *blotter.Trade, correlation string) (blotter.Event, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return blotter.Event{}, err
	}
	data, err := json.Marshal(t.EventData())
	return blotter.Event{
		AccountID: t.AccountID, Channel: blotter.ChannelTrades, Key: t.AccountID, EventID: id, Type: blotter.TradeExecuted, V: 1,
		Service: blotter.ServiceExecution, CorrelationID: correlation, Data: data,
	}, err
}
