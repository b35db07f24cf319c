package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// fileOf returns the import of a file with this content into A1, with options as name and value in turn.
func fileOf(content string, options ...string) blotter.Import {
	digest := sha256.Sum256([]byte(content))
	i := blotter.Import{
		AccountID: "A1", File: content + ".csv", Digest: digest[:], Layout: "csv",
		Options: map[string]string{},
	}
	for n := 0; n < len(options); n += 2 {
		i.Options[options[n]] = options[n+1]
	}
	return i
}

// runImport begins an import and books the trades, and finishes it.
func runImport(ctx context.Context, db *postgres.DB, file blotter.Import, trades []blotter.Trade,
	opts ...postgres.ExecuteOption,
) (blotter.Import, error) {
	begun, err := db.BeginImport(ctx, file, trades)
	if err != nil {
		return begun, err
	}
	run, err := bookImport(ctx, db, begun.ID, trades, opts...)
	if err != nil {
		return begun, err
	}
	return begun, db.FinishImport(ctx, "A1", begun.ID, run)
}

// bookImport books trades of an import that was begun, and counts them.
func bookImport(ctx context.Context, db *postgres.DB, id int64, trades []blotter.Trade,
	opts ...postgres.ExecuteOption,
) (run blotter.ImportCounts, err error) {
	var imported []postgres.ImportedTrade
	for _, f := range trades {
		imported = append(imported, postgres.ImportedTrade{Trade: f, ImportID: id})
	}

	receipts, err := db.ExecuteImported(ctx, imported, opts...)
	for _, r := range receipts {
		run.Rows++
		switch r.Outcome {
		case postgres.Applied:
			run.Booked++
		case postgres.Duplicate:
			run.Duplicates++
		case postgres.Conflict:
			run.Conflicts++
		default:
			run.Rejected++
		}
	}
	return run, err
}

func imported(t *testing.T, db *postgres.DB, file blotter.Import, trades ...blotter.Trade) blotter.Import {
	t.Helper()
	i, err := runImport(as(t, "A1"), db, file, trades)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// importLines writes the imports, the oldest first.
func importLines(t *testing.T, d *pgtest.Database) (lines string) {
	t.Helper()
	list, err := d.Imports(as(t, "A1"), postgres.ImportFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		lines = fmt.Sprintf("%s %s: %d = %d booked, %d known, %d conflicts, %d rejected, %d left out; ",
			i.File, i.State, i.Rows, i.Booked, i.Duplicates, i.Conflicts, i.Rejected, i.LeftOut) + lines
	}
	return lines
}

// of returns a trade of a symbol.
func of(symbol, id string, side blotter.Side, quantity, price string) blotter.Trade {
	f := fill(id, side, quantity, price)
	f.Symbol = symbol
	return f
}

// The same content is one import, whatever its name; with other options it is refused, and the message says what to do.
func TestImportIsKnownByItsContent(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	trades := []blotter.Trade{of("KO", "1", blotter.Buy, "3", "60"), of("KO", "2", blotter.Sell, "1", "61")}
	first := imported(t, d.DB, fileOf("march", "tz", "UTC"), trades...)

	renamed := fileOf("march", "tz", "UTC")
	renamed.File = "copy of march.csv"
	if again := imported(t, d.DB, renamed, trades...); again.ID != first.ID {
		t.Errorf("the same content under another name is import %d, want %d", again.ID, first.ID)
	}
	want := "march.csv done: 2 = 2 booked, 0 known, 0 conflicts, 0 rejected, 0 left out; "
	if got := importLines(t, d); got != want {
		t.Errorf("after a second run: %s, want %s", got, want)
	}

	for _, other := range [][]string{{"tz", "Asia/Tokyo"}, {}, {"tz", "UTC", "currency", "JPY"}, {"symbol", "PEP"}} {
		_, err := runImport(as(t, "A1"), d.DB, fileOf("march", other...), trades)
		wantKind(t, fmt.Sprint("options ", other), err, blotter.ErrConflict)
		for _, part := range []string{
			fmt.Sprintf("import %d of account A1", first.ID), "with --tz UTC",
			fmt.Sprintf("blotter trades imports undo %d", first.ID),
		} {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("options %v: %q does not say %q", other, err, part)
			}
		}
	}
	if n := pgtest.Value[int](t, d, `select count(*) from execution.trades`); n != 2 {
		t.Errorf("%d trades are stored, want 2", n)
	}

	part := fileOf("march", "tz", "Asia/Tokyo")
	part.Source = "U2"
	elsewhere := fileOf("march", "tz", "Asia/Tokyo")
	elsewhere.AccountID = "A2"
	if _, err := d.BeginImport(as(t, "A1"), part, nil); err != nil {
		t.Errorf("another account's part of the file: %v", err)
	}
	if _, err := d.BeginImport(as(t, "A2"), elsewhere, nil); err != nil {
		t.Errorf("the file for another account: %v", err)
	}
}

