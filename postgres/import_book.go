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

// ImportedTrade is a fill of an import that BeginImport began.
type ImportedTrade struct {
	blotter.Trade
	ImportID int64
}

const (
	// sqlImportsOpen keeps imports from being undone until the transaction ends. Where one was undone, it ends the
	// transaction.
	sqlImportsOpen = `
select execution.import_is_open((select count(*) = cardinality($1::text[])
  from (select from execution.imports
         where (account_id, id) in (select * from unnest($1::text[], $2::bigint[])) and state = 'running'
         order by account_id, id for share) open))`
	sqlLinkTrades = `
insert into execution.import_trades (account_id, import_id, symbol, trade_id, side)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])`
)

// importUndone is the SQLSTATE of a booking for an import that is not running.
const importUndone = "55000"

// ExecuteImported is ExecuteTrades for the fills of imports: each trade that it books is linked to its import in the same
// transaction. The error for an import that was undone meanwhile is ErrConflict, and nothing is booked.
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

	err = db.book(ctx, b)
	switch {
	case pgerror.State(err) == importUndone:
		return nil, &blotter.Error{Op: "book the trades of an import", Kind: blotter.ErrConflict, Message: err.Error(), Err: err}
	case err == errNotAll:
		return b.receipts, b.firstError()
	case err != nil:
		return nil, err
	}
	return b.receipts, nil
}

// importKey is the key of an import.
type importKey struct {
	account string
	id      int64
}

// importsOf lists the imports of the trades, sorted, as columns.
func (b *booking) importsOf() (accounts []string, ids []int64) {
	keys := map[importKey]bool{}
	for i := range b.given {
		keys[importKey{b.given[i].AccountID, b.imports[i]}] = true
	}
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(x, y importKey) int {
		return cmp.Or(strings.Compare(x.account, y.account), cmp.Compare(x.id, y.id))
	}) {
		accounts, ids = append(accounts, k.account), append(ids, k.id)
	}
	return accounts, ids
}

// lockImports keeps the imports of the booking from being undone. Whoever undoes one locks it before it locks positions,
// and so does this.
func (b *booking) lockImports(ctx context.Context, tx *Tx) error {
	if b.imports == nil {
		return nil
	}
	accounts, ids := b.importsOf()
	_, err := tx.Exec(ctx, sqlImportsOpen, accounts, ids)
	return err
}

// linked returns the batch with the lock of its imports before it, and the links of the trades behind it.
func (b *booking) linked(batch *pgx.Batch) *pgx.Batch {
	accounts, ids := b.importsOf()
	whole := &pgx.Batch{}
	whole.Queue(sqlImportsOpen, accounts, ids)
	whole.QueuedQueries = append(whole.QueuedQueries, batch.QueuedQueries...)

	var texts [4][]string
	var imports []int64
	for _, i := range b.written {
		t := &b.trades[i]
		appendEach(texts[:], t.AccountID, t.Symbol, t.TradeID, string(t.Side))
		imports = append(imports, b.imports[i])
	}
	whole.Queue(sqlLinkTrades, texts[0], imports, texts[1], texts[2], texts[3])
	return whole
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
