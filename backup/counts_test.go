package backup

import (
	"bufio"
	"maps"
	"strings"
	"testing"
)

func TestRowsOfADumpAreCounted(t *testing.T) {
	long := strings.Repeat("x", 5000)
	script := "SET x;\nCOPY execution.trades (a, b) FROM stdin;\n1\t" + long + "\n" + long + "\t2\n\\.\n" +
		"-- COPY nothing (a)\nCOPY execution.orders (a) FROM stdin;\n\\.\nCOPY execution.accounts (a) FROM " +
		"stdin;\nCOPY x (y)\n\\.\n"

	counts := RowCounts{}
	if err := countCopies(bufio.NewReaderSize(strings.NewReader(script), 2000), counts); err != nil {
		t.Fatal(err)
	}
	want := RowCounts{"execution.trades": 2, "execution.orders": 0, "execution.accounts": 1}
	if !maps.Equal(counts, want) {
		t.Errorf("counts %v, want %v", counts, want)
	}
	if counts.Rows() != 3 {
		t.Errorf("%d rows, want 3", counts.Rows())
	}
}

func TestTablesThatDifferAreNamed(t *testing.T) {
	original := RowCounts{"a": 1, "gone": 2000, "same": 3}
	copied := RowCounts{"a": 2, "new": 1, "same": 3}
	got := strings.Join(original.differences(copied), "\n")
	const want = "a has 1 rows in the original and 2 in the copy\n" +
		"gone has 2,000 rows in the original and 0 in the copy\n" +
		"new has 0 rows in the original and 1 in the copy"
	if got != want {
		t.Errorf("differences:\n%s\nwant:\n%s", got, want)
	}
}