// A file that gives other fills than it did, with the same options, is refused; one that gives more is not.
func TestImportThatReadsDifferently(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	a := of("KO", "1", blotter.Buy, "3", "60")
	b := of("KO", "2", blotter.Sell, "1", "61")
	c := of("KO", "3", blotter.Sell, "1", "62")
	imported(t, d.DB, fileOf("march"), a, b)
	imported(t, d.DB, fileOf("march"), a, b, c)
	want := "march.csv done: 3 = 3 booked, 0 known, 0 conflicts, 0 rejected, 0 left out; "
	if got := importLines(t, d); got != want {
		t.Errorf("after a run that gave more: %s, want %s", got, want)
	}

	_, err := runImport(ctx, d.DB, fileOf("march"), []blotter.Trade{a, of("KO", "h-2", blotter.Sell, "1", "61"), c})
	wantKind(t, "another id of a fill", err, blotter.ErrConflict)
	if n := pgtest.Value[int](t, d, `select count(*) from execution.trades`); n != 3 {
		t.Errorf("%d trades are stored, want 3", n)
	}
}

// An import that was cut off anywhere goes on with the same command, and its counts are those of one run.
func TestInterruptedImportGoesOn(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	known := of("KO", "1", blotter.Buy, "3", "60")
	if _, err := d.ExecuteTrade(ctx, known); err != nil {
		t.Fatal(err)
	}

	conflicting := of("KO", "1", blotter.Buy, "3", "66")
	trades := []blotter.Trade{
		known, of("KO", "2", blotter.Sell, "1", "61"), of("KO", "3", blotter.Sell, "1", "62"),
		conflicting,
	}
	begun, err := d.BeginImport(ctx, fileOf("march"), trades)
	if err == nil {
		_, err = bookImport(ctx, d.DB, begun.ID, trades[:2])
	}
	if err != nil {
		t.Fatal(err)
	}

	if got := importLines(t, d); !strings.HasPrefix(got, "march.csv running: 0 = 0 booked") {
		t.Errorf("cut off: %s", got)
	}
	want := "march.csv done: 4 = 2 booked, 1 known, 1 conflicts, 0 rejected, 0 left out; "
	for range 2 {
		imported(t, second(t, d), fileOf("march"), trades...)
		if got := importLines(t, d); got != want {
			t.Errorf("gone on: %s, want %s", got, want)
		}
	}
}

// bookContent is all that undoing an import has to restore: everything but versions, when a row was last changed, and the
// numbers of round trips, which are written again.
const bookContent = `
select coalesce((select string_agg((to_jsonb(o) - 'version' - 'updated_at')::text, E'\n' order by o.id)
                   from execution.orders o), '') || E'\n'
    || coalesce((select string_agg((to_jsonb(x))::text, E'\n' order by x.id) from execution.trades x), '') || E'\n'
    || coalesce((select string_agg((to_jsonb(p) - 'version' - 'last_updated')::text, E'\n' order by p.symbol)
                   from execution.positions p), '') || E'\n'
    || coalesce((select string_agg((to_jsonb(r) - 'id' - 'created_at')::text, E'\n'
                                   order by r.symbol, r.closed_at, r.opened_at, r.gross)
                   from execution.round_trips r), '') || E'\n'
    || coalesce((select string_agg(f::text, E'\n' order by f.trade_id, f.currency) from execution.trade_fees f), '')`

var trailingZeros = regexp.MustCompile(`(\.\d*?)0+([,})])`)

// contentOf reads bookContent, with numbers as they compare.
func contentOf(t *testing.T, d *pgtest.Database) string {
	t.Helper()
	content := trailingZeros.ReplaceAllString(pgtest.Value[string](t, d, bookContent), "$1$2")
	return strings.NewReplacer(".,", ",", ".}", "}", ".)", ")").Replace(content)
}

