package main_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fills = "time,symbol,side,quantity,price,fee,currency,id\n" +
	"2024-03-01T15:00:00Z,AAPL,buy,100,10,1,USD,a1\n" +
	"2024-03-04T15:00:00Z,AAPL,sell,40,12.5,1,USD,a2\n" +
	"2024-03-05T15:00:00Z,AAPL,sell,100,11,1,USD,a3\n" +
	"2024-03-05T16:00:00Z,MSFT,buy,2.5,400.123456789,0,USD,m1\n" +
	"2024-03-06T16:00:00Z,MSFT,buy,,400,0,USD,m2\n"

func TestTradesImport(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "in/fills.csv", fills)
	d.write(t, "in/bars.csv", goodBars)
	d.fails(t, 1, []string{"trades", "import", "in/fills.csv"}, "in/fills.csv", "--account")
	contains(t, d.ok(t, "trades", "import", "in", "--account", "ACC", "--dry-run"), "fills.csv",
		"dry run: nothing was booked")
	contains(t, d.ok(t, "trades", "list"), "no such trades")
	first := d.ok(t, "trades", "import", "in", "--account", "ACC", "--create-account")
	contains(t, first, "fills.csv", "4       4", "rejected: fills.csv line 6: quantity is missing",
		"skipped: in/bars.csv")
	narrow(t, "trades import", first)
	var again struct {
		Total struct{ Fills, Booked, Duplicates, Conflicts, Rejected int }
	}
	if err := json.Unmarshal([]byte(d.ok(t, "trades", "import", "in/fills.csv", "--account", "ACC",
		"--json")), &again); err != nil {
		t.Fatal(err)
	}
	if again.Total.Booked != 0 || again.Total.Duplicates != 4 || again.Total.Rejected != 1 {
		t.Errorf("a second import: %+v", again.Total)
	}
	d.write(t, "other.csv", strings.Replace(fills, "12.5", "12.6", 1))
	contains(t, d.ok(t, "trades", "import", "other.csv", "--account", "ACC"), "conflicts",
		"execute trade a2: it is booked already, with another")
	kept := d.ok(t, "psql", "--", "-Atc",
		"select check_type || ' ' || line from data_ingestion.data_quality_logs order by 1")
	contains(t, kept, "conflict 3", "6")

	listed := d.ok(t, "trades", "list", "--account", "ACC", "--oldest-first")
	contains(t, listed, "2024-03-04 15:00:00  AAPL    sell        40          12.50", "100.00", "60.00")
	narrow(t, "trades list", listed)
	contains(t, d.ok(t, "trades", "list", "--symbol", "msft"), "400.123456789")
	contains(t, d.ok(t, "positions", "list"), "ACC      AAPL         -40", "MSFT")
	contains(t, d.ok(t, "positions", "list", "--at", "2024-03-05"), "AAPL          60")
	pnl := d.ok(t, "pnl", "list", "--by", "day")
	contains(t, pnl, "2024-03-04       1        1  100%    100.00  1.00   99.00", "all")
	contains(t, d.ok(t, "verify"), "verified: 2 positions and 0 orders, from 4 trades")

	// Listed trades can be imported into another book.
	d.write(t, "export.csv", d.ok(t, "trades", "list", "--format", "csv", "--oldest-first"))
	other := newBook(t)
	contains(t, other.ok(t, "trades", "import", filepath.Join(d.dir, "export.csv"), "--create-account"),
		"export.csv", "4       4")
	want, got := d.ok(t, "positions", "list", "--json", "--all"), other.ok(t, "positions", "list", "--json", "--all")
	if want != got {
		t.Errorf("positions of an exported and imported book are\n%s, want\n%s", got, want)
	}
}

// A broken book is found, and the status says so.
func TestVerifyFindsWhatIsBroken(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	d.write(t, "fills.csv", fills)
	d.ok(t, "trades", "import", "fills.csv", "--account", "ACC", "--create-account")
	d.ok(t, "psql", "--", "-qc", "update execution.positions set quantity = quantity + 1 where symbol = 'MSFT'")
	r := d.run(t, "verify")
	if r.status != 1 || r.err != "" {
		t.Errorf("status %d, %q, want 1 and the list", r.status, r.err)
	}

	contains(t, r.out, "ACC      position  MSFT", "quantity", "3.5", "2.5", "NOT verified")
	narrow(t, "verify", r.out)
	if r := d.run(t, "verify", "--json"); r.status != 1 || !json.Valid([]byte(r.out)) {
		t.Errorf("status %d: %s", r.status, r.out)
	}

	d.fails(t, 1, []string{"verify", "--account", "OTHER"}, `there is no account "OTHER"`)
}

