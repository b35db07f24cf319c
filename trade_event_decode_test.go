package blotter_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
)

// fullTrade is the data of an event with every field, as PostgreSQL writes jsonb.
const fullTrade = `{"xid": 812, "side": "sell", "price": "189.25", "symbol": "AAPL", "book_id": 77, "currency": "USD",` +
	` "order_id": "O-1", "position": {"fees": "1.5", "quantity": "-2", "cost_basis": "378.5", "realized_pnl": "0"},` +
	` "quantity": "2", "strategy": "trend", "trade_id": "T-1", "account_id": "ACC1", "commission": "1.5",` +
	` "multiplier": "1", "other_fees": [{"amount": "-0.25", "currency": "EUR"}, {"amount": "3", "currency": "GBP"}],` +
	` "executed_at": "2026-03-02T14:30:00.000001Z", "realized_pnl": "-12.75", "position_effect": "opened",` +
	` "position_before": {"fees": "0", "quantity": "0", "cost_basis": "0", "realized_pnl": "0"},` +
	` "commission_currency": "USD"}`

// awkwardTrades are texts that a decoder may read differently than encoding/json.
var awkwardTrades = map[string]string{
	"everything":                 fullTrade,
	"nothing":                    `{}`,
	"no text":                    ``,
	"null":                       `null`,
	"an array":                   `[]`,
	"white space":                " \t\n\r{ \"symbol\" :\n\"A\" } \n",
	"other white space":          "\v{}",
	"a byte order mark":          "\ufeff{}",
	"text behind":                `{} x`,
	"an object behind":           `{}{}`,
	"a comma at the end":         `{"symbol": "A",}`,
	"no comma":                   `{"symbol": "A" "side": "buy"}`,
	"no colon":                   `{"symbol" "A"}`,
	"an end too early":           `{"symbol": "A`,
	"an escape in a value":       `{"symbol": "A\u0041\n\/\"B"}`,
	"an escape in a key":         `{"s\u0079mbol": "A"}`,
	"an invalid escape":          `{"symbol": "\x"}`,
	"half a surrogate":           `{"symbol": "\ud800"}`,
	"a control character":        "{\"symbol\": \"A\nB\"}",
	"a DEL character":            "{\"symbol\": \"A\x7fB\"}",
	"not ASCII":                  `{"symbol": "ÄÖ€😀", "strategy": "` + "\u2028" + `"}`,
	"invalid UTF-8":              "{\"symbol\": \"A\xff\"}",
	"a key in invalid UTF-8":     "{\"symbol\xff\": \"A\"}",
	"a key in other case":        `{"Symbol": "A", "TRADE_ID": "T"}`,
	"a key with a Kelvin sign":   `{"\u212a": "A", "boo` + "\u212a" + `_id": 5}`,
	"a key with a long s":        `{"` + "\u017f" + `ymbol": "A"}`,
	"an unknown field":           `{"venue": {"a": [1, {"symbol": "B"}]}, "symbol": "A"}`,
	"an empty key":               `{"": "A"}`,
	"a repeated field":           `{"symbol": "A", "symbol": "B"}`,
	"a repeated field and null":  `{"symbol": "A", "symbol": null}`,
	"a repeated position":        `{"position": {"fees": "1"}, "position": {"quantity": "2"}}`,
	"a repeated position field":  `{"position": {"fees": "1", "fees": "2"}}`,
	"repeated fees":              `{"other_fees": [{"currency": "EUR"}], "other_fees": [{"amount": "1"}]}`,
	"a repeated field of a fee":  `{"other_fees": [{"currency": "EUR", "currency": "USD"}]}`,
	"null for a text":            `{"symbol": null}`,
	"null for a decimal":         `{"price": null}`,
	"null for a time":            `{"executed_at": null}`,
	"null for a position":        `{"position": null}`,
	"null for fees":              `{"other_fees": null}`,
	"null for a fee":             `{"other_fees": [null]}`,
	"null for a number":          `{"xid": null}`,
	"no fees":                    `{"other_fees": []}`,
	"an unknown field of a fee":  `{"other_fees": [{"currency": "EUR", "x": 1}]}`,
	"a comma behind the fees":    `{"other_fees": [{"currency": "EUR"},]}`,
	"a number for a text":        `{"symbol": 5}`,
	"an object for a text":       `{"symbol": {}}`,
	"a number for a decimal":     `{"price": 1.50}`,
	"an exponent":                `{"price": 1e3}`,
	"an exponent as text":        `{"price": "1e3"}`,
	"an empty decimal":           `{"price": ""}`,
	"null as text":               `{"price": "null"}`,
	"a decimal in quotes":        `{"price": "\"1\""}`,
	"a decimal with a space":     `{"price": " 1"}`,
	"a decimal with a plus":      `{"price": "+1.50"}`,
	"minus zero":                 `{"price": "-0", "quantity": "-0.00"}`,
	"leading zeros":              `{"price": "0001.5"}`,
	"trailing zeros":             `{"price": "1.5000000000000000000"}`,
	"too many digits":            `{"price": "1.00000000000000000001"}`,
	"many digits":                `{"price": "` + strings.Repeat("9", 150) + `.5"}`,
	"far too many digits":        `{"price": "` + strings.Repeat("9", 300) + `"}`,
	"a point alone":              `{"price": "."}`,
	"a decimal ending in .":      `{"price": "1."}`,
	"NaN":                        `{"price": "NaN"}`,
	"true for a decimal":         `{"price": true}`,
	"a time in another zone":     `{"executed_at": "2026-03-02T14:30:00+05:30"}`,
	"a time with 9 digits":       `{"executed_at": "2026-03-02T14:30:00.123456789Z"}`,
	"a time with a comma":        `{"executed_at": "2026-03-02T14:30:00,5Z"}`,
	"a day that does not exist":  `{"executed_at": "2026-02-30T14:30:00Z"}`,
	"a time without a zone":      `{"executed_at": "2026-03-02T14:30:00"}`,
	"a time in lower case":       `{"executed_at": "2026-03-02t14:30:00z"}`,
	"an hour of one digit":       `{"executed_at": "2026-03-02T1:30:00Z"}`,
	"a number for a time":        `{"executed_at": 5}`,
	"a negative number":          `{"book_id": -5}`,
	"a negative xid":             `{"xid": -5}`,
	"a leading zero":             `{"xid": 05}`,
	"zero":                       `{"xid": 0, "book_id": 0}`,
	"the largest int64":          `{"book_id": 9223372036854775807}`,
	"above the largest int64":    `{"book_id": 9223372036854775808}`,
	"the largest uint64":         `{"xid": 18446744073709551615}`,
	"above the largest uint64":   `{"xid": 18446744073709551616}`,
	"a fraction":                 `{"xid": 5.5}`,
	"a number with an exponent":  `{"xid": 5e1}`,
	"a number as text":           `{"xid": "5"}`,
	"an embedded struct's name":  `{"TradeData": {"symbol": "A"}}`,
	"a position as text":         `{"position": "1"}`,
	"an unknown position field":  `{"position": {"avg_price": "1"}}`,
	"a position in other case":   `{"position": {"Fees": "1"}}`,
	"depth":                      `{"x": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	"a quote at the end":         `{"symbol": "A"}"`,
	"NUL":                        "{\"symbol\": \"A\x00\"}",
	"a field of the other event": `{"position_before": {"fees": "1"}, "xid": 5}`,
}

