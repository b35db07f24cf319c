package blotter

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quagmt/udecimal"
)

// ParseTradeData reads the data of the event TradeExecuted, with the result of json.Unmarshal.
func ParseTradeData(data []byte) (d TradeData, err error) {
	var u UndoneTradeData
	r := jsonReader{text: string(data)}
	if r.object(func(key string) bool { return r.tradeField(key, &u) }) && r.atEnd() && r.isUTF8() {
		return u.TradeData, nil
	}
	err = json.Unmarshal(data, &d)
	return d, err
}

// ParseUndoneTradeData reads the data of the event TradeUndone, with the result of json.Unmarshal.
func ParseUndoneTradeData(data []byte) (d UndoneTradeData, err error) {
	r := jsonReader{text: string(data)}
	if r.object(func(key string) bool { return r.undoneField(key, &d) }) && r.atEnd() && r.isUTF8() {
		return d, nil
	}
	d = UndoneTradeData{}
	err = json.Unmarshal(data, &d)
	return d, err
}

// jsonReader reads the JSON that the book writes, at a fraction of the cost of encoding/json. Each of its methods
// reports whether it could: it refuses everything else, from escapes to unknown and repeated fields, for which its
// caller uses encoding/json.
type jsonReader struct {
	text string
	at   int
	seen uint32 // fields of the outer object
}

// Fields of the outer object, as bits of jsonReader.seen.
const (
	fieldTradeID = 1 << iota
	fieldOrderID
	fieldAccountID
	fieldSymbol
	fieldSide
	fieldQuantity
	fieldPrice
	fieldMultiplier
	fieldCurrency
	fieldCommission
	fieldCommissionCurrency
	fieldOtherFees
	fieldRealizedPnL
	fieldPositionEffect
	fieldStrategy
	fieldExecutedAt
	fieldPosition
	fieldPositionBefore
	fieldBookID
	fieldXID
)

// once reports whether a field comes for the first time.
func (r *jsonReader) once(field uint32) bool {
	if r.seen&field != 0 {
		return false
	}
	r.seen |= field
	return true
}

// tradeField reads a field of TradeData.
func (r *jsonReader) tradeField(key string, d *UndoneTradeData) bool {
	switch key {
	case "trade_id":
		return r.once(fieldTradeID) && r.string(&d.TradeID)
	case "order_id":
		return r.once(fieldOrderID) && r.string(&d.OrderID)
	case "account_id":
		return r.once(fieldAccountID) && r.string(&d.AccountID)
	case "symbol":
		return r.once(fieldSymbol) && r.string(&d.Symbol)
	case "side":
		return r.once(fieldSide) && r.string((*string)(&d.Side))
	case "quantity":
		return r.once(fieldQuantity) && r.decimal(&d.Quantity)
	case "price":
		return r.once(fieldPrice) && r.decimal(&d.Price)
	case "multiplier":
		return r.once(fieldMultiplier) && r.decimal(&d.Multiplier)
	case "currency":
		return r.once(fieldCurrency) && r.string(&d.Currency)
	case "commission":
		return r.once(fieldCommission) && r.decimal(&d.Commission)
	case "commission_currency":
		return r.once(fieldCommissionCurrency) && r.string(&d.CommissionCurrency)
	case "other_fees":
		return r.once(fieldOtherFees) && r.fees(&d.OtherFees)
	case "realized_pnl":
		return r.once(fieldRealizedPnL) && r.decimal(&d.RealizedPnL)
	case "position_effect":
		return r.once(fieldPositionEffect) && r.string((*string)(&d.PositionEffect))
	case "strategy":
		return r.once(fieldStrategy) && r.string(&d.Strategy)
	case "executed_at":
		return r.once(fieldExecutedAt) && r.time(&d.ExecutedAt)
	case "position":
		return r.once(fieldPosition) && r.position(&d.Position)
	}
	return false
}