// randomTrades returns n trades of three symbols that between them use every field; some are of orders.
func randomTrades(random *rand.Rand, prefix string, n int) (trades []blotter.Trade) {
	for i := range n {
		side := blotter.Buy
		if random.IntN(2) == 0 {
			side = blotter.Sell
		}

		f := of(fmt.Sprintf("S%d", random.IntN(3)), fmt.Sprint(prefix, i), side, fmt.Sprint(1+random.IntN(5)),
			fmt.Sprintf("%d.%02d", 20+random.IntN(9), random.IntN(100)))
		f.Strategy, f.Currency = fmt.Sprint("strategy ", random.IntN(2)), "USD"
		f.ExecutedAt = f.ExecutedAt.Add(time.Duration(random.IntN(10_000)) * time.Minute)
		switch random.IntN(4) {
		case 0:
			f.SetFees(blotter.TradeFee{Currency: "USD", Amount: dec("0.37")},
				blotter.TradeFee{Currency: "EUR", Amount: dec("0.11")})
		case 1:
			f.SetFees(blotter.TradeFee{Currency: "USD", Amount: dec("1.01")})
		}
		if random.IntN(3) == 0 {
			f.OrderID = fmt.Sprintf("%s %s %d", f.Symbol, side, random.IntN(2))
		}
		trades = append(trades, f)
	}
	return trades
}

// Undoing an import leaves the book as it was before: positions with their lives, round trips, orders, fees. It can
// then be imported with other options.
func TestUndoRestoresTheBook(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	seed := seedOf(t)
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range 25 {
		if _, err := d.ExecuteTrades(ctx, randomTrades(random, fmt.Sprintf("r%d-", round), random.IntN(5)),
			postgres.AdoptOrder); err != nil {
			t.Fatal(err)
		}
		before := contentOf(t, d)
		trades := randomTrades(random, fmt.Sprintf("i%d-", round), 1+random.IntN(12))
		file := fileOf(fmt.Sprint("round ", round), "tz", "UTC")
		first, err := runImport(ctx, d.DB, file, trades, postgres.AdoptOrder)
		if err != nil {
			t.Fatal(err)
		}
		undone, err := d.UndoImport(ctx, "", first.ID)
		if err != nil || undone.Trades != int64(len(trades)) {
			t.Fatalf("round %d: %d of %d trades were undone, %v", round, undone.Trades, len(trades), err)
		}
		if after := contentOf(t, d); after != before {
			t.Fatalf("round %d: undone, there is\n%s\nbefore it was\n%s", round, after, before)
		}
		verified(t, d)

		file.Options["tz"] = "Asia/Tokyo"
		again, err := runImport(ctx, d.DB, file, trades, postgres.AdoptOrder)
		if err != nil || again.ID == first.ID {
			t.Fatalf("round %d: imported again as %d, %v", round, again.ID, err)
		}
		verified(t, d)
	}
	_, err := d.UndoImport(ctx, "", 1)
	wantKind(t, "an import that was undone", err, blotter.ErrConflict)
	_, err = d.UndoImport(ctx, "", 99_999)
	wantKind(t, "an import that there is not", err, blotter.ErrNotFound)
	_, err = d.UndoImport(as(t, "A2"), "A1", 2)
	wantKind(t, "another account's import", err, blotter.ErrInvalid)
}

// An import on whose trades others follow is undone too: the book is as if it had never been imported.
func TestUndoEarlierImport(t *testing.T) {
	t.Parallel()
	d, without := pgtest.Open(t), pgtest.Open(t)
	ctx := as(t, "A1")
	first := imported(t, d.DB, fileOf("one"), of("KO", "1", blotter.Buy, "3", "60"),
		of("PEP", "2", blotter.Buy, "3", "60"), of("MDLZ", "7", blotter.Buy, "3", "60"))
	for _, db := range []*pgtest.Database{d, without} {
		imported(t, db.DB, fileOf("two"), of("KO", "3", blotter.Buy, "3", "62"))
		for _, trade := range []blotter.Trade{
			of("KO", "6", blotter.Sell, "4", "61"), of("PEP", "4", blotter.Sell, "1", "61"),
			of("PEP", "5", blotter.Buy, "1", "60"),
		} {
			if _, err := db.ExecuteTrade(ctx, trade); err != nil {
				t.Fatal(err)
			}
		}
	}

	undone, err := d.UndoImport(ctx, "", first.ID)
	if err != nil || undone.Trades != 3 || undone.Positions != 3 || undone.Removed != 1 {
		t.Errorf("%+v, %v, want 3 trades of 3 positions, and MDLZ removed", undone, err)
	}
	sameBooks(t, d, without)
	verified(t, d)
}

