package main_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	yahooHeader = "Date,Open,High,Low,Close,Adj Close,Volume\n"
	goodBars    = yahooHeader + "2019-01-02,154.889999,158.850006,154.229996,157.919998,157.245605,37039700\n" +
		"2019-01-03,143.979996,145.720001,142,142.190002,141.582779,91312200\n" +
		"2019-01-04,144.529999,148.550003,143.800003,148.259995,147.626862,58607100\n"
)

// counts are the numbers of an import's or a demo's JSON.
type counts struct {
	Total struct {
		Read, Inserted, Updated, Unchanged, Quarantined int
		OtherSource                                     int `json:"other_source"`
	}
	Files []struct{ File, Error string }
}

func TestDemo(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	first := d.ok(t, "demo")
	contains(t, first, "SYNTHETIC", "PostgreSQL", d.dataDir(), "SYN-A.csv",
		"The last month of SYN-A", "rows/s", "Go on:")
	narrow(t, "demo", strings.ReplaceAll(first, d.dir, ""))
	for _, line := range strings.Split(first, "\n") {
		if fields := strings.Fields(line); len(fields) == 7 && strings.HasPrefix(line, "20") {
			for _, price := range fields[1:5] {
				if _, fraction, _ := strings.Cut(price, "."); len(fraction) != 2 {
					t.Errorf("price %s of %q: want 2 decimals", price, line)
				}
			}
		}
	}

	var again struct {
		Synthetic bool
		Import    counts
		Bars      []map[string]any
	}
	if err := json.Unmarshal([]byte(d.ok(t, "demo", "--json")), &again); err != nil {
		t.Fatal(err)
	}

	n := again.Import.Total
	if n.Read < 1000 || n.Inserted != 0 || n.Updated != 0 || n.Unchanged != n.Read ||
		!again.Synthetic || len(again.Bars) < 15 {
		t.Errorf("the second demo: %+v, %d bars, want nothing new", n, len(again.Bars))
	}

	noProcesses(t, d)
}

func TestDemoOnFiles(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	d.write(t, "AAPL.csv", goodBars)
	d.write(t, "none.csv", "Dear customer,\n")
	out := d.ok(t, "demo", "AAPL.csv")

	contains(t, out, "AAPL.csv  AAPL       3         3",
		"The last month of AAPL, up to 2019-01-04: 3 bars between 142 and 158.850006",
		"2019-01-03  143.979996  145.720001  142.000000  142.190002  91312200  yahoo",
		"blotter bars show AAPL --format csv")
	if strings.Contains(out, "SYNTHETIC") {
		t.Error("real bars are called synthetic")
	}

	again := d.fails(t, 1, []string{"demo", "none.csv", "AAPL.csv"}, "1 of 2 files were not imported")
	contains(t, again.out, "AAPL.csv  AAPL       3         0          3", "not imported: none.csv",
		"The last month of AAPL")
	d.fails(t, 1, []string{"demo", "none.csv"}, "none.csv: it is not a bar file")
}
