package main_test

import (
	"strings"
	"testing"
)

// wideFills has long ids, and prices and quantities with many digits.
const wideFills = "time,account,symbol,side,quantity,price,currency,fee,fee currency,id,strategy\n" +
	"2024-05-02T15:00:00Z,DEPOT,LTCBTC,buy,3.00000001,0.00125001,BTC,0.00000125,BTC," +
	"3f1c2d9a-77aa-4a5e-9a41-000000000001,grid\n" +
	"2024-05-03T15:00:00Z,DEPOT,LTCBTC,sell,1.5,0.00125099,BTC,0.00000125,BTC," +
	"3f1c2d9a-77aa-4a5e-9a41-000000000002,grid\n" +
	"2024-05-03T16:00:00Z,DEPOT,7203,buy,100,2500,JPY,0,JPY,3f1c2d9a-77aa-4a5e-9a41-000000000003,swing\n" +
	"2024-05-03T17:00:00Z,DEPOT,7203,sell,100,2512,JPY,0,JPY,3f1c2d9a-77aa-4a5e-9a41-000000000004,swing\n" +
	"2024-05-06T15:00:00Z,DEPOT,KO,buy,3,60.01,USD,1,USD,3f1c2d9a-77aa-4a5e-9a41-000000000005,swing\n" +
	"2024-05-06T15:01:00Z,DEPOT,KO,buy,4,60.02,USD,1,USD,3f1c2d9a-77aa-4a5e-9a41-000000000006,swing\n" +
	"2024-05-06T15:02:00Z,DEPOT,KO,sell,2,61,USD,1,USD,3f1c2d9a-77aa-4a5e-9a41-000000000007,swing\n"

// widest returns the length of the longest line.
func widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, len([]rune(strings.TrimRight(line, "\n"))))
	}
	return n
}

// Money is printed with the digits that its currency has at least, and with all that are stored.
func TestMoneyKeepsItsDigits(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "fills.csv", wideFills)
	d.ok(t, "trades", "import", "fills.csv", "--create-account")
	d.env = append(d.env, "COLUMNS=200")
	stored := d.ok(t, "psql", "--", "-Atc",
		"select symbol || ' ' || trim_scale(realized_pnl) from execution.positions order by 1")
	contains(t, stored, "7203 1200\n", "KO 1.9685714285", "LTCBTC 0.00000147\n")
	exact := strings.TrimPrefix(strings.Split(stored, "\n")[1], "KO ")

	positions := d.ok(t, "positions", "list", "--all")
	contains(t, positions, "0.00000147", "0.00000250", "1,200 ", exact)
	trades := d.ok(t, "trades", "list")
	contains(t, trades, "0.00000147", "1,200 ", exact, "3f1c2d9a-77aa-4a5e-9a41-000000000001")
	pnl := d.ok(t, "pnl", "list")
	contains(t, pnl, "0.00000147", "0.00000250", "-0.00000103", "1,200 ", exact)

	// The decimal points of a column stand below each other.
	column := -1
	for _, line := range strings.Split(pnl, "\n") {
		if fields := strings.Fields(line); len(fields) > 3 && strings.Contains(fields[len(fields)-2], ".") {
			at := strings.LastIndex(line, ".")
			if column >= 0 && at != column {
				t.Errorf("the points of net are not below each other:\n%s", pnl)
			}
			column = at
		}
	}

	one := d.serve(t)
	until(t, "the analytics have all trades", func() bool {
		return strings.Contains(d.ok(t,
			"analytics", "show"), "LTCBTC")
	})
	until(t, "the analytics have all trades", func() bool {
		return strings.Contains(d.ok(t,
			"analytics", "show"), exact)
	})
	contains(t, d.ok(t, "analytics", "show"), "0.00000147", "0.00000250", "1,200 ")
	contains(t, d.ok(t, "analytics", "show", "--by", "day"), "0.00000147", "1,200 ", exact)
	one.end()
}

// A table is as wide as COLUMNS or the terminal says, otherwise 80 columns; what it hides it names, with the width that
// shows all.
func TestTablesNameWhatTheyHide(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "fills.csv", wideFills)
	d.ok(t, "trades", "import", "fills.csv", "--create-account")
	plain := d.env

	narrowTable := d.ok(t, "trades", "list", "--symbol", "KO")
	contains(t, narrowTable, "(hidden at 80 columns: ", "strategy", "COLUMNS=", "shows all)")
	narrow(t, "trades list", narrowTable)

	// The width that is named shows all, and one less does not.
	_, after, _ := strings.Cut(narrowTable, "COLUMNS=")
	named, _, _ := strings.Cut(after, " ")
	d.env = append(plain, "COLUMNS="+named)
	whole := d.ok(t, "trades", "list", "--symbol", "KO")
	if strings.Contains(whole, "hidden") || strings.Contains(whole, "…") || len(named) < 3 {
		t.Errorf("COLUMNS=%s does not show all:\n%s", named, whole)
	}
	contains(t, whole, "strategy", "swing", "currency", "USD", "3f1c2d9a-77aa-4a5e-9a41-000000000007")

	// A terminal's width counts, and COLUMNS comes first.
	d.env = plain
	if shown, _ := newTerminal(t, 250).run(d, "", "", "trades", "list", "--symbol",
		"KO"); strings.Contains(shown, "hidden") {
		t.Errorf("a terminal of 250 columns hides some:\n%s", shown)
	}
	shown, _ := newTerminal(t, 100).run(d, "", "", "trades", "list", "--symbol", "KO")
	if n := widest(strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[0m",
		"").Replace(shown)); n <= 80 || n > 100 {
		t.Errorf("on a terminal of 100 columns the table has %d:\n%s", n, shown)
	}
	d.env = append(plain, "COLUMNS=250")
	if shown, _ := newTerminal(t, 60).run(d, "", "", "trades", "list", "--symbol",
		"KO"); strings.Contains(shown, "hidden") {
		t.Errorf("COLUMNS does not come before the terminal:\n%s", shown)
	}

	// A value of COLUMNS that is not a width is ignored.
	d.env = append(plain, "COLUMNS=wide")
	narrow(t, "trades list with COLUMNS=wide", d.ok(t, "trades", "list"))

	// A table that is too wide in any form is printed as records, with every column.
	d.env = append(plain, "COLUMNS=40")
	records := d.ok(t, "trades", "list", "--symbol", "KO")
	contains(t, records, "executed  2024-05-06 15:02:00\n", "side      sell\n", "strategy  swing\n",
		"trade     3f1c2d9a-77aa-4a5e-9a41-000000000007\n")
	if strings.Count(records, "\n\n") != 2 {
		t.Errorf("three trades make three records:\n%s", records)
	}
	d.env = plain
}