// If two sessions undo an import at once, one does and the other gets an error.
func TestTwoUndoAtOnce(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	for round := range 10 {
		i := imported(t, d.DB, fileOf(fmt.Sprint(round)),
			randomTrades(rand.New(rand.NewPCG(1, uint64(round))), fmt.Sprint(round, "-"), 20)...)
		errs := make([]error, 2)
		var undoers sync.WaitGroup
		for n, db := range []*postgres.DB{d.DB, second(t, d)} {
			undoers.Go(func() { _, errs[n] = db.UndoImport(ctx, "", i.ID) })
		}
		undoers.Wait()

		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), blotter.ErrConflict) {
			t.Errorf("round %d: %v and %v, want one success and one conflict", round, errs[0], errs[1])
		}
		if n := pgtest.Value[int](t, d, `select count(*) from execution.trades`); n != 0 {
			t.Errorf("round %d: %d trades are left", round, n)
		}
	}
	verified(t, d)
}

// An import that is still booking while it is undone is refused from then on: afterwards it has no trade.
func TestUndoBesideItsImport(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	for round := range 8 {
		trades := randomTrades(rand.New(rand.NewPCG(2, uint64(round))), fmt.Sprint(round, "-"), 60)
		begun, err := d.BeginImport(ctx, fileOf(fmt.Sprint(round)), trades)
		if err != nil {
			t.Fatal(err)
		}

		started := make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for n := range 5000 {
				if n == round {
					close(started)
				}
				at := n % len(trades) // what is booked is sent again, until the import is gone
				_, err := bookImport(ctx, d.DB, begun.ID, trades[at:at+1])
				if err != nil {
					wantKind(t, "a booking for an import that was undone", err, blotter.ErrConflict)
					return
				}
			}
			t.Errorf("round %d: an import that was undone goes on booking", round)
		})

		<-started
		if _, err := second(t, d).UndoImport(ctx, "", begun.ID); err != nil {
			t.Error(err)
		}
		writer.Wait()
		if n := pgtest.Value[int](t, d, `select count(*) from execution.trades`); n != 0 {
			t.Errorf("round %d: %d trades are left", round, n)
		}
		err = d.FinishImport(ctx, "", begun.ID, blotter.ImportCounts{})
		wantKind(t, "the end of an import that was undone", err, blotter.ErrConflict)
	}
	verified(t, d)
}

// Beside writers of the same positions an import is undone whole, and nobody's fill is lost.
func TestUndoBesideWriters(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, fewConns)
	ctx := as(t, "A1")
	for round := range 12 {
		i := imported(t, d.DB, fileOf(fmt.Sprint(round)), of("S0", fmt.Sprint("i", round), blotter.Buy, "1", "20"),
			of("S1", fmt.Sprint("i", round), blotter.Buy, "1", "20"))
		var writers sync.WaitGroup
		for w, db := range []*postgres.DB{d.DB, second(t, d)} {
			writers.Go(func() {
				f := of("S0", fmt.Sprintf("w%d-%d", round, w), blotter.Buy, "2", "21")
				if r, err := db.ExecuteTrade(ctx, f); err != nil || r.Outcome != postgres.Applied {
					t.Errorf("a fill beside an undoing: %s, %v", r.Outcome, err)
				}
			})
		}

		if _, err := d.UndoImport(ctx, "", i.ID); err != nil {
			t.Errorf("an undoing beside writers: %v", err)
		}
		writers.Wait()
	}

	verified(t, d)
	if n := pgtest.Value[int](t, d, `select count(*) from execution.trades`); n != 24 {
		t.Errorf("%d trades are stored after 12 undoings, want the 24 of the writers", n)
	}
}

