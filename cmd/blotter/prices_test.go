package main_test

import "testing"

func TestPrices(t *testing.T) {
	t.Parallel()
	d := newBook(t)
	contains(t, d.ok(t, "prices", "list"), "no prices")
	d.fails(t, 2, []string{"prices", "set", "KO", "many"}, `invalid price "many"`)
	d.fails(t, 2, []string{"prices", "set", "KO", "1", "--at", "soon"}, `invalid --at "soon"`)
	d.fails(t, 2, []string{"prices", "set", "KO", "1", "--account", "A"}, "prices belong to no account")
	d.fails(t, 1, []string{"prices", "set", "KO", "1", "--at", "2200-01-01"}, "data.price_at", "a day after now")
	d.fails(t, 1, []string{"prices", "set", "KO", "--", "-1"}, "a price above 0", "--allows-negative")
	d.fails(t, 1, []string{"prices", "set", "KO", "1", "--currency", "EUR"}, "USD, that of the instrument")

	contains(t, d.ok(t, "prices", "set", "ko", "61.50", "--at", "2024-01-31T21:00:00Z", "--currency", "usd"),
		"KO is 61.5 as of 2024-01-31 21:00:00", "the analytics follow as soon as blotter serve reads it")
	contains(t, d.ok(t, "prices", "list", "ko"), "manual", "none")
	contains(t, d.ok(t, "prices", "list", "--json"), `"symbol": "KO"`, `"price": "61.5"`, `"analytics_price": null`)
	contains(t, d.ok(t, "prices", "forget", "ko"), "the price of KO is forgotten")
	contains(t, d.ok(t, "prices", "forget", "ko"), "this database has no price of KO")
	contains(t, d.ok(t, "audit", "list"), "SET PRICE", "FORGET PRICE", "latest_prices")
}
