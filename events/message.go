package events

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
)

// Message is an event on a Redis channel and in its stream: a JSON object. docs/events has the schemas.
type Message struct {
	Type          string          `json:"type"`
	Service       string          `json:"service"` // the service that published it
	Data          json.RawMessage `json:"data"`    // see the schema of the type; money is decimal strings
	Timestamp     Time            `json:"timestamp"`
	CorrelationID string          `json:"correlation_id"` // of a trade: its id, unless the caller gave another

	ID    uuid.UUID `json:"id"`    // the same each time the message arrives
	Seq   int64     `json:"seq"`   // number on the channel, without gaps, from 1 in each epoch
	Epoch int64     `json:"epoch"` // a new one begins if the numbers before cannot be continued
	Key   string    `json:"key"`   // order is kept within a key: an account, or a symbol for market data
	V     int16     `json:"v"`     // version of the data's schema

	Channel string `json:"-"` // "trades", "positions", "market_data"
}

// Time is an instant in a message: UTC, in microseconds, RFC 3339.
type Time = blotter.EventTime

// Offset returns where the message stands in its channel.
func (m Message) Offset() Offset { return Offset{m.Epoch, m.Seq} }

// compose returns the message of an event on a channel. ok is false if the event has no message there, or if the
// account in its data is not that of its columns: such an event is not published.
func compose(channel string, e *blotter.Event) (m Message, ok bool, err error) {
	m = Message{
		Type: e.Type, Service: e.Service, Data: e.Data, Timestamp: Time(e.CreatedAt), CorrelationID: e.CorrelationID,
		ID: e.EventID, Key: e.Key, V: e.V, Channel: channel,
	}
	refolded := e.Type == blotter.TradesRefolded && e.Service == blotter.ServiceExecution
	if refolded && channel == blotter.ChannelPositions && e.CheckIdentity() == nil {
		return m, true, m.becomeRefoldedPosition()
	}
	if !isFill(e) {
		return m, channel == e.Channel && e.CheckIdentity() == nil, nil
	}

	trade, err := parseFill(e)
	identified := err == nil && e.AccountID != "" && trade.AccountID == e.AccountID
	if !identified && e.CheckIdentity() != nil {
		return m, false, nil
	}
	switch {
	case channel == blotter.ChannelPositions && err != nil:
		return m, true, m.undecodable(err)
	case channel == blotter.ChannelPositions:
		return m, true, m.becomePosition(&trade)
	case m.CorrelationID == "" && err != nil:
		return m, true, m.correlate()
	}
	m.CorrelationID = cmp.Or(m.CorrelationID, trade.TradeID)
	return m, channel == e.Channel, nil
}

// correlate sets the correlation id of a trade's message to the trade's id, if the rest of its data is not that of a
// trade.
func (m *Message) correlate() error {
	var trade struct {
		ID string `json:"trade_id"`
	}
	if err := json.Unmarshal(m.Data, &trade); err != nil {
		return m.undecodable(err)
	}
	m.CorrelationID = trade.ID
	return nil
}

// positionSources are the types of events of the book from which the messages of positions are derived.
var positionSources = []string{blotter.TradeExecuted, blotter.TradeUndone, blotter.TradesRefolded}

// isFill reports whether the book wrote e about a trade.
func isFill(e *blotter.Event) bool {
	return (e.Type == blotter.TradeExecuted || e.Type == blotter.TradeUndone) && e.Service == blotter.ServiceExecution
}

// parseFill reads the data of an event of the book about a trade.
func parseFill(e *blotter.Event) (blotter.UndoneTradeData, error) {
	if e.Type == blotter.TradeUndone {
		return blotter.ParseUndoneTradeData(e.Data)
	}
	trade, err := blotter.ParseTradeData(e.Data)
	return blotter.UndoneTradeData{TradeData: trade}, err
}

// becomePosition turns the message of a trade into that of the position after it, or before it if the trade is undone.
func (m *Message) becomePosition(trade *blotter.UndoneTradeData) (err error) {
	update := trade.TradeData.PositionUpdate()
	if m.Type == blotter.TradeUndone {
		update = trade.PositionUpdate()
	}
	m.Type = blotter.PositionUpdated
	m.V = 1
	m.ID = derivedID(m.ID, blotter.PositionUpdated)
	m.CorrelationID = cmp.Or(m.CorrelationID, trade.TradeID)
	m.Data, err = encodePosition(update)
	return err
}

// becomeRefoldedPosition turns the message of a refold into that of the position as it is after it.
func (m *Message) becomeRefoldedPosition() error {
	var refold blotter.RefoldData
	err := json.Unmarshal(m.Data, &refold)
	if err != nil {
		return m.undecodable(err)
	}

	m.Type = blotter.PositionUpdated
	m.V = 1
	m.ID = derivedID(m.ID, blotter.PositionUpdated)
	m.Data, err = json.Marshal(refold.PositionUpdate())
	return err
}

func (m *Message) undecodable(err error) error {
	return &blotter.Error{
		Op: "relay", Kind: blotter.ErrData, Err: err,
		Message: fmt.Sprintf("the data of event %s is not that of a fill: %s", m.ID, err),
	}
}

// derivedID returns the id of a message derived from an event: always the same.
func derivedID(id uuid.UUID, of string) uuid.UUID {
	return hashedID(sha256.Sum256(append(id[:], of...)))
}

// hashedID returns a UUID version 8 of the first bits of a hash (RFC 9562, 5.8).
func hashedID(hash [sha256.Size]byte) (id uuid.UUID) {
	copy(id[:], hash[:])
	id[6] = id[6]&0x0f | 0x80 // version
	id[8] = id[8]&0x3f | 0x80 // variant
	return id
}

// decode reads a message from a channel.
func decode(channel string, text []byte) (m Message, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("not a message of a relay: %w", err)
	}
	m.Channel = channel
	return m, nil
}

// Offset is a place in a channel: after the message of that epoch and number. The zero Offset is before the first
// message.
type Offset struct {
	Epoch, Seq int64
}

// String returns the id of the message's entry in the channel's stream.
func (o Offset) String() string { return fmt.Sprintf("%d-%d", o.Epoch, o.Seq) }

// ParseOffset reads what String writes.
func ParseOffset(text string) (o Offset, err error) {
	n, err := fmt.Sscanf(text, "%d-%d", &o.Epoch, &o.Seq)
	if n != 2 || err != nil || o.String() != text || o.Epoch < 0 || o.Seq < 0 {
		return Offset{}, blotter.Invalid("offset", text, "EPOCH-SEQ, like the ids of the stream")
	}
	return o, nil
}

// before reports whether o stands before b.
func (o Offset) before(b Offset) bool {
	return o.Epoch < b.Epoch || o.Epoch == b.Epoch && o.Seq < b.Seq
}
