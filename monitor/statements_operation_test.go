package monitor_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
)

func TestNamesOfStatements(t *testing.T) {
	t.Parallel()

	for sql, want := range map[string]string{
		"select 1": "select",
		"":         "unnamed",
		"  ;":      "unnamed",
		"SELECT * FROM execution.orders WHERE symbol = 'x'": "select execution.orders",

		"select coalesce((select max(id) from a.b), 0)":                         "select a.b",
		"select extract(epoch from now()) from t":                               "select t",
		"select * from unnest($1::text[]) u join execution.trades t using (id)": "select execution.trades",
		"insert into logging.system_logs (a) values ('select from nowhere')":    "insert logging.system_logs",
		"update only execution.orders set status = $1":                          "update execution.orders",
		"delete from \"Order\"":                                                 "delete order",

		"with n as (insert into execution.orders values ($1) returning *) select * from n": "with execution.orders",

		"select 'from here', \"a from\" from -- from there\n /* from where */ there": "select there",
		"begin":                                     "begin",
		"lock table execution.orders":               "lock execution.orders",
		"call shared.run($1)":                       "call",
		"-- name: GetOrder :one\nselect 1":          "GetOrder",
		"/* nightly.report */ select 1":             "nightly.report",
		"-- the book\nselect 1":                     "the book",
		"select * from " + strings.Repeat("x", 200): "select " + strings.Repeat("x", 53),
		"select * from (select 1) s":                "select",
		"select 'unfinished from x":                 "select",
		"select \xff\xfe from a":                    "select a",
	} {
		if got := monitor.NameOf(sql); got != want {
			t.Errorf("%q is named %q, want %q", sql, got, want)
		}
	}
}

func TestStatementsAreKeptWithoutData(t *testing.T) {
	t.Parallel()

	for sql, want := range map[string]string{
		"select  *\n from t where a = $1 and b = 'ACC1''s' and c = 12.50": "select * from t where a = $1 and b = " +
			"? and c = ?",
		"select E'it\\'s', $$body$$, $tag$ $$ $tag$, x1 -- secret\n, 1e9": "select E?, ?, ?, x1 , ?",
		"set local app.current_account_id = U&'\\0041'":                   "set local app.current_account_id = U&?",
		`select "1 Col" /* secret */ from t limit 10`:                     `select "1 Col" from t limit ?`,
		"select 'unfinished":          "select ?",
		"select .5, $12, 0x1F, 1_000": "select ?, $12, ?, ?",
		"select 1 -- x":               "select ?",
	} {
		if got := monitor.Redact(sql); got != want {
			t.Errorf("%q is kept as %q, want %q", sql, got, want)
		}
	}

	if got := monitor.Redact(strings.Repeat("selécté ", 1000)); len(got) > 500 || len(got) < 490 {
		t.Errorf("%d bytes are kept", len(got))
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("select 'secret', $a$secret$a$, 5")
	f.Add("E'\\'secret' \"x")
	f.Fuzz(func(t *testing.T, sql string) {
		if got := monitor.Redact(sql); len(got) > 500 {
			t.Errorf("%d bytes", len(got))
		}
		if got := monitor.NameOf(sql); got == "" || len(got) > 60 {
			t.Errorf("%q", got)
		}
	})
}
