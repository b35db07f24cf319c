package events

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/blotterdb/blotter"
)

// encode returns the message as JSON, as encoding/json writes it without escaping for HTML: as \u003c, characters that
// are special in HTML would take six times the space. Data must be JSON, as what comes from PostgreSQL is.
func (m *Message) encode() ([]byte, error) {
	text := make([]byte, 0, messageOverhead+len(m.Data))
	text, ok := m.appendJSON(text)
	if ok {
		return text, nil
	}
	return m.marshal()
}

// messageOverhead is about the size of a message without its data.
const messageOverhead = 400

// marshal returns the message as JSON by encoding/json.
func (m *Message) marshal() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// appendJSON appends the message as JSON. ok is false if it needs encoding/json: for text to be escaped, or data that
// is nested deep.
func (m *Message) appendJSON(b []byte) (_ []byte, ok bool) {
	for _, text := range []string{m.Type, m.Service, m.CorrelationID, m.Key} {
		if !isPlainText(text) {
			return b, false
		}
	}

	b = appendText(b, `{"type":`, m.Type)
	b = appendText(b, `,"service":`, m.Service)

	b = append(b, `,"data":`...)
	b, ok = appendCompact(b, m.Data)
	if !ok {
		return b, false
	}

	b = appendTime(b, `,"timestamp":`, m.Timestamp)
	b = appendText(b, `,"correlation_id":`, m.CorrelationID)
	b = appendText(b, `,"id":`, m.ID.String())
	b = strconv.AppendInt(append(b, `,"seq":`...), m.Seq, 10)
	b = strconv.AppendInt(append(b, `,"epoch":`...), m.Epoch, 10)
	b = appendText(b, `,"key":`, m.Key)
	b = strconv.AppendInt(append(b, `,"v":`...), int64(m.V), 10)
	return append(b, '}'), true
}

// encodePosition returns the data of the message PositionUpdated.
func encodePosition(p blotter.PositionUpdate) (json.RawMessage, error) {
	for _, text := range []string{p.AccountID, p.Symbol, p.Currency, p.TradeID, p.Strategy} {
		if !isPlainText(text) {
			return json.Marshal(p)
		}
	}

	const size = 400
	b := make([]byte, 0, size)
	b = appendText(b, `{"account_id":`, p.AccountID)
	b = appendText(b, `,"symbol":`, p.Symbol)
	b = appendDecimal(b, `,"quantity":`, &p.Quantity)
	b = appendDecimal(b, `,"cost_basis":`, &p.CostBasis)
	b = appendDecimal(b, `,"avg_price":`, p.AvgPrice)
	b = appendDecimal(b, `,"realized_pnl":`, &p.RealizedPnL)
	b = appendDecimal(b, `,"fees":`, &p.Fees)
	b = appendDecimal(b, `,"multiplier":`, &p.Multiplier)
	b = appendText(b, `,"currency":`, p.Currency)
	b = appendText(b, `,"trade_id":`, p.TradeID)
	b = appendText(b, `,"strategy":`, p.Strategy)
	b = appendTime(b, `,"executed_at":`, p.ExecutedAt)
	return append(b, '}'), nil
}

// isPlainText reports whether JSON writes a text as it is: without escapes, also for HTML.
func isPlainText(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return false
		case c == '"' || c == '\\' || c == '<' || c == '>' || c == '&':
			return false
		}
	}
	return true
}

// appendText appends a field with a text that isPlainText.
func appendText(b []byte, field, text string) []byte {
	b = append(b, field...)
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

func appendTime(b []byte, field string, t Time) []byte {
	b = append(b, field...)
	b = append(b, '"')
	b = time.Time(t).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	return append(b, '"')
}

func appendDecimal(b []byte, field string, d *blotter.Decimal) []byte {
	b = append(b, field...)
	if d == nil {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b, _ = d.AppendText(b) // it has no errors
	return append(b, '"')
}

// compactDepthMax is how deep JSON is nested that appendCompact takes.
const compactDepthMax = 100

// appendCompact appends JSON without the white space between its tokens. ok is false for no JSON, and for JSON that is
// nested too deep.
func appendCompact(b, data []byte) (_ []byte, ok bool) {
	depth := 0
	for at := 0; at < len(data); {
		switch data[at] {
		case ' ', '\t', '\n', '\r':
			at++
			continue

		case '{', '[':
			depth++
			if depth > compactDepthMax {
				return b, false
			}

		case '}', ']':
			depth--

		case '"':
			length := stringLength(data[at:])
			b = append(b, data[at:at+length]...)
			at += length
			continue
		}

		b = append(b, data[at])
		at++
	}
	return b, len(data) > 0
}

// stringLength returns the length of the JSON string with which data begins, with its quotes.
func stringLength(data []byte) int {
	for at := 1; at < len(data); {
		quote := bytes.IndexByte(data[at:], '"')
		if quote < 0 {
			break
		}
		backslash := bytes.IndexByte(data[at:at+quote], '\\')
		if backslash < 0 {
			return at + quote + 1
		}
		at += backslash + 2 // and what it escapes
	}
	return len(data)
}
