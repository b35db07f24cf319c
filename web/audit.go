package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

func (r *request) auditFilter() (f postgres.AuditFilter, err error) {
	f = postgres.AuditFilter{
		UserID: r.query.Get("user"), Login: r.query.Get("login"), Table: r.query.Get("table"),
		Operation: r.query.Get("operation"), CorrelationID: r.query.Get("correlation"), NewestFirst: true,
		Limit: pageRows + 1,
	}

	if f.From, err = r.day("from"); err != nil {
		return f, err
	}
	if f.To, err = r.lastDay("to"); err != nil {
		return f, err
	}

	key, err := r.after()
	if key.id != 0 {
		f.After = &blotter.AuditEntry{ID: key.id, Timestamp: key.at}
	}

	return f, err
}

// audit shows the page of the audit log.
func (d *Dashboard) audit(r *request) (*view, error) {
	f, err := r.auditFilter()
	if err != nil {
		return nil, err
	}
	list, err := d.db.AuditLog(r.ctx, f)
	if err != nil {
		return nil, err
	}

	t := &table{
		ID: "audit", Caption: "Audit log",
		Columns: r.accountColumns(
			col("Time"), col("User"), col("Operation"), col("Table"), col("Key"), col("Change"), minor("Correlation"),
		),
		Empty: empty{Text: "No entries match."},
		CSV:   csvAddress(r, "/audit.csv"),
	}
	for i := range list[:min(len(list), pageRows)] {
		t.add(r.auditCells(&list[i])...)
	}
	if len(list) > pageRows {
		last := list[pageRows-1]
		t.More = r.with("after", pageKey{last.Timestamp, last.ID}.String())
	}
	if r.query.Get("after") != "" {
		t.First = r.with("after", "")
	}

	p := &page{Title: "Audit", Filters: r.form(
		field{Label: "From day", Name: "from", Type: "date"}, field{Label: "To day", Name: "to", Type: "date"},
		field{Label: "User", Name: "user"}, field{Label: "Login", Name: "login"}, field{Label: "Table", Name: "table"},
		field{Label: "Operation", Name: "operation"}, field{Label: "Correlation", Name: "correlation"},
	)}
	p.Panels = []panel{{Title: "Changes and accesses, the newest first", Table: t}}
	return p.show(), nil
}

func (r *request) auditCells(e *blotter.AuditEntry) []cell {
	who := e.UserID
	if who == "" {
		who = e.Login
	}

	operation := cell{Text: e.Operation}
	if e.IsClaim() {
		operation.Title = "an unchecked claim of the account's session"
		operation.Class = "muted"
	}

	return r.accountCells(e.AccountID,
		instant(e.Timestamp, r.zone), cell{Text: who, Title: e.Login + " as " + e.Role}, operation, text(e.TableName),
		cell{Text: oneLine(e.Key), Class: "wide mono"}, cell{HTML: difference(e.Old, e.New), Class: "wide"},
		muted(e.CorrelationID),
	)
}

const (
	valueMax  = 120 // characters of a value that are shown
	fieldsMax = 30  // of a change that are shown
)

// oneLine writes a JSON object as names and values.
func oneLine(raw json.RawMessage) string {
	values := exactly(raw)
	var parts []string
	for _, name := range sorted(values) {
		parts = append(parts, name+" "+clipped(values[name], valueMax))
	}
	return strings.Join(parts, ", ")
}

// exactly returns the members of a JSON object as texts, numbers with every digit.
func exactly(raw json.RawMessage) map[string]string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	members := map[string]any{}
	if decoder.Decode(&members) != nil {
		return nil
	}

	values := map[string]string{}
	for name, value := range members {
		switch value := value.(type) {
		case nil:
			values[name] = "null"
		case map[string]any, []any:
			nested, _ := json.Marshal(value)
			values[name] = string(nested)
		default:
			values[name] = fmt.Sprint(value)
		}
	}

	return values
}

func sorted(values map[string]string) (names []string) {
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// difference writes what changed from old to new values. All texts are escaped.
func difference(old, current json.RawMessage) htmlText {
	before, after := exactly(old), exactly(current)
	names := sorted(after)
	for _, name := range sorted(before) {
		if _, stays := after[name]; !stays {
			names = append(names, name)
		}
	}

	var b strings.Builder
	written := 0
	for _, name := range names {
		was, wasThere := before[name]
		is, isThere := after[name]
		if was == is && wasThere == isThere {
			continue
		}
		if written++; written > fieldsMax {
			b.WriteString(" …")
			break
		}
		b.WriteString(escaped(name) + " ")
		if wasThere {
			b.WriteString("<del>" + escaped(clipped(was, valueMax)) + "</del> ")
		}
		if isThere {
			b.WriteString("<ins>" + escaped(clipped(is, valueMax)) + "</ins> ")
		}
	}
	return htmlText(b.String())
}

// auditCSV writes the entries that a request filters.
func auditCSV(r *request, s *postgres.Session, w io.Writer) error {
	f, err := r.auditFilter()
	if err != nil {
		return err
	}
	f.After = nil
	f.Limit = 0
	return writeCSV(w, s.StreamAuditLog(r.ctx, f))
}
