package postgres

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
)

// Internals for tests in other packages.
var (
	IsPlain       = isPlain
	LeavesNothing = leavesNothing
	CodePoints    = codePoints
)

// VerifySettings and VerifyQueries are the statements that Verify sends.
var (
	VerifySettings = verifySettings
	VerifyQueries  = verifyQueries
)

// OpenConns returns how many connections the app pool has open.
func (db *DB) OpenConns() int { return db.PoolStats()[0].Open }

// BarQueries returns the queries that read bars.
func BarQueries() map[string]string {
	return map[string]string{"oldest": sqlBarsOldest, "newest": sqlBarsNewest}
}

// ComposedQueries returns the queries whose text is made by calls, by the names of their variables.
func ComposedQueries() map[string]string {
	queries := map[string]string{
		"sqlNewPositions":     sqlNewPositions,
		"sqlOtherFees":        sqlOtherFees,
		"sqlCreateOrders":     sqlCreateOrders,
		"sqlAdoptOrders":      sqlAdoptOrders,
		"sqlBook":             sqlBook,
		"sqlEmit":             sqlEmit,
		"sqlRoundTrips":       sqlRoundTrips,
		"sqlBookTrade":        sqlBookTrade,
		"sqlLinkTrades":       sqlLinkTrades,
		"sqlActionsInRange":   sqlActionsInRange,
		"sqlActionsOfSymbols": sqlActionsOfSymbols,
		"sqlNewImport":        sqlNewImport,
		"sqlLockImport":       sqlLockImport,
		"sqlBookOrder":        sqlBookOrder,
		"sqlBookInstruments":  sqlBookInstruments,
		"sqlStoredTrades":     sqlStoredTrades,
		"sqlImportTrades":     sqlImportTrades,
		"sqlBookPosition":     sqlBookPosition,
		"sqlBookPositions":    sqlBookPositions,
		"sqlKnownImport":      sqlKnownImport,
		"sqlBookOrders":       sqlBookOrders,
		"sqlPortfolio":        sqlPortfolio,
		"sqlEntryTrades":      sqlEntryTrades,
		"sqlEntryAdjustments": sqlEntryAdjustments,
		"sqlRefold":           sqlRefold,
		"sqlLockPosition":     sqlLockPosition,
		"sqlStoredAdjustment": sqlStoredAdjustment,
		"sqlStoredCorrection": sqlStoredCorrection,
		"sqlCorrectionOf":     sqlCorrectionOf,
		"sqlTradeNamed":       sqlTradeNamed,
		"sqlLockPositions":    sqlLockPositions,
	}
	for parts, sql := range sqlSingles {
		queries[fmt.Sprintf("sqlSingles[%+v]", parts)] = sql
	}
	return queries
}

// LeadingOf returns the statements that precede the first one of a transaction of the context.
func LeadingOf(ctx context.Context) (statements []string) {
	scope, _ := blotter.ScopeOf(ctx)
	for _, q := range (&Session{scope: scope, actor: actorOf(ctx), begin: "begin"}).leading().QueuedQueries {
		statements = append(statements, q.SQL)
	}
	return statements
}
