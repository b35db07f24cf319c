package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/quagmt/udecimal"
	"pgregory.net/rapid"
)

// decimals draws any decimal within bounds: from a few digits to more than 128 bits of them.
func decimals() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		integer := rapid.StringMatching(`0|[1-9][0-9]{0,8}|[1-9][0-9]{0,38}|[1-9][0-9]{0,60}|[1-9]0{1,40}`).Draw(t, "integer")
		fraction := rapid.StringMatching(`|[0-9]{1,4}|[0-9]{1,19}|0{1,18}[1-9]|[0-9]{1,10}0{1,9}`).Draw(t, "fraction")
		text := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + integer
		if fraction != "" {
			text += "." + fraction
		}
		return text
	})
}

// The server itself judges the codec: what it sent as text we send as binary and the other way round.
func TestNumericAgainstTheServer(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	err := db.ReadOnly(t.Context(), func(s *postgres.Session) error {
		rapid.Check(t, func(r *rapid.T) {
			text := decimals().Draw(r, "decimal")
			want := blotter.MustDecimal(text)
			var decoded blotter.Decimal
			var agrees bool
			err := s.QueryRow(t.Context(), `select $1::text::numeric, $2::numeric = $1::text::numeric`, text, want).Scan(&decoded, &agrees)
			if err != nil {
				r.Fatalf("%s: %v", text, err)
			}
			if !decoded.Equal(want) {
				r.Fatalf("the server's %s was decoded as %s", text, decoded)
			}
			if !agrees {
				r.Fatalf("%s was encoded as another number", text)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Divisions and aggregates have display scales that constants have not: groups of zeros, scales beyond the last digit.
func TestNumericOfComputedValues(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for sql, want := range map[string]string{
		`1::numeric / 4`: "0.25",
		`1e-19::numeric`: "0.0000000000000000001",
		`12345678901234567890.1234567890123456789`: "12345678901234567890.1234567890123456789",
		`round(2::numeric / 3, 19)`:                "0.6666666666666666667",
		`1.5::numeric(60,40)`:                      "1.5",
		`0.00000001::numeric(60,30)`:               "0.00000001",
		`1e30::numeric`:                            "1000000000000000000000000000000",
		`-0.0::numeric`:                            "0",
		`100000000::numeric(30,19)`:                "100000000",
		`1e149::numeric + 0.1`:                     "1" + strings.Repeat("0", 149) + ".1",
		`sum(x) from (values (0.1), (0.2)) v(x)`:   "0.3",
	} {
		err := db.ReadOnly(t.Context(), func(s *postgres.Session) error {
			var got blotter.Decimal
			if err := s.QueryRow(t.Context(), "select "+sql).Scan(&got); err != nil {
				return err
			}
			if got.String() != want {
				t.Errorf("%s is %s, want %s", sql, got, want)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestNumericOutOfBoundsIsAnError(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, value := range []string{`'NaN'`, `'Infinity'`, `'-Infinity'`, `1e-20`, `1e151`, `0.12345678901234567891`, `1e200 + 0.5`} {
		for _, format := range []string{"", "::text::numeric"} {
			var got blotter.Decimal
			err := db.ReadOnly(t.Context(), func(s *postgres.Session) error {
				return s.QueryRow(t.Context(), "select "+value+"::numeric"+format).Scan(&got)
			})
			if !errors.Is(err, blotter.ErrData) {
				t.Errorf("%s%s was read as %s, %v; want ErrData", value, format, got, err)
			}
		}
	}
}

func TestNumericNullAndArrays(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	err := db.ReadOnly(t.Context(), func(s *postgres.Session) error {
		var none *blotter.Decimal
		var list []blotter.Decimal
		sent := []blotter.Decimal{blotter.MustDecimal("1.5"), blotter.MustDecimal("-2")}
		if err := s.QueryRow(t.Context(), `select null::numeric, $1::numeric[]`, sent).Scan(&none, &list); err != nil {
			return err
		}
		if none != nil || len(list) != 2 || !list[0].Equal(sent[0]) || !list[1].Equal(sent[1]) {
			t.Errorf("null and array came back as %v and %v", none, list)
		}
		var value blotter.Decimal
		if err := s.QueryRow(t.Context(), `select null::numeric`).Scan(&value); !errors.Is(err, blotter.ErrData) {
			t.Errorf("NULL into a Decimal: %v, want ErrData", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNumericRoundTripAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 64)
	for _, text := range []string{"0", "1", "315.130005", "-0.00001234", "12345678901234567.8901234567890123456", "340282366920938463463374607431768211455"} {
		d := blotter.MustDecimal(text)
		if n := testing.AllocsPerRun(100, func() {
			wire := postgres.AppendNumeric(buf, d)
			if _, err := postgres.DecodeNumeric(wire); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for a round trip, want 0", text, n)
		}
	}
}

// Any bytes: an error or a number, which encodes to bytes that decode to the same number.
func FuzzNumeric(f *testing.F) {
	for _, text := range []string{"0", "-1.5", "123456789.123456789", "99999999999999999999999999999999999999999"} {
		f.Add(postgres.AppendNumeric(nil, blotter.MustDecimal(text)))
	}
	f.Add([]byte{0, 0, 0, 0, 0xC0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, wire []byte) {
		for i := 8; i+1 < len(wire); i += 2 { // the server sends digits below 10000 only
			binary.BigEndian.PutUint16(wire[i:], binary.BigEndian.Uint16(wire[i:])%10000)
		}
		d, err := postgres.DecodeNumeric(wire)
		if err != nil {
			return
		}
		again, err := postgres.DecodeNumeric(postgres.AppendNumeric(nil, d))
		if err != nil || !again.Equal(d) {
			t.Fatalf("%x is %s, which came back as %s, %v", wire, d, again, err)
		}
		if _, err := udecimal.Parse(d.String()); err != nil {
			t.Fatalf("%x is %s, which no decimal parses: %v", wire, d, err)
		}
	})
}

// Any text: what the server takes for a NUMERIC is either outside of a Decimal's bounds, and then an error, or comes
// through the codec in both directions as the same number.
func FuzzNumericAgainstTheServer(f *testing.F) {
	for _, text := range []string{"0", "-1.50", "1e19", "1e-19", "1e-20", "NaN", "-Infinity", "0.00010000000000000000", "123456789012345678901234567890.5"} {
		f.Add(text)
	}
	db := pgtest.Open(f)
	f.Fuzz(func(t *testing.T, text string) {
		ctx := context.Background()
		var kept, same bool
		var d blotter.Decimal
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			err := s.QueryRow(ctx, `select x < 'Infinity' and x > '-Infinity' and abs(x) < '1e150' and min_scale(x) <= 19
				from (select $1::text::numeric as x) v`, text).Scan(&kept)
			if err != nil {
				return nil // the server takes it for no number
			}
			if err := s.QueryRow(ctx, `select $1::text::numeric`, text).Scan(&d); err != nil {
				return err
			}
			return s.QueryRow(ctx, `select $1::text::numeric = $2::numeric`, text, d).Scan(&same)
		})
		switch {
		case errors.Is(err, blotter.ErrData) && !kept:
		case err != nil:
			t.Fatalf("%q (within bounds: %v): %v", text, kept, err)
		case kept && !same:
			t.Fatalf("%q was read as %s and sent back as another number", text, d)
		}
	})
}
