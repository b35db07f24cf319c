package numeric_test

import (
	"encoding/binary"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/numeric"
	"github.com/quagmt/udecimal"
)

func TestRoundTripAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 64)
	for _, text := range []string{
		"0", "1", "315.130005", "-0.00001234", "12345678901234567.8901234567890123456",
		"340282366920938463463374607431768211455",
	} {
		d := blotter.MustDecimal(text)
		if n := testing.AllocsPerRun(100, func() {
			wire := numeric.Append(buf, d)
			if _, err := numeric.Decode(wire); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for a round trip, want 0", text, n)
		}
	}
}

// Any bytes are an error, or a number that encodes to bytes that decode to the same number.
func FuzzNumeric(f *testing.F) {
	for _, text := range []string{"0", "-1.5", "123456789.123456789", "99999999999999999999999999999999999999999"} {
		f.Add(numeric.Append(nil, blotter.MustDecimal(text)))
	}

	f.Add([]byte{0, 0, 0, 0, 0xC0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, wire []byte) {
		for i := 8; i+1 < len(wire); i += 2 { // the server sends digits below 10000 only
			binary.BigEndian.PutUint16(wire[i:], binary.BigEndian.Uint16(wire[i:])%10000)
		}

		d, err := numeric.Decode(wire)
		if err != nil {
			return
		}

		again, err := numeric.Decode(numeric.Append(nil, d))
		if err != nil || !again.Equal(d) {
			t.Fatalf("%x is %s, which came back as %s, %v", wire, d, again, err)
		}
		if _, err := udecimal.Parse(d.String()); err != nil {
			t.Fatalf("%x is %s, which does not parse: %v", wire, d, err)
		}
	})
}
