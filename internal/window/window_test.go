package window_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]window.Snapshot{
		"3:3:":           window.Until(3),
		"10:20:10,14,15": {Xmin: 10, Xmax: 20, Running: []uint64{10, 14, 15}},
		"18446744073709551615:18446744073709551615:": window.Until(1<<64 - 1),
	} {
		got, err := window.Parse(text)
		if err != nil || !reflect.DeepEqual(got, want) || got.String() != text {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestParseInvalid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "3", "3:3", "3:3:3:3", "x:3:", "3:x:", "3:5:x", "-1:3:", "3:5:4,,x", "18446744073709551616:3:",
	} {
		if s, err := window.Parse(text); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("Parse(%q) = %v, %v; want ErrInvalid", text, s, err)
		}
	}
}

func TestWithRunning(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		snapshot string
		xid      uint64
		want     string
	}{
		{"10:20:12,14", 13, "10:20:12,13,14"},
		{"10:20:", 15, "10:20:15"},
		{"20:20:", 15, "15:20:15"},
		{"10:20:15", 15, "10:20:15"},
		{"10:20:", 20, "10:20:"}, // has not begun
		{"10:20:", 0, "10:20:"},  // no transaction
	} {
		s, err := window.Parse(test.snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.WithRunning(test.xid).String(); got != test.want || s.String() != test.snapshot {
			t.Errorf("%s with %d running is %s, want %s; the original became %s", test.snapshot, test.xid, got,
				test.want, s)
		}
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	done := window.Snapshot{Xmin: 5, Xmax: 10, Running: []uint64{5, 7}}
	got := window.Between(done, window.Until(20))
	want := window.Window{From: 10, To: 20, Running: []uint64{5, 7}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Between = %+v, want %+v", got, want)
	}
	if empty := window.Between(window.Until(3), window.Until(4)); empty.Running == nil {
		t.Error("Running is nil, which PostgreSQL takes for null")
	}
}
