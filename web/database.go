package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
)

const (
	slowShown = 15
	slowSpan  = 24 * time.Hour
	sizeShown = 20
	runsShown = 20
)

// sqlSizes reads the largest tables; the partitions of a table count as one.
const sqlSizes = `
select n.nspname || '.' || c.relname, sum(pg_total_relation_size(coalesce(i.inhrelid, c.oid)))::bigint,
       sum(greatest(l.reltuples, 0))::bigint, count(i.inhrelid)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_inherits i on i.inhparent = c.oid
  join pg_class l on l.oid = coalesce(i.inhrelid, c.oid)
 where c.relkind in ('r', 'p') and not c.relispartition
   and n.nspname in ('analytics', 'dashboard', 'data_ingestion', 'events', 'execution', 'logging', 'risk_management',
                     'shared', 'strategy_engine')
 group by 1
 order by 2 desc
 limit $1`

// sqlPartitions reads the partitions with their bounds.
const sqlPartitions = `
select p.table_name::text, p.leaf::text, p.lower, p.upper, v.leaf is not null, pg_total_relation_size(p.leaf)
  from shared.partitions p
  left join shared.vacuumed_partitions v on v.leaf = p.leaf
 order by 1, length(p.lower), p.lower`

// database shows the page of the operator: what is wrong, and what to do about it.
func (d *Dashboard) database(r *request) (*view, error) {
	ctx := blotter.WithAllAccounts(r.ctx)
	health := d.healthLine(r)
	p := &page{Title: "Database", Health: &health}
	p.Panels = append(p.Panels, findingsPanel(health))

	var sizes, partitions panel
	var runs []blotter.MaintenanceRun
	err := d.db.ReadOnly(ctx, func(s *postgres.Session) (err error) {
		if sizes, err = readSizes(ctx, s); err != nil {
			return err
		}
		if partitions, err = r.readPartitions(ctx, s); err != nil {
			return err
		}
		runs, err = postgres.MaintenanceRuns.Find(ctx, s, postgres.Desc("id"), postgres.Limit(runsShown))
		return err
	}, postgres.Unlogged)
	if err != nil {
		return nil, err
	}

	slow, err := monitor.ReadPerformance(ctx, d.db, slowSpan, "")
	if err != nil {
		return nil, err
	}
	seal, err := d.sealPanel(ctx, r)
	if err != nil {
		return nil, err
	}
	p.Panels = append(p.Panels, r.jobsPanel(runs), seal, slowPanel(slow), sizes, partitions)
	return p.show(), nil
}

func findingsPanel(health healthLine) panel {
	p := panel{
		Title: "Findings", Text: "Found by the checks of blotter doctor, the worst first.",
		Findings: health.Findings,
	}
	if len(health.Findings) == 0 {
		p.Text = health.Text
	}
	return p
}

func readSizes(ctx context.Context, s *postgres.Session) (panel, error) {
	t := &table{
		ID: "sizes", Caption: "Sizes", Columns: []column{
			col("Table"), num("Size"), num("Rows, about"),
			num("Partitions"),
		},
	}
	rows, err := s.Query(ctx, sqlSizes, sizeShown)
	if err != nil {
		return panel{}, err
	}
	defer rows.Close()

	for rows.Next() {
		var name string
		var size, tuples, leaves int64
		if err := rows.Scan(&name, &size, &tuples, &leaves); err != nil {
			return panel{}, err
		}
		partitions := cell{}
		if leaves > 0 {
			partitions = count(leaves)
		}
		t.add(text(name), bytesCell(size), cell{Text: term.Estimate(tuples)}, partitions)
	}
	return panel{Title: "Largest tables", Class: "half", Table: t}, rows.Err()
}

// leaf is a partition of a table.
type leaf struct {
	table, name, lower, upper string
	isFrozen                  bool
	size                      int64
}

func (r *request) readPartitions(ctx context.Context, s *postgres.Session) (panel, error) {
	rows, err := s.Query(ctx, sqlPartitions)
	if err != nil {
		return panel{}, err
	}
	defer rows.Close()

	var names []string
	byTable := map[string][]leaf{}
	for rows.Next() {
		var l leaf
		if err := rows.Scan(&l.table, &l.name, &l.lower, &l.upper, &l.isFrozen, &l.size); err != nil {
			return panel{}, err
		}
		if byTable[l.table] == nil {
			names = append(names, l.table)
		}
		byTable[l.table] = append(byTable[l.table], l)
	}

	t := &table{ID: "partitions", Caption: "Partitions", Columns: []column{
		col("Table"), col("Partitions"), num("Number"), num("Size"), col("Until"),
	}}
	for _, name := range names {
		list := byTable[name]
		var total int64
		for i := range list {
			total += list[i].size
		}
		t.add(text(name), cell{HTML: r.strip(name, list)}, count(len(list)), bytesCell(total),
			text(day(list[len(list)-1].upper)))
	}
	t.Note = "Green: closed and frozen. Blue: written to. Gray: made ahead."
	return panel{Title: "Partitions, past and to come", Class: "half", Table: t}, rows.Err()
}

