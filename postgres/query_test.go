package postgres_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// The migrated schema accepts every SQL constant of the package.
func TestEveryQueryPrepares(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := db.Connect(t, db.AdminURL)
	if _, err := conn.Exec(t.Context(), "create temporary table blotter_bar_stage (line bigint, member text, symbol text, timeframe text, timestamp timestamptz, open numeric, high numeric, low numeric, close numeric, volume numeric, adj_close numeric, source text, check_type text, message text, raw_row text)"); err != nil {
		t.Fatal(err)
	}

	queries := sqlConstants(t)
	if len(queries) < 10 {
		t.Fatalf("only %d queries were found", len(queries))
	}

	for name, sql := range queries {
		if strings.Contains(sql, "create temporary table") || name == "sqlBarColumns" {
			continue
		}
		if _, err := conn.Prepare(t.Context(), name, sql); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// composedMark stands for what a call adds to a query.
const composedMark = "\x00"

// sqlConstants returns the string constants of this package and of the packages below it whose names begin with sql,
// with concatenations resolved.
func sqlConstants(t *testing.T) map[string]string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.go", "../schema/*.go", "../internal/connection/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files match %s: %v", pattern, err)
		}
		names = append(names, found...)
	}

	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}

	composed := postgres.ComposedQueries()
	found := map[string]string{}
	var value func(ast.Expr) string
	value = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			text, _ := strconv.Unquote(e.Value)
			return text
		case *ast.BinaryExpr:
			return value(e.X) + value(e.Y)
		case *ast.Ident:
			return found[e.Name]
		case *ast.CallExpr:
			return composedMark
		}
		return ""
	}

	for range 2 { // the second time resolves what the first had not seen yet
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if ok && len(spec.Values) == 1 {
					if sql := value(spec.Values[0]); sql != "" {
						found[spec.Names[0].Name] = sql
					}
				}
				return true
			})
		}
	}

	maps.DeleteFunc(found, func(name, _ string) bool { return !strings.HasPrefix(name, "sql") }) // parts of queries
	for _, part := range []string{"sqlChangeOrders", "sqlChangePositions", "sqlNewTrades", "sqlNewEvents"} {
		delete(found, part) // of sqlBook
	}
	for name, sql := range found {
		if !strings.Contains(sql, composedMark) {
			continue
		}
		found[name] = composed[name]
		if found[name] == "" {
			t.Errorf("%s is composed by calls and is not among the ComposedQueries", name)
		}
	}
	return found
}

// The key of a bar is its series and time: the same bar is not stored twice, whatever its id.
func TestTheSameBarOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	if _, err := db.ImportBars(ctx, postgres.BarImport{Bars: barsOf("A", "yahoo", "1", 1)}); err != nil {
		t.Fatal(err)
	}
	bars, err := db.Bars(ctx, postgres.BarFilter{Symbol: "A"})
	if err != nil || len(bars) != 1 {
		t.Fatal(len(bars), err)
	}
	err = db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.MarketData.Insert(ctx, tx, &bars[0]) })
	wantKind(t, "the same bar again", err, blotter.ErrIntegrity)
}

// Row-level security is on and forced on tables and their leaves, including leaves created later.
func TestEveryTenantTableIsIsolated(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `select shared.ensure_partitions('audit_log', now() - interval '3 years', now())`)
	open := pgtest.Value[string](t, db, `
		select coalesce(string_agg(c.oid::regclass::text, ', '), '')
		  from pg_class c join pg_namespace n on n.oid = c.relnamespace
		  join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id'
		 where c.relkind in ('r', 'p') and n.nspname in ('execution', 'events', 'analytics', 'shared', 'risk_management')
		   and not (c.relrowsecurity and c.relforcerowsecurity
		            and (select count(*) filter (where polname in ('account_isolation', 'blotter_roles')) = 2
		                        and count(*) filter (where polpermissive) = 1
		                   from pg_policy where polrelid = c.oid))`)
	if open != "" {
		t.Errorf("not behind row-level security: %s", open)
	}

	makeAccount(t, db.DB, "A1")
	makeAccount(t, db.DB, "A2")
	ctx := as(t, "A1")
	foreign := newOrder("A2", "O-1")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &foreign) })
	wantKind(t, "an order for another account", err, blotter.ErrPermission)
	err = db.Transaction(t.Context(),
		func(tx *postgres.Tx) error { return postgres.Orders.Insert(t.Context(), tx, &foreign) })
	wantKind(t, "an order without an account", err, blotter.ErrPermission)

	// Without RETURNING, which would ask the policy a second time; and a row that moves to another account.
	for _, sql := range []string{
		`insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('A2', 'O-2', 'X', 'buy', 1)`,
		`update execution.accounts set account_id = 'A3'`,
	} {
		err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
		wantKind(t, sql, err, blotter.ErrPermission)
	}

	for _, sql := range []string{
		`update execution.trades set price = 1`, `delete from execution.trades`, `truncate execution.trades`,
		`delete from shared.audit_log`, `update shared.audit_log set operation = 'x'`, `select * from events.cursor`,
		`create table execution.mine (i int)`, `select * from events.outbox_p0`,
	} {
		for _, ctx := range []context.Context{ctx, blotter.WithAllAccounts(ctx)} {
			scope, _ := blotter.ScopeOf(ctx)
			err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, sql); return err })
			if scope.All && strings.Contains(sql, "cursor") {
				continue
			}
			wantKind(t, fmt.Sprintf("%s (all accounts: %v)", sql, scope.All), err, blotter.ErrPermission)
		}
	}
}
