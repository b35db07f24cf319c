package fillfile_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/blotterdb/blotter/fillfile"
)

var hashed = regexp.MustCompile(`^h-[0-9a-f]{20}$`)

// The ids are part of what is stored: they must not change from version to version.
func TestIDsAreStable(t *testing.T) {
	t.Parallel()
	text := "date,symbol,side,quantity,price,fee,account\n" +
		"2024-01-02,FOO,buy,1.50,10,0.1,A\n" +
		"2024-01-02,foo,BUY,1.5,10.0,0.10,A\n" +
		"2024-01-02,FOO,buy,1.5,10,0.2,A\n"
	var got []string
	for _, fill := range read(t, text, fillfile.Options{}).fills {
		got = append(got, fill.TradeID)
	}
	want := []string{"h-6edf23baf1f0ff5500d9", "h-fa96282080b6afe2632a", "h-71b5bfa6d48a821fbc60"}
	if !slices.Equal(got, want) {
		t.Errorf("ids\ngot  %q\nwant %q", got, want)
	}
}

// Two exports that overlap give the fills that both have the same ids, and all others different ones.
func TestOverlappingExports(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("2024-01-%02d,FOO,%s,%d,10,0.1,A", rapid.IntRange(1, 9).Draw(t, "day"),
				rapid.SampledFrom([]string{"buy", "sell"}).Draw(t, "side"), rapid.IntRange(1, 2).Draw(t, "quantity"))
		}), 1, 30).Draw(t, "lines")

		slices.Sort(lines) // by date, as an export is
		short := lines[:rapid.IntRange(1, len(lines)).Draw(t, "cut")]
		reversed := slices.Clone(lines)
		slices.Reverse(reversed)
		all := ids(t, lines)
		some := ids(t, short)
		newest := ids(t, reversed)
		if len(all) != len(lines) || len(newest) != len(lines) {
			t.Fatalf("%d fills have %d and %d ids", len(lines), len(all), len(newest))
		}

		for id, what := range some {
			if all[id] != what || newest[id] != what {
				t.Fatalf("id %s is of %s, of %s in the longer file and of %s newest first", id, what, all[id],
					newest[id])
			}
		}
	})
}

// ids returns the fill of each id, as text.
func ids(t *rapid.T, lines []string) map[string]string {
	file, err := fillfile.Read(strings.NewReader("date,symbol,side,quantity,price,fee,account\n"+
		strings.Join(lines, "\n")), "file", fillfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for fill, err := range file.Fills() {
		if err != nil || !hashed.MatchString(fill.TradeID) {
			t.Fatal(fill.TradeID, err)
		}
		of[fill.TradeID] = describe(fill)
	}
	return of
}
