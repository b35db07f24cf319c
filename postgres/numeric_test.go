package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
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

// The server checks the codec: it compares the decimal that was sent as binary with the one that was sent as text.
func TestNumericAgainstTheServer(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	err := db.ReadOnly(t.Context(), func(s *postgres.Session) error {
		rapid.Check(t, func(r *rapid.T) {
			text := decimals().Draw(r, "decimal")
			want := blotter.MustDecimal(text)
			var decoded blotter.Decimal
			var agrees bool
			err := s.QueryRow(t.Context(), `select $1::text::numeric, $2::numeric = $1::text::numeric`, text,
				want).Scan(&decoded, &agrees)
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

// Divisions and aggregates have display scales that constants do not have: groups of zeros, scales beyond the last
// digit.
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
	for _, value := range []string{
		`'NaN'`, `'Infinity'`, `'-Infinity'`, `1e-20`, `1e151`, `0.12345678901234567891`,
		`1e200 + 0.5`,
	} {
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

// Any text: if the server accepts it as a NUMERIC, it is either outside a Decimal's bounds and an error, or passes the
// codec in both directions as the same number.
func FuzzNumericAgainstTheServer(f *testing.F) {
	for _, text := range []string{
		"0", "-1.50", "1e19", "1e-19", "1e-20", "NaN", "-Infinity", "0.00010000000000000000",
		"123456789012345678901234567890.5",
	} {
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
				return nil // the server does not accept it as a number
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