// compareTrades compares both decoders with encoding/json.
func compareTrades(t *testing.T, data []byte) {
	t.Helper()
	var wantTrade blotter.TradeData
	wantErr := json.Unmarshal(data, &wantTrade)
	trade, err := blotter.ParseTradeData(data)
	if !reflect.DeepEqual(trade, wantTrade) || errorText(err) != errorText(wantErr) {
		t.Errorf("ParseTradeData(%.300q)\ngot  %+v, %v\nwant %+v, %v", data, trade, err, wantTrade, wantErr)
	}

	var wantUndone blotter.UndoneTradeData
	wantErr = json.Unmarshal(data, &wantUndone)
	undone, err := blotter.ParseUndoneTradeData(data)
	if !reflect.DeepEqual(undone, wantUndone) || errorText(err) != errorText(wantErr) {
		t.Errorf("ParseUndoneTradeData(%.300q)\ngot  %+v, %v\nwant %+v, %v", data, undone, err, wantUndone, wantErr)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The decoders of trades have the results of encoding/json.
func TestParseTradeData(t *testing.T) {
	t.Parallel()
	for name, text := range awkwardTrades {
		t.Run(name, func(t *testing.T) { compareTrades(t, []byte(text)) })
	}
}

// What the book writes does not need encoding/json: reading it allocates the text and the fees.
func TestParseTradeDataIsQuick(t *testing.T) { // alone: it counts allocations
	data := []byte(strings.NewReplacer(`"xid": 812, `, "", `"book_id": 77, `, "",
		`"position_before": {"fees": "0", "quantity": "0", "cost_basis": "0", "realized_pnl": "0"},`, "").Replace(fullTrade))
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := blotter.ParseTradeData(data); err != nil {
			t.Error(err)
		}
	})
	if allocations > 10 {
		t.Errorf("%.0f allocations, want at most 10", allocations)
	}
}

func FuzzParseTradeData(f *testing.F) {
	for _, text := range awkwardTrades {
		f.Add([]byte(text))
	}
	f.Fuzz(compareTrades)
}

func BenchmarkParseTradeData(b *testing.B) {
	data := []byte(fullTrade)
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var d blotter.UndoneTradeData
			if err := json.Unmarshal(data, &d); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := blotter.ParseUndoneTradeData(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
