package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

const (
	sqlNewAccount = `
insert into execution.accounts (account_id)
select $1::text where not exists (select from execution.accounts where account_id = $1::text)
on conflict do nothing`
	sqlResumeImport = `
update execution.imports set state = 'running' where account_id = $1 and id = $2 and state = 'done'`
	sqlLinkedTrades = `select symbol, trade_id from execution.import_trades where account_id = $1 and import_id = $2`

	// sqlFinishImport counts as booked the trades that all runs of the import have booked: to a later run, these are
	// duplicates.
	sqlFinishImport = `
update execution.imports i
   set state = 'done', finished_at = now(), rows = $3, booked = l.booked, duplicates = greatest($4 - l.booked, 0),
       conflicts = $5, rejected = $6, left_out = $7
  from (select count(*) as booked from execution.import_trades where account_id = $1 and import_id = $2) l
 where i.account_id = $1 and i.id = $2 and i.state <> 'undone'`
)

var sqlNewImport = `
with made as (
  insert into execution.imports (account_id, file, source, digest, layout, options)
  values ($1, $2, $3, $4, $5, $6)
  on conflict (account_id, digest, source) where state <> 'undone' do nothing
  returning *)
select ` + Imports.columnList() + ` from made`

var sqlKnownImport = `select ` + Imports.columnList() + ` from execution.imports
 where account_id = $1 and digest = $2 and source = $3 and state <> 'undone' for update`

// BeginImport begins the import of a file's trades into an account, or resumes it if the same content was read before
// with the same options. AccountID, File, Source, Digest, Layout and Options are required. The trades are all that were
// read from the file for the account. They are booked afterwards, by ExecuteImported under the ID of the returned
// import, and FinishImport ends it. To resume an interrupted import, begin it again.
//
// Errors are ErrConflict if the same content was imported with other options, or if it no longer gives the trades that
// were booked from it: either way the file's trades could be booked twice.
func (db *DB) BeginImport(ctx context.Context, given blotter.Import, trades []blotter.Trade) (blotter.Import, error) {
	begun, err := db.BeginImports(ctx, []ImportPart{{given, trades}})
	if err != nil {
		return blotter.Import{}, err
	}
	return begun[0], nil
}

// ImportPart is the import of one account's trades of a file.
type ImportPart struct {
	Import blotter.Import
	Trades []blotter.Trade
}

