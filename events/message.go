package events

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
)

// Message is an event as it travels: a JSON object on a Redis channel and in its stream. docs/events has its schemas.
type Message struct {
	Type          string          `json:"type"`
	Service       string          `json:"service"` // who says so
	Data          json.RawMessage `json:"data"`    // by the type's schema; money as decimal strings
	Timestamp     Time            `json:"timestamp"`
	CorrelationID string          `json:"correlation_id"` // of a trade the trade's id, unless the caller gave another

	ID    uuid.UUID `json:"id"`    // one message has one, however often it arrives
	Seq   int64     `json:"seq"`   // its number on its channel: dense, from 1 in each epoch
	Epoch int64     `json:"epoch"` // of the numbers; a new one begins where the numbers before cannot be continued
	Key   string    `json:"key"`   // account, or symbol for market data: what order is kept within
	V     int16     `json:"v"`     // version of the data's schema

	Channel string `json:"-"` // "trades", "positions", "market_data"
}

// Time is an instant as messages carry it: UTC, to the microsecond, RFC 3339.
type Time = blotter.EventTime

// Offset is where in its channel the message stands.
func (m Message) Offset() Offset { return Offset{m.Epoch, m.Seq} }

// compose makes an event the message of a channel. It is not ok for one that says nothing there, nor for one that says of
// its account what its columns do not: nobody is to hear it.
func compose(channel string, e *blotter.Event) (m Message, ok bool, err error) {
	if e.CheckIdentity() != nil {
		return m, false, nil
	}
	m = Message{
		Type: e.Type, Service: e.Service, Data: e.Data, Timestamp: Time(e.CreatedAt), CorrelationID: e.CorrelationID,
		ID: e.EventID, Key: e.Key, V: e.V, Channel: channel,
	}
	fill := (e.Type == blotter.TradeExecuted || e.Type == blotter.TradeUndone) && e.Service == blotter.ServiceExecution
	switch {
	case fill && channel == blotter.ChannelPositions:
		return m, true, m.becomePosition()
	case fill && m.CorrelationID == "":
		return m, true, m.correlate()
	}
	return m, channel == e.Channel, nil
}

// correlate makes the trade's id that by which its message is known.
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

// becomePosition makes the message of a fill that of the position after it, or before it where the fill is undone.
func (m *Message) becomePosition() error {
	var trade blotter.UndoneTradeData
	err := json.Unmarshal(m.Data, &trade)
	if err != nil {
		return m.undecodable(err)
	}
	undone := m.Type == blotter.TradeUndone
	m.Type, m.V, m.ID, m.CorrelationID = blotter.PositionUpdated, 1, derivedID(m.ID, blotter.PositionUpdated), cmp.Or(m.CorrelationID, trade.TradeID)
	if undone {
		m.Data, err = json.Marshal(trade.PositionUpdate())
	} else {
		m.Data, err = json.Marshal(trade.TradeData.PositionUpdate())
	}
	return err
}

func (m *Message) undecodable(err error) error {
	return &blotter.Error{Op: "relay", Kind: blotter.ErrData, Err: err, Message: fmt.Sprintf("the data of event %s is not that of a fill: %s", m.ID, err)}
}

// derivedID is the id of what follows from an event: always the same one.
func derivedID(id uuid.UUID, of string) uuid.UUID {
	return hashedID(sha256.Sum256(append(id[:], of...)))
}

// hashedID is a UUID version 8 of the first bits of a hash (RFC 9562, 5.8).
func hashedID(hash [sha256.Size]byte) (id uuid.UUID) {
	copy(id[:], hash[:])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id
}

// encode is the message as it travels. Characters that HTML minds stay as they are: as \u003c they would take six times the
// room.
func (m *Message) encode() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// decode reads a message from a channel.
func decode(channel string, text []byte) (m Message, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("no message of ours: %w", err)
	}
	m.Channel = channel
	return m, nil
}

// Offset is a place in a channel: behind the message of that epoch and number. The zero Offset is before the first one.
type Offset struct {
	Epoch, Seq int64
}

// String is the id of the message's entry in the channel's stream.
func (o Offset) String() string { return fmt.Sprintf("%d-%d", o.Epoch, o.Seq) }

// ParseOffset reads what String writes.
func ParseOffset(text string) (o Offset, err error) {
	if n, err := fmt.Sscanf(text, "%d-%d", &o.Epoch, &o.Seq); n != 2 || err != nil || o.String() != text || o.Epoch < 0 || o.Seq < 0 {
		return Offset{}, blotter.Invalid("offset", text, "EPOCH-SEQ, as the stream's ids are")
	}
	return o, nil
}

// before reports whether a stands before b.
func (o Offset) before(b Offset) bool {
	return o.Epoch < b.Epoch || o.Epoch == b.Epoch && o.Seq < b.Seq
}
