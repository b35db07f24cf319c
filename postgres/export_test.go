package postgres

// What the tests outside of the package look at.
var (
	ReadCatalog   = readCatalog
	IsPlain       = isPlain
	LeavesNothing = leavesNothing
	DecodeNumeric = decodeNumeric
	AppendNumeric = appendNumeric
	CodePoints    = codePoints
)

// OpenConns is how many connections the app pool has open.
func (db *DB) OpenConns() int { return db.PoolStats()[0].Open }

// BarQueries are the queries that read bars.
func BarQueries() map[string]string {
	return map[string]string{"oldest": sqlBarsOldest, "newest": sqlBarsNewest}
}
