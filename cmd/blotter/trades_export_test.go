package main_test

import "testing"

// Lists as CSV or JSON have the same fills with the same fees when it is imported again, into whatever book.
func TestExportKeepsFeesInSeveralCurrencies(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	d.write(t, "fills.csv", "time,symbol,side,quantity,price,currency,fee,other_fees,id\n"+
		"2023-01-05T10:00:00Z,SAND,buy,10,200,SEK,39,\"2.5 EUR, 0.125 GBP\",s1\n"+
		"2023-01-05T11:00:00Z,SAND,sell,4,210,SEK,39,-0.5 EUR,s2\n"+
		"2023-01-05T12:00:00Z,SAND,sell,4,210,SEK,39,,s3\n")
	d.ok(t, "trades", "import", "fills.csv", "--account", "ACC", "--fees", "positive", "--create-account")
	contains(t, d.ok(t, "positions", "list"), "0.125 GBP", "2.00 EUR")
	for _, format := range []string{"csv", "json"} {
		d.write(t, "export."+format, d.ok(t, "trades", "list", "--format", format, "--oldest-first"))
		contains(t, d.ok(t, "trades", "import", "export."+format), "3       0           3")
	}
	for n := range []int{1, 2, 3} {
		d.run(t, "trades", "imports", "undo", []string{"1", "2", "3"}[n])
	}

	contains(t, d.ok(t, "trades", "list"), "no such trades")
	contains(t, d.ok(t, "trades", "import", "export.json", "--create-account"), "3       3")
	contains(t, d.ok(t, "positions", "list"), "0.125 GBP", "2.00 EUR")
}
