package term_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/term"
)

func TestNumbers(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ got, want string }{
		{term.Thousands(999), "999"},
		{term.Thousands(1234567), "1,234,567"},
		{term.Thousands(int64(-1234)), "-1,234"},
		{term.Thousands(-123), "-123"},
		{term.Count(1, "entry", "entries"), "1 entry"},
		{term.Count(0, "entry", "entries"), "0 entries"},
		{term.Count(1500, "entry", "entries"), "1,500 entries"},
		{term.Estimate(999), "999"},
		{term.Estimate(1_234_567), "1.23M"},
		{term.Bytes(512), "512 B"},
		{term.Bytes(8192), "8 kB"},
		{term.Bytes(5 << 40), "5 TB"},
		{term.Elapsed(1234567 * time.Microsecond), "1.2s"},
		{term.Elapsed(1234 * time.Microsecond), "1ms"},
		{term.Elapsed(61500 * time.Millisecond), "1m2s"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want string }{
		{term.Printable("a\nb\x1b[2J\u202e"), `a\nb\x1b[2J\u202e`},
		{term.PrintableLines("a\nb\x1b"), "a\nb\\x1b"},
		{term.Shorten("abcdef", 6), "abcdef"},
		{term.Shorten("abcdefg", 6), "abcde…"},
		{term.ShortenMiddle("2024-05-02-0001", 9), "2024…0001"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// A table that is too wide first loses characters of free text, then spare columns, and is then printed as records.
func TestPrintTable(t *testing.T) {
	columns := []term.Column{
		{Name: "symbol"},
		{Name: "profit", Right: true, Point: true},
		{Name: "note", Least: 8},
		{Name: "id", Spare: 1},
		{Name: "empty"},
	}
	for width, want := range map[string]string{
		"48": "symbol  profit  note                          id\n" +
			"AAPL      1.50  a note of several long words  17\n" +
			"MSFT     -2.25  short                         18\n",
		"44": "symbol  profit  note                      id\n" +
			"AAPL      1.50  a note of s…l long words  17\n" +
			"MSFT     -2.25  short                     18\n",
		"43": "symbol  profit  note\n" +
			"AAPL      1.50  a note of sev…al long words\n" +
			"MSFT     -2.25  short\n" +
			"(hidden at 43 columns: id; COLUMNS=48 or\n" +
			"  --json shows all)\n",
		"22": "symbol  AAPL\nprofit  1.50\nnote    a note of several long words\nid      17\n\n" +
			"symbol  MSFT\nprofit  -2.25\nnote    short\nid      18\n",
	} {
		t.Setenv("COLUMNS", width)
		rows := [][]string{
			{"AAPL", "1.50", "a note of several long words", "17", ""},
			{"MSFT", "-2.25", "short", "18", ""},
		}
		var out strings.Builder
		if err := term.PrintTable(&out, columns, rows); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s columns:\n%swant\n%s", width, &out, want)
		}
	}
}
