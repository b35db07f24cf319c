package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

const statement = "time,symbol,side,quantity,price,currency,fee,fee currency\n" +
	"2023-02-01 10:00:00,NVO,buy,30,110.5,DKK,2,DKK\n" +
	"2023-02-02 11:30:00,NVO,sell,10,112,DKK,2,DKK\n" +
	"2023-02-02 11:30:00,ORSTED,buy,5,600,DKK,2,DKK\n"

// book returns the contents of the book, as a script sees them.
func (d *desk) book(t *testing.T) string {
	t.Helper()
	return d.ok(t, "trades", "list", "--json") + d.ok(t, "positions", "list", "--all", "--json") +
		d.ok(t, "pnl", "list", "--json")
}

// A file that was read is known, by whatever name and in whatever package it comes: read with other options it is
// refused, until its import is undone.
func TestImportsAreKnownAndUndone(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	d.write(t, "first.csv", "time,symbol,side,quantity,price,currency,id\n2023-01-05T10:00:00Z,NVO,buy,1,100,DKK,n1\n")
	d.ok(t, "trades", "import", "first.csv", "--account", "ACC", "--create-account")
	before := d.book(t)

	d.write(t, "feb.csv", statement)
	d.ok(t, "trades", "import", "feb.csv", "--account", "ACC", "--tz", "Europe/Copenhagen")
	booked := d.book(t)
	listed := d.ok(t, "trades", "imports", "list")
	contains(t, listed, "2  ACC", "feb.csv", "done        3  --tz Europe/Copenhagen")
	narrow(t, "trades imports list", listed)

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, statement)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	d.write(t, "other name.csv", statement)
	d.write(t, "feb.csv.gz", packed.String())
	d.zip(t, "feb.zip", "docs/feb.csv", statement, "__MACOSX/docs/._feb.csv", "x")
	for file, options := range map[string][]string{
		"feb.csv":        {"--tz", "UTC"},
		"other name.csv": {"--tz", "Europe/Copenhagen", "--symbol", "MAERSK"},
		"feb.csv.gz":     {"--tz", "Asia/Tokyo", "--strategy", "value"},
		"feb.zip":        {"--tz", "Europe/Copenhagen", "--format", "csv"},
		"-":              {"--tz", "UTC", "--currency", "DKK"},
	} {
		d.stdin = statement
		d.fails(t, 1, append([]string{"trades", "import", file, "--account", "ACC"}, options...),
			"import 2 of account ACC", "--tz Europe/Copenhagen",
			"blotter trades imports undo 2")
		d.stdin = statement
		contains(t, d.ok(t, "trades", "import", file, "--account", "ACC", "--tz", "Europe/Copenhagen"),
			"3       0           3")
	}
	if after := d.book(t); after != booked {
		t.Errorf("after refused imports the book is\n%s, want\n%s", after, booked)
	}
	contains(t, d.ok(t, "trades", "imports", "list", "--json"), `"rows": 3, "booked": 3, "duplicates": 0`)

	d.fails(t, 1, []string{"trades", "imports", "undo", "77"}, "no such import")
	d.fails(t, 2, []string{"trades", "imports", "undo", "feb"}, "invalid import")
	contains(t, d.ok(t, "trades", "imports", "undo", "2"),
		"undone: import 2 of account ACC (feb.csv), 3 trades of 2 positions")
	d.fails(t, 1, []string{"trades", "imports", "undo", "2"}, "undone already")
	if after := d.book(t); after != before {
		t.Errorf("undone, the book is\n%s, want\n%s", after, before)
	}
	contains(t, d.ok(t, "verify"), "verified: 1 positions and 0 orders, from 1 trades")

	contains(t, d.ok(t, "trades", "import", "feb.csv", "--account", "ACC", "--tz", "UTC"), "3       3")
	contains(t, d.ok(t, "trades", "list", "--symbol", "ORSTED"), "2023-02-02 11:30:00")
	contains(t, d.ok(t, "trades", "imports", "list"), "undone", "--tz UTC")
}

// Every row of a file is in the counts of its import, and fees in several currencies are listed by currency.
func TestImportCountsEveryRow(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	d.write(t, "fills.csv", "time,symbol,side,quantity,price,currency,fee,fee currency,id,account\n"+
		"2023-01-05T10:00:00Z,SAND,buy,10,200,SEK,39,SEK,s1,ACC\n"+
		"2023-01-05T11:00:00Z,SAND,sell,x,210,SEK,39,SEK,s2,ACC\n"+
		"2023-01-05T12:00:00Z,SAND,sell,4,210,SEK,3,EUR,s3,ACC\n"+
		"2023-01-05T12:00:00Z,SAND,sell,4,210,SEK,3,EUR,s4,OTHER\n")
	d.run(t, "trades", "import", "fills.csv", "--account", "ACC", "--create-account")
	contains(t, d.ok(t, "trades", "imports", "list", "--json"),
		`"rows": 4, "booked": 2, "duplicates": 0, "conflicts": 0, "rejected": 1, "left_out": 1`)
	contains(t, d.ok(t, "pnl", "list"), "39.00  1.00  SEK       3.00 EUR")
	contains(t, d.ok(t, "positions", "list"), "3.00 EUR")
	contains(t, d.ok(t, "positions", "list", "--json"), `"other_fees": "3 EUR"`)
	if text := d.ok(t, "verify"); !strings.Contains(text, "fees in other currencies than their trades: 3.00 EUR") {
		t.Errorf("verify says %s", text)
	}
}