// undoneField reads a field of UndoneTradeData.
func (r *jsonReader) undoneField(key string, d *UndoneTradeData) bool {
	switch key {
	case "position_before":
		return r.once(fieldPositionBefore) && r.position(&d.PositionBefore)
	case "book_id":
		var id uint64
		ok := r.once(fieldBookID) && r.integer(&id)
		d.BookID = int64(id)
		return ok
	case "xid":
		return r.once(fieldXID) && r.integer(&d.XID)
	}
	return r.tradeField(key, d)
}

// position reads a PositionData.
func (r *jsonReader) position(p *PositionData) bool {
	seen := 0
	once := func(bit int) bool {
		first := seen&bit == 0
		seen |= bit
		return first
	}
	return r.object(func(key string) bool {
		switch key {
		case "quantity":
			return once(1) && r.decimal(&p.Quantity)
		case "cost_basis":
			return once(2) && r.decimal(&p.CostBasis)
		case "realized_pnl":
			return once(4) && r.decimal(&p.RealizedPnL)
		case "fees":
			return once(8) && r.decimal(&p.Fees)
		}
		return false
	})
}

// fees reads a TradeFees.
func (r *jsonReader) fees(fees *TradeFees) bool {
	if !r.byte('[') {
		return false
	}
	*fees = TradeFees{}
	if r.byte(']') {
		return true
	}
	for {
		var fee TradeFee
		hasCurrency := false
		hasAmount := false
		ok := r.object(func(key string) bool {
			switch {
			case key == "currency" && !hasCurrency:
				hasCurrency = true
				return r.string(&fee.Currency)
			case key == "amount" && !hasAmount:
				hasAmount = true
				return r.decimal(&fee.Amount)
			}
			return false
		})
		if !ok {
			return false
		}
		*fees = append(*fees, fee)
		if r.byte(']') {
			return true
		}
		if !r.byte(',') {
			return false
		}
	}
}

// object reads an object, and each of its values with field.
func (r *jsonReader) object(field func(key string) bool) bool {
	if !r.byte('{') {
		return false
	}
	if r.byte('}') {
		return true
	}
	for {
		var key string
		if !r.string(&key) || !r.byte(':') || !field(key) {
			return false
		}
		if r.byte('}') {
			return true
		}
		if !r.byte(',') {
			return false
		}
	}
}

// byte skips white space, and then c if it comes next.
func (r *jsonReader) byte(c byte) bool {
	r.space()
	if r.at >= len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// string reads a string without escapes.
func (r *jsonReader) string(into *string) bool {
	if !r.byte('"') {
		return false
	}
	length := strings.IndexByte(r.text[r.at:], '"')
	if length < 0 {
		return false
	}
	text := r.text[r.at : r.at+length]
	for i := range len(text) {
		if text[i] < ' ' || text[i] == '\\' {
			return false
		}
	}
	*into = text
	r.at += length + 1
	return true
}

func (r *jsonReader) decimal(into *Decimal) bool {
	var text string
	if !r.string(&text) {
		return false
	}
	d, err := udecimal.Parse(text)
	*into = d
	return err == nil
}

func (r *jsonReader) time(into *EventTime) bool {
	var text string
	if !r.string(&text) {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	*into = EventTime(at.UTC())
	return err == nil
}

// integer reads a positive integer that fits into an int64.
func (r *jsonReader) integer(into *uint64) bool {
	r.space()
	start := r.at
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		*into = *into*10 + uint64(r.text[r.at]-'0')
		r.at++
	}
	const digitsMax = 18
	digits := r.at - start
	return digits > 0 && digits <= digitsMax && (digits == 1 || r.text[start] != '0') && !r.continues()
}

// continues reports whether a number goes on with a fraction or an exponent.
func (r *jsonReader) continues() bool {
	return r.at < len(r.text) && strings.IndexByte(".eE", r.text[r.at]) >= 0
}

// atEnd reports whether nothing but white space is left.
func (r *jsonReader) atEnd() bool {
	r.space()
	return r.at == len(r.text)
}

// isUTF8 reports whether the text is what encoding/json would leave as it is: it replaces invalid UTF-8.
func (r *jsonReader) isUTF8() bool { return utf8.ValidString(r.text) }
