package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// awkwardTexts are texts that JSON may have to escape.
var awkwardTexts = []string{
	"", "AAPL", "a b", `"`, `\`, "\n", "\x00", "\x7f", "<a&b>", "ÄÖ€😀", "\u2028", "\xff", strings.Repeat("x", 300),
}

// awkwardData is JSON whose white space has to go, and only that.
var awkwardData = []string{
	``, `null`, `{}`, `[]`, ` { } `, `"a b"`, `{"a": "b: c, {d}"}`, `{"a": "\" , : \\", "b": [1, 2,  -3.5e-7]}`, `"\\"`,
	`"ends with \\\""`, "{\n\t\"a\" :\r\n true }", `{"a": "<&>", "b": "` + "\u2028\xff" + `"}`,
	`{"a": ` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`,
	strings.Repeat("[", 200) + strings.Repeat("]", 200),
}

// compareMessage compares a message's encoding with that of encoding/json.
func compareMessage(t *testing.T, m *Message) {
	t.Helper()
	if m.Data != nil && !json.Valid(m.Data) {
		return // PostgreSQL does not store it
	}
	want, wantErr := m.marshal()
	got, err := m.encode()
	if !bytes.Equal(got, want) || (err != nil) != (wantErr != nil) {
		t.Errorf("%+v\ngot  %s, %v\nwant %s, %v", m, got, err, want, wantErr)
	}
}

// Messages are written as encoding/json writes them.
func TestMessageEncoding(t *testing.T) {
	t.Parallel()
	at := Time(time.Date(2026, 3, 2, 14, 30, 0, 1000, time.UTC))
	for _, text := range awkwardTexts {
		compareMessage(t, &Message{Type: text, Data: []byte(`{}`), Timestamp: at})
		compareMessage(t, &Message{Service: text, Data: []byte(`{}`), Timestamp: at, Seq: 1 << 60, Epoch: -1, V: -3})
		compareMessage(t, &Message{Key: text, Data: []byte(`{}`), Timestamp: at, ID: [16]byte{1, 2, 3}})
		compareMessage(t, &Message{CorrelationID: text, Data: []byte(`{}`), Channel: "not written"})
	}
	for _, data := range awkwardData {
		compareMessage(t, &Message{Type: "t", Data: []byte(data), Timestamp: at})
	}
	compareMessage(t, &Message{Type: "t"})
}

func FuzzMessageEncoding(f *testing.F) {
	for i, text := range awkwardTexts {
		f.Add(text, awkwardData[i%len(awkwardData)], int64(i))
	}
	for _, data := range awkwardData {
		f.Add("t", data, int64(7))
	}
	f.Fuzz(func(t *testing.T, text, data string, n int64) {
		compareMessage(t, &Message{
			Type: "t", Key: text, Data: []byte(data), Timestamp: Time(time.UnixMicro(n)), Seq: n, V: int16(n),
		})
	})
}

// Messages of positions are written as encoding/json writes them.
func TestPositionEncoding(t *testing.T) {
	t.Parallel()
	numbers := []string{
		"0", "1", "-1.5", "0.0000000000000000001", "1.10", "100", strings.Repeat("9", 100) + ".25", "-0.5000",
	}
	for i, text := range awkwardTexts {
		for j, number := range numbers {
			p := blotter.PositionUpdate{AccountID: "A", Symbol: text, Currency: "USD", TradeID: fmt.Sprint("T", i)}
			p.Quantity = blotter.MustDecimal(number)
			p.CostBasis = blotter.MustDecimal(numbers[(j+1)%len(numbers)])
			p.Fees = blotter.MustDecimal(numbers[(j+2)%len(numbers)])
			if j%2 == 0 {
				p.AvgPrice = &p.CostBasis
			}
			p.ExecutedAt = Time(time.Date(2026, 3, 2, 14, 30, 0, 123_456_789, time.FixedZone("", 3600)))

			want, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := encodePosition(p); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%+v\ngot  %s, %v\nwant %s", p, got, err, want)
			}
		}
	}
}

func BenchmarkMessageEncoding(b *testing.B) {
	m := Message{
		Type: blotter.TradeExecuted, Service: blotter.ServiceExecution, Key: "ACC1", CorrelationID: "T-1", Seq: 5,
		Epoch: 1, V: 1,
		Data: []byte(`{"side": "sell", "price": "189.25", "symbol": "AAPL", "currency": "USD", "order_id": "O-1", ` +
			`"position": {"fees": "1.5", "quantity": "-2", "cost_basis": "378.5", "realized_pnl": "0"}}`),
	}

	for name, encode := range map[string]func() ([]byte, error){"json": m.marshal, "append": m.encode} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
