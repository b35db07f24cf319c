package main

import (
	"path"
	"strings"
)

// moneyFiles decide what a fill makes of the book and of the analytics.
var moneyFiles = []string{
	"fill.go", "order.go", "trade.go", "position.go", "postgres/booking*.go", "postgres/book.go", "postgres/execute.go",
	"analytics/fold.go", "analytics/store.go", "analytics/rebuild.go",
}

// allFiles are these, and those on which exactly-once, isolation, audit and partitions rest.
var allFiles = append([]string{
	"event*.go", "decimal.go", "account.go",
	"postgres/transaction.go", "postgres/outbox.go", "postgres/session.go", "postgres/order.go", "postgres/trade_fees.go", "postgres/import_*.go",
	"events/*.go", "analytics/*.go", "audit/*.go", "partition/*.go",
}, moneyFiles...)

// tests are tests of one package that may notice a change of a file.
type tests struct {
	pkg string
	run string // as for go test -run
}

const (
	pure        = "Fill|Flip|Life|Round|Identity|Mirror|Order|Trade|Fees|Digits|Amended|Adopt|Apply|Multiplier|Account|Decimal|Scope|Kinds|Invalid"
	bookQuick   = "BookingStores|OrderChanged|ExecuteTradeOutcomes|Overfill|AllOrNothing|Adopted|LateFill"
	bookBroad   = "Book|Trade|Fill|Order|Batch|AllOrNothing|Money|Duplicate|Fees|Position|Adopted|Locked|Expired|Settlement|Refused|Divided|Deadlock|LostUpdate|Unspeakable|Lock|Booking|Receipt|Import|Undo|Verify"
	transacting = "Transaction|Savepoint|Deferred|Commit|Begin|Emit|Isolation|Retr|Session|ReadOnly|Every|Swallowed|Errors|Batch|Partition"
)

// selections say which tests are run for a file, in stages: a mutant that the first stage notices does not see the second. The
// first pattern that matches counts.
var selections = []struct {
	pattern string
	stages  []tests
}{
	{"order.go", []tests{{".", pure}, {"./postgres", bookBroad}}},
	{"*.go", []tests{{".", pure}, {"./postgres", bookBroad}}},
	{"postgres/book.go", []tests{{"./postgres", "TestBook[^T]|ManyAtOnce|Group|Refused|Locked"}, {"./postgres", bookBroad}}},
	{"postgres/book*.go", []tests{{"./postgres", bookQuick}, {"./postgres", bookBroad}}},
	{"postgres/execute.go", []tests{{"./postgres", bookQuick}, {"./postgres", bookBroad}}},
	{"postgres/order.go", []tests{{"./postgres", "Order|Adopted"}, {"./postgres", bookBroad}}},
	{"postgres/trade_fees.go", []tests{{"./postgres", "Fees"}, {"./postgres", bookBroad}}},
	{"postgres/import*.go", []tests{{"./postgres", "Import|Undo"}}},
	{"postgres/*.go", []tests{{"./postgres", transacting}, {"./postgres", "."}}},
	{"analytics/*.go", []tests{{"./analytics", "Fold|Price|Undone|Follow|Store"}, {"./analytics", "."}}},
	{"events/relay*.go", []tests{{"./events", "Redis|Relay|Message"}, {"./events", "."}}},
	{"events/lane*.go", []tests{{"./events", "Redis|Relay|Message"}, {"./events", "."}}},
	{"events/*.go", []tests{{"./events", "Schedules|Publish|Poison|Subscribe|Follow|Config"}, {"./events", "."}}},
	{"audit/*.go", []tests{{"./audit", "."}}},
	{"partition/*.go", []tests{{"./partition", "Plan|Retire|Parse"}, {"./partition", "."}}},
}

// stagesOf returns the tests for a file.
func stagesOf(file string) []tests {
	for _, s := range selections {
		if ok, _ := path.Match(s.pattern, file); ok && strings.Count(s.pattern, "/") == strings.Count(file, "/") {
			return s.stages
		}
	}
	return []tests{{"./" + path.Dir(file), "."}}
}
