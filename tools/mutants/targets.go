package main

import (
	"path"
	"strings"
)

// moneyFiles decide what a fill makes of the book and of the analytics.
var moneyFiles = []string{
	"order.go", "trade*.go", "position.go", "round_trip.go", "decimal.go", "postgres/booking*.go",
	"postgres/book.go", "postgres/execute.go",
	"analytics/fold.go", "analytics/store.go", "analytics/rebuild.go",
}

// allFiles are these, and those on which exactly-once, isolation, audit and partitions rest.
var allFiles = append([]string{
	"event*.go", "price.go", "text.go", "account.go", "context.go",
	"postgres/transaction.go", "postgres/outbox.go", "postgres/session.go", "postgres/order.go",
	"postgres/trade_fees.go", "postgres/import_*.go",
	"events/*.go", "analytics/*.go", "audit/*.go", "partition/*.go",
}, moneyFiles...)

// tests are tests of one package that may notice a change of a file.
type tests struct {
	pkg  string
	run  string // as for go test -run
	args string // more arguments, separated by spaces

	// light leaves out test files that import other packages of the module, which would all be built again for each
	// mutant.
	light bool
}

// noShrinking keeps rapid from looking for the smallest input of a failure, for half a minute, and from keeping it in a
// file.
const noShrinking = "-rapid.shrinktime=1ns -rapid.nofailfile"

const (
	properties = "Identity|FlipIs|FlipDividesTheFee$|OrderAndScale|Mirror|OrderLife"
	bookQuick  = "BookingStores|OrderChanged|ExecuteTradeOutcomes|Overfill|AllOrNothing|Adopted|LateFill"
	bookBroad  = "Book|Trade|Fill|Order|Batch|AllOrNothing|Money|Duplicate|Fees|Position|Adopted|Locked|Expired|" +
		"Settlement|Refused|Divided|Deadlock|LostUpdate|Unspeakable|Lock|Booking|Receipt|Import|Undo|Verify"
	transacting = "Transaction|Savepoint|Deferred|Commit|Begin|Emit|Isolation|Retr|Session|ReadOnly|Every|" +
		"Swallowed|Errors|Batch|Partition"
)

// selections say which tests are run for a file, in stages: a mutant that the first stage notices does not see the
// second. The first pattern that matches counts.
var selections = []struct {
	pattern string
	stages  []tests
}{
	{"*.go", []tests{
		{pkg: ".", run: ".", args: "-skip=" + properties + "|ImportTable|MonthArithmetic", light: true},
		{pkg: ".", run: properties, args: noShrinking, light: true},
		{pkg: "./postgres", run: bookBroad},
	}},
	{"postgres/book.go", []tests{
		{pkg: "./postgres", run: "TestBook[^T]|ManyAtOnce|Group|Refused|Locked"},
		{pkg: "./postgres", run: bookBroad},
	}},
	{"postgres/book*.go", []tests{{pkg: "./postgres", run: bookQuick}, {pkg: "./postgres", run: bookBroad}}},
	{"postgres/execute.go", []tests{{pkg: "./postgres", run: bookQuick}, {pkg: "./postgres", run: bookBroad}}},
	{"postgres/order.go", []tests{{pkg: "./postgres", run: "Order|Adopted"}, {pkg: "./postgres", run: bookBroad}}},
	{"postgres/trade_fees.go", []tests{{pkg: "./postgres", run: "Fees"}, {pkg: "./postgres", run: bookBroad}}},
	{"postgres/import*.go", []tests{{pkg: "./postgres", run: "Import|Undo"}}},
	{"postgres/*.go", []tests{{pkg: "./postgres", run: transacting}, {pkg: "./postgres", run: "."}}},
	{"analytics/*.go", []tests{
		{pkg: "./analytics", run: "Fold|PriceKnown|RebuildOf"},
		{pkg: "./analytics", run: "Undone|Follow|Reconcile|Elsewhere"},
		{pkg: "./analytics", run: "."},
	}},
	{"events/relay*.go", []tests{{pkg: "./events", run: "Redis|Relay|Message"}, {pkg: "./events", run: "."}}},
	{"events/*.go", []tests{
		{pkg: "./events", run: "Schedules|Publish|Poison|Subscribe|Follow|Config"},
		{pkg: "./events", run: "."},
	}},
	{"audit/*.go", []tests{{pkg: "./audit", run: "."}}},
	{"partition/*.go", []tests{{pkg: "./partition", run: "Plan|Retire|Parse"}, {pkg: "./partition", run: "."}}},
}

// stagesOf returns the tests for a file.
func stagesOf(file string) []tests {
	for _, s := range selections {
		if ok, _ := path.Match(s.pattern, file); ok && strings.Count(s.pattern, "/") == strings.Count(file, "/") {
			return s.stages
		}
	}
	return []tests{{pkg: "./" + path.Dir(file), run: "."}}
}
