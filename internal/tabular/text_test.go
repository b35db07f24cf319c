package tabular_test

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/tabular"
)

// lines reads a text to its end: each line as its number and its cells.
func lines(t *testing.T, text string, delimiter byte) (all [][]string, numbers []int64) {
	t.Helper()
	r := tabular.NewTextReader(bufio.NewReaderSize(strings.NewReader(text), tabular.LineBytesMax), delimiter)
	for {
		var record tabular.Record
		err := r.Next(&record)
		if errors.Is(err, io.EOF) {
			return all, numbers
		} else if err != nil {
			t.Fatal(err)
		}

		cells := []string{}
		for _, cell := range record.Cells {
			cells = append(cells, string(cell))
		}

		all = append(all, cells)
		numbers = append(numbers, record.Line)
	}
}

func TestTextReader(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		text    string
		want    []string // cells joined by |
		numbers []int64
	}{
		"cells":                     {"a,b\nc,d", []string{"a|b", "c|d"}, []int64{1, 2}},
		"blank lines":               {"a,b\n\n ,;\nc,d\n", []string{"a|b", "c|d"}, []int64{1, 4}},
		"quotes":                    {`"a,b","c ""d""",e` + "\n", []string{`a,b|c "d"|e`}, []int64{1}},
		"a line break in quotes":    {"a,\"b\nc\",d\ne,f\n", []string{"a|b\nc|d", "e|f"}, []int64{1, 3}},
		"a quote that never closes": {"a,\"b\nc,d\n", []string{"a|b", "c|d"}, []int64{1, 2}},
		"inches": {
			text:    "5\" pipe,1\na,2\n6\" pipe,3\n",
			want:    []string{`5" pipe|1`, "a|2", `6" pipe|3`},
			numbers: []int64{1, 2, 3},
		},
	} {
		got, numbers := lines(t, test.text, ',')
		joined := []string{}
		for _, cells := range got {
			joined = append(joined, strings.Join(cells, "|"))
		}

		if !slices.Equal(joined, test.want) || !slices.Equal(numbers, test.numbers) {
			t.Errorf("%s: got %q in lines %v, want %q in lines %v", name, joined, numbers, test.want, test.numbers)
		}
	}
}

func TestDelimiter(t *testing.T) {
	t.Parallel()
	isHeader := func(cells [][]byte) bool { return len(cells) == 3 && string(cells[0]) == "date" }

	for text, want := range map[string]byte{
		"date;a,b;c\n1;2,5;3\n":          ';',
		"a report, of all\ndate|b|c\n":   '|',
		"1;2,5;3,5;4;5\n1;2,5;3,5;4;5\n": ';',
		"1\t2\t3\t4\n1\t2\t3\t4\n":       '\t',
		"\"a;b;c;d\",1,2,3\nx,1,2,3\n":   ',',
		"one word\n":                     ',',
		"":                               ',',
		"a;b\n1;2\n":                     ';',
		"2024-01-02,1,2,1,2,3\nbroken;":  ',',
	} {
		if got := tabular.Delimiter([]byte(text), isHeader); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