// Whatever message the link breaks at, an import is undone whole or not at all; then the same call goes on.
func TestCutUndo(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, fewConns)
	cutter, through := pgtest.NewCutter(t, d.Config.URL)
	cfg := d.Config
	cfg.URL, cfg.ServiceURL = through, withLogin(t, through, cfg.ServiceURL)
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)

	ctx := as(t, "A1")
	trades := randomTrades(rand.New(rand.NewPCG(3, 3)), "T", 15)
	if _, err := d.ExecuteTrade(ctx, of("S0", "first", blotter.Buy, "7", "20")); err != nil {
		t.Fatal(err)
	}

	before := contentOf(t, d)
	cuts := 0
	for message := 1; ; message++ {
		when := pgtest.Unheard
		if message%2 == 0 {
			when = pgtest.Heard
		}
		i, err := runImport(ctx, d.DB, fileOf("cut"), trades, postgres.AdoptOrder)
		if err != nil {
			t.Fatal(err)
		}

		booked := contentOf(t, d)
		cutter.AtMessage(message, when)
		_, err = db.UndoImport(ctx, "", i.ID)
		after := contentOf(t, d)
		state := pgtest.Value[string](t, d, `select state from execution.imports where id = $1`, i.ID)
		switch {
		case after == before && state == "undone":
		case after == booked && state == "done" && err != nil:
		default:
			t.Fatalf("cut at message %d: %v, the import is %s and there is\n%s\nbefore it was\n%s", message, err, state,
				after, before)
		}
		if cutter.Cuts() == cuts {
			break
		}

		cuts = cutter.Cuts()
		if state == "done" {
			if _, err := d.UndoImport(ctx, "", i.ID); err != nil {
				t.Fatalf("cut at message %d, undone again: %v", message, err)
			}
		}
	}

	verified(t, d)
	if cuts < 8 {
		t.Errorf("the link was cut %d times; the test shows too little", cuts)
	}
}

// Removing trades is for the owner's function alone, and it removes an account's own imports alone; a trade that was
// booked before cannot be passed off as one of an import.
func TestOnlyImportsAreRemoved(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	i := imported(t, d.DB, fileOf("one"), of("KO", "1", blotter.Buy, "3", "60"))
	if _, err := d.ExecuteTrade(as(t, "A1"), of("PEP", "2", blotter.Buy, "3", "60")); err != nil {
		t.Fatal(err)
	}

	run := func(ctx context.Context, sql string, args ...any) error {
		return d.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql, args...); return err })
	}
	for what, ctx := range map[string]context.Context{"another account": as(t, "A2"), "no account": t.Context()} {
		wantKind(t, what+" removes an import", run(ctx, `select execution.remove_import('A1', $1)`, i.ID),
			blotter.ErrPermission)
	}

	link := `insert into execution.import_trades (account_id, import_id, symbol, trade_id, side)
		values ('A1', $1, 'PEP', '2', 'buy')`
	linkAtAnotherTime := `
		insert into execution.import_trades (account_id, import_id, symbol, trade_id, side, created_at)
		select account_id, $1, symbol, trade_id, side, created_at from execution.trades where trade_id = '2'`
	callers := map[string]context.Context{
		"the account": as(t, "A1"),
		"the service": blotter.WithAllAccounts(t.Context()),
	}
	for what, ctx := range callers {
		err := d.Transaction(ctx, func(tx *postgres.Tx) error {
			if _, err := tx.Exec(ctx, link, i.ID); err != nil {
				t.Errorf("%s links an old trade: %v", what, err)
			}
			_, err := tx.Exec(ctx, `select execution.remove_import('A1', $1)`, i.ID)
			return err
		})
		wantKind(t, what+" removes an old trade as one of an import", err, blotter.ErrPermission)
		wantKind(t, what+" links at another time", run(ctx, linkAtAnotherTime, i.ID), blotter.ErrPermission)
		wantKind(t, what+" deletes links", run(ctx, `delete from execution.import_trades`), blotter.ErrPermission)
		wantKind(t, what+" deletes imports", run(ctx, `delete from execution.imports`), blotter.ErrPermission)
		wantKind(t, what+" deletes fees", run(ctx, `delete from execution.trade_fees`), blotter.ErrPermission)
	}

	if n := pgtest.Value[int](t, d, `select count(*) from execution.trades`); n != 2 {
		t.Errorf("%d trades are stored, want 2", n)
	}
}

// The audit log says who undid an import, and names every removed trade.
func TestUndoIsAudited(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	i := imported(t, d.DB, fileOf("one"), of("KO", "1", blotter.Buy, "3", "60"), of("KO", "2", blotter.Sell, "1", "60"))
	if _, err := d.UndoImport(blotter.WithUser(as(t, "A1"), "ann"), "", i.ID); err != nil {
		t.Fatal(err)
	}

	got := pgtest.Value[string](t, d, `
		select string_agg(user_id || ' ' || table_name || ' ' || operation || ' '
		                  || coalesce(new->>'state', key->>'trade_id', key->>'symbol'), ', ' order by table_name, id)
		from shared.audit_log where user_id = 'ann'`)
	want := "ann execution.imports UPDATE undone, ann execution.positions DELETE KO, " +
		"ann execution.trades DELETE 1, ann execution.trades DELETE 2"
	if got != want {
		t.Errorf("audited: %s, want %s", got, want)
	}
}
