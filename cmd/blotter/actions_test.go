package main_test

import (
	"strings"
	"testing"
)

func TestActions(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	contains(t, d.ok(t, "actions", "list"), "no corporate actions")
	add := func(exDate, ratio string) []string {
		return []string{"actions", "add", "avgo", exDate, "split", "--ratio", ratio}
	}
	d.fails(t, 2, add("yesterday", "10:1"), `invalid ex-date "yesterday"`)
	d.fails(t, 2, add("2024-07-15", "10"), `invalid --ratio "10": want new shares and old ones, such as 4:1`)
	d.fails(t, 2, add("2024-07-15", "1:10"), "more new shares than old ones")
	contains(t, d.ok(t, add("2024-07-15", "10:1")...), "added: 10:1 split of AVGO on 2024-07-15")
	contains(t, d.ok(t, add("2024-07-15", "10:1")...), "unchanged: 10:1 split of AVGO")
	d.fails(t, 1, add("2024-07-12", "10:1"),
		"one of the dates is wrong; to replace it, first: blotter actions remove AVGO 2024-07-15 split")

	d.write(t, "AVGO.csv", "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n"+
		"2024-07-15,1,1,1,1,1,1,0,5.0\n2024-06-24,1,1,1,1,1,1,5.25,1.0\n2024-06-21,1,1,1,1,1,1,0,0.67\n")
	contains(t, d.ok(t, "actions", "import", "AVGO.csv", "--dry-run"), "dry run: nothing was stored")
	out := d.ok(t, "actions", "import", "AVGO.csv")
	contains(t, strings.Join(strings.Fields(out), " "), "2 1 0 1 1",
		"conflict: 5:1 split of AVGO on 2024-07-15: manual says 10:1 split of AVGO on 2024-07-15",
		"the ratio 0.67 is rounded", "blotter actions add AVGO 2024-06-21 split --ratio NEW:OLD")
	d.fails(t, 1, []string{"actions", "import", "AVGO.csv", "--strict"}, "1 rows are refused and 1 in conflict")
	contains(t, d.ok(t, "actions", "list", "avgo"), "AVGO    2024-06-24  cash_dividend         5.25",
		"AVGO    2024-07-15  split           10:1")

	exported := d.ok(t, "actions", "list", "--format", "csv")
	d.ok(t, "actions", "remove", "AVGO", "2024-07-15", "split")
	d.fails(t, 1, []string{"actions", "remove", "AVGO", "2024-07-15", "split"}, "no such row")
	d.write(t, "exported.csv", exported)
	d.ok(t, "actions", "import", "exported.csv")
	if again := d.ok(t, "actions", "list", "--format", "csv"); withoutCreation(again) != withoutCreation(exported) {
		t.Errorf("exported and imported, the actions are\n%swant\n%s", again, exported)
	}
}

// withoutCreation removes the last cell of each line, which is the time of its creation.
func withoutCreation(csv string) (rest string) {
	for line := range strings.Lines(csv) {
		rest += line[:strings.LastIndex(line, ",")+1] + "\n"
	}
	return rest
}

// Schwab's file has the split of AVGO as 9 new shares, so the book has 1 share and the broker 10.
func TestComparisonNamesMissingSplit(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "schwab.csv", `"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"`+"\n"+
		`"07/15/2024 as of 07/12/2024","Stock Split","AVGO","BROADCOM INC","9","$170.067","",""`+"\n"+
		`"06/13/2024","Buy","AVGO","BROADCOM INC","1","$1680.00","","-$1680.00"`+"\n")
	d.ok(t, "trades", "import", "schwab.csv", "--account", "ACC", "--create-account")
	d.write(t, "broker.csv", "symbol,quantity\nAVGO,10\n")

	compare := []string{"positions", "compare", "broker.csv", "--account", "ACC"}
	contains(t, flat(d.run(t, compare...).out), "it looks like a missing 10:1 split of AVGO; if so, state it: "+
		"blotter actions add AVGO EX-DATE split --ratio 10:1")
	d.ok(t, "actions", "add", "AVGO", "2024-07-15", "split", "--ratio", "10:1")
	contains(t, flat(d.run(t, compare...).out), "it looks like a missing 10:1 split of AVGO on 2024-07-15")

	d.write(t, "broker.csv", "symbol,quantity\nAVGO,317\n")
	if out := d.run(t, compare...).out; strings.Contains(out, "split") {
		t.Errorf("a difference that no split explains is called one:\n%s", out)
	}
}

// flat joins the lines of a text.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
