package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func auditList(set *settings) *cobra.Command {
	var l listing
	var filter postgres.AuditFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the audit log, newest first",
		Long: `List who did what to which row, newest first: to the rows of --account, or of
all accounts. Orders, accounts and risk limits are recorded when people change
them, trades and positions when somebody rewrites them, and reading when a
program asks for it. Fills are not, because the book is their record. "says:"
marks what an account's session reports about itself, because nobody checked it.
JSON and CSV have the whole old and new values; those of sensitive columns are
***.`,
		Example: `  blotter audit list --account ACC123
  blotter audit list --table execution.orders --operation DELETE
  blotter audit list --correlation c-17 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			l.allowUnknownAccount = true
			filter.From = l.since
			filter.To = l.until
			filter.NewestFirst = !l.oldestFirst
			filter.Limit = l.limit

			entries := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.AuditEntry, error] {
				return s.StreamAuditLog(ctx, filter)
			}
			table := func(w io.Writer, entries []blotter.AuditEntry) error {
				return printAudit(w, cmd.Context(), entries)
			}
			return list(cmd, set, &l, "no such entries", entries, table)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&filter.UserID, "user", "", "by this `user` of a program")
	flags.StringVar(&filter.Login, "login", "", "by this `login` of the database")
	flags.StringVar(&filter.Role, "role", "", "by logins that acted as this `role`, such as trading_app")
	flags.StringVar(&filter.Table, "table", "", "only this `table`, such as execution.orders")
	flags.StringVar(&filter.Operation, "operation", "", "INSERT, UPDATE, DELETE, TRUNCATE, or the `word` of a program")
	flags.StringVar(&filter.CorrelationID, "correlation", "", "with this correlation `id`")
	addRange(cmd, &l.from, &l.to)
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every value")
	l.addLimit(cmd)
	flags.BoolVar(&l.oldestFirst, "oldest-first", false, "list the oldest first")
	return cmd
}

// The numbers of characters that cells keep when they are shortened.
const (
	auditLeast       = 8
	auditChangeLeast = 16
)

// printAudit prints entries. The user and the account are never hidden.
func printAudit(w io.Writer, ctx context.Context, entries []blotter.AuditEntry) error {
	columns := []term.Column{
		{Name: "time"},
		{Name: "account", Least: auditLeast},
		{Name: "who", Least: auditLeast},
		{Name: "did", Least: auditLeast},
		{Name: "table", Least: auditLeast},
		{Name: "key", Least: auditLeast},
		{Name: "change", Spare: 1, Least: auditChangeLeast},
	}

	var rows [][]string
	for _, e := range entries {
		rows = append(rows, auditRow(ctx, e))
	}
	return term.PrintTable(w, columns, rows)
}

func auditRow(ctx context.Context, e blotter.AuditEntry) []string {
	_, table, isQualified := strings.Cut(e.TableName, ".")
	if !isQualified {
		table = e.TableName
	}
	user := e.UserID
	if user == "" {
		user = strings.TrimPrefix(e.Login, "blotter_")
	}
	operation := e.Operation
	if e.IsClaim() {
		operation = "says: " + operation
	}
	account := accountCell(bookContext(ctx), e.AccountID)

	return []string{instant(e.Timestamp), account, user, operation, table, keyCell(e.Key), changeCell(e)}
}

// keyCell returns the values of a key without the account, which has its own column.
func keyCell(key json.RawMessage) string {
	var parts []string
	for name, value := range fieldsOf(key) {
		if name != "account_id" {
			parts = append(parts, value)
		}
	}
	return strings.Join(parts, "/")
}

// changeCell returns the changes of an update, such as "status pending>submitted", without the stamps of the row.
func changeCell(e blotter.AuditEntry) string {
	if e.Operation != "UPDATE" {
		return ""
	}
	old := maps.Collect(fieldsOf(e.Old))
	stamps := []string{"version", "updated_at", "last_updated"}

	var parts []string
	for name, value := range fieldsOf(e.New) {
		if !slices.Contains(stamps, name) {
			parts = append(parts, name+" "+old[name]+">"+value)
		}
	}
	return strings.Join(parts, ", ")
}

// fieldsOf yields the members of a JSON object by name, texts without quotes.
func fieldsOf(object json.RawMessage) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		var fields map[string]json.RawMessage
		_ = json.NewDecoder(bytes.NewReader(object)).Decode(&fields)

		for _, name := range slices.Sorted(maps.Keys(fields)) {
			value := string(fields[name])
			var text string
			if value != "null" && json.Unmarshal(fields[name], &text) == nil && utf8.ValidString(text) {
				value = text
			}
			if !yield(name, value) {
				return
			}
		}
	}
}
