package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func auditCommand(set *settings) *cobra.Command {
	return noun("audit", "List who changed what; seal the audit log and prove it", `  blotter audit list --user ann --from 2026-01-01
  blotter audit verify --heads heads.json`, auditList(set), auditSeal(set), auditVerify(set), auditExportHead(set), auditRepairCursor(set))
}

func auditList(set *settings) *cobra.Command {
	var h history
	var filter postgres.AuditFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the audit log, newest first",
		Long: `List who did what to which row, newest first: to the rows of --account, or of
all accounts. Orders, accounts and risk limits are recorded when people change
them, trades and positions when somebody rewrites them, readings where a program
asks for it. Fills are not: the book is their record. What an account's session
says of itself is marked "says:": nobody checked it. JSON and CSV have the old
and new values whole; those of sensitive columns are ***.`,
		Example: `  blotter audit list --account ACC123
  blotter audit list --table execution.orders --operation DELETE
  blotter audit list --correlation c-17 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			h.formerAccounts = true
			filter.From, filter.To, filter.NewestFirst, filter.Limit = h.since, h.until, !h.oldest, h.limit
			return list(cmd, set, &h, "no such entries", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.AuditEntry, error] {
				return s.StreamAuditLog(ctx, filter)
			}, func(w io.Writer, entries []blotter.AuditEntry) error { return printAudit(w, cmd.Context(), entries) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&filter.UserID, "user", "", "by this `user` of a program")
	flags.StringVar(&filter.Login, "login", "", "by this `login` of the database")
	flags.StringVar(&filter.Role, "role", "", "by logins that acted as this `role`, as trading_app")
	flags.StringVar(&filter.Table, "table", "", "of this `table`, as execution.orders")
	flags.StringVar(&filter.Operation, "operation", "", "INSERT, UPDATE, DELETE, TRUNCATE, or a program's `word`")
	flags.StringVar(&filter.CorrelationID, "correlation", "", "of this correlation `id`")
	flags.StringVar(&h.from, "from", "", "first `day` or instant, as 2024-01-31 or 2024-01-31T14:30:00Z")
	flags.StringVar(&h.to, "to", "", "`day` or instant before which to end")
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every value")
	flags.IntVar(&h.limit, "limit", 0, fmt.Sprintf("at most `n` (default %d in a table, else all)", historyLimit))
	flags.BoolVar(&h.oldest, "oldest-first", false, "begin with the oldest")
	return cmd
}

// To how many characters cells may be shortened.
const (
	auditLeast       = 8
	auditChangeLeast = 16
)

// printAudit prints entries. Who did it, and of which account, is never left out.
func printAudit(w io.Writer, ctx context.Context, entries []blotter.AuditEntry) error {
	columns := []column{
		{name: "time"},
		{name: "account", least: auditLeast},
		{name: "who", least: auditLeast},
		{name: "did", least: auditLeast},
		{name: "table", least: auditLeast},
		{name: "key", least: auditLeast},
		{name: "change", spare: 1, least: auditChangeLeast},
	}
	return printListing(w, columns, auditRows(ctx, entries))
}

func auditRows(ctx context.Context, entries []blotter.AuditEntry) (rows [][]string) {
	for _, e := range entries {
		_, table, qualified := strings.Cut(e.TableName, ".")
		if !qualified {
			table = e.TableName
		}
		who := e.UserID
		if who == "" {
			who = strings.TrimPrefix(e.Login, "blotter_")
		}
		did := e.Operation
		if e.IsClaim() {
			did = "says: " + did
		}
		rows = append(rows, []string{
			instant(e.Timestamp), accountCell(bookContext(ctx), e.AccountID), who, did, table,
			keyCell(e.Key), changeCell(e),
		})
	}
	return rows
}

// keyCell is the values of a key, without the account, which has a column of its own.
func keyCell(key json.RawMessage) string {
	var parts []string
	for name, value := range fieldsOf(key) {
		if name != "account_id" {
			parts = append(parts, value)
		}
	}
	return strings.Join(parts, "/")
}

// changeCell is what an update changed: status pending>submitted. That the row was stamped says nothing.
func changeCell(e blotter.AuditEntry) string {
	if e.Operation != "UPDATE" {
		return ""
	}
	var parts []string
	old := map[string]string{}
	for name, value := range fieldsOf(e.Old) {
		old[name] = value
	}
	for name, value := range fieldsOf(e.New) {
		if name != "version" && name != "updated_at" && name != "last_updated" {
			parts = append(parts, name+" "+old[name]+">"+value)
		}
	}
	return strings.Join(parts, ", ")
}

// fieldsOf yields the fields of a JSON object in the order of their names, strings without quotes.
func fieldsOf(object json.RawMessage) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		var fields map[string]json.RawMessage
		_ = json.NewDecoder(bytes.NewReader(object)).Decode(&fields)
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			value := string(fields[name])
			var text string
			if json.Unmarshal(fields[name], &text) == nil && utf8.ValidString(text) && value != "null" {
				value = text
			}
			if !yield(name, value) {
				return
			}
		}
	}
}