// strip draws the partitions of a table.
func (r *request) strip(name string, list []leaf) htmlText {
	parts := make([]chart.Part, len(list))
	for i := range list {
		parts[i] = chart.Part{Share: 1, Title: fmt.Sprintf("%s: %s to %s, %s", list[i].name, day(list[i].lower),
			day(list[i].upper), term.Bytes(list[i].size))}

		at, err := time.Parse(time.DateOnly, day(list[i].lower))
		switch {
		case list[i].isFrozen:
			parts[i].Ink = "frozen"
		case err == nil && at.After(r.now):
			parts[i].Ink = "ahead"
		}
	}

	return drawn(chart.Strip(stripWidth, parts), fmt.Sprintf("%s of %s", term.Count(len(list), "partition",
		"partitions"), name))
}

// day returns the day of a bound that is a time, and any other bound as it is.
func day(bound string) string {
	first, _, _ := strings.Cut(bound, " ")
	return first
}

func (r *request) jobsPanel(runs []blotter.MaintenanceRun) panel {
	t := &table{
		ID: "jobs", Caption: "Maintenance",
		Columns: []column{col("Started"), col("Job"), col("Result"), num("Took"), col("Figures")},
		Empty:   empty{Text: "No job has run. The daemon runs them when they are due:", Command: "blotter serve"},
	}

	for i := range runs {
		run := &runs[i]

		took := ""
		if run.EndedAt != nil {
			took = term.Elapsed(run.EndedAt.Sub(run.StartedAt))
		}

		details := run.Error
		if details == "" {
			details = figuresOf(decoded(run.Figures))
		}

		result := cell{Text: run.Result}
		if run.Result == "failed" || run.Result == "killed" {
			result.Class = "loss"
		}

		t.add(instant(run.StartedAt, r.zone), text(run.Job), result, cell{Text: took}, cell{
			Text:  details,
			Class: "wide",
		})
	}

	return panel{Title: "Jobs", Count: "the newest first", Table: t}
}

func slowPanel(list []monitor.Performance) panel {
	t := &table{
		ID: "slow", Caption: "Statements",
		Columns: []column{
			col("Operation"), minor("Service"), num("Calls"), num("Errors"), num("Mean ms"), num("p99 ms"),
			num("Longest ms"),
		},
		Empty: empty{Text: "No statistics of the last day. The daemon stores them:", Command: "blotter serve"},
	}

	for i := range list[:min(len(list), slowShown)] {
		one := &list[i]
		t.add(cell{Text: one.Operation, Class: "wide"}, muted(one.Service), count(one.Calls), count(one.Errors),
			number(one.MeanMS.RoundHAZ(2)), number(one.P99MS.RoundHAZ(2)), number(one.MaxMS.RoundHAZ(2)))
	}

	return panel{Title: "Statements that took the most time", Count: "of the last day", Table: t.aligned()}
}

// sealPanel says how far the audit log is sealed.
func (d *Dashboard) sealPanel(ctx context.Context, r *request) (panel, error) {
	p := panel{Title: "Seal of the audit log"}
	head, err := audit.LastHead(ctx, d.db)
	if errors.Is(err, blotter.ErrNotFound) {
		p.Table = &table{Empty: empty{
			Text:    "Nothing is sealed yet. The daemon seals the audit log:",
			Command: "blotter serve",
		}}
		return p, nil
	}
	if err != nil {
		return p, err
	}

	t := &table{Caption: "Seal", Columns: []column{col("Fact"), col("Value")}}
	t.add(muted("Last seal"), text(term.Thousands(head.Seal)))
	t.add(muted("Entries sealed"), text(term.Thousands(head.Number)))
	t.add(muted("Sealed"), instant(head.SealedAt, r.zone))
	t.add(muted("Head"), cell{Text: head.Head, Class: "mono"})
	t.Note = "blotter audit verify proves that no entry was changed since."
	p.Table = t
	return p, nil
}
