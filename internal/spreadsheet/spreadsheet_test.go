package spreadsheet_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/spreadsheet"
)

func TestCell(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`,
		"+1+cmd|' /C calc'!A0":   "'+1+cmd|' /C calc'!A0",
		"-2+3":                   "'-2+3",
		"@SUM(A1)":               "'@SUM(A1)",
		"\t=1":                   "'\t=1",
		"\r=1":                   "'\r=1",
		"\n=1":                   "'\n=1",
		"  =1":                   "'  =1",
		"＝1+1":                   "'＝1+1",
		"-":                      "'-",
		"-5.25":                  "-5.25",
		"+5":                     "+5",
		"-1e-8":                  "-1e-8",
		"-5.25x":                 "'-5.25x",
		"-5.":                    "'-5.",
		"":                       "",
		"AAPL":                   "AAPL",
		"a=b":                    "a=b",
		"'quoted":                "'quoted",
		"2024-01-31T00:00:00Z":   "2024-01-31T00:00:00Z",
	} {
		if got := spreadsheet.Cell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()

	for safe, want := range map[bool]string{
		false: "symbol,pnl\n=A,-5.25\n",
		true:  "symbol,pnl,safe_for_spreadsheets\n'=A,-5.25,\n",
	} {
		var out strings.Builder
		w := spreadsheet.NewWriter(&out, safe)
		for _, row := range [][]string{{"symbol", "pnl"}, {"=A", "-5.25"}} {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}

		if err := w.Flush(); err != nil || out.String() != want {
			t.Errorf("safe %t: %q, %v, want %q", safe, out.String(), err, want)
		}
		if spreadsheet.IsMarked([]byte(out.String())) != safe {
			t.Errorf("safe %t: the mark is not as it should be", safe)
		}
	}
}