// BeginImports works like BeginImport for a file with trades of several accounts: it begins the imports of all
// accounts, or of none.
func (db *DB) BeginImports(ctx context.Context, parts []ImportPart) (begun []blotter.Import, err error) {
	parts = slices.Clone(parts)
	scope, _ := blotter.ScopeOf(ctx)
	for i := range parts {
		if err := resolveAccount(&parts[i].Import.AccountID, scope); err != nil {
			return nil, err
		}
		if err := checkImport(parts[i].Import); err != nil {
			return nil, err
		}
	}

	err = db.Transaction(ctx, func(tx *Tx) error {
		begun = nil
		for _, part := range parts {
			started, err := tx.beginImport(ctx, part.Import, part.Trades)
			if err != nil {
				return err
			}
			begun = append(begun, started)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return begun, nil
}

func (tx *Tx) beginImport(
	ctx context.Context, given blotter.Import, trades []blotter.Trade,
) (begun blotter.Import, err error) {
	if given.Options == nil {
		given.Options = map[string]string{}
	}
	if _, err := tx.Exec(ctx, sqlNewAccount, given.AccountID); err != nil {
		return begun, err
	}

	known, err := collect(ctx, tx, Imports, sqlKnownImport, given.AccountID, given.Digest, given.Source)
	if err != nil {
		return begun, err
	}
	if len(known) > 0 {
		begun = known[0]
		err = tx.resumeImport(ctx, &begun, given, trades)
		return begun, err
	}

	made, err := collect(ctx, tx, Imports, sqlNewImport,
		given.AccountID, given.File, given.Source, given.Digest, given.Layout, given.Options)
	if err != nil {
		return begun, err
	}
	if len(made) == 0 { // another session began it between the two statements
		return begun, &blotter.Error{
			Op: "begin import", Kind: blotter.ErrSerialization,
			Message: "the same file is being imported by another command; repeat this one",
		}
	}
	return made[0], nil
}

func checkImport(i blotter.Import) error {
	switch {
	case len(i.Digest) != 32:
		return blotter.Invalid("Import.Digest", fmt.Sprint(len(i.Digest), " bytes"), "the 32 bytes of a SHA-256")
	case len([]rune(i.File)) > 1000:
		return blotter.Invalid("Import.File", i.File, "at most 1,000 characters")
	}
	return nil
}

// resumeImport resumes a known import, if the file is still read as before.
func (tx *Tx) resumeImport(
	ctx context.Context, known *blotter.Import, given blotter.Import, trades []blotter.Trade,
) error {
	conflict := func(format string, args ...any) error {
		return &blotter.Error{
			Op: "import " + given.File, Kind: blotter.ErrConflict, Message: fmt.Sprintf(format, args...),
		}
	}
	started := known.StartedAt.UTC().Format("2006-01-02 15:04 UTC")
	name := fmt.Sprintf("import %d of account %s, of %s", known.ID, known.AccountID, started)
	if known.File != given.File {
		name += ", as " + known.File
	}
	undo := fmt.Sprintf("undo that first (blotter trades imports undo %d)", known.ID)

	if !maps.Equal(known.Options, given.Options) {
		return conflict("this content was read already by %s, %s, and now %s; its fills could be booked twice: "+
			"repeat with the same options, or %s",
			name, describeOptions(known.Options), describeOptions(given.Options), undo)
	}

	lost, err := tx.lostTrades(ctx, known, trades)
	if err != nil {
		return err
	}
	if lost > 0 {
		return conflict("this content was read already by %s, and %d of the fills that were booked then are now read "+
			"differently; they could be booked twice: %s", name, lost, undo)
	}

	if _, err := tx.Exec(ctx, sqlResumeImport, known.AccountID, known.ID); err != nil {
		return err
	}
	known.State = blotter.ImportRunning
	return nil
}

// lostTrades counts the trades of the import that the file no longer gives.
func (tx *Tx) lostTrades(ctx context.Context, known *blotter.Import, trades []blotter.Trade) (lost int, err error) {
	type key struct{ symbol, id string } // without the side: that of an expired option is known only when it is booked
	read := make(map[key]bool, len(trades))
	for i := range trades {
		read[key{trades[i].Symbol, trades[i].TradeID}] = true
	}

	rows, err := tx.Query(ctx, sqlLinkedTrades, known.AccountID, known.ID)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var linked key
		if err := rows.Scan(&linked.symbol, &linked.id); err != nil {
			return 0, err
		}
		if !read[linked] {
			lost++
		}
	}
	return lost, rows.Err()
}

// FinishImport ends a run of an import, with the counts of this run. Trades that earlier runs booked, and this one
// found as duplicates, count as booked. If the import was undone meanwhile, the error is ErrConflict.
func (db *DB) FinishImport(ctx context.Context, account string, id int64, run blotter.ImportCounts) error {
	scope, _ := blotter.ScopeOf(ctx)
	if err := resolveAccount(&account, scope); err != nil {
		return err
	}

	return db.Transaction(ctx, func(tx *Tx) error {
		tag, err := tx.Exec(ctx, sqlFinishImport,
			account, id, run.Rows, run.Booked+run.Duplicates, run.Conflicts, run.Rejected, run.LeftOut)
		if err == nil && tag.RowsAffected() == 0 {
			err = &blotter.Error{
				Op: "finish import", Kind: blotter.ErrConflict,
				Message: fmt.Sprintf("account %s has no running import %d; it was undone meanwhile", account, id),
			}
		}
		return err
	})
}

// ImportFilter selects imports of the context's scope, the newest first. The zero value selects all.
type ImportFilter struct {
	Account string // restricts a scope of all accounts to one account
	ID      int64
	From    time.Time // From <= started_at; zero is unbounded
	Limit   int       // the most rows to read; 0 reads all
}

// Imports reads imports, including undone ones. Errors: ErrInvalid for an account that is not the scope's.
func (s *Session) Imports(ctx context.Context, f ImportFilter) ([]blotter.Import, error) {
	c := ofScope(s.scope, f.Account)
	if f.ID != 0 {
		c.list = append(c.list, Eq("id", f.ID))
	}
	c.between("started_at", f.From, time.Time{})
	c.page("", time.Time{}, 0, true, f.Limit)
	return find(ctx, s, Imports, c)
}

// Imports calls Session.Imports in a read-only session of its own.
func (db *DB) Imports(ctx context.Context, f ImportFilter) ([]blotter.Import, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.Import, error) { return s.Imports(ctx, f) })
}

// ImportNamed reads the import with an id. Ids are unique in the database. If the context's scope has no such import,
// the error is ErrNotFound.
func (db *DB) ImportNamed(ctx context.Context, id int64) (blotter.Import, error) {
	found, err := db.Imports(ctx, ImportFilter{ID: id})
	if err != nil {
		return blotter.Import{}, err
	}
	if len(found) == 0 {
		return blotter.Import{}, &blotter.Error{
			Op: fmt.Sprintf("import %d", id), Kind: blotter.ErrNotFound,
			Message: "there is no such import; blotter trades imports list names them",
		}
	}
	return found[0], nil
}
