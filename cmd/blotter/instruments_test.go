package main_test

import "testing"

func TestInstruments(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	contains(t, d.ok(t, "instruments", "list"), "no instruments")
	d.fails(t, 2, []string{"instruments", "set", "GC"}, "say what to state about GC")
	d.fails(t, 2, []string{"instruments", "set", "GC", "--multiplier", "many"},
		`invalid --multiplier "many": want a number above 0`)
	d.fails(t, 2, []string{"instruments", "set", "GC", "--calendar", "never"}, "calendar",
		"want weekdays, all_days, or the code of an exchange")
	contains(t, d.ok(t, "instruments", "set", "gc", "--multiplier", "100", "--asset-class", "Future"),
		"GC      future         100  (USD)     (no)")
	contains(t, d.ok(t, "instruments", "set", "GC", "--currency", "usd", "--name", "Gold"),
		"GC      Gold  future         100  USD")
	contains(t, d.ok(t, "instruments", "list", "gc", "--json"), `"symbol": "GC"`,
		`"stated": ["asset_class","currency","multiplier","name"]`)

	d.write(t, "fills.csv",
		"time,symbol,side,quantity,price,currency,id\n2020-04-20T18:00:00Z,CLK0,buy,1,-37.63,USD,c1\n")
	d.fails(t, 1, []string{"trades", "import", "fills.csv", "--account", "ACC"},
		"blotter instruments set CLK0 --multiplier 100")
	d.ok(t, "instruments", "set", "CLK0", "--multiplier", "1000")
	refused := d.run(t, "trades", "import", "fills.csv", "--account", "ACC", "--create-account")
	contains(t, refused.out, "blotter instruments set CLK0 --allows-negative")
	d.ok(t, "instruments", "set", "CLK0", "--allows-negative")
	d.ok(t, "trades", "import", "fills.csv", "--account", "ACC", "--create-account")
	contains(t, d.ok(t, "positions", "list"), "CLK0           1   -37.63")
	d.fails(t, 1, []string{"instruments", "set", "CLK0", "--multiplier", "100"},
		"account ACC has trades booked with multiplier 1000")
}
