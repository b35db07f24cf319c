package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// actionDay returns midnight UTC of a date.
func actionDay(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// splitOf returns a split of a symbol.
func splitOf(t *testing.T, symbol, exDate, ratio, source string) blotter.CorporateAction {
	t.Helper()
	ratioNew, ratioOld, err := blotter.ParseRatio(ratio)
	if err != nil {
		t.Fatal(err)
	}
	return blotter.CorporateAction{
		Symbol: symbol, ExDate: actionDay(t, exDate), Kind: blotter.SplitKind(ratioNew, ratioOld),
		RatioNew: ratioNew, RatioOld: ratioOld, Source: source,
	}
}

// dividendOf returns a cash dividend.
func dividendOf(t *testing.T, symbol, exDate, amount, source string) blotter.CorporateAction {
	t.Helper()
	cash := blotter.MustDecimal(amount)
	return blotter.CorporateAction{
		Symbol: symbol, ExDate: actionDay(t, exDate), Kind: blotter.ActionCashDividend, CashAmount: &cash,
		Source: source,
	}
}

// Sources that contradict each other are reported, and nothing is overwritten.
func TestAddActions(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	const (
		av        = "alphavantage"
		added     = blotter.ActionAdded
		unchanged = blotter.ActionUnchanged
		conflict  = blotter.ActionConflict
	)
	dividend := splitOf(t, "AAPL", "2020-08-31", "4:1", "polygon")
	dividend.Kind = blotter.ActionStockDividend
	inDollars := dividendOf(t, "AAPL", "2020-08-07", "0.82", "polygon")
	inDollars.Currency = "USD"
	for _, c := range []struct {
		name    string
		action  blotter.CorporateAction
		outcome blotter.ActionOutcome
		reason  string
	}{
		{"first", splitOf(t, "AAPL", "2020-08-31", "4:1", av), added, ""},
		{"again", splitOf(t, "AAPL", "2020-08-31", "4:1", av), unchanged, ""},
		{"another source", splitOf(t, "AAPL", "2020-08-31", "4:1", "yahoo"), unchanged, ""},
		{"under another name", dividend, unchanged, ""},
		{"another ratio", splitOf(t, "AAPL", "2020-08-31", "3:1", "yahoo"), conflict, "alphavantage says 4:1"},
		{"the other way round", splitOf(t, "AAPL", "2020-08-31", "1:4", "yahoo"), conflict, "alphavantage says"},
		{"three days before", splitOf(t, "AAPL", "2020-08-28", "4:1", "lean"), conflict, "of the dates is wrong"},
		{"in another year", splitOf(t, "AAPL", "2021-08-31", "4:1", "lean"), added, ""},
		{"another symbol", splitOf(t, "TSLA", "2020-08-31", "5:1", "lean"), added, ""},
		{"a dividend of that day", dividendOf(t, "AAPL", "2020-08-31", "0.82", "yahoo"), added, ""},
		{"a dividend", dividendOf(t, "AAPL", "2020-08-07", "0.82", "yahoo"), added, ""},
		{"the same in dollars", inDollars, unchanged, ""},
		{"another amount", dividendOf(t, "AAPL", "2020-08-07", "0.2", "polygon"), conflict, "yahoo says cash"},
	} {
		for _, dryRun := range []bool{true, false} {
			receipts, err := db.AddActions(t.Context(), []blotter.CorporateAction{c.action}, dryRun)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			r := receipts[0]
			if r.Outcome != c.outcome || !strings.Contains(r.Reason, c.reason) {
				t.Errorf("%s (dry run %v) is %s (%s), want %s (%s)",
					c.name, dryRun, r.Outcome, r.Reason, c.outcome, c.reason)
			}
		}
	}

	var stored []string
	filter := postgres.ActionFilter{Symbols: []string{"AAPL"}, To: actionDay(t, "2021-01-01")}
	actions, err := db.Actions(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	for i := range actions {
		stored = append(stored, actions[i].String()+" "+actions[i].Source)
	}
	want := []string{
		"cash dividend 0.82 of AAPL on 2020-08-07 yahoo", "cash dividend 0.82 of AAPL on 2020-08-31 yahoo",
		"4:1 split of AAPL on 2020-08-31 alphavantage",
	}
	if !slices.Equal(stored, want) {
		t.Errorf("stored are %q, want %q", stored, want)
	}
}

// An invalid action is refused, and those beside it are not stored.
func TestInvalidActionStoresNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	bad := splitOf(t, "B", "2020-08-31", "4:1", "x")
	bad.Kind = blotter.ActionReverseSplit
	both := []blotter.CorporateAction{splitOf(t, "A", "2020-08-31", "4:1", "x"), bad}
	_, err := db.AddActions(t.Context(), both, false)
	if !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("a reverse split of 4:1: %v, want ErrInvalid", err)
	}
	if n := pgtest.Value[int](t, db, `select count(*) from data_ingestion.corporate_actions`); n != 0 {
		t.Errorf("%d actions are stored, want none", n)
	}
}