func TestPositionsCompare(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	d.write(t, "fills.csv", fills)
	d.ok(t, "trades", "import", "fills.csv", "--account", "ACC", "--create-account")
	d.write(t, "same.csv", "Symbol,Qty,Avg Price\nAAPL,-40,11.00\nMSFT,2.5,400.12\n")
	contains(t, d.ok(t, "positions", "compare", "same.csv", "--account", "ACC"), "ACC agrees: 2 positions")
	d.write(t, "cents.csv", "Symbol,Qty,Avg Price\nAAPL,-40,11.00\nMSFT,2.5,400.00\n")
	if r := d.run(t, "positions", "compare", "cents.csv", "--account", "ACC"); r.status != 1 ||
		!strings.Contains(r.out, "average") {
		t.Errorf("an average of 400.00 for 400.123456789: status %d: %s", r.status, r.out)
	}

	d.write(t, "same.json",
		`{"result":{"list":[{"symbol":"AAPL","side":"Sell","size":"40"},`+
			`{"symbol":"MSFT","side":"Buy","size":"2.5","avgPrice":"400.123456789"}]}}`)
	contains(t, d.ok(t, "positions", "compare", "same.json", "--account", "ACC"), "agrees")
	d.write(t, "other.csv", "symbol;quantity;average price\nAAPL;60;10\nGOOG;5;100\n")
	r := d.run(t, "positions", "compare", "other.csv", "--account", "ACC")
	if r.status != 1 || r.err != "" {
		t.Errorf("status %d, %q, want 1 and the list", r.status, r.err)
	}

	contains(t, r.out, "AAPL    different      60   -40        -100", "GOOG    missing", "MSFT    extra",
		"AAPL: last agreed after the trade of 2024-03-04 15:00:00; 1 trade since", "a3", "all of its fills are missing",
		"does NOT agree: 3 positions differ, 0 agree")
	narrow(t, "positions compare", r.out)
	d.write(t, "average.csv", "symbol,quantity,average price\nAAPL,-40,12.5\nMSFT,2.5,400\n")
	if r := d.run(t, "positions", "compare", "average.csv", "--account", "ACC"); r.status != 1 ||
		!strings.Contains(r.out, "average") {
		t.Errorf("status %d: %s", r.status, r.out)
	}

	d.fails(t, 2, []string{"positions", "compare", "same.csv"}, "--account")
	d.fails(t, 1, []string{"positions", "compare", "none.csv", "--account", "ACC"}, "none.csv")
	d.write(t, "bad.csv", "symbol,quantity\nAAPL,many\n")
	d.fails(t, 1, []string{"positions", "compare", "bad.csv", "--account", "ACC"}, "line 2", "many")
}

func TestBookListings(t *testing.T) {
	t.Parallel()

	d := newOwnBook(t)
	d.ok(t, "up")
	d.ok(t, "demo")
	for _, args := range [][]string{
		{"orders", "list"},
		{"orders", "list", "--status", "filled", "--symbol", "syn-a", "--side", "BUY"},
		{"trades", "list", "--account", "DEMO"},
		{"positions", "list"},
		{"pnl", "list"},
		{"pnl", "list", "--by", "month", "--account", "DEMO"},
		{"pnl", "list", "--by", "strategy"},
	} {
		out := d.ok(t, args...)
		narrow(t, fmt.Sprint(args), out)
		if strings.Count(out, "\n") < 2 || strings.Contains(out, "\x1b") {
			t.Errorf("%v printed %q", args, out)
		}
		rows, err := csv.NewReader(strings.NewReader(d.ok(t, append(args, "--format", "csv")...))).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Errorf("%v as csv: %d rows, %v", args, len(rows), err)
		}
		var objects []map[string]any
		if err := json.Unmarshal([]byte(d.ok(t, append(args, "--json")...)), &objects); err != nil ||
			len(objects) != len(rows)-1 {
			t.Errorf("%v as JSON: %d objects for %d rows, %v", args, len(objects), len(rows)-1, err)
		}
	}

	d.fails(t, 2, []string{"orders", "list", "--status", "lost"}, `--status "lost"`, "pending")
	d.fails(t, 2, []string{"trades", "list", "--side", "up"}, "buy or sell")
	d.fails(t, 2, []string{"pnl", "list", "--by", "moon"}, "symbol, strategy")
	d.fails(t, 2, []string{"trades"}, "list, import or imports")
	contains(t, d.ok(t, "orders", "list", "--side", "sell", "--status", "rejected"), "no such orders")
	if _, err := os.Stat(filepath.Join(d.dataDir(), "demo-equity.png")); err != nil {
		t.Error(err)
	}

	contains(t, d.ok(t, "verify"), "verified: 3 positions")
	contains(t, d.ok(t, "demo"), "0 of them booked now")
	d.ok(t, "down")
}

// A file's fills of another account stay out of this one's book, unless they are asked for by name.
func TestTradesImportOfAccounts(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	d.write(t, "two.csv", "time,account,symbol,side,quantity,price,currency,id\n"+
		"2024-03-01T15:00:00Z,Individual-Brokerage-Account-1,AAPL,buy,100,10,USD,a1\n"+
		"2024-03-01T15:00:00Z,Individual-Brokerage-Account-2,AAPL,buy,7,10,EUR,a1\n")
	both := d.ok(t, "trades", "import", "two.csv", "--create-account")
	contains(t, both, "two.csv", "2       2")
	for _, args := range [][]string{{"positions", "list"}, {"trades", "list"}, {"pnl", "list"}} {
		out := d.ok(t, args...)
		contains(t, out, "ccount-1", "ccount-2", "EUR", "USD")
		narrow(t, fmt.Sprint(args), out)
	}

	d.fails(t, 1, []string{"trades", "import", "two.csv", "--account", "MINE"},
		"nothing was booked", "--from-account Individual-Brokerage-Account-1",
		"--from-account Individual-Brokerage-Account-2")
	d.fails(t, 1, []string{"positions", "list", "--account", "MINE"}, `there is no account "MINE"`)
	contains(t, d.ok(t, "trades", "import", "two.csv", "--account", "MINE", "--from-account",
		"Individual-Brokerage-Account-2", "--create-account"), "two.csv", "1       1")
	contains(t, d.ok(t, "positions", "list", "--account", "MINE"), "AAPL           7")
	d.fails(t, 2, []string{"trades", "import", "two.csv", "--from-account", "X"}, "--account")
}
