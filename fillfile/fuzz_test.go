package fillfile_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
)

// FuzzFills feeds any text to Read, beginning with the files of every layout: there is no panic, every fill is a trade
// that can be booked, every rejected row has its line and a reason, and a file without either is an error.
func FuzzFills(f *testing.F) {
	for _, e := range examples(f) {
		f.Add(e.text)
	}

	for _, text := range []string{"", "{", "[{}]", "<FlexQueryResponse a=''/>", "a,b\n\"", "\xff\xfe", "\xef\xbb\xbf"} {
		f.Add(text)
	}

	f.Fuzz(func(t *testing.T, text string) {
		file, err := fillfile.Read(strings.NewReader(text), "file", fillfile.Options{
			Account:   "A",
			Zone:      "UTC",
			DateOrder: "dmy",
		})
		if err != nil {
			if !errors.Is(err, blotter.ErrInvalid) {
				t.Fatalf("Read: %v is not ErrInvalid", err)
			}
			return
		}

		rows, failed := 0, false
		for fill, err := range file.Fills() {
			var rejected *blotter.RejectedRow
			switch {
			case err == nil:
				rows++
				checkFill(t, fill)
			case errors.As(err, &rejected):
				rows++
				checkRejected(t, rejected)
			case !errors.Is(err, blotter.ErrInvalid):
				t.Fatalf("%v is not ErrInvalid", err)
			default:
				failed = true
			}
		}

		if rows == 0 && !failed {
			t.Fatal("a file without fills was taken for one with")
		}
		if file.Count+file.Rejected != int64(rows) {
			t.Fatalf("%d and %d are counted of %d rows", file.Count, file.Rejected, rows)
		}
	})
}

func checkFill(t *testing.T, fill fillfile.Fill) {
	t.Helper()
	if err := fill.Check(); err != nil && !fill.Ends {
		t.Fatalf("line %d: %v", fill.Line, err)
	}
	year := fill.ExecutedAt.Year()
	if fill.Line < 1 || fill.OrderID != "" || fill.Symbol != strings.ToUpper(fill.Symbol) || year < 1599 ||
		year > 2201 ||
		!utf8.ValidString(fill.OrderRef) {
		t.Fatalf("%+v", fill)
	}
}

func checkRejected(t *testing.T, rejected *blotter.RejectedRow) {
	t.Helper()
	for _, text := range []string{rejected.Symbol, rejected.Reason, rejected.Raw} {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Fatalf("%q cannot be stored", text)
		}
	}
	if rejected.Line < 1 || rejected.Reason == "" || rejected.Check == "" {
		t.Fatalf("rejected: %+v", rejected)
	}
}