// Of importers at once that contradict each other, one wins, and the others see a conflict.
func TestAddActionsAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	const importers = 8
	var all sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[blotter.ActionOutcome]int{}

	for i := range importers {
		all.Go(func() {
			action := splitOf(t, "AVGO", fmt.Sprintf("2024-07-%02d", 8+i), "10:1", fmt.Sprintf("source %d", i))
			receipts, err := db.AddActions(t.Context(), []blotter.CorporateAction{action}, false)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			outcomes[receipts[0].Outcome]++
		})
	}
	all.Wait()

	if outcomes[blotter.ActionAdded] != 1 || outcomes[blotter.ActionConflict] != importers-1 {
		t.Errorf("outcomes %v, want one action added", outcomes)
	}
}

// Accounts read corporate actions and do not write them. Changes by hand and removals are audited.
func TestActionsAreMarketData(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	split := splitOf(t, "AVGO", "2024-07-15", "10:1", "manual")
	account := blotter.WithAccount(t.Context(), "ACC")
	if _, err := db.AddActions(account, []blotter.CorporateAction{split}, false); err != nil {
		t.Fatal(err)
	}
	if found, err := db.Actions(account, postgres.ActionFilter{}); err != nil || len(found) != 1 {
		t.Errorf("an account reads %v, %v; want the split", found, err)
	}
	for _, sql := range []string{
		`insert into data_ingestion.corporate_actions (symbol, ex_date, kind, ratio_new, ratio_old, source)
		 values ('X', '2024-01-02', 'split', 2, 1, 'x')`,
		`update data_ingestion.corporate_actions set ratio_new = 100`,
		`delete from data_ingestion.corporate_actions`,
		`lock table data_ingestion.corporate_actions in share row exclusive mode`,
	} {
		err := db.Transaction(account, func(tx *postgres.Tx) error {
			_, err := tx.Exec(account, sql)
			return err
		})
		if !errors.Is(err, blotter.ErrPermission) {
			t.Errorf("an account runs %s: %v, want ErrPermission", sql, err)
		}
	}

	db.Exec(t, `update data_ingestion.corporate_actions set ratio_new = 11`)
	if err := db.RemoveAction(t.Context(), "AVGO", split.ExDate, split.Kind); err != nil {
		t.Fatal(err)
	}
	audited := pgtest.Value[string](t, db, `select string_agg(operation || ' ' || (key ->> 'symbol'), ', ' order by id)
	  from shared.audit_log where table_name = 'data_ingestion.corporate_actions'`)
	if audited != "UPDATE AVGO, DELETE AVGO" {
		t.Errorf("audited: %s", audited)
	}
	err := db.RemoveAction(t.Context(), "AVGO", split.ExDate, split.Kind)
	if !errors.Is(err, blotter.ErrNotFound) {
		t.Errorf("removing it again: %v, want ErrNotFound", err)
	}
}

// The table refuses the actions that CorporateAction.Check refuses.
func TestActionTermsInSQL(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := db.Connect(t, db.AdminURL)
	const insert = `insert into data_ingestion.corporate_actions
	  (symbol, ex_date, kind, ratio_new, ratio_old, new_symbol, cash_amount, source) values `

	for values, valid := range map[string]bool{
		`('A', '2024-01-02', 'split', 4, 1, '', null, 'x')`:          true,
		`('B', '2024-01-02', 'split', 1, 4, '', null, 'x')`:          false,
		`('B', '2024-01-02', 'split', 8, 2, '', null, 'x')`:          false,
		`('B', '2024-01-02', 'split', 4, 0, '', null, 'x')`:          false,
		`('B', '2024-01-02', 'reverse_split', 1, 4, '', null, 'x')`:  true,
		`('C', '2024-01-02', 'reverse_split', 0, 4, '', null, 'x')`:  false,
		`('C', '2024-01-02', 'cash_dividend', 0, 0, '', 0.25, 'x')`:  true,
		`('D', '2024-01-02', 'cash_dividend', 0, 0, '', null, 'x')`:  false,
		`('D', '2024-01-02', 'cash_dividend', 0, 0, '', 'NaN', 'x')`: false,
		`('D', '2024-01-02', 'symbol_change', 1, 1, 'E', null, 'x')`: true,
		`('E', '2024-01-02', 'symbol_change', 1, 1, 'E', null, 'x')`: false,
		`('E', '2024-01-02', 'symbol_change', 1, 1, '', null, 'x')`:  false,
		`('E', '2024-01-02', 'merger', 3, 7, 'F', null, 'x')`:        true,
		`('F', '2024-01-02', 'spin_off', 3, 7, 'G', null, 'x')`:      false,
		`('F', '1024-01-02', 'split', 4, 1, '', null, 'x')`:          false,
		`('F', '2024-01-02', 'split', 1000001, 1, '', null, 'x')`:    false,
	} {
		if _, err := conn.Exec(t.Context(), insert+values); (err == nil) != valid {
			t.Errorf("%s: %v, want valid %v", values, err, valid)
		}
	}

	beside := insert + `('A', '2024-01-02', 'stock_dividend', 21, 20, '', null, 'x')`
	if _, err := conn.Exec(t.Context(), beside); err == nil {
		t.Error("a stock dividend is stored beside a split of that day")
	}
}
