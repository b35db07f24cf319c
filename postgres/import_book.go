package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// ImportedTrade is a trade of an import that BeginImport began.
type ImportedTrade struct {
	blotter.Trade
	ImportID int64
}

// sqlImportsOpen keeps imports from being undone until the transaction ends. If one was undone, it ends the
// transaction.
const sqlImportsOpen = `
select execution.import_is_open((select count(*) = cardinality($1::text[])
  from (select from execution.imports
         where (account_id, id) in (select * from unnest($1::text[], $2::bigint[])) and state = 'running'
         order by account_id, id for share) open))`

// importLink links a trade to its import.
type importLink struct {
	trade    *blotter.Trade
	importID int64
}

var importLinkColumns = columns[importLink]{
	columnOf("account_id", "text", func(l *importLink) string { return l.trade.AccountID }),
	columnOf("import_id", "bigint", func(l *importLink) int64 { return l.importID }),
	columnOf("symbol", "text", func(l *importLink) string { return l.trade.Symbol }),
	columnOf("trade_id", "text", func(l *importLink) string { return l.trade.TradeID }),
	columnOf("side", "text", func(l *importLink) string { return string(l.trade.Side) }),
}

var sqlLinkTrades = `
insert into execution.import_trades (` + importLinkColumns.names("") + `)
select * from ` + importLinkColumns.unnest(1)

// importUndone is the SQLSTATE of a booking for an import that is not running.
const importUndone = "55000"

// ExecuteImported works like ExecuteTrades for the trades of imports: each trade that it books is linked to its import
// in the same transaction. The error for an import that was undone meanwhile is ErrConflict, and nothing is booked.
func (db *DB) ExecuteImported(ctx context.Context, trades []ImportedTrade, opts ...ExecuteOption) ([]Receipt, error) {
	plain := make([]blotter.Trade, len(trades))
	for i := range trades {
		plain[i] = trades[i].Trade
	}
	b, err := newBooking(ctx, plain, opts)
	if err != nil {
		return nil, err
	}
	b.imports = make([]int64, len(trades))
	for i := range trades {
		b.imports[i] = trades[i].ImportID
	}

	receipts, err := db.book(ctx, b)
	if pgerror.State(err) == importUndone {
		return nil, &blotter.Error{
			Op: "book the trades of an import", Kind: blotter.ErrConflict, Message: err.Error(), Err: err,
		}
	}
	return receipts, err
}

// importKey is the key of an import.
type importKey struct {
	account string
	id      int64
}

// importKeys returns the keys of the booking's imports as two columns, sorted.
func (b *booking) importKeys() (accounts []string, ids []int64) {
	keys := map[importKey]bool{}
	for i := range b.trades {
		keys[importKey{b.trades[i].AccountID, b.imports[i]}] = true
	}
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(x, y importKey) int {
		return cmp.Or(strings.Compare(x.account, y.account), cmp.Compare(x.id, y.id))
	}) {
		accounts = append(accounts, k.account)
		ids = append(ids, k.id)
	}
	return accounts, ids
}

// lockImports keeps the imports of the booking from being undone until the transaction ends. Imports are locked before
// positions, here as where they are undone.
func (tx *Tx) lockImports(ctx context.Context, b *booking) error {
	if b.imports == nil {
		return nil
	}
	accounts, ids := b.importKeys()
	_, err := tx.Exec(ctx, sqlImportsOpen, accounts, ids)
	return err
}

// addImports adds the lock of the imports before the statements, and the links of the trades behind them.
func (w *bookWriter) addImports() {
	accounts, ids := w.booking.importKeys()
	lock := &pgx.QueuedQuery{SQL: sqlImportsOpen, Arguments: []any{accounts, ids}}
	w.batch.QueuedQueries = slices.Insert(w.batch.QueuedQueries, 0, lock)
	w.returning++

	links := make([]*importLink, len(w.applied))
	for n, i := range w.applied {
		links[n] = &importLink{&w.trades[i], w.booking.imports[i]}
	}
	w.batch.Queue(sqlLinkTrades, importLinkColumns.appendArrays(nil, links)...)
}

// describeOptions writes the options of an import as flags.
func describeOptions(options map[string]string) string {
	if len(options) == 0 {
		return "without options"
	}
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		flags = append(flags, fmt.Sprintf("--%s %s", name, options[name]))
	}
	return "with " + strings.Join(flags, " ")
}
