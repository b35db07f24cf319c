package main_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	contains(t, d.ok(t, "accounts", "list"), "no accounts; blotter accounts create makes one")
	d.fails(t, 1, []string{"accounts", "list", "--account", "DEPOT"},
		`there is no account "DEPOT"; there are no accounts yet`)

	created := d.ok(t, "accounts", "create", "DEPOT", "--currency", "eur", "--zone", "Asia/Kolkata",
		"--name", "Savings, long term")
	contains(t, created, "DEPOT", "EUR", "Asia/Kolkata", "Savings, long term")
	narrow(t, "accounts create", created)
	d.ok(t, "accounts", "create", "COINS", "--currency", "BTC")
	contains(t, d.ok(t, "accounts", "set", "COINS", "--zone", "America/New_York"), "COINS", "BTC", "America/New_York")
	contains(t, d.ok(t, "accounts", "set", "DEPOT", "--name", ""), "DEPOT", "EUR", "Asia/Kolkata")

	var list []struct {
		ID       string `json:"account_id"`
		Name     string
		Currency string
		Zone     string
	}
	if err := json.Unmarshal([]byte(d.ok(t, "accounts", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].ID != "COINS" || list[1].Name != "" || list[1].Zone != "Asia/Kolkata" {
		t.Errorf("accounts list --json: %+v", list)
	}
	contains(t, d.ok(t, "audit", "list", "--account", "DEPOT"), "INSERT", "UPDATE")

	d.fails(t, 1, []string{"accounts", "create", "DEPOT"},
		`there is an account "DEPOT" already; blotter accounts set changes it`)
	d.fails(t, 1, []string{"accounts", "set", "DEPTO", "--currency", "USD"},
		`there is no account "DEPTO"; did you mean DEPOT?`)
	d.fails(t, 2, []string{"accounts", "set", "DEPOT"}, "--currency, --zone or --name")
	d.fails(t, 2, []string{"accounts", "set", "DEPOT", "--currency", "DOLLAR"}, `invalid --currency "DOLLAR"`)
	d.fails(t, 2, []string{"accounts", "set", "DEPOT", "--currency", "GBX"}, `invalid --currency "GBX"`)
	d.fails(t, 2, []string{"accounts", "create", "X", "--zone", "Europe/Atlantis"}, `invalid --zone "Europe/Atlantis"`)
	d.fails(t, 2, []string{"accounts", "create", "X", "--zone", ""}, "invalid --zone")
	d.fails(t, 2, []string{"accounts", "create", "X", "--account", "Y"}, "leave out --account")
}

// A command that only reads refuses an account that does not exist: nothing of it is not "all is well".
func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.ok(t, "accounts", "create", "DEPOT")
	d.write(t, "held.csv", "symbol,quantity\nKO,1\n")
	for _, command := range []string{
		"verify", "orders list", "trades list", "trades list --json", "pnl list", "pnl list --format csv",
		"positions list", "positions list --at 2024-01-31", "positions compare held.csv",
		"analytics show", "analytics show --by day", "analytics reconcile",
		"accounts list", "audit list", "audit list --json", "events tail",
	} {
		args := append(strings.Fields(command), "--account", "DEPTO")
		if r := d.fails(t, 1, args, `there is no account "DEPTO"; did you mean DEPOT?`); strings.Contains(r.out,
			"verified") {
			t.Errorf("%s printed %q", command, r.out)
		}
	}
	contains(t, d.ok(t, "verify", "--account", "DEPOT"), "verified: 0 positions")
	contains(t, d.ok(t, "orders", "list", "--account", "DEPOT"), "no such orders")

	// The audit entries of an account can be read when the account is gone.
	d.ok(t, "psql", "--as", "owner", "--", "-qc", "delete from execution.accounts where account_id = 'DEPOT'")
	contains(t, d.ok(t, "audit", "list", "--account", "DEPOT"), "DELETE", "INSERT")
}

// A symbol that nothing is known of is refused with the one that was probably meant.
func TestUnknownSymbol(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "fills.csv", fills)
	d.ok(t, "trades", "import", "fills.csv", "--account", "DEPOT", "--create-account")
	d.write(t, "KO.csv", goodBars)
	d.ok(t, "import", "KO.csv")
	for _, command := range []string{"trades list", "orders list", "positions list", "pnl list", "pnl list --json"} {
		d.fails(t, 1, append(strings.Fields(command), "--symbol", "appl"),
			`there is no symbol "APPL"; did you mean AAPL?`)
	}
	contains(t, d.ok(t, "trades", "list", "--symbol", "KO"), "no such trades")
	d.fails(t, 1, []string{"bars", "show", "KOO"}, "no 1d bars of KOO are stored; did you mean KO?")
	d.fails(t, 1, []string{"bars", "export", "XX"}, "blotter import FILES stores some")
}

// An import makes an account only where that is asked for: a misspelled one must not become a second book.
func TestImportMakesNoAccount(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "fills.csv", fills)
	d.ok(t, "accounts", "create", "DEPOT")
	d.fails(t, 1, []string{"trades", "import", "fills.csv", "--account", "DEPTO"},
		`there is no account "DEPTO"; did you mean DEPOT? nothing was booked, --create-account creates it`)
	contains(t, d.ok(t, "trades", "list"), "no such trades")
	contains(t, d.ok(t, "psql", "--", "-Atc", "select count(*) from data_ingestion.data_quality_logs"), "0")

	d.ok(t, "trades", "import", "fills.csv", "--account", "DEPOT")
	d.ok(t, "trades", "import", "fills.csv", "--account", "DEPTO", "--create-account")
	listed := d.ok(t, "accounts", "list")
	contains(t, listed, "DEPOT", "DEPTO")

	d.write(t, "two.csv", "time,account,symbol,side,quantity,price,currency,id\n"+
		"2024-03-01T15:00:00Z,ONE,KO,buy,100,10,USD,a1\n2024-03-01T15:00:00Z,TWO,KO,buy,7,10,USD,a1\n")
	d.fails(t, 1, []string{"trades", "import", "two.csv"}, `there are no accounts ["ONE" "TWO"]`, "--create-account")

	// An account that an import makes has the currency of its fills.
	d.write(t, "euros.csv", "time,account,symbol,side,quantity,price,currency,id\n"+
		"2024-03-01T15:00:00Z,EUROS,SAP,buy,100,10,EUR,a1\n"+
		"2024-03-01T15:00:00Z,BOTH,SAP,buy,7,10,EUR,a1\n2024-03-01T15:00:00Z,BOTH,KO,buy,7,10,CHF,a2\n")
	d.ok(t, "trades", "import", "euros.csv", "--create-account")
	made := d.ok(t, "accounts", "list", "--format", "csv")
	contains(t, made, "EUROS,,EUR,UTC", "BOTH,,USD,UTC")
}
